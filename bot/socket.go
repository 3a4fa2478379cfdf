package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
)

// sockets holds the Socket Mode connections of this process. Each is a line of sessions: when Slack announces
// that it will end one, the next is opened, and only once that is connected the old one is left, when all that
// came over it is acknowledged. Slack sends an envelope to any of them
// (docs.slack.dev/apis/events-api/using-socket-mode).
type sockets struct {
	api     *slack.Client
	log     *slog.Logger
	handle  func(ctx context.Context, event socketmode.Event) reply
	refuse  func(event socketmode.Event) reply // in place of handle: it came too late
	pulse   pulse
	met     Observer
	times   times
	through proxies
	made    func(*session) // told of each session; may be nil
	suspect func()         // called when a connection is lost: what broke it may have broken those of the Web API, too
	live    atomic.Int32
	mu      sync.Mutex
	last    error // of the last attempt to connect that failed; nil when one has succeeded since
}

// reply is what a handler answers: what goes into the acknowledgement, what is done after it, and what in its
// place where no acknowledgement can be sent any more.
type reply struct {
	payload any
	after   func(ctx context.Context)
	instead func(ctx context.Context)
}

const (
	// slackTime is how long Slack waits for an acknowledgement; one that comes later says nothing to anybody.
	slackTime = 3 * time.Second
	// handleTime is what a handler has of that.
	handleTime = 2500 * time.Millisecond
	// afterTime is what it has for the rest, once that is sent.
	afterTime = 3 * time.Second
	// drainTime is the longest wait for acknowledgements before a connection is left.
	drainTime = 5 * time.Second
	// openTime is how long a connection may take to be greeted.
	openTime = 30 * time.Second
	// hangUpTime is how long Slack has to close a connection that it was asked to close.
	hangUpTime = 2 * time.Second
	// passOnTime is what slack-go has to pass on what has arrived, when a connection ends.
	passOnTime = time.Second
	// handlersAtOnce bounds what runs at the same time in a session. Most of it waits for the database.
	handlersAtOnce = 1000
	// provenTime is how long a connection must have lived for the failures before it to be forgotten. After
	// failures beyond mostFlaps the wait grows no further while Slack still greets: only who is never greeted
	// has to wait for longest.
	provenTime = 10 * time.Second
	mostFlaps  = 3
)

// times are those that tests shorten.
type times struct {
	// ping is how long a connection may stay without a ping of Slack's. The official clients wait for 30 s
	// (serverPingTimeout), slack-go for up to 60; this leaves five of 30 seconds to open another.
	ping time.Duration
	// linger is how long an announced connection is kept when the next one is there, for what is on its way.
	linger time.Duration
	// pause is the shortest time between two attempts to connect, and the first wait after a failure;
	// longestPause the longest: a person may be waiting.
	pause, longestPause time.Duration
}

var usualTimes = times{ping: 25 * time.Second, linger: 500 * time.Millisecond, pause: 250 * time.Millisecond, longestPause: 15 * time.Second}

// run keeps n connections until ctx ends, or until Slack says that there will be none: a *slackapi.FatalError. It
// returns when every envelope in hand is acknowledged.
func (s *sockets) run(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var lines sync.WaitGroup
	lines.Go(func() { s.pulse.run(ctx) })
	for i := range n {
		lines.Go(func() {
			if err := s.keep(ctx, i+1); err != nil {
				cancel(err)
			}
		})
	}
	lines.Wait()
	return slackapi.Fatal(context.Cause(ctx))
}

// keep keeps one connection. An error is a *slackapi.FatalError.
func (s *sockets) keep(ctx context.Context, number int) error {
	log := s.log.With("connection", number)
	var running sync.WaitGroup // sessions, those included that Slack is about to end
	defer running.Wait()
	var previous *session // kept until another is connected, if it has not ended by then
	for failures := 0; ; {
		c := newSession(s, log, previous)
		if s.made != nil {
			s.made(c)
		}
		ended := make(chan error, 1)
		running.Go(func() { c.run(ctx, ended) })
		var err error
		select {
		case err = <-ended:
		case <-c.leaving: // the next session does not wait for this one's end
			err = c.verdict(nil)
		}
		if c.connected.Load() { // the one before is being left
			failures, previous = c.forgive(failures), c
		} else if isAnnounced(c) {
			c.hangUp(errLeft)
		}
		if dead := slackapi.Fatal(err); dead != nil || ctx.Err() != nil {
			return dead
		}
		pause := s.times.pause - time.Since(c.began)
		if err != nil {
			failures++
			pause = pauseAfter(s.times, failures, err)
			log.Warn("a connection to Slack is lost", "error", err, "again_in", pause.Round(time.Millisecond))
			s.failed(err)
			s.suspect()
		}
		if wait(ctx, pause) != nil {
			return nil
		}
	}
}

// forgive returns how many of the failures in a row still count after a session that was greeted.
func (c *session) forgive(failures int) int {
	if time.Since(c.began) >= provenTime {
		return 0
	}
	return min(failures, mostFlaps)
}

