package slacktest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Socket Mode's limits: docs.slack.dev/apis/events-api/using-socket-mode. That larger acknowledgements are
// dropped without a word was observed by the makers of the SDKs.
const (
	maxConnections = 10
	maxAckBytes    = 20_480
	connectionLife = 18_060 // seconds, as hello tells
	debugLife      = 360    // with debug_reconnects=true
	writeTimeout   = 5 * time.Second
)

// How long a connection stays open after a disconnect message.
const (
	warningTime    = 10 * time.Second
	disconnectTime = 100 * time.Millisecond
)

// conn is one Socket Mode connection.
type conn struct {
	ws      *websocket.Conn
	number  int
	writing sync.Mutex

	// Guarded by the server's lock.
	silent  bool // half-open: nothing passes in either direction
	warned  bool // told that its end is near: envelopes only while there is no other
	leaving bool // told to disconnect: no envelopes any more
}

func (s *Server) openConnection(a args) answer {
	ticket := fmt.Sprintf("%08x-%s", s.next(), randomID())
	s.tickets[ticket] = true
	return success(object{"url": a.base + "/link?ticket=" + ticket + "&app_id=" + s.appID})
}

// Connections returns how many Socket Mode connections are open, half-open ones included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// ConnectionsMade returns how many connections have been greeted in all. After a disturbance, waiting for both
// counts tells new connections from old ones whose end has not been noticed yet.
func (s *Server) ConnectionsMade() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// RefuseConnections makes the WebSocket handshake fail with 503 from now on; those that are open stay.
func (s *Server) RefuseConnections(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = refuse
}

// StopPings makes the connections that are open now fall silent, as half-open ones do: no pings, no envelopes,
// nothing is read, and each still gets its share of what happens. Connections made later are sound. False
// revives them.
func (s *Server) StopPings(stop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.silent = stop
	}
	s.change()
}

// SetCloseDelay sets how long envelopes still go out over a connection that the app has closed: they cross its
// close frame on the way, and nothing that answers them can follow it. The default is 0.
func (s *Server) SetCloseDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDelay = d
}

// sayGoodbye answers the app's close frame.
func (s *Server) sayGoodbye(c *conn) error {
	s.mu.Lock()
	delay := s.closeDelay
	s.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.done:
		}
	}
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(writeTimeout))
	return nil
}

// SetRouting chooses the connection that gets the next envelope, from 0 to n-1 in the order in which they were
// made. Nil, the default, serves them in turn. f must not call the server.
func (s *Server) SetRouting(f func(n int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routing = f
}

// Disconnect asks all connections to go, for a reason such as warning, refresh_requested or link_disabled, and
// closes them a moment later; after a warning only when 10 s have passed.
func (s *Server) Disconnect(reason string) {
	for _, c := range s.open() {
		s.disconnect(c, reason)
	}
}

// DisconnectOne is [Server.Disconnect] for one connection, counted from 0 in the order in which they were made.
// It panics when there is no such connection.
func (s *Server) DisconnectOne(i int, reason string) { s.disconnect(s.open()[i], reason) }

// DropConnections breaks all connections off without a word, as a network does.
func (s *Server) DropConnections() {
	for _, c := range s.open() {
		_ = c.ws.NetConn().Close()
	}
}

func (s *Server) open() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conns)
}

func (s *Server) disconnect(c *conn, reason string) {
	s.mu.Lock()
	linger := warningTime
	if reason == "warning" {
		c.warned = true
	} else {
		c.leaving, linger = true, disconnectTime
	}
	s.mu.Unlock()
	_ = c.write(encode(object{"type": "disconnect", "reason": reason, "debug_info": object{"host": hostOf(c.number)}}))
	if !s.enter() {
		return
	}
	go func() {
		defer s.running.Done()
		timer := time.NewTimer(linger)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.done:
		}
		c.hangUp()
	}()
}

// hangUp closes a connection in the orderly way, as far as the other side lets it.
func (c *conn) hangUp() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(writeTimeout))
	_ = c.ws.Close()
}

func (c *conn) write(message []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.ws.WriteMessage(websocket.TextMessage, message)
}

func hostOf(number int) string { return fmt.Sprintf("applink-%d", number) }

// serveLink is the WebSocket end of Socket Mode; it returns when the connection is over.
func (s *Server) serveLink(w http.ResponseWriter, r *http.Request) {
	if code := s.admit(r.URL.Query().Get("ticket")); code != http.StatusOK {
		http.Error(w, http.StatusText(code), code)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &conn{ws: ws}
	defer ws.Close()
	ws.SetCloseHandler(func(int, string) error { return s.sayGoodbye(c) })
	life := connectionLife
	if r.URL.Query().Get("debug_reconnects") == "true" {
		life = debugLife
	}
	if !s.join(c, life) {
		return
	}
	defer s.leave(c)
	over := make(chan struct{})
	pings := sync.WaitGroup{}
	pings.Go(func() { s.ping(c, over) })
	s.listen(c)
	close(over)
	pings.Wait()
}

// admit uses up a ticket.
func (s *Server) admit(ticket string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing {
		return http.StatusServiceUnavailable
	}
	if !s.tickets[ticket] {
		return http.StatusForbidden
	}
	delete(s.tickets, ticket)
	return http.StatusOK
}

// join greets a new connection, or sends it away when there are ten already.
func (s *Server) join(c *conn, life int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	c.number = s.next()
	debug := object{"host": hostOf(c.number)}
	if len(s.conns) >= maxConnections {
		_ = c.write(encode(object{"type": "disconnect", "reason": "too_many_websockets", "debug_info": debug}))
		c.hangUp()
		return false
	}
	debug["build_number"] = 1
	debug["approximate_connection_time"] = life
	hello := object{
		"type": "hello", "num_connections": len(s.conns) + 1,
		"connection_info": object{"app_id": s.appID}, "debug_info": debug,
	}
	if c.write(encode(hello)) != nil {
		return false
	}
	s.conns = append(s.conns, c)
	s.made++
	s.change()
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(other *conn) bool { return other == c })
	s.change()
}

// ping pings at once and then at every interval.
func (s *Server) ping(c *conn, over <-chan struct{}) {
	ticker := time.NewTicker(s.pingInterval)
	defer ticker.Stop()
	for {
		if !s.isSilent(c) {
			_ = c.ws.WriteControl(websocket.PingMessage, []byte("Ping from "+hostOf(c.number)), time.Now().Add(writeTimeout))
		}
		select {
		case <-ticker.C:
		case <-over:
			return
		}
	}
}

func (s *Server) isSilent(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.silent
}

// listen reads acknowledgements until the connection is over.
func (s *Server) listen(c *conn) {
	for {
		_, message, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if !s.isSilent(c) {
			s.acknowledge(c, message)
		}
	}
}

// route chooses a connection for an envelope. One that was warned still gets them, as long as there is no
// other; that Slack prefers the others is an inference. The lock is held.
func (s *Server) route() *conn {
	usable := slices.DeleteFunc(slices.Clone(s.conns), func(c *conn) bool { return c.leaving })
	if len(usable) == 0 {
		return nil
	}
	if slices.ContainsFunc(usable, func(c *conn) bool { return !c.warned }) {
		usable = slices.DeleteFunc(usable, func(c *conn) bool { return c.warned })
	}
	if s.routing != nil {
		return usable[s.routing(len(usable))]
	}
	s.turn++
	return usable[(s.turn-1)%len(usable)]
}
