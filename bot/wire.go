package bot

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"
)

// wire is the network connection under a Socket Mode session. slack-go ends a session at the very moment in
// which Slack's disconnect message arrives, keeps its reason to itself, and sends acknowledgements that are
// still on their way over the next connection, of which Slack does not say whether it takes them. So the wire
// reads along: it holds a disconnect message back until the session has acknowledged what it took, tells its
// reason, and counts the messages that have really been written.
type wire struct {
	net.Conn
	reads         frames
	onDisconnect  func(reason string) // called once, from Read; the message is passed on when it returns
	mu            sync.Mutex
	taken         int           // envelopes passed on to slack-go
	written       int           // messages written, each of which acknowledges an envelope
	progress      chan struct{} // closed and made anew at each of them
	disconnecting bool
}

func newWire(conn net.Conn, onDisconnect func(reason string)) *wire {
	return &wire{Conn: conn, onDisconnect: onDisconnect, progress: make(chan struct{})}
}

// dialWith returns a WebSocket dialer whose connections are wires, made known through use. Through a proxy,
// whose tunnel the dialer builds itself, there is none.
func dialWith(onDisconnect func(reason string), use func(*wire)) *websocket.Dialer {
	var plain net.Dialer
	wrap := func(conn net.Conn, err error) (net.Conn, error) {
		if err != nil {
			return nil, err
		}
		w := newWire(conn, onDisconnect)
		use(w)
		return w, nil
	}
	d := &websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: 10 * time.Second,
		WriteBufferSize:  32 << 10, // above Slack's limit of 20 KB: it does not put fragments together
	}
	d.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return wrap(plain.DialContext(ctx, network, addr))
	}
	d.NetDialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		t := tls.Dialer{NetDialer: &plain, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		return wrap(t.DialContext(ctx, network, addr))
	}
	return d
}

// behindProxy gives up the wire where the environment asks for a proxy to that host.
func behindProxy(d *websocket.Dialer, target string) bool {
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return false
	}
	proxy, err := d.Proxy(req)
	if err != nil || proxy == nil {
		return false
	}
	d.NetDialContext, d.NetDialTLSContext = nil, nil
	return true
}

// Read implements net.Conn. It passes on what has arrived, whole frames where they are small, and stops before
// a disconnect message until the session is ready for it.
func (w *wire) Read(p []byte) (int, error) {
	for !w.reads.ready() {
		buf := make([]byte, 4096)
		n, err := w.Conn.Read(buf)
		w.reads.add(buf[:n])
		w.mu.Lock()
		w.taken = w.reads.envelopes
		w.mu.Unlock()
		if reason, ok := w.reads.disconnect(); ok && !w.disconnecting {
			w.disconnecting = true
			w.onDisconnect(reason)
		}
		if err != nil && !w.reads.ready() {
			return 0, err
		}
	}
	return w.reads.take(p), nil
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if err == nil && len(p) > 0 && p[0]&opcode == opText && p[0]&final != 0 {
		w.mu.Lock()
		w.written++
		close(w.progress)
		w.progress = make(chan struct{})
		w.mu.Unlock()
	}
	return n, err
}

// drain waits until every envelope that was passed on is acknowledged, or ctx ends.
func (w *wire) drain(ctx context.Context) {
	for {
		w.mu.Lock()
		done, progress := w.written >= w.taken, w.progress
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return
		}
	}
}

// frames takes a server's half of a WebSocket connection apart (RFC 6455, 5.2), as far as it takes to see a
// disconnect message coming. Slack's are some 200 bytes long; larger frames are not looked into.
type frames struct {
	upgraded  bool   // the HTTP answer that comes first is over
	in        []byte // arrived, not yet known to be good to pass on
	out       []byte // to be passed on
	skip      int    // bytes of a large frame that are still to come
	envelopes int    // text messages but hello and disconnect, each of which wants to be acknowledged
	reason    string
	found     bool
}

const smallFrame = 2048

func (f *frames) ready() bool { return len(f.out) > 0 }

func (f *frames) take(p []byte) int {
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n
}

func (f *frames) disconnect() (reason string, ok bool) { return f.reason, f.found }

func (f *frames) add(data []byte) {
	f.in = append(f.in, data...)
	if !f.upgraded {
		end := bytes.Index(f.in, []byte("\r\n\r\n"))
		if end < 0 {
			f.pass(len(f.in) - min(len(f.in), 3)) // the end may be cut in two
			return
		}
		f.pass(end + 4)
		f.upgraded = true
	}
	for len(f.in) > 0 && f.step() {
	}
}

// step passes on one frame, or the part of a large one that is here; it reports whether there may be more.
func (f *frames) step() bool {
	if f.skip > 0 {
		n := min(f.skip, len(f.in))
		f.skip -= n
		f.pass(n)
		return true
	}
	header, payload, ok := frameSize(f.in)
	switch {
	case !ok:
		return false
	case payload > smallFrame:
		f.skip = header + payload
		f.count(f.in[0])
		return true
	case len(f.in) < header+payload:
		return false
	}
	f.inspect(f.in[0], f.in[header:header+payload])
	f.pass(header + payload)
	return true
}

func (f *frames) pass(n int) {
	f.out = append(f.out, f.in[:n]...)
	f.in = f.in[n:]
}

// inspect looks into a small frame. hello and disconnect are always small.
func (f *frames) inspect(first byte, payload []byte) {
	var message struct{ Type, Reason string }
	if first&opcode == opText && json.Unmarshal(payload, &message) == nil {
		switch message.Type {
		case socketmode.RequestTypeHello:
			return
		case socketmode.RequestTypeDisconnect:
			f.reason, f.found = message.Reason, true
			return
		}
	}
	f.count(first)
}

func (f *frames) count(first byte) {
	if first&opcode == opText {
		f.envelopes++
	}
}

// The first byte of a frame: its lower half is the opcode (RFC 6455, 5.2).
const (
	opcode = 0x0f
	opText = 0x1
	final  = 0x80
)

// frameSize reads the sizes of a server's frame, which is never masked; ok is false while its header is cut off.
func frameSize(b []byte) (header, payload int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	switch size := int(b[1] & 0x7f); {
	case size < 126:
		return 2, size, true
	case size == 126 && len(b) >= 4:
		return 4, int(binary.BigEndian.Uint16(b[2:])), true
	case size == 127 && len(b) >= 10:
		return 10, int(min(binary.BigEndian.Uint64(b[2:]), 1<<31-1)), true
	}
	return 0, 0, false
}