func isAnnounced(c *session) bool {
	select {
	case <-c.leaving:
		return true
	default:
		return false
	}
}

// wait returns an error if ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pauseAfter grows with the failures in a row, and is spread so that many bots do not come back at once. What
// Slack asks for is obeyed.
func pauseAfter(t times, failures int, err error) time.Duration {
	pause := min(t.pause<<min(failures-1, 10), t.longestPause)
	if errors.Is(err, errTooMany) {
		pause = t.longestPause
	}
	pause = pause*3/4 + rand.N(pause/2)
	var later *approval.LaterError
	if errors.As(err, &later) {
		pause = max(pause, later.After)
	}
	return pause
}

// count counts the connections that are open, and tells of each number in the order in which they came to be.
func (s *sockets) count(more int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met.Connections(int(s.live.Add(more)))
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

// Why a session ends.
var (
	errTooMany = errors.New("too many connections are open for this app (too_many_websockets): " +
		"ten are allowed for all of its processes together, see SLACK_CONNECTIONS")
	errSilent = errors.New("the connection has gone silent: Slack no longer pings it")
	errBroke  = errors.New("the connection broke")
	errLeft   = errors.New("the connection is left")
)

// session is one WebSocket from its opening to its end. slack-go's client would go on with a next one; it is
// ended before that, so that everything belongs to one connection.
type session struct {
	sockets   *sockets
	log       *slog.Logger
	client    *socketmode.Client
	replaces  *session // to be left when this one is connected; may be nil
	began     time.Time
	dialled   bool // once
	connected atomic.Bool
	mute      atomic.Bool             // nothing more is to be sent over it
	broken    atomic.Bool             // nothing can be, not even what answers an envelope in hand
	passed    atomic.Int32            // envelopes that slack-go has passed on
	hangUp    context.CancelCauseFunc // ends the connection

	announce sync.Once
	leaving  chan struct{} // closed when Slack has announced the end
	reason   string        // of that, set before leaving is closed
	over     chan struct{} // closed when run returns
	silence  *time.Timer   // runs out when Slack has not pinged for too long

	room    chan struct{}  // bounds the handlers
	working sync.WaitGroup // handlers, and what they do after the acknowledgement
	mu      sync.Mutex
	wire    *wire // nil before it is dialled
}

func newSession(s *sockets, log *slog.Logger, replaces *session) *session {
	c := &session{
		sockets: s, log: log, replaces: replaces, began: time.Now(),
		leaving: make(chan struct{}), over: make(chan struct{}), room: make(chan struct{}, handlersAtOnce),
	}
	// The wire looks for pings; slack-go does so too, now and then.
	c.client = socketmode.New(s.api, socketmode.OptionDialer(dialWith(s.through, c, c.useWire)),
		socketmode.OptionPingInterval(s.times.ping), socketmode.OptionReadLimit(4<<20))
	return c
}

func (c *session) useWire(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wire = w
}

// run lives through the session. It tells of the end of the connection, with nil when that was left in order, and
// returns when all that came over it is done.
func (c *session) run(ctx context.Context, ended chan<- error) {
	defer close(c.over)
	// The connection outlives ctx until what came over it is acknowledged.
	conn, hangUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hangUp(nil)
	c.hangUp = hangUp
	c.silence = time.AfterFunc(c.sockets.times.ping+openTime, func() { hangUp(errSilent) })
	defer c.silence.Stop()
	stopped := context.AfterFunc(ctx, c.leave)
	defer stopped()
	done := make(chan error, 1)
	go func() { done <- c.client.RunContext(conn) }()
	for {
		select {
		case event := <-c.client.Events:
			c.take(ctx, event)
		case err := <-done:
			c.down()
			if cause := context.Cause(conn); cause != nil {
				err = cause
			}
			ended <- c.verdict(err) // the next session does not wait for what is in hand
			c.working.Wait()        // each has a deadline of its own
			return
		}
	}
}

// verdict tells what the end of a session means: what Slack has announced, or else the error.
func (c *session) verdict(err error) error {
	if isAnnounced(c) {
		switch c.reason {
		case "link_disabled":
			return &slackapi.FatalError{Variable: "SLACK_APP_TOKEN", Code: c.reason}
		case "too_many_websockets":
			return errTooMany
		}
		return nil
	}
	switch {
	case errors.Is(err, errLeft):
		return nil
	case errors.Is(err, errSilent), errors.Is(err, errBroke):
		return err
	case err == nil, errors.Is(err, context.Canceled):
		return errBroke
	}
	return slackapi.CallError("connect to Slack", err)
}

// pinged, announced and ended implement watcher.
func (c *session) pinged() { c.silence.Reset(c.sockets.times.ping) }

func (c *session) announced(reason string) {
	c.announce.Do(func() {
		c.log.Info("Slack ends the connection", "reason", reason)
		c.reason = reason
		close(c.leaving)
	})
}

// ended keeps slack-go from dialling anew, once it has passed on what arrived before the end: an envelope that
// can't be acknowledged any more is handled all the same.
func (c *session) ended() {
	c.broken.Store(true)
	c.mute.Store(true)
	w := c.theWire()
	for until := time.Now().Add(passOnTime); int(c.passed.Load()) < w.arrived() && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	c.hangUp(errBroke)
}

func (c *session) theWire() *wire {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wire
}

// leave ends the connection when all that came over it is acknowledged.
func (c *session) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if w := c.theWire(); w != nil && c.connected.Load() {
		w.drain(ctx)
		c.mute.Store(true)
		w.goodbye()
		_ = c.await(hangUpTime)
	}
	c.hangUp(errLeft)
}

