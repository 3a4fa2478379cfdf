package endtoend

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

func TestSlackAwayAtStart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ harm, mend func(s *slacktest.Server) }{
		"connections refused": {
			func(s *slacktest.Server) { s.RefuseConnections(true) },
			func(s *slacktest.Server) { s.RefuseConnections(false) },
		},
		"500": {
			func(s *slacktest.Server) { s.Fail("*", slacktest.Fault{Status: 500, Times: -1}) },
			(*slacktest.Server).ClearFaults,
		},
		"broken": {
			func(s *slacktest.Server) { s.Fail("*", slacktest.Fault{DropBefore: true, Times: -1}) },
			(*slacktest.Server).ClearFaults,
		},
		"429": {
			func(s *slacktest.Server) {
				s.Fail("apps.connections.open", slacktest.Fault{RetryAfter: time.Second, Times: 2})
				s.Fail("auth.test", slacktest.Fault{RetryAfter: time.Second, Times: 1})
			},
			func(*slacktest.Server) {},
		},
		"an error that passes": {
			func(s *slacktest.Server) { s.Fail("*", slacktest.Fault{Error: "internal_error", Times: -1}) },
			(*slacktest.Server).ClearFaults,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			c.harm(w.Slack)
			p := w.Launch()
			p.WaitReady(false, "slack")
			require.Equal(t, "ok\n", p.Get("/healthz"))
			c.mend(w.Slack)
			p.WaitReady(true, "slack")
			w.WaitConnections()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			w.Credentials(isabel, "isabel")
		})
	}
}

func TestNobodyListensAtStart(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	slackAddr, ehpcAddr := w.Slack.URL()[len("http://"):], w.EHPC.URL[len("http://"):]
	w.Slack.Close()
	w.EHPC.Close()
	p := w.Launch()
	p.WaitReady(false, "slack")
	p.WaitReady(false, "ehpc")
	require.Regexp(t, `(?m)^slack: not ready: .+\n^ehpc: not ready: .+\n^database: answers$`, p.Get("/readyz"))
	w.Slack = world.NewSlack(slacktest.WithAddr(slackAddr))
	t.Cleanup(w.Slack.Close)
	p.WaitReady(true, "slack")
	w.WaitConnections()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.WaitState("isabel", "approved")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "approved")
	w.EHPC = ehpctest.NewServer(ehpctest.WithAddr(ehpcAddr))
	t.Cleanup(w.EHPC.Close)
	p.WaitReady(true, "ehpc")
	w.Credentials(isabel, "isabel")
	require.Contains(t, p.Get("/readyz"), "ehpc: reached")
}

func TestAwayLater(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	p.WaitReady(true, "slack")
	p.WaitReady(true, "ehpc")
	w.Slack.RefuseConnections(true)
	w.Slack.DropConnections()
	p.WaitReady(false, "slack")
	require.Contains(t, p.Status("/readyz"), "503")
	w.Slack.RefuseConnections(false)
	p.WaitReady(true, "slack")
	w.WaitConnections() // the old ones are known to be gone
	w.Command(isabel, "isabel")
	m := w.Request("isabel")

	// EHPC breaks each call; the request waits.
	w.EHPC.DropBefore(ehpctest.ActionAny, -1)
	w.Press(anna, m, "Approve")
	p.WaitReady(false, "ehpc")
	w.EHPC.ClearFaults()

	// Slack's Web API is away when the credentials are due.
	w.Slack.Fail("chat.postMessage", slacktest.Fault{Status: 503, Times: 2})
	w.Slack.Fail("chat.update", slacktest.Fault{DropAfter: true, Times: 2})
	w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	p.WaitReady(true, "ehpc")
}

func TestSlackDisconnects(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	for i, reason := range []string{"refresh_requested", "warning"} {
		made := w.Slack.ConnectionsMade()
		w.Slack.Disconnect(reason)
		w.WaitFor("new connections", func() bool { return w.Slack.ConnectionsMade() >= made+2 })
		w.Command(isabel, fmt.Sprintf("isabel%d", i))
	}
	made := w.Slack.ConnectionsMade()
	w.Slack.DropConnections()
	w.WaitFor("new connections", func() bool { return w.Slack.ConnectionsMade() >= made+2 && w.Slack.Connections() == 2 })
	w.Command(isabel, "isabel2")
}

func TestSocketModeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Slack.Disconnect("link_disabled")
	require.Equal(t, 1, p.Wait())
	require.Contains(t, p.Err.String(), "link_disabled")
}

// The bot is invited after the first request: what waits is posted then.
func TestNotInTheChannel(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.SetChannel(slacktest.Channel{ID: channel})
	p := w.Start()
	w.Command(isabel, "isabel")
	w.WaitFor("it is said in the log", func() bool { return strings.Contains(p.Err.String(), "not_in_channel") })
	w.Slack.SetChannel(slacktest.Channel{ID: channel, BotIsMember: true})
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
}

// The credentials can't be handed over while Slack refuses: the approvers see it, and the password stays sealed.
func TestMessagesTabOff(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Slack.SetMessagesTab(false)
	w.Press(anna, m, "Approve")
	w.WaitMessage("it has to wait", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "It has to wait") })
	require.Contains(t, p.Err.String(), "messages_tab_disabled")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "credentials are on their way")
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.Launch(fmt.Sprintf("SLACK_CONNECTIONS=%d", n))
			w.WaitFor("the connections", func() bool { return w.Slack.Connections() == n })
			for i := range n {
				require.NotEmpty(t, w.Command(isabel, fmt.Sprintf("status %d", i+1)).Plain(), "each of them is served")
			}
		})
	}
}

func TestSlackLimits(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		w.Slack.Fail(method, slacktest.Fault{RetryAfter: 2 * time.Second})
		w.Slack.Fail(method, slacktest.Fault{RetryAfter: time.Second, Skip: 1})
	}
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		calls := w.Slack.Calls(method)
		require.NotEqual(t, "ok", calls[0].Answer)
		require.GreaterOrEqual(t, calls[1].At.Sub(calls[0].At), 2*time.Second-10*time.Millisecond, "%s obeys Retry-After", method)
	}
}

// An answer of Slack that is lost after the work was done leaves at most a message without the secret behind.
func TestSlackLosesAnswers(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.Fail("chat.postMessage", slacktest.Fault{DropAfter: true, Match: func(c slacktest.Call) bool { return c.Params.Get("channel") != channel }})
	w.Slack.Fail("chat.update", slacktest.Fault{DropAfter: true})
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	dm, password := w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.Press(isabel, dm, "I have saved it")
	w.Cleared(isabel, password)
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	for token, variable := range map[string]string{"app": "SLACK_APP_TOKEN", "bot": "SLACK_BOT_TOKEN"} {
		for _, code := range []string{"invalid_auth", "token_revoked", "account_inactive"} {
			t.Run(token+" "+code, func(t *testing.T) {
				t.Parallel()
				w := world.New(t)
				w.Slack.Revoke(token, code)
				p := w.Launch()
				require.Equal(t, 1, p.Wait())
				require.Regexp(t, `(?m)^.*`+variable+`.*`+code, p.Err.String())
			})
		}
		t.Run(token+" later", func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start()
			w.Slack.Revoke(token, "invalid_auth")
			if token == "app" {
				w.Slack.DropConnections()
			} else {
				w.Command(isabel, "isabel")
			}
			require.Equal(t, 1, p.Wait())
			require.Regexp(t, `(?m)^.*`+variable+`.*invalid_auth`, p.Err.String())
			w.Slack.Revoke(token, "")
			w.Start()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			w.Credentials(isabel, "isabel")
		})
	}
}
