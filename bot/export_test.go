package bot

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"time"

	"github.com/slack-go/slack/socketmode"
)

// Quicken shortens the times of connections, for tests.
func (b *Bot) Quicken(ping, linger, pause, longestPause time.Duration) {
	b.sockets.times = times{ping: ping, linger: linger, pause: pause, longestPause: longestPause}
}

// WorstSilence is how long a dead connection goes unnoticed at the most, and then unreplaced, by default.
func WorstSilence() time.Duration { return usualTimes.ping + usualTimes.pause*5/4 }

// Introduce asks Slack who the bot is.
func (b *Bot) Introduce(ctx context.Context) error { return b.introduce(ctx) }

// Handle handles an envelope as if it had come over a connection, and returns the payload of its acknowledgement.
func (b *Bot) Handle(ctx context.Context, event socketmode.Event) any {
	r := b.handle(ctx, event)
	if r.after != nil {
		r.after(ctx)
	}
	return r.payload
}

// Intercept puts f before the handler of envelopes.
func (b *Bot) Intercept(f func(ctx context.Context, event socketmode.Event)) {
	b.sockets.handle = func(ctx context.Context, event socketmode.Event) reply {
		f(ctx, event)
		return b.handle(ctx, event)
	}
}

// BreakHandling makes the handling of commands panic.
func BreakHandling(b *Bot) { b.people = nil }

// UseProxy has the connections go through a proxy.
func (b *Bot) UseProxy(proxy *url.URL) {
	b.sockets.through = func(*http.Request) (*url.URL, error) { return proxy, nil }
}

// WatchSessions tells of each session that is made, and of each that is freed. The bot does not run yet.
func (b *Bot) WatchSessions(made, freed func()) {
	b.sockets.made = func(c *session) {
		made()
		runtime.AddCleanup(c, func(struct{}) { freed() }, struct{}{})
	}
}
