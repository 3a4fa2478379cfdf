package bot_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/slacktest"
)

func TestRefreshes(t *testing.T) {
	const rounds, people, each = 50, 4, 5
	o := open(t, plan{}).connected()
	var mu sync.Mutex
	var slowest time.Duration
	again := 0 // a disk that others keep busy may not store one in time, and the person is asked to try again
	ask := func(n int) {
		for tries := 1; ; tries++ {
			r := o.slack.Person(isabel).Command(t.Context(), command, username(n))
			repeat := r.Err == nil && tries < 5 && strings.Contains(r.Plain(), "could not be stored")
			mu.Lock()
			slowest = max(slowest, r.Took)
			if repeat {
				again++
			}
			mu.Unlock()
			if r.Err != nil || r.Took >= 3*time.Second || !repeat && !strings.Contains(r.Plain(), username(n)) {
				t.Errorf("command %d: %v after %v: %q", n, r.Err, r.Took, r.Plain())
			}
			if !repeat {
				return
			}
		}
	}
	for round := range rounds {
		var asking sync.WaitGroup
		for i := range people {
			asking.Go(func() {
				for j := range each {
					ask((round*people+i)*each + j)
				}
			})
		}
		o.slack.DisconnectOne(0, []string{"warning", "refresh_requested"}[round%2])
		asking.Wait()
		require.NoError(t, o.slack.Wait(o.patient(), func() bool {
			return o.slack.ConnectionsMade() == 2+round+1 && o.slack.Connections() == 2
		}), o.log)
	}
	counts, err := o.service.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, rounds*people*each, counts[approval.Pending])
	t.Logf("figures: %d commands during %d refreshes, all acknowledged, the slowest after %v; %d could not be stored and were typed again",
		rounds*people*each+again, rounds, slowest, again)
	o.clean()
	require.True(t, again > 0 || !o.log.has("level=WARN"), o.log)
}

// The connection breaks while a command is being handled: the person, who sees Slack's error, is told what was done.
func TestConnectionBreaksWhileHandling(t *testing.T) {
	t.Parallel()
	arrived, free := make(chan struct{}), make(chan struct{})
	var first sync.Once
	o := open(t, plan{before: func(o *office) { o.conf.Connections = 1 }, bot: func(o *office) {
		o.bot.Intercept(func(context.Context, socketmode.Event) {
			first.Do(func() { close(arrived); <-free })
		})
	}}).connected()
	release := sync.OnceFunc(func() { close(free) })
	t.Cleanup(release) // before the bot ends
	reply := make(chan slacktest.Reply, 1)
	go func() { reply <- o.slack.Person(isabel).Command(t.Context(), command, "isabel") }()
	<-arrived
	o.slack.DropConnections()
	// Whoever has opened the next one has seen the end of this one.
	require.NoError(t, o.slack.Wait(o.patient(), func() bool { return o.slack.ConnectionsMade() == 2 }))
	release()
	require.Error(t, (<-reply).Err)
	o.told(isabel, "is in")
	o.asked("omar")
	o.clean()
}

// Slack is away for a while, at the start and later.
func TestSlackAway(t *testing.T) {
	t.Parallel()
	away := func(o *office) {
		o.slack.Fail("*", slacktest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
		o.slack.RefuseConnections(true)
	}
	back := func(o *office) {
		o.slack.ClearFaults()
		o.slack.RefuseConnections(false)
	}
	o := open(t, plan{before: away})
	o.eventually(func() bool { return o.log.has("Slack does not answer", "503") }, "the log says so")
	require.ErrorContains(t, o.bot.Ready(), "503")
	back(o)
	o.connected()
	require.NoError(t, o.bot.Ready())
	away(o)
	o.slack.DropConnections()
	o.eventually(func() bool { return o.log.has("a connection to Slack is lost", "503") }, "the log says so")
	o.eventually(func() bool { return o.bot.Ready() != nil }, "it is not ready")
	require.ErrorContains(t, o.bot.Ready(), "no connection to Slack")
	back(o)
	o.connected().ask("isabel")
	o.clean()
}

func TestFatal(t *testing.T) {
	t.Parallel()
	codes := []string{"invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed", "not_allowed_token_type"}
	for variable, method := range map[string]string{"SLACK_APP_TOKEN": "apps.connections.open", "SLACK_BOT_TOKEN": "auth.test"} {
		for _, code := range codes {
			t.Run(method+" "+code, func(t *testing.T) {
				t.Parallel()
				o := open(t, plan{before: func(o *office) { o.slack.Fail(method, slacktest.Fault{Error: code, Times: -1}) }})
				requireFatal(t, o.end(), variable, code)
			})
		}
	}
	t.Run("link_disabled", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.slack.Disconnect("link_disabled")
		requireFatal(t, o.end(), "SLACK_APP_TOKEN", "link_disabled")
	})
	t.Run("tokens of two apps", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{slack: []slacktest.Option{slacktest.WithBot("U01HARNESS1", "B01HARNESS1", "A01HARNESS1")}})
		require.EqualError(t, o.end(), "SLACK_APP_TOKEN: is of the app A0EHPCBOT, and SLACK_BOT_TOKEN of the app A01HARNESS1: copy both tokens from the settings of one app")
	})
	t.Run("not of silence about the app", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{before: func(o *office) { o.slack.Fail("bots.info", slacktest.Fault{Error: "internal_error"}) }}).connected()
		require.True(t, o.log.has("not known whether SLACK_APP_TOKEN", "internal_error"))
	})
	t.Run("of a job", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.slack.Fail("chat.postMessage", slacktest.Fault{Error: "token_revoked", Times: -1})
		o.ask("isabel")
		requireFatal(t, o.end(), "SLACK_BOT_TOKEN", "token_revoked")
	})
	t.Run("of a handler", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.slack.Fail("views.open", slacktest.Fault{Error: "invalid_auth", Times: -1})
		require.Contains(t, o.ask("").Plain(), "form", "the person is answered all the same")
		requireFatal(t, o.end(), "SLACK_BOT_TOKEN", "invalid_auth")
	})
}

