package slacktest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// What a person sees instead of an answer.
var (
	// ErrNoAck is the error that Slack shows when nothing usable came within 3 s.
	ErrNoAck = errors.New("the app did not respond in time")
	// ErrNotConnected is an [ErrNoAck] at once: the app has no connection.
	ErrNotConnected = fmt.Errorf("%w: it has no connection", ErrNoAck)
	// ErrNotSent is an [ErrNoAck] of an envelope that could not be sent, as its connection had ended just then.
	ErrNotSent = fmt.Errorf("%w: its connection had ended", ErrNoAck)
	// ErrBadAnswer is an acknowledgement with a payload that Slack can't use.
	ErrBadAnswer = errors.New("the app's answer can't be shown")
	// ErrClosed says that the server was closed meanwhile.
	ErrClosed = errors.New("the workspace is closed")
)

// envelope is something that the app has to acknowledge.
type envelope struct {
	id      string
	kind    string // of the message: slash_commands or interactive
	what    string // for violations
	replies bool   // a payload is accepted
	message []byte
	conn    *conn // to which it went last
	sent    time.Time
	due     int // acknowledgements still expected: more than one after Repeat
	answer  chan json.RawMessage
}

// Envelope is what a person did, on its way to the app and back.
type Envelope struct {
	ID   string
	What string // such as /ehpc-adduser, or the press of Approve
	At   time.Time
	Took time.Duration // until it ended
	Err  error         // why it was not acknowledged; nil: it was
}

// OnEnvelope calls f for each envelope that has ended, on the goroutine of the person who waits for it. The function
// that it returns takes f away again.
func (s *Server) OnEnvelope(f func(Envelope)) (cancel func()) { return subscribe(s, s.onEnvelope, f) }

// ended tells of an envelope.
func (s *Server) ended(e *envelope, r receipt) receipt {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.onEnvelope))
	s.mu.Unlock()
	for _, f := range all {
		f(Envelope{ID: e.id, What: e.what, At: time.Now().Add(-r.took), Took: r.took, Err: r.err})
	}
	return r
}

// receipt is how an envelope ended.
type receipt struct {
	id      string
	payload json.RawMessage
	took    time.Duration
	err     error
}

// deliver sends an envelope to one of the connections and waits for its acknowledgement. There is no second
// try: commands and interactions are not delivered again.
func (s *Server) deliver(ctx context.Context, kind, what string, replies bool, payload any) receipt {
	e := &envelope{id: randomID(), kind: kind, what: what, replies: replies}
	e.message = encode(object{
		"envelope_id": e.id, "type": kind, "accepts_response_payload": replies, "payload": payload,
	})
	s.mu.Lock()
	s.envelopes[e.id] = e
	s.mu.Unlock()
	return s.dispatchEnvelope(ctx, e)
}

func (s *Server) dispatchEnvelope(ctx context.Context, e *envelope) receipt {
	answer := make(chan json.RawMessage, 1)
	s.mu.Lock()
	c := s.route()
	if c == nil {
		s.mu.Unlock()
		return s.ended(e, receipt{id: e.id, err: ErrNotConnected})
	}
	e.conn, e.sent, e.answer = c, time.Now(), answer
	e.due++
	silent, start := c.silent, e.sent
	s.change()
	s.mu.Unlock()
	var unsent error
	if !silent {
		unsent = c.write(e.message)
	}
	payload, err := s.await(ctx, answer) // the person learns no earlier that it was lost
	if errors.Is(err, ErrNoAck) && unsent != nil {
		err = ErrNotSent
	}
	return s.ended(e, receipt{e.id, payload, time.Since(start), err})
}

func (s *Server) await(ctx context.Context, answer <-chan json.RawMessage) (json.RawMessage, error) {
	timer := time.NewTimer(s.ackDeadline)
	defer timer.Stop()
	select {
	case payload := <-answer:
		return payload, nil
	case <-timer.C:
		return nil, ErrNoAck
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		return nil, ErrClosed
	}
}

// acknowledge takes what came in on a connection.
func (s *Server) acknowledge(c *conn, message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(message, &ack); err != nil {
		s.violate("acknowledgement: not JSON")
		return
	}
	e := s.envelopes[ack.EnvelopeID]
	if e == nil {
		s.violate("acknowledgement: unknown envelope %q", ack.EnvelopeID)
		return
	}
	if s.accepts(c, e, len(message)) {
		s.settle(e, ack.Payload)
	}
}

// accepts says whether an acknowledgement counts.
func (s *Server) accepts(c *conn, e *envelope, size int) bool {
	if c != e.conn {
		s.crossAcks++
		s.change()
	}
	switch {
	case size >= maxAckBytes:
		s.violate("acknowledgement of %s: %d bytes, and Slack drops those of %d and more", e.what, size, maxAckBytes)
	case e.due == 0:
		s.violate("acknowledgement of %s: a second one", e.what)
	case time.Since(e.sent) > s.ackDeadline:
		e.due--
		s.violate("acknowledgement of %s: late, after %v", e.what, time.Since(e.sent).Round(time.Millisecond))
	case c != e.conn && !s.crossAck:
		s.violate("acknowledgement of %s: on another connection", e.what)
	default:
		return true
	}
	return false
}

func (s *Server) settle(e *envelope, payload json.RawMessage) {
	e.due--
	if empty(payload) {
		payload = nil
	} else if !e.replies {
		s.violate("acknowledgement of %s: a payload is not accepted there", e.what)
		payload = nil
	}
	select {
	case e.answer <- payload:
	default:
	}
	s.change()
}

func empty(payload json.RawMessage) bool {
	return len(payload) == 0 || string(payload) == "null" || string(payload) == "{}" || string(payload) == `""`
}

// SetCrossAck says whether an acknowledgement counts that comes on another connection than its envelope went
// to, as slack-go can send after a reconnect. Slack documents neither; default: it counts. See [Server.CrossAcks].
func (s *Server) SetCrossAck(accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crossAck = accepted
}

// CrossAcks returns how many acknowledgements came on another connection than their envelope had gone to.
func (s *Server) CrossAcks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crossAcks
}

// Repeat delivers an envelope once more, with the same id, and waits for its acknowledgement as the first time.
// Nobody is shown the answer; it is in the Reply's Payload.
func (s *Server) Repeat(ctx context.Context, envelopeID string) Reply {
	s.mu.Lock()
	e := s.envelopes[envelopeID]
	s.mu.Unlock()
	if e == nil {
		return Reply{Err: fmt.Errorf("there was no envelope %q", envelopeID)}
	}
	return reply(s.dispatchEnvelope(ctx, e))
}

func reply(r receipt) Reply {
	return Reply{Acked: r.err == nil, Err: r.err, Took: r.took, EnvelopeID: r.id, Payload: r.payload}
}

// randomID returns a random UUID, the form that Slack's envelope ids have.
func randomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
