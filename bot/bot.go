// Package bot is the Slack side: it takes commands, presses and forms through Socket Mode, and tells people
// what becomes of their requests. What a request is, and who may decide on it, package approval knows.
//
// An envelope of Slack's is handled in this order: read it, do what it asks for, commit, and only then
// acknowledge it. So an acknowledgement means that the request or the decision is on disk, and a person
// whose envelope could not be handled sees an error and may do it again, which never does anything twice.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/backoff"
)

// Bot is one process's part in a workspace.
type Bot struct {
	conf    Config
	api     *API
	service *approval.Service
	people  *People
	log     *slog.Logger
	sockets *socket.Pool
	pace    *pace

	mu      sync.Mutex
	self    *slack.AuthTestResponse // who the bot is; nil until Slack has told
	last    error                   // why Slack has not told yet
	channel error                   // why the approval channel can't be written to
}

// New returns a bot that is not connected yet.
func New(conf Config, api *API, people *People, service *approval.Service, log *slog.Logger, met socket.Observer) *Bot {
	b := &Bot{conf: conf, api: api, service: service, people: people, log: log, pace: newPace(time.Now)}
	b.sockets = &socket.Pool{
		Address: b.socketAddress, RetryAfter: retryAfter, Proxy: http.ProxyFromEnvironment, Handle: b.handle, Refuse: b.refuse,
		Lost: api.next.CloseIdleConnections, Observer: met, Log: log, Times: socket.UsualTimes(),
	}
	return b
}

// Run connects to Slack and answers people until ctx ends. It keeps trying where Slack is away, and returns a
// *FatalError as soon as Slack, asked anything by anybody, does not take a token.
func (b *Bot) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(b.api.dead, func() { cancel(context.Cause(b.api.dead)) })
	defer stop()
	if err := b.introduce(ctx); err != nil {
		return deadly(err)
	}
	if err := b.sockets.Run(ctx, b.conf.Connections); errors.Is(err, socket.ErrDisabled) {
		return &FatalError{Variable: "SLACK_APP_TOKEN", Code: "link_disabled"}
	}
	return deadly(context.Cause(ctx))
}

// socketAddress asks Slack for the address of a Socket Mode connection.
func (b *Bot) socketAddress(ctx context.Context) (address string, err error) {
	_, address, err = b.api.StartSocketModeContext(ctx)
	return address, callError("connect to Slack", err)
}

// retryAfter returns how long Slack asks to wait after an error; 0 where it does not.
func retryAfter(err error) time.Duration {
	var later *approval.LaterError
	if errors.As(err, &later) {
		return later.After
	}
	return 0
}

// introduce asks Slack which workspace the bot is in: people of others are refused, so nothing can be
// answered before that. It returns an error when ctx ends.
func (b *Bot) introduce(ctx context.Context) error {
	for failures := 1; ; failures++ {
		self, err := b.api.AuthTestContext(ctx)
		err = callError("ask Slack who the bot is", err)
		b.mu.Lock()
		b.self, b.last = self, err
		b.mu.Unlock()
		if err == nil {
			b.log.Info("this is the bot", "workspace", self.Team, "team", self.TeamID, "user", self.UserID)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pause := max(backoff.Delay(failures, b.sockets.Times.Pause, b.sockets.Times.LongestPause), retryAfter(err))
		b.log.Warn("Slack does not answer", "error", err, "again_in", pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (b *Bot) team() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.self.TeamID
}

// Ready reports whether Slack can reach the bot, and the bot the approvers.
func (b *Bot) Ready() error {
	b.mu.Lock()
	self, last, channel := b.self, b.last, b.channel
	b.mu.Unlock()
	if self == nil && last != nil {
		return last
	}
	return errors.Join(b.sockets.Ready(), channel)
}

// Live returns how many Socket Mode connections are open, and how many there should be.
func (b *Bot) Live() (open, wanted int) { return b.sockets.Live(), b.conf.Connections }

// view returns the view of the channel, in its language.
func (b *Bot) view() view.View {
	return view.View{Locale: b.conf.Locale, Command: b.conf.Command, LoginHint: b.conf.LoginHint}
}

// viewFor returns the view of a person, in theirs.
func (b *Bot) viewFor(ctx context.Context, id string) view.View {
	v := b.view()
	v.Reader = id
	if user, err := b.people.Person(ctx, id); err == nil {
		v.Locale = view.LocaleOf(user.Locale, b.conf.Locale)
	}
	return v
}

// errForeign says that a person is none of those the bot works for.
var errForeign = errors.New("not a person of this workspace")

// admit looks at who is there: people of the workspace, and nobody else. In a shared channel people of other
// organisations see the buttons too. teams are the workspaces that Slack names with the action. Guests are people of
// the workspace only where they are listed by name as approvers. ask tells who a person is.
func (b *Bot) admit(ctx context.Context, id string, teams []string, listed bool, ask func(context.Context, string) (slack.User, error)) error {
	if id == "" {
		return fmt.Errorf("%w: nobody", errForeign)
	}
	user, err := ask(ctx, id)
	for _, team := range append(teams, user.TeamID) {
		if team != "" && team != b.team() && !sameOrganisation(user, b.team(), team) {
			return fmt.Errorf("%w: team %s", errForeign, team)
		}
	}
	switch {
	case errors.Is(err, errUnknown):
		return fmt.Errorf("%w: %w", errForeign, err)
	case err != nil:
		return err
	case user.IsBot, user.Deleted, user.IsStranger:
		return fmt.Errorf("%w: a bot, a stranger, or deactivated", errForeign)
	case (user.IsRestricted || user.IsUltraRestricted) && !listed:
		return fmt.Errorf("%w: a guest", errForeign)
	}
	return nil
}

// sameOrganisation reports whether a person belongs to both workspaces. In Enterprise Grid people have several, and
// Slack may name any of them (github.com/slackapi/bolt-js/issues/1875).
func sameOrganisation(user slack.User, ours, other string) bool {
	return slices.Contains(user.Enterprise.Teams, ours) && slices.Contains(user.Enterprise.Teams, other)
}
