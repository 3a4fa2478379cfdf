package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"
)

const (
	slackTime      = 3 * time.Second         // Slack's wait for an acknowledgement
	handleTime     = 2500 * time.Millisecond // what a handler has of that
	afterTime      = 3 * time.Second         // and for the rest, once that is sent
	writeTime      = time.Second
	drainTime      = 5 * time.Second // the longest wait for handlers before a connection is left
	hangUpTime     = 2 * time.Second // what Slack has to close a connection that it was asked to close
	handlersAtOnce = 1000            // of a connection; most of them wait for the database
	ackLimit       = 20_480          // bytes from which on Slack drops an acknowledgement without a word
)

// connection is one WebSocket from its opening to its end.
type connection struct {
	pool    *Pool
	log     *slog.Logger
	ws      *websocket.Conn
	ending  chan error    // gets why another connection is needed; nil: in order
	inHand  chan struct{} // holds one for each envelope that is not answered yet
	retired atomic.Bool
	writing sync.Mutex
}

func newConnection(p *Pool, log *slog.Logger, ws *websocket.Conn) *connection {
	c := &connection{pool: p, log: log, ws: ws, ending: make(chan error, 1), inHand: make(chan struct{}, handlersAtOnce)}
	ws.SetReadLimit(readLimit)
	pong := ws.PingHandler()
	ws.SetPingHandler(func(data string) error {
		c.alive()
		return pong(data)
	})
	c.alive()
	return c
}

// alive has the connection live on for as long as it may stay without a ping.
func (c *connection) alive() { _ = c.ws.SetReadDeadline(time.Now().Add(c.pool.Times.Ping)) }

// next returns what Slack sends next. What can't be decoded is not acknowledged, so that the person sees an error.
func (c *connection) next() (event socketmode.Event, err error) {
	for {
		_, message, err := c.ws.ReadMessage()
		if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
			return event, errors.New("the connection has gone silent: Slack no longer pings it")
		}
		if err != nil {
			return event, fmt.Errorf("the connection broke: %w", err)
		}
		if event, err = decode(message); err == nil {
			return event, nil
		}
		c.log.Warn("Slack sent a message that can't be read", "type", event.Type)
	}
}

// read takes what Slack sends until the connection is over. When ctx ends it is retired.
func (c *connection) read(ctx context.Context) {
	stop := context.AfterFunc(ctx, c.retire)
	defer stop()
	defer c.ws.Close()
	c.pool.count(+1)
	for {
		event, err := c.next()
		if err != nil {
			c.pool.count(-1)
			c.end(err)
			return
		}
		c.take(ctx, event)
	}
}

// end tells that another connection is needed. Only the first reason counts.
func (c *connection) end(why error) {
	select {
	case c.ending <- why:
	default:
	}
}

func (c *connection) take(ctx context.Context, event socketmode.Event) {
	switch event.Type {
	case socketmode.EventTypeDisconnect: // envelopes may follow
		c.end(c.announced(event.Request.Reason))
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive, socketmode.EventTypeEventsAPI:
		received := time.Now()
		c.inHand <- struct{}{}
		// What was taken is answered, whatever else is ending.
		c.pool.work.Go(func() { c.answer(context.WithoutCancel(ctx), event, received) })
	}
}

// announced returns what it means that Slack is about to end the connection.
func (c *connection) announced(reason string) error {
	c.log.Info("Slack ends the connection", "reason", reason)
	switch reason {
	case "link_disabled":
		return ErrDisabled
	case "too_many_websockets":
		return errTooMany
	}
	return nil
}

// answer has an envelope handled, and does what follows from it.
func (c *connection) answer(ctx context.Context, event socketmode.Event, received time.Time) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("answering an envelope panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	r, unsent := c.handle(ctx, event, received)
	ctx, cancel := context.WithTimeout(ctx, afterTime)
	defer cancel()
	if unsent != "" {
		c.log.Warn(unsent)
		if r.Instead != nil {
			r.Instead(ctx)
		}
	}
	if r.After != nil {
		r.After(ctx)
	}
}

// handle has an envelope handled and acknowledges it, or returns why it can't be acknowledged.
func (c *connection) handle(ctx context.Context, event socketmode.Event, received time.Time) (r Reply, unsent string) {
	defer func() {
		<-c.inHand
		c.leaveIfRetired()
	}()
	if c.pool.standstill.justOver() {
		return c.pool.Refuse(event), "an envelope has waited while this process stood still: it is not handled any more"
	}
	ctx, cancel := context.WithDeadline(ctx, received.Add(handleTime))
	defer cancel()
	r = c.pool.Handle(ctx, event)
	if time.Since(received) > slackTime { // the process stood still meanwhile
		return r, "an envelope took too long to be acknowledged: the person sees an error, and is answered in a message"
	}
	if err := c.acknowledge(event.Request.EnvelopeID, r.Payload); err != nil {
		return r, "the connection of an envelope closed before it was acknowledged: the person sees an error, but it is done"
	}
	c.pool.Observer.Acknowledged(string(event.Type), time.Since(received))
	return r, ""
}

// acknowledge sends an acknowledgement, an empty one where Slack would not take the payload.
func (c *connection) acknowledge(envelope string, payload any) error {
	frame, err := json.Marshal(socketmode.Response{EnvelopeID: envelope, Payload: payload})
	if err == nil && len(frame) >= ackLimit {
		err = fmt.Errorf("it has %d bytes, of which Slack takes less than %d", len(frame), ackLimit)
	}
	if err != nil {
		c.log.Error("an answer could not be sent, an empty one goes instead", "error", err)
		return c.acknowledge(envelope, nil)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTime))
	err = c.ws.WriteMessage(websocket.TextMessage, frame)
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		_ = c.ws.Close() // what can't be written to is of no use
	}
	return err
}

// retire ends the connection when all that came over it is answered.
func (c *connection) retire() {
	c.retired.Store(true)
	if !c.leaveIfRetired() {
		time.AfterFunc(drainTime, c.goodbye)
	}
}

// leaveIfRetired leaves a connection that is retired and has nothing in hand, and reports whether it did.
func (c *connection) leaveIfRetired() bool {
	if !c.retired.Load() || len(c.inHand) > 0 {
		return false
	}
	c.goodbye()
	return true
}

// goodbye asks Slack to close the connection. Closed from this side, with something unread, the system would take back
// acknowledgements that Slack has not read yet.
func (c *connection) goodbye() {
	message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(writeTime))
	time.AfterFunc(hangUpTime, func() { _ = c.ws.Close() })
}
