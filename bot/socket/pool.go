// Package socket receives what happens in a Slack workspace through Socket Mode
// (docs.slack.dev/apis/events-api/using-socket-mode).
//
// A [Pool] keeps several connections; Slack sends each envelope over any one of them. A connection is opened, greeted
// by Slack, and read until Slack announces its end or it breaks. Then the pool opens the next one, and only when that is
// greeted the one before is retired: it stays until all that came over it is answered. So there is no gap.
//
// Each envelope is handled on a goroutine of its own, and acknowledged on the connection that brought it once its
// handler has returned. Slack waits three seconds for that; after them nothing is acknowledged any more, as the person
// has seen an error.
package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"

	"ehpcbot/ehpc/backoff"
)

// Pool keeps the Socket Mode connections of one process. Its fields are set before it runs.
type Pool struct {
	Address    func(ctx context.Context) (string, error) // asks Slack for the address of a new connection
	RetryAfter func(err error) time.Duration             // how long Slack asks to wait after an error of it
	Proxy      func(*http.Request) (*url.URL, error)     // as in http.Transport

	// Handle does what a command, an interaction or an event asks for. The event's Data is a slack.SlashCommand, a
	// slack.InteractionCallback, a HomeOpened, or nil where there is nothing to do. Refuse takes its place where the event came too late to be handled.
	Handle func(ctx context.Context, event socketmode.Event) Reply
	Refuse func(event socketmode.Event) Reply

	Lost     func() // is called when a connection is lost: what broke it may have broken other connections, too
	Observer Observer
	Log      *slog.Logger
	Times    Times

	work       sync.WaitGroup // connections, and what came over them
	standstill standstill
	mu         sync.Mutex
	live       int   // connections that are greeted
	last       error // why the last one was lost
}

// Reply is what follows from an envelope. The functions may be nil.
type Reply struct {
	Payload any                       // of the acknowledgement
	Instead func(ctx context.Context) // is called where the acknowledgement can't be sent any more
	After   func(ctx context.Context) // is called after either of them
}

// Observer is told what happens, for the metrics.
type Observer interface {
	// Acknowledged tells how long an envelope of a type took from its arrival to its acknowledgement.
	Acknowledged(envelope string, took time.Duration)
	// Connections tells how many connections are open now.
	Connections(n int)
}

// Times are how long a Pool waits for what depends on others.
type Times struct {
	Ping         time.Duration // the longest time without a ping of Slack's
	Linger       time.Duration // how long a connection stays when the next one is there, for what is on its way
	Pause        time.Duration // between two attempts to connect, and the first wait after a failure
	LongestPause time.Duration // the longest wait after failures: a person may be waiting
}

// UsualTimes leaves, of the 30 seconds for which the official clients wait for a ping, five to open another connection.
func UsualTimes() Times {
	return Times{Ping: 25 * time.Second, Linger: 500 * time.Millisecond, Pause: 250 * time.Millisecond, LongestPause: 15 * time.Second}
}

// ErrDisabled says that Slack has switched off Socket Mode for the app.
var ErrDisabled = errors.New("the app may no longer use Socket Mode (link_disabled)")

var errTooMany = errors.New("too many connections are open for this app (too_many_websockets): " +
	"ten are allowed for all of its processes together, see SLACK_CONNECTIONS")

const (
	// provenTime is how long a connection must have lived for the failures before it to be forgotten.
	provenTime = 10 * time.Second
	// mostFlaps bounds the failures that count after one that was greeted at all: it need not wait for longest.
	mostFlaps = 3
)

// Run keeps n connections until ctx ends, or until Slack says that there will be none: [ErrDisabled]. It returns when
// every envelope in hand is answered.
func (p *Pool) Run(ctx context.Context, n int) error {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go p.standstill.watch(watching)
	keepers, ctx := errgroup.WithContext(ctx)
	for i := range n {
		keepers.Go(func() error { return p.keep(ctx, p.Log.With("connection", i+1)) })
	}
	err := keepers.Wait()
	p.work.Wait()
	return err
}

// keep keeps one connection, and the one before it until that is no longer needed. An error is [ErrDisabled].
func (p *Pool) keep(ctx context.Context, log *slog.Logger) error {
	var serving *connection
	for failures := 0; ; {
		began := time.Now()
		next, err := p.open(ctx, log)
		if err == nil {
			if serving != nil {
				time.AfterFunc(p.Times.Linger, serving.retire)
			}
			serving = next
			p.work.Go(func() { next.read(ctx) })
			err = <-next.ending
			failures = min(failures, mostFlaps)
			if time.Since(began) >= provenTime {
				failures = 0
			}
		}
		if errors.Is(err, ErrDisabled) {
			return ErrDisabled
		}
		if ctx.Err() != nil {
			return nil
		}
		pause := p.Times.Pause - time.Since(began)
		if err != nil {
			failures++
			pause = p.pauseAfter(failures, err)
			log.Warn("a connection to Slack is lost", "error", err, "again_in", pause.Round(time.Millisecond))
			p.mu.Lock()
			p.last = err
			p.mu.Unlock()
			p.Lost()
		}
		if backoff.Sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// pauseAfter returns how long to wait after failures in a row, of which err is the last. What Slack asks for is obeyed.
func (p *Pool) pauseAfter(failures int, err error) time.Duration {
	first := p.Times.Pause
	if errors.Is(err, errTooMany) {
		first = p.Times.LongestPause
	}
	return max(backoff.Delay(failures, first, p.Times.LongestPause), p.RetryAfter(err))
}

// count counts the connections, and tells of each number in the order in which they came to be.
func (p *Pool) count(more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live += more
	p.Observer.Connections(p.live)
}

// Live returns how many connections are open.
func (p *Pool) Live() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

// Ready returns why Slack can't reach the app; nil when it can.
func (p *Pool) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.live > 0:
		return nil
	case p.last != nil:
		return fmt.Errorf("no connection to Slack: %w", p.last)
	}
	return errors.New("no connection to Slack yet")
}
