package endtoend

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
)

// At half of the time a request is passed on: the fallback is asked in its thread and may decide from then on, and the
// requester is told whose turn it is at each step, once, though the program is killed meanwhile.
func TestFallback(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["APPROVAL_REMINDER"], w.Env["APPROVAL_EXPIRY"], w.Env["APPROVERS_FALLBACK"] = "1s", "20s", admins
	p := w.Start()
	w.Command(isabel, "isabel")
	card := w.Request("isabel")
	w.Press(carl, card, "Approve")
	w.Answered(carl, "not one of the approvers")
	w.Told(isabel, "I have reminded those whose turn it is: <@"+anna+">")
	w.WaitFor("the job waits for the next step", func() bool { return strings.Contains(p.Err.String(), `"job put off" job=remind`) })
	p.Kill()
	w.Start()
	asked := w.WaitMessage("the fallback is asked", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "please decide on request 1") })
	require.Equal(t, card.TS, asked.Thread)
	require.Contains(t, asked.Plain(), "<!subteam^"+admins+">")
	require.True(t, slices.ContainsFunc(w.Slack.Person(carl).Notifications(), func(n slacktest.Notification) bool {
		return strings.Contains(n.Mobile, "please decide on request 1")
	}), "who is asked is notified")
	w.Told(isabel, "It is now also the turn of <!subteam^"+admins+">")
	card = w.WaitMessage("the card names them", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "<!subteam^"+admins+"> may decide as well")
	})
	w.Press(otto, card, "Approve")
	w.Answered(otto, "not one of the approvers")
	w.Press(carl, card, "Approve")
	w.Credentials(isabel, "isabel")
	require.Contains(t, w.WaitState("isabel", "delivered").Plain(), "Approved by <@"+carl+">")
	w.WaitFor("nobody is urged any more", func() bool { return len(w.Requests()) == 1 && len(w.Slack.Messages(channel)) >= 3 })
	told := 0
	for _, m := range w.Slack.Person(isabel).DirectMessages() {
		if strings.Contains(m.Plain(), "is still waiting") {
			told++
		}
	}
	require.Equal(t, 2, told, "one message for each step")
}
