package bot

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"
)

// wire is the network connection under a Socket Mode session. slack-go ends a session at the very moment in
// which Slack announces its end, keeps the reason to itself, dials anew before it can be told not to, and looks
// for missing pings only now and then. So the wire reads along: it keeps the announcement to itself and lets
// the session go on, tells of pings and of the end before slack-go learns of it, which would drop what it has not
// passed on yet, and counts the acknowledgements that have really been written.
type wire struct {
	net.Conn
	watch watcher
	reads frames

	mu       sync.Mutex
	taken    int           // envelopes that have arrived
	written  int           // messages written, each of which acknowledges an envelope
	progress chan struct{} // closed and made anew at each of them
	closed   bool          // the other side has closed the connection
	left     bool          // so have we
}

// watcher is told what passes over a wire, by the goroutine that reads it.
type watcher interface {
	pinged()
	announced(reason string) // Slack's disconnect message
	ended()                  // nothing more will come, and all that came has been passed on
}

func newWire(conn net.Conn, watch watcher) *wire {
	w := &wire{Conn: conn, watch: watch, progress: make(chan struct{})}
	w.reads.tell = w.note
	return w
}

// note is told of each message that has arrived.
func (w *wire) note(m message) {
	switch m.kind {
	case pingMessage:
		w.watch.pinged()
	case closeMessage:
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
	case disconnectMessage:
		w.watch.announced(m.reason)
	case envelopeMessage:
		w.mu.Lock()
		w.taken++
		w.mu.Unlock()
	}
}

// Read implements net.Conn. It passes on what has arrived, small frames as a whole.
func (w *wire) Read(p []byte) (int, error) {
	var buf [4096]byte
	for !w.reads.ready() {
		if w.isClosed() {
			w.goodbye() // the other side may wait for it
			w.watch.ended()
			return 0, io.EOF
		}
		n, err := w.Conn.Read(buf[:])
		w.reads.add(buf[:n])
		if err != nil {
			w.reads.flush()
			if !w.reads.ready() {
				w.watch.ended()
				return 0, err
			}
		}
	}
	return w.reads.take(p), nil
}

func (w *wire) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// arrived returns how many envelopes have come.
func (w *wire) arrived() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken
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

// drain waits until every envelope that has arrived is acknowledged, or ctx ends.
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

// closeFrame asks the other side to close the connection: status 1000, masked with zeros (RFC 6455, 5.5.1).
var closeFrame = []byte{final | opClose, 0x80 | 2, 0, 0, 0, 0, 0x03, 0xe8}

// goodbye asks Slack to close the connection. Closed from this side, with something unread, the system would
// take back acknowledgements that Slack has not read yet. slack-go writes one whole frame at a time, so this
// one can't fall into another.
func (w *wire) goodbye() {
	w.mu.Lock()
	before := w.left
	w.left = true
	w.mu.Unlock()
	if !before {
		_, _ = w.Conn.Write(closeFrame)
	}
}

// proxies tells which proxy is to be used for a request; nil for none.
type proxies func(*http.Request) (*url.URL, error)

// dialWith returns a WebSocket dialer whose connections are wires, made known through use.
func dialWith(through proxies, watch watcher, use func(*wire)) *websocket.Dialer {
	connect := func(ctx context.Context, scheme, addr string) (net.Conn, error) {
		conn, err := reach(ctx, through, &url.URL{Scheme: scheme, Host: addr})
		if err == nil && scheme == "https" {
			host, _, _ := net.SplitHostPort(addr)
			conn, err = secure(ctx, conn, host)
		}
		if err != nil {
			return nil, err
		}
		w := newWire(conn, watch)
		use(w)
		return w, nil
	}
	return &websocket.Dialer{
		HandshakeTimeout: 10 * time.Second,
		WriteBufferSize:  32 << 10, // above Slack's limit of 20 KB: it does not put fragments together
		NetDialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return connect(ctx, "http", addr)
		},
		NetDialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return connect(ctx, "https", addr)
		},
	}
}

