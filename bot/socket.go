package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// sockets holds the Socket Mode connections of this process. Each is a line of sessions: when Slack announces
// that it will end one, the next is opened first, and the old one is left when all that it took is
// acknowledged. Slack sends an envelope to any of them (docs.slack.dev/apis/events-api/using-socket-mode).
type sockets struct {
	api    *slack.Client
	log    *slog.Logger
	handle func(ctx context.Context, event socketmode.Event) reply
	met    Observer
	live   atomic.Int32
	mu     sync.Mutex
	last   error // of the last attempt to connect that failed; nil when one has succeeded since
}

// reply is what a handler answers: what goes into the acknowledgement, and what is done after it.
type reply struct {
	payload any
	after   func(ctx context.Context)
}

// The times of a session.
const (
	// handleTime is what a handler has: Slack waits three seconds for the acknowledgement.
	handleTime = 2500 * time.Millisecond
	// afterTime is what it has for the rest, once that is sent.
	afterTime = 3 * time.Second
	// pingTime is how long a connection may stay without a ping of Slack's. slack-go looks once in this
	// time, so a connection that went dead is left after at most twice as long: 28 seconds.
	pingTime = 14 * time.Second
	// drainTime is how long an announced end is held back; Slack announces it some ten seconds ahead.
	drainTime = 5 * time.Second
	// longestPause is the longest wait between two attempts to connect; a person may be waiting.
	longestPause = 15 * time.Second
	// handlersAtOnce bounds what runs at the same time in all sessions of one connection.
	handlersAtOnce = 64
)

// run keeps n connections until ctx ends, or until Slack says that there will be none: a *FatalError. It
// returns when every envelope in hand is acknowledged.
func (s *sockets) run(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := s.keep(ctx, i+1); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	var dead *FatalError
	if errors.As(context.Cause(ctx), &dead) {
		return dead
	}
	return nil
}

// keep keeps one connection.
func (s *sockets) keep(ctx context.Context, number int) error {
	log := s.log.With("connection", number)
	var old sync.WaitGroup // sessions that Slack is about to end, and that still answer
	defer old.Wait()
	for failures := 0; ctx.Err() == nil; {
		session := newSession(s, log)
		ended := make(chan error, 1)
		old.Go(func() { ended <- session.run(ctx) })
		var err error
		select {
		case err = <-ended:
		case <-session.leaving: // the next session does not wait for this one's end
			err = session.goodbye()
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, new(*FatalError)):
			return err
		case session.connected.Load() && err == nil:
			failures = 0
			continue
		case session.connected.Load():
			failures = 0
		}
		failures++
		pause := pauseAfter(failures, err)
		log.Warn("Slack connection lost", "error", err, "again_in", pause)
		s.failed(err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// pauseAfter grows from a quarter of a second, and is spread so that many bots do not come back at once. What
// Slack asks for is obeyed.
func pauseAfter(failures int, err error) time.Duration {
	pause := min(250*time.Millisecond<<min(failures-1, 10), longestPause)
	pause = pause*3/4 + rand.N(pause/2)
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		pause = max(pause, limited.RetryAfter)
	}
	if errors.Is(err, errTooMany) {
		pause = max(pause, longestPause)
	}
	return pause
}

func (s *sockets) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = err
}

// ready reports whether Slack can reach the bot.
func (s *sockets) ready() error {
	if s.live.Load() > 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		return fmt.Errorf("no connection to Slack: %w", s.last)
	}
	return errors.New("no connection to Slack yet")
}

// errTooMany says that more connections are open than Slack allows an app.
var errTooMany = errors.New("too many connections are open for this app (too_many_websockets): " +
	"ten are allowed for all of its processes together")

// session is one WebSocket from its opening to its end. slack-go's client would go on with a next one; it is
// ended before that, so that everything belongs to one connection.
type session struct {
	sockets   *sockets
	log       *slog.Logger
	client    *socketmode.Client
	connected atomic.Bool
	leaving   chan struct{} // closed when Slack has announced the end
	reason    string        // of that, set before leaving is closed

	room    chan struct{}  // bounds the handlers
	working sync.WaitGroup // handlers, and what they do after the acknowledgement
	mu      sync.Mutex
	wire    *wire // nil behind a proxy
}

func newSession(s *sockets, log *slog.Logger) *session {
	c := &session{sockets: s, log: log, leaving: make(chan struct{}), room: make(chan struct{}, handlersAtOnce)}
	dialer := dialWith(c.disconnecting, c.useWire)
	behindProxy(dialer, "https://wss-primary.slack.com/")
	c.client = socketmode.New(s.api, socketmode.OptionDialer(dialer), socketmode.OptionPingInterval(pingTime),
		socketmode.OptionReadLimit(4<<20))
	return c
}

func (c *session) useWire(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wire = w
}

