package endtoend

import (
	"fmt"
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

// Several requests are decided at once, from the digest, each as if it were decided alone.
func TestDecideSeveral(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["MAX_ACTIVE_REQUESTS"] = "10"
	p := w.Start()
	for i := range 6 {
		w.Command(isabel, fmt.Sprint("user", i+1))
		w.Request(fmt.Sprint("user", i+1))
	}
	w.Command(anna, "anna")
	w.Request("anna")
	w.Stop(p)
	p = w.Start()
	digest := w.WaitMessage("the digest", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), world.Digest) })
	require.Contains(t, digest.Plain(), "7 requests are waiting")
	forms := map[string]slacktest.View{}
	for who, shows := range map[string]string{anna: "user6 on Training", ben: "anna on Training"} {
		w.Press(who, digest, "Decide several")
		form, err := w.Slack.Person(who).WaitModal(w.Ctx, func(v slacktest.View) bool { return strings.Contains(v.Plain(), shows) })
		require.NoError(t, err)
		forms[who] = form
	}
	require.NotContains(t, forms[anna].Plain(), "anna on Training", "one's own")
	opened := len(w.Slack.Calls("views.open"))
	w.Press(otto, digest, "Decide several")
	w.Answered(otto, "not one of the approvers")
	require.Len(t, w.Slack.Calls("views.open"), opened, "no form, which would be at the cost of those who may decide")
	submit := func(who string, values map[string]string) slacktest.SubmitResult {
		t.Helper()
		r, err := w.Slack.Person(who).Submit(w.Ctx, forms[who], values)
		require.NoError(t, err)
		require.NoError(t, r.Err)
		return r
	}
	require.Contains(t, submit(anna, map[string]string{"verdict": "approve"}).Errors["requests-0"], "at least one")
	done := submit(anna, map[string]string{"requests-0": "1: user1 on Training (ehpc-8jqdq0mz),2: user2 on Training (ehpc-8jqdq0mz)", "verdict": "approve"})
	require.Contains(t, done.Updated.Plain(), "Approved: 1, 2")
	done = submit(ben, map[string]string{
		"requests-0": "2: user2 on Training (ehpc-8jqdq0mz),3: user3 on Training (ehpc-8jqdq0mz),7: anna on Training (ehpc-8jqdq0mz)",
		"verdict":    "deny", "Reason of a denial": "name your *supervisor*",
	})
	require.Contains(t, done.Updated.Plain(), "Not done, as they were decided, or over, before you: 2", p.Err.String())
	require.Contains(t, done.Updated.Plain(), "Denied: 3, 7")
	w.Credentials(isabel, "user1")
	w.Credentials(isabel, "user2")
	require.Contains(t, w.Told(isabel, "Request 3 was denied").Plain(), "name your *supervisor*")
	w.Told(anna, "Request 7 was denied")
	w.WaitState("user4", "waiting for approval")
	require.Contains(t, w.Command(isabel, "status 4").Plain(), "0 of 1")
}
