package endtoend

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// offered starts the program with the credentials behind a button, and returns the message that has it.
func offered(w *world.World) (*world.Process, slacktest.Message) {
	w.T.Helper()
	w.Env["CREDENTIALS_DELIVERY"] = "button"
	p := w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	m := w.Told(isabel, "Press Show credentials to see the username and the password")
	w.WaitState("isabel", "delivered")
	return p, m
}

func TestCredentialsBehindAButton(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		p, m := offered(w)
		require.Equal(t, []string{"Show credentials", "I have saved it", "It works", "I can't log in"}, world.Names(m.Buttons()))
		require.Contains(t, w.Request("isabel").Plain(), "has not pressed it yet")

		out, code := w.Run([]string{"requests"})
		require.Zero(t, code, out)
		require.Contains(t, out, "credentials not opened, cleared in")

		w.PressOld(otto, m, "Show credentials") // forged
		w.Answered(otto, "not yours")
		_, open := w.Slack.Person(otto).Modal()
		require.False(t, open)
		w.Press(isabel, m, "I have saved it")
		w.Answered(isabel, "You have not opened the credentials")

		w.Slack.Fail("views.open", slacktest.Fault{Status: http.StatusInternalServerError})
		w.Press(isabel, m, "Show credentials")
		w.Answered(isabel, "Slack did not open the window")
		password := w.Opened(isabel, m, "isabel")
		w.WaitFor("the approvers see that it is opened", func() bool { return strings.Contains(w.Request("isabel").Plain(), "got the credentials") })
		p.Kill()
		p = w.Start()
		require.Equal(t, password, w.Opened(isabel, m, "isabel"))
		out, code = w.Run([]string{"audit", "--request", "1"})
		require.Zero(t, code, out)
		require.Equal(t, 3, strings.Count(out, " show "), "each showing is recorded\n%s", out)
		require.Contains(t, out, "not_yours")

		w.Press(isabel, m, "I have saved it")
		cleared := w.Told(isabel, "You have saved the password")
		require.Equal(t, m.TS, cleared.TS)
		require.Equal(t, []string{"It works", "I can't log in", "New password"}, world.Names(cleared.Buttons()))
		w.PressOld(isabel, m, "Show credentials")
		w.Answered(isabel, "no credentials to show")
		w.Press(isabel, cleared, "It works")
		require.Equal(t, []string{"New password"}, world.Names(w.Told(isabel, "Thank you for telling").Buttons()))
		w.WaitFor("the approvers see that it works", func() bool { return strings.Contains(w.Request("isabel").Plain(), "the login works") })
		w.Stop(p)
	})
}

// Acknowledged is done: who has saved the password can rely on it that nobody opens it any more.
func TestSavedPasswordIsErased(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p, m := offered(w)
	w.Opened(isabel, m, "isabel")
	w.Slack.Fail("chat.update", slacktest.Fault{Status: 500, Times: -1})
	w.Press(isabel, m, "I have saved it")
	p.Kill()
	db := w.OpenDatabase()
	defer db.Close()
	var sealed int
	require.NoError(t, db.QueryRow(`SELECT count(sealed) FROM request`).Scan(&sealed))
	require.Zero(t, sealed)
	w.Slack.ClearFaults()
	w.Start()
	w.Told(isabel, "You have saved the password")
}

func TestButtonTimeIsOver(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["CREDENTIALS_TTL"] = "3s"
	_, m := offered(w)
	cleared := w.Told(isabel, "The time for reading the password is over")
	require.Equal(t, m.TS, cleared.TS)
	w.PressOld(isabel, m, "Show credentials")
	w.Answered(isabel, "their time is over")
	out, code := w.Run([]string{"requests"})
	require.Zero(t, code)
	require.Contains(t, out, "credentials cleared")
}