func requireFatal(t *testing.T, err error, variable, code string) {
	t.Helper()
	var dead *slackapi.FatalError
	require.ErrorAs(t, err, &dead)
	require.Equal(t, slackapi.FatalError{Variable: variable, Code: code}, *dead)
	require.True(t, strings.HasPrefix(dead.Error(), variable+": "), dead.Error())
	require.Contains(t, dead.Error(), code)
}

// Shutdown answers what is in hand, and what is acknowledged is stored.
func TestShutdown(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 100)
	free := make(chan struct{})
	o := open(t, plan{bot: func(o *office) {
		o.bot.Intercept(func(context.Context, socketmode.Event) { arrived <- struct{}{}; <-free })
	}}).connected()
	const n = 40
	replies := make(chan slacktest.Reply, n)
	for i := range n {
		go func() { replies <- o.slack.Person(isabel).Command(t.Context(), command, username(i)) }()
	}
	for range n {
		<-arrived
	}
	o.cancel()
	close(free)
	taken := 0
	for range n {
		r := <-replies
		require.NoError(t, r.Err)
		if !strings.Contains(r.Plain(), "could not be stored") {
			taken++ // on a slow machine the time is over for some
		}
	}
	require.NoError(t, <-o.ended)
	counts, err := o.service.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, taken, counts[approval.Pending])
	require.Positive(t, taken)
	o.eventually(func() bool { return o.slack.Connections() == 0 }, "the connections end")
	require.ErrorIs(t, o.slack.Person(isabel).Command(t.Context(), command, "late").Err, slacktest.ErrNotConnected)
	o.clean()
}

// What crosses the bot's close frame on the way can't be acknowledged. It is done all the same, and the person,
// who sees Slack's error, is told so.
func TestCommandThatCrossesTheClose(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) { o.slack.SetCloseDelay(300 * time.Millisecond) }}).connected()
	var replies []chan slacktest.Reply
	for stopped := false; ; {
		r := make(chan slacktest.Reply, 1)
		name := username(len(replies))
		go func() { r <- o.slack.Person(isabel).Command(t.Context(), command, name) }()
		replies = append(replies, r)
		if !stopped {
			got := <-r
			require.NoError(t, got.Err)
			r <- got
		} else if soon(r, 50*time.Millisecond, slacktest.ErrNotConnected) {
			break
		}
		if len(replies) == 3 {
			o.cancel()
			stopped = true
		}
	}
	acknowledged, crossed, refused := 0, 0, 0
	const tooSlow = "could not be stored" // on a slow machine the time is over for some
	for _, r := range replies {
		switch got := <-r; {
		case got.Err == nil && strings.Contains(got.Plain(), tooSlow):
			refused++
		case got.Err == nil:
			acknowledged++
		case errors.Is(got.Err, slacktest.ErrNotConnected), errors.Is(got.Err, slacktest.ErrNotSent):
		default:
			crossed++
		}
	}
	require.NoError(t, <-o.ended)
	require.Positive(t, crossed)
	told := func(what string) (n int) {
		for _, m := range o.slack.Person(isabel).Ephemerals() {
			if strings.Contains(m.Plain(), what) {
				n++
			}
		}
		return n
	}
	late := told(tooSlow) - refused // an answer to a command is an ephemeral message, too
	counts, err := o.service.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, acknowledged+crossed-late, counts[approval.Pending], "a command was lost")
	require.GreaterOrEqual(t, told("now waits for approval"), crossed-late)
	require.True(t, o.log.has("closed before it was acknowledged"))
	o.clean()
}

// soon reports whether a reply with an error comes within a time; the reply can still be received.
func soon(r chan slacktest.Reply, within time.Duration, err error) bool {
	select {
	case got := <-r:
		r <- got
		return errors.Is(got.Err, err)
	case <-time.After(within):
		return false
	}
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	o := open(t, plan{bot: func(o *office) { bot.BreakHandling(o.bot) }}).connected()
	r := o.ask("isabel")
	require.Contains(t, r.Plain(), "went wrong")
	require.True(t, o.log.has("panicked", "stack"))
	o.clean()
}

// No answer comes near the size at which Slack drops it, whatever people have typed.
func TestLargestAnswers(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	reason := strings.Repeat("<&", approval.ReasonMaxLength/2)
	name := strings.Repeat("a", 6)
	for i := range 12 {
		_, err := o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: fmt.Sprintf("%s%02d", name, i), Reason: reason})
		require.NoError(t, err)
	}
	_, err := o.service.Deny(t.Context(), o.target(12), anna, reason)
	require.NoError(t, err)
	for _, words := range []string{"list", "status 12", "status 1", "help", name + "00", "cluster=" + strings.Repeat("<", 3000) + " x", strings.Repeat("&", 4000)} {
		r := o.slack.Person(isabel).Command(t.Context(), command, words)
		require.NoError(t, r.Err, words)
		require.NotEmpty(t, r.Plain(), words)
		require.Less(t, len(r.Payload), 16_000, words)
	}
	o.clean()
}