// message is what frames finds in a stream.
type message struct {
	kind   messageKind
	reason string // of a disconnect message
}

type messageKind int

const (
	otherMessage messageKind = iota
	pingMessage
	closeMessage
	envelopeMessage   // wants to be acknowledged
	disconnectMessage // announces the end of the connection
	textMessage       // no JSON at all
)

// frames takes a server's half of a WebSocket connection apart (RFC 6455, 5.2). Everything is passed on byte
// for byte, but for disconnect messages, the frame that closes the connection, and what is no JSON, of which slack-go
// takes ten for the end of it. These are taken out. They are some 200 bytes long at the most; larger frames are not
// looked into.
type frames struct {
	tell func(message)
	mode int    // what the bytes that come next belong to
	in   []byte // arrived, not yet known to be good to pass on
	out  []byte // to be passed on
	skip int    // bytes of a large frame that are still to come
}

// The modes of frames: the HTTP answer comes first, and only the one that opens a WebSocket is followed by frames.
const (
	inAnswer = iota
	inFrames
	inOther
)

const smallFrame = 2048

func (f *frames) ready() bool { return len(f.out) > 0 }

func (f *frames) take(p []byte) int {
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n
}

// flush passes on what is held back, because nothing more will come.
func (f *frames) flush() { f.pass(len(f.in)) }

func (f *frames) add(data []byte) {
	f.in = append(f.in, data...)
	if f.mode == inAnswer {
		f.answer()
	}
	switch f.mode {
	case inOther:
		f.flush()
	case inFrames:
		for len(f.in) > 0 && f.step() {
		}
	}
}

// headLimit is far above what an HTTP answer's head has.
const headLimit = 16 << 10

// answer looks for the end of the HTTP answer's head, which is held back until then.
func (f *frames) answer() {
	end := bytes.Index(f.in, []byte("\r\n\r\n"))
	switch {
	case end < 0 && len(f.in) < headLimit:
	case end >= 0 && bytes.HasPrefix(f.in, []byte("HTTP/1.1 101")):
		f.pass(end + 4)
		f.mode = inFrames
	default:
		f.mode = inOther
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
		f.tell(large(f.in[0]))
		return true
	case len(f.in) < header+payload:
		return false
	}
	m := inspect(f.in[0], f.in[header:header+payload])
	if m.kind.takenOut() {
		f.in = f.in[header+payload:]
	} else {
		f.pass(header + payload)
	}
	f.tell(m)
	return true
}

func (k messageKind) takenOut() bool {
	return k == disconnectMessage || k == closeMessage || k == textMessage
}

func (f *frames) pass(n int) {
	f.out = append(f.out, f.in[:n]...)
	f.in = f.in[n:]
}

// large tells what a frame is that is not looked into: hello and disconnect are always small.
func large(first byte) message {
	if first&opcode == opText {
		return message{kind: envelopeMessage}
	}
	return message{}
}

func inspect(first byte, payload []byte) message {
	switch first & opcode {
	case opPing:
		return message{kind: pingMessage}
	case opClose:
		return message{kind: closeMessage}
	case opText:
		if first&final == 0 {
			return message{kind: envelopeMessage} // its rest follows
		}
		return read(payload)
	}
	return message{}
}

func read(payload []byte) message {
	var m struct {
		Type, Reason string
		EnvelopeID   string `json:"envelope_id"`
	}
	switch err := json.Unmarshal(payload, &m); {
	case !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")):
		return message{kind: textMessage}
	case err != nil:
	case m.Type == socketmode.RequestTypeDisconnect:
		return message{disconnectMessage, m.Reason}
	case m.EnvelopeID != "":
		return message{kind: envelopeMessage}
	}
	return message{}
}

// The first byte of a frame: its lower half is the opcode (RFC 6455, 5.2).
const (
	opcode  = 0x0f
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	final   = 0x80
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
		return 10, int(min(binary.BigEndian.Uint64(b[2:]), 1<<30)), true
	}
	return 0, 0, false
}