// run lives through the session. It ends with nil when Slack has ended it in order.
func (c *session) run(ctx context.Context) error {
	// The connection outlives ctx until what was taken is acknowledged.
	conn, hangUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hangUp(nil)
	stopped := context.AfterFunc(ctx, func() {
		c.drain()
		hangUp(context.Canceled)
	})
	defer stopped()
	done := make(chan error, 1)
	go func() { done <- c.client.RunContext(conn) }()
	for {
		select {
		case event := <-c.client.Events:
			c.take(ctx, event, hangUp)
		case err := <-done:
			c.down()
			c.working.Wait() // each has a deadline of its own
			if cause := context.Cause(conn); cause != nil {
				err = cause
			}
			return c.verdict(err)
		}
	}
}

// verdict tells what the end of a session means.
func (c *session) verdict(err error) error {
	select {
	case <-c.leaving:
		return c.goodbye()
	default:
	}
	if dead := fatal("SLACK_APP_TOKEN", err); dead != nil {
		return dead
	}
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errEnded) {
		return errors.New("the connection broke")
	}
	return callError("connect to Slack", err)
}

// goodbye tells what Slack's disconnect message means.
func (c *session) goodbye() error {
	switch c.reason {
	case "link_disabled":
		return &FatalError{Variable: "SLACK_APP_TOKEN", Code: c.reason}
	case "too_many_websockets":
		return errTooMany
	}
	return nil
}

// errEnded says that a session's connection is over.
var errEnded = errors.New("the session has ended")

func (c *session) take(ctx context.Context, event socketmode.Event, hangUp context.CancelCauseFunc) {
	switch event.Type {
	case socketmode.EventTypeConnecting:
		if c.connected.Load() { // slack-go goes on to its next connection: this session was the last one
			hangUp(errEnded)
		}
	case socketmode.EventTypeConnected:
		c.up()
	case socketmode.EventTypeConnectionError:
		if failure, ok := event.Data.(*slack.ConnectionErrorEvent); ok {
			hangUp(failure.ErrorObj) // slack-go would wait for up to five minutes
		}
	case socketmode.EventTypeHello:
		c.log.Info("connected to Slack", "connections_of_the_app", event.Request.NumConnections)
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive:
		c.start(ctx, event)
	case socketmode.EventTypeEventsAPI:
		c.ack(ctx, event.Request.EnvelopeID, nil)
	case socketmode.EventTypeErrorWriteFailed:
		c.log.Warn("an acknowledgement could not be sent; the person sees an error and may try again")
	case socketmode.EventTypeErrorBadMessage:
		c.unreadable(ctx, event)
	}
}

// unreadable acknowledges an envelope that slack-go can't decode, so that Slack does not repeat it for ever.
func (c *session) unreadable(ctx context.Context, event socketmode.Event) {
	c.log.Warn("Slack sent a message that can't be read")
	bad, ok := event.Data.(*socketmode.ErrorBadMessage)
	if !ok {
		return
	}
	var envelope struct {
		ID string `json:"envelope_id"`
	}
	if json.Unmarshal(bad.Message, &envelope) == nil && envelope.ID != "" {
		c.ack(ctx, envelope.ID, nil)
	}
}

func (c *session) up() {
	c.connected.Store(true)
	c.sockets.met.Connections(int(c.sockets.live.Add(1)))
	c.sockets.failed(nil)
}

func (c *session) down() {
	if c.connected.Load() {
		c.sockets.met.Connections(int(c.sockets.live.Add(-1)))
	}
}

// start runs the handler of an envelope on a goroutine of its own.
func (c *session) start(ctx context.Context, event socketmode.Event) {
	received := time.Now()
	c.room <- struct{}{}
	c.working.Go(func() {
		defer func() { <-c.room }()
		// An envelope that was taken is answered, whatever else is ending.
		handling, cancel := context.WithDeadline(context.WithoutCancel(ctx), received.Add(handleTime))
		defer cancel()
		answer := c.sockets.handle(handling, event)
		c.ack(handling, event.Request.EnvelopeID, answer.payload)
		c.sockets.met.Acknowledged(string(event.Type), time.Since(received))
		if answer.after != nil {
			later, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterTime)
			defer cancel()
			answer.after(later)
		}
	})
}

// ack hands an acknowledgement to slack-go, which refuses those that Slack would drop for their size.
func (c *session) ack(ctx context.Context, envelopeID string, payload any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := c.client.AckCtx(ctx, envelopeID, payload)
	if err != nil && payload != nil {
		c.log.Error("an answer could not be sent, an empty one goes instead", "error", err)
		err = c.client.AckCtx(ctx, envelopeID, nil)
	}
	if err != nil {
		c.log.Error("acknowledge an envelope", "error", err)
	}
}

// disconnecting is called when Slack's disconnect message has arrived, and holds it back until the
// acknowledgements of what was taken are written.
func (c *session) disconnecting(reason string) {
	c.log.Info("Slack ends the connection", "reason", reason)
	c.reason = reason
	close(c.leaving)
	c.drain()
}

// drain waits until all that was taken is acknowledged on this connection.
func (c *session) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	c.mu.Lock()
	w := c.wire
	c.mu.Unlock()
	if w != nil {
		w.drain(ctx)
	}
}
