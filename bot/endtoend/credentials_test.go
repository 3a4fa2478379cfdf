package endtoend

import (
	"strings"
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

func TestCommandToCredentials(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		p := w.Start("LOGIN_HINT=ssh {username}@login.example.org")
		reply := w.Command(isabel, `isabel reason="thesis project"`)
		require.True(t, reply.Ephemeral)
		require.Contains(t, reply.Plain(), "isabel")

		m := w.Request("isabel")
		require.Contains(t, m.Plain(), "<@"+isabel+">")
		require.Contains(t, m.Plain(), "thesis project")
		require.Contains(t, m.Plain(), "Training")
		require.Regexp(t, `\d{4}-\d\d-\d\d \d\d:\d\d UTC`, m.Plain(), "until when it can be decided")
		require.Equal(t, []string{"Approve", "Deny", "Approve with changes", "Ask back"}, world.Names(m.Buttons()))
		require.NotNil(t, m.Buttons()[0].Confirm, "Approve asks first")

		w.Press(anna, m, "Approve")
		dm, password := w.Credentials(isabel, "isabel")
		require.Contains(t, dm.Plain(), "Username: isabel")
		require.Contains(t, dm.Plain(), "ssh isabel@login.example.org")
		require.Len(t, password, 20)
		require.NotContains(t, dm.History[0].Plain(), password, "the message is new without the secret")
		w.WaitState("isabel", "delivered")
		require.Contains(t, w.Request("isabel").Plain(), "<@"+anna+">")
		require.Empty(t, w.Request("isabel").Buttons())
		require.Contains(t, w.Command(isabel, "status 1").Plain(), "delivered")

		require.LessOrEqual(t, w.EHPC.CallCount(ehpctest.ActionAny), 5, "calls for one account, with the look that goes with the request")
		require.NotContains(t, w.AddUser(0), "mod", "it was not asked for")
		require.NotContains(t, p.Get("/metrics"), password)

		w.Press(isabel, dm, "I have saved it")
		w.Cleared(isabel, password)
		require.Contains(t, w.Latest(dm).Plain(), "isabel", "the rest stays")
		w.Stop(p)
		require.NotContains(t, p.Out.String()+p.Err.String(), password)
	})
}

func TestCredentialsAreCleared(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start("CREDENTIALS_TTL=2s")
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	_, password := w.Credentials(isabel, "isabel")
	w.Stop(p)
	w.Start("CREDENTIALS_TTL=2s") // due while the process was down
	w.Cleared(isabel, password)
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "delivered")
}

func TestCredentialsStay(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start("CREDENTIALS_TTL=0")
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	dm, password := w.Credentials(isabel, "isabel")
	require.NotRegexp(t, `until \d`, dm.Plain())
	w.Stop(p)
	w.Start("CREDENTIALS_TTL=0")
	require.Contains(t, w.Latest(dm).Plain(), password)
	w.Press(isabel, dm, "I have saved it")
	w.Cleared(isabel, password)
}

// Acknowledged is done, even if the process ends at that moment.
func TestKilledWhileClearing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	dm, password := w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.Slack.Fail("chat.update", slacktest.Fault{Status: 500, Times: -1})
	w.Press(isabel, dm, "I have saved it")
	p.Kill()
	w.Slack.ClearFaults()
	w.Start()
	w.Cleared(isabel, password)
}

// Many workspaces let messages be edited for some minutes only.
func TestEditingForbiddenLater(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	dm, password := w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.Command(otto, "otto")
	w.Request("otto")
	w.Slack.SetEditWindow(0)
	w.Press(isabel, dm, "I have saved it")
	w.Cleared(isabel, password)
	w.Command(otto, "cancel 2")
	w.WaitState("otto", "cancelled")
}

func TestOnlyTheRequesterClears(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	dm, password := w.Credentials(isabel, "isabel")
	w.PressOld(otto, dm, "I have saved it") // forged
	w.WaitFor("otto is refused", func() bool { return len(w.Slack.Person(otto).Ephemerals()) > 0 })
	require.Contains(t, w.Latest(dm).Plain(), password)
}

func TestEditingForbidden(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]string{"button": "24h", "time": "2s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.Slack.SetEditWindow(0)
			w.EditingForbidden = true
			w.Start("CREDENTIALS_TTL=" + by)
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			dm, password := w.Credentials(isabel, "isabel")
			if name == "button" {
				w.Press(isabel, dm, "I have saved it")
			}
			w.Cleared(isabel, password)
			w.WaitFor("the request is delivered", func() bool {
				return strings.Contains(w.Command(isabel, "status 1").Plain(), "delivered")
			})
			w.WaitState("isabel", "delivered")
			shown := 0
			for _, n := range w.Slack.Person(isabel).Notifications() {
				require.NotContains(t, n.Mobile, password)
				if strings.Contains(n.Desktop, password) {
					shown++
				}
			}
			require.LessOrEqual(t, shown, 1)
		})
	}
}

// An account of somebody who is known costs six calls of Slack in all, to the moment at which the credentials are saved, and
// one more for each step that the approvers see because it takes its time.
func TestCallsOfAnAccount(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	account := func(username string) {
		w.Command(isabel, username)
		w.Press(anna, w.Request(username), "Approve")
		m, password := w.Credentials(isabel, username)
		w.WaitState(username, "delivered")
		w.Press(isabel, m, "I have saved it")
		w.Cleared(isabel, password)
	}
	account("isabel") // who isabel and anna are is known from here on
	before := len(w.Slack.AllCalls())
	account("isabel2")
	calls, steps := 0, 0
	for _, c := range w.Slack.AllCalls()[before:] {
		if calls++; c.Method == "chat.update" && c.Params.Get("channel") == channel {
			steps++
		}
	}
	require.LessOrEqual(t, calls-max(0, steps-1), 6)
}

// Somebody who was deactivated and is back can have their password taken out of sight.
func TestReaderIsBack(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	credentials, password := w.Credentials(isabel, "isabel")
	w.Command(isabel, "isabel2")
	m := w.Request("isabel2")
	w.Slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", Deleted: true})
	w.Press(anna, m, "Approve")
	w.WaitFor("anna is told that isabel is gone", func() bool { return len(w.Slack.Person(anna).Ephemerals()) > 0 })
	w.Slack.AddUser(slacktest.User{ID: isabel, Name: "isabel"})
	w.WaitFor("the password is taken away", func() bool {
		w.PressOld(isabel, credentials, "I have saved it")
		return !strings.Contains(w.Latest(credentials).Plain(), password)
	})
}
