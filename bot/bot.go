// Package bot is the Slack side: it takes commands, presses and forms through Socket Mode, and tells people
// what becomes of their requests, in messages and in the Home tab. What a request is, and who may decide on it, package
// approval knows.
//
// An envelope of Slack's is handled in this order: read it, do what it asks for, commit, and only then
// acknowledge it. So an acknowledgement means that the request or the decision is on disk, and a person
// whose envelope could not be handled sees an error and may do it again, which never does anything twice.
package bot

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/time/rate"

	"ehpcbot/approval"
	"ehpcbot/bot/home"
	"ehpcbot/bot/messenger"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/status"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/backoff"
)

// Bot is one process's part in a workspace.
type Bot struct {
	conf      Config
	api       *slackapi.API
	service   *approval.Service
	people    *slackapi.People
	readers   *messenger.Readers
	messenger *messenger.Messenger
	log       *slog.Logger
	sockets   *socket.Pool
	limit     limit
	forms     *rate.Limiter // of requesters
	tabs      *home.Tabs
	checks    *status.Checks // that administrators see; may be nil

	mu   sync.Mutex
	self *slack.AuthTestResponse // who the bot is; nil until Slack has told
	last error                   // why Slack has not told yet
}

// New returns a bot that is not connected yet.
func New(conf Config, api *slackapi.API, people *slackapi.People, service *approval.Service, log *slog.Logger, met socket.Observer) *Bot {
	readers := &messenger.Readers{
		Base: view.View{
			Locale: conf.Locale, Command: conf.Command,
		},
		People: people,
	}
	b := &Bot{
		conf: conf, api: api, service: service, people: people, readers: readers, log: log,
		messenger: messenger.New(readers, api, service, log),
		limit:     limit{perMinute: conf.RequestsPerMinute, now: time.Now, persons: map[string]*rate.Limiter{}},
		forms:     newForms(),
	}
	b.tabs = b.newTabs()
	b.sockets = &socket.Pool{
		Address: b.socketAddress, RetryAfter: retryAfter, Proxy: http.ProxyFromEnvironment, Handle: b.handle, Refuse: b.refuse,
		Lost: api.CloseIdleConnections, Observer: met, Log: log, Times: socket.UsualTimes(),
	}
	return b
}

// Run connects to Slack and answers people until ctx ends. It keeps trying where Slack is away, and returns a
// *FatalError as soon as Slack, asked anything by anybody, does not take a token.
func (b *Bot) Run(ctx context.Context) error {
	var looking sync.WaitGroup
	defer looking.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(b.api.Dead, func() { cancel(context.Cause(b.api.Dead)) })
	defer stop()
	if err := b.introduce(ctx); err != nil {
		return slackapi.Fatal(err)
	}
	looking.Go(func() { b.tabs.Run(ctx) })
	if err := b.sockets.Run(ctx, b.conf.Connections); errors.Is(err, socket.ErrDisabled) {
		return &slackapi.FatalError{Variable: "SLACK_APP_TOKEN", Code: "link_disabled"}
	}
	return slackapi.Fatal(context.Cause(ctx))
}

// socketAddress asks Slack for the address of a Socket Mode connection.
func (b *Bot) socketAddress(ctx context.Context) (address string, err error) {
	_, address, err = b.api.StartSocketModeContext(ctx)
	return address, slackapi.CallError("connect to Slack", err)
}

// retryAfter returns how long Slack asks to wait after an error; 0 where it does not.
func retryAfter(err error) time.Duration {
	if later, ok := errors.AsType[*approval.LaterError](err); ok {
		return later.After
	}
	return 0
}

// introduce asks Slack which workspace the bot is in: people of others are refused, so nothing can be
// answered before that. It returns an error when ctx ends, or the tokens are of two apps.
func (b *Bot) introduce(ctx context.Context) error {
	for failures := 1; ; failures++ {
		self, err := b.api.AuthTestContext(ctx)
		err = slackapi.CallError("ask Slack who the bot is", err)
		b.mu.Lock()
		b.self, b.last = self, err
		b.mu.Unlock()
		if err == nil {
			b.people.SetHome(self.TeamID)
			b.log.Info("this is the bot", "workspace", self.Team, "team", self.TeamID, "user", self.UserID)
			return cmp.Or(slackapi.OfWorkspace(self), b.sameApp(ctx, self))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pause := max(backoff.Delay(failures, b.sockets.Times.Pause, b.sockets.Times.LongestPause), retryAfter(err))
		b.log.Warn("Slack does not answer", "error", err, "again_in", pause.Round(time.Millisecond))
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// sameApp returns an error where the two tokens are of two apps. That Slack does not tell is no reason to wait.
func (b *Bot) sameApp(ctx context.Context, self *slack.AuthTestResponse) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := b.api.SameApp(ctx, self)
	if err == nil || slackapi.Fatal(err) != nil {
		return err
	}
	b.log.Warn("it is not known whether SLACK_APP_TOKEN and SLACK_BOT_TOKEN are of one app", "error", err)
	return nil
}

// Ready reports whether Slack can reach the bot, and the bot the approvers.
func (b *Bot) Ready() error {
	b.mu.Lock()
	self, last := b.self, b.last
	b.mu.Unlock()
	if self == nil && last != nil {
		return last
	}
	return errors.Join(b.api.Ready(), b.sockets.Ready(), b.messenger.Ready())
}

// Live returns how many Socket Mode connections are open, and how many there should be.
func (b *Bot) Live() (open, wanted int) { return b.sockets.Live(), b.conf.Connections }

// Messenger returns the messenger that the jobs tell people through.
func (b *Bot) Messenger() approval.Messenger { return b.messenger }