// retire leaves a connection whose end Slack has announced, some time after it has a successor. Slack may
// send envelopes over it until it closes it.
func (c *session) retire() {
	if c.await(c.sockets.times.linger) {
		return
	}
	c.leave()
}

// await reports whether the session is over within a time.
func (c *session) await(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.over:
		return true
	case <-timer.C:
		return false
	}
}

func (c *session) take(ctx context.Context, event socketmode.Event) {
	defer c.count(event)
	switch event.Type {
	case socketmode.EventTypeConnecting:
		if c.dialled { // slack-go goes on to its next connection, unseen by a wire
			c.hangUp(errBroke)
		}
		c.dialled = true
	case socketmode.EventTypeConnectionError:
		if failure, ok := event.Data.(*slack.ConnectionErrorEvent); ok {
			c.hangUp(failure.ErrorObj) // slack-go would wait for up to five minutes
		}
	case socketmode.EventTypeHello: // and not before: Slack may send an end instead
		c.up()
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

// count counts the envelopes that have been passed on.
func (c *session) count(event socketmode.Event) {
	if event.Type == socketmode.EventTypeErrorBadMessage || event.Request != nil && event.Request.EnvelopeID != "" {
		c.passed.Add(1)
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
	c.silence.Reset(c.sockets.times.ping)
	c.sockets.count(+1)
	c.sockets.failed(nil)
	if before := c.replaces; before != nil {
		c.replaces = nil // or no session would ever be freed
		c.working.Go(before.retire)
	}
}

func (c *session) down() {
	if c.connected.Load() {
		c.sockets.count(-1)
	}
}

// start runs the handler of an envelope on a goroutine of its own.
func (c *session) start(ctx context.Context, event socketmode.Event) {
	received := time.Now()
	c.room <- struct{}{}
	c.working.Go(func() {
		// An envelope that was taken is answered, whatever else is ending.
		ctx := context.WithoutCancel(ctx)
		after := c.answer(ctx, event, received)
		if after == nil {
			return
		}
		defer func() {
			if p := recover(); p != nil {
				c.log.Error("what follows an acknowledgement panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, afterTime)
		defer cancel()
		after(ctx)
	})
}

// answer handles an envelope, acknowledges it, and makes room for the next.
func (c *session) answer(ctx context.Context, event socketmode.Event, received time.Time) (after func(context.Context)) {
	defer func() { <-c.room }()
	ctx, cancel := context.WithDeadline(ctx, received.Add(handleTime))
	defer cancel()
	late := c.mute.Load() // when it was taken: what came before the end is waited for
	if c.sockets.pulse.feel() {
		c.log.Warn("an envelope has waited while this process stood still: it is not handled any more")
		r := c.sockets.refuse(event) // without an acknowledgement, for which it is too late
		return both(r.instead, r.after)
	}
	r := c.sockets.handle(ctx, event)
	if time.Since(received) > slackTime { // the process stood still meanwhile
		c.log.Warn("an envelope took too long to be acknowledged: the person sees an error, and is answered in a message")
		return both(r.instead, r.after)
	}
	if late || c.broken.Load() {
		c.log.Warn("the connection of an envelope closed before it was acknowledged: the person sees an error, but it is done")
		return both(r.instead, r.after)
	}
	c.ack(ctx, event.Request.EnvelopeID, r.payload)
	c.sockets.met.Acknowledged(string(event.Type), time.Since(received))
	return r.after
}

// both does one after the other; either may be nil.
func both(first, second func(context.Context)) func(context.Context) {
	if first == nil {
		return second
	}
	return func(ctx context.Context) {
		first(ctx)
		if second != nil {
			second(ctx)
		}
	}
}

// ack hands an acknowledgement to slack-go, which refuses those that Slack would drop for their size.
func (c *session) ack(ctx context.Context, envelopeID string, payload any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := c.client.AckCtx(ctx, envelopeID, payload)
	if err != nil && payload != nil && ctx.Err() == nil {
		c.log.Error("an answer could not be sent, an empty one goes instead", "error", err)
		err = c.client.AckCtx(ctx, envelopeID, nil)
	}
	if err != nil {
		c.log.Error("acknowledge an envelope", "error", err)
	}
}
