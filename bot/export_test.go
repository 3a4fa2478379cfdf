package bot

import (
	"context"
	"time"

	"github.com/slack-go/slack/socketmode"

	"ehpcbot/bot/socket"
)

// Quicken shortens the times of connections, for tests.
func (b *Bot) Quicken(ping, linger, pause, longestPause time.Duration) {
	b.sockets.Times = socket.Times{Ping: ping, Linger: linger, Pause: pause, LongestPause: longestPause}
}

// Introduce asks Slack who the bot is.
func (b *Bot) Introduce(ctx context.Context) error { return b.introduce(ctx) }

// Handle handles an envelope as if it had come over a connection, and returns the payload of its acknowledgement.
func (b *Bot) Handle(ctx context.Context, event socketmode.Event) any {
	r := b.handle(ctx, event)
	if r.After != nil {
		r.After(ctx)
	}
	return r.Payload
}

// Intercept puts f before the handler of envelopes.
func (b *Bot) Intercept(f func(ctx context.Context, event socketmode.Event)) {
	b.sockets.Handle = func(ctx context.Context, event socketmode.Event) socket.Reply {
		f(ctx, event)
		return b.handle(ctx, event)
	}
}

// BreakHandling makes the handling of commands panic.
func BreakHandling(b *Bot) { b.service = nil }

// LimitBy sets the clock of the limit of what one person may ask for.
func (b *Bot) LimitBy(now func() time.Time) { b.limit.now = now }