// Who has not opened the credentials is reminded of them, and later the approvers are told, each once.
func TestNobodyOpensTheCredentials(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["CREDENTIALS_TTL"] = "72h"
	p, _ := offered(w)
	card := w.Request("isabel")
	dayLater := func() {
		w.Stop(p)
		db := w.OpenDatabase()
		defer db.Close()
		for _, statement := range []string{
			`UPDATE request SET delivered_at = delivered_at - 90000000`,
			`UPDATE message SET at = at - 90000000`,
			`UPDATE river_job SET scheduled_at = created_at WHERE kind = 'prompt' AND state = 'scheduled'`,
		} {
			_, err := db.Exec(statement)
			require.NoError(t, err)
		}
		p = w.Start()
	}
	dayLater()
	prompt := w.Told(isabel, "is waiting for you")
	require.Equal(t, []string{"Show credentials"}, world.Names(prompt.Buttons()))
	dayLater()
	told := w.WaitMessage("the approvers are told", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "has not opened") })
	require.Equal(t, card.TS, told.Thread)
	dayLater()
	w.Opened(isabel, prompt, "isabel")
	count := func(messages []slacktest.Message, text string) int {
		return len(slices.DeleteFunc(messages, func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), text) }))
	}
	require.Equal(t, 1, count(w.Slack.Person(isabel).DirectMessages(), "is waiting for you"))
	require.Equal(t, 1, count(w.Slack.Messages(world.Channel), "I have reminded them"))
}

// What waits to be handed over is handed over in the way of the day, and a button works as long as there is one.
func TestDeliveryChanges(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Command(isabel, "isabel")
	card := w.Request("isabel")
	w.Slack.Fail("chat.update", slacktest.Fault{Status: 500, Times: -1})
	w.Press(anna, card, "Approve")
	ready := w.Told(isabel, "You will find the username and the password here")
	w.Stop(p)
	w.Slack.ClearFaults()
	p = w.Start("CREDENTIALS_DELIVERY=button")
	m := w.Told(isabel, "Press Show credentials")
	require.Equal(t, ready.TS, m.TS)
	w.WaitState("isabel", "delivered")
	w.Stop(p)
	w.Start()
	w.Opened(isabel, m, "isabel")
	w.Press(isabel, m, "I have saved it")
	w.Told(isabel, "You have saved the password")
}

// Who can't log in tells the approvers, who read the facts below the message of the request.
func TestTrouble(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.AddNode(ehpctest.ClusterID, ehpctest.Node{Name: "login", Role: "login", PublicIP: "203.0.113.7"})
	w.Start()
	w.Command(isabel, "isabel")
	card := w.Request("isabel")
	w.Press(anna, card, "Approve")
	m, password := w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	form := func() slacktest.View {
		w.Press(isabel, m, "I can't log in")
		v, err := w.Slack.Person(isabel).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Title == "I can't log in" })
		require.NoError(t, err)
		return v
	}
	submit := func(words string) slacktest.SubmitResult {
		r, err := w.Slack.Person(isabel).Submit(w.Ctx, form(), map[string]string{"sees": "refusal", "reason": words})
		require.NoError(t, err)
		require.NoError(t, r.Err)
		return r
	}
	r := submit("I typed " + password + " and it said no")
	require.Contains(t, r.Errors["reason"], "looks like a password")
	_, err := w.Slack.Person(isabel).CloseModal(w.Ctx)
	require.NoError(t, err)

	const words = "<!channel> *Permission denied*"
	r = submit(words)
	require.NotNil(t, r.Updated)
	require.Contains(t, r.Updated.Plain(), "I am telling the approvers")
	_, _ = w.Slack.Person(isabel).CloseModal(w.Ctx)
	told := w.WaitMessage("the report", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "can't log in") })
	require.Equal(t, card.TS, told.Thread)
	for _, fact := range []string{"The password is refused", words, "active", "203.0.113.7", "is listed", "job j-", "first shown"} {
		require.Contains(t, told.Plain(), fact)
	}
	blocks, err := json.Marshal(told.Blocks)
	require.NoError(t, err)
	require.NotContains(t, string(blocks), "mrkdwn")
	for range 2 {
		submit("")
		_, _ = w.Slack.Person(isabel).CloseModal(w.Ctx)
	}
	w.Press(isabel, m, "I can't log in")
	w.Answered(isabel, "3 times")
	w.PressOld(otto, m, "I can't log in")
	w.Answered(otto, "not yours")
	for place, text := range w.Written() {
		require.NotContains(t, text, ehpctest.NodeSecret, place)
	}
	require.NotContains(t, w.Calls(), ehpctest.NodeSecret)
}
