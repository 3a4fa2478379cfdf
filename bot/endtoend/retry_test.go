package endtoend

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// Votes of people who are no approvers any more are neither counted nor shown.
func TestVotesThatDoNotCount(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["APPROVALS_REQUIRED"] = "2"
	p := w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(anna, m, "Approve")
	w.WaitMessage("1 of 2", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "1 of 2") })
	w.Stop(p)
	w.Start("APPROVERS=" + ben + "," + carl)
	w.Press(ben, m, "Approve")
	m = w.WaitMessage("ben's vote", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "<@"+ben+">") })
	require.Contains(t, m.Plain(), "Approvals: 1 of 2", "anna is no approver any more")
	require.NotContains(t, w.Command(isabel, "status 1").Plain(), "2 of 2")
}

// One's own approval stops counting where it is allowed no more.
func TestOwnVoteLapses(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Status: 502, Times: -1})
	p := w.Start("APPROVAL_ALLOW_SELF=true")
	w.Command(anna, "anna")
	w.Press(anna, w.Request("anna"), "Approve")
	w.WaitState("anna", "approved")
	w.Stop(p)
	w.EHPC.ClearFaults()
	w.Start()
	w.WaitState("anna", "waiting for approval")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
}

// Retry never hands over an account that another request has made, whatever an earlier call of its own came to.
func TestRetryFindsTheAccountOfAnotherRequest(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Before: true, Times: -1})
	w.Command(otto, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.WaitFor("the call", func() bool { return w.EHPC.CallCount(ehpctest.ActionAddUser) > 0 })
	w.WaitFor("it is ended", func() bool { return strings.Contains(w.Command(anna, "abandon 1").Plain(), "is ended") })
	failed := w.WaitMessage("failed", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 1: failed") })
	w.EHPC.ClearFaults()
	w.Command(isabel, "isabel")
	w.Press(anna, w.RequestID(2), "Approve")
	w.Credentials(isabel, "isabel")
	w.WaitMessage("delivered", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 2: done") })
	answers, told := len(w.Slack.Person(anna).Ephemerals()), len(w.Slack.Person(otto).DirectMessages())
	w.Press(anna, failed, "Retry")
	w.WaitFor("an end", func() bool {
		return len(w.Slack.Person(anna).Ephemerals()) > answers || len(w.Slack.Person(otto).DirectMessages()) > told
	})
	for _, m := range w.Slack.Person(otto).DirectMessages() {
		require.NotContains(t, m.Plain(), "is made")
		require.NotContains(t, m.Plain(), "Password: ")
	}
}

// A name that somebody else had meanwhile is not given away by Retry: the home directory is still there.
func TestRetryOfAFormerName(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.FailJobs(1)
	w.Start()
	w.Command(otto, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	failed := w.WaitMessage("failed", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 1: failed") })
	w.Command(isabel, "isabel")
	w.Press(anna, w.RequestID(2), "Approve")
	w.Credentials(isabel, "isabel")
	w.WaitMessage("delivered", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 2: done") })
	w.EHPC.RemoveUser(ehpctest.ClusterID, "isabel")
	answers, told := len(w.Slack.Person(anna).Ephemerals()), len(w.Slack.Person(otto).DirectMessages())
	w.Press(anna, failed, "Retry")
	w.WaitFor("an end", func() bool {
		return len(w.Slack.Person(anna).Ephemerals()) > answers || len(w.Slack.Person(otto).DirectMessages()) > told
	})
	require.Empty(t, w.EHPC.Users(ehpctest.ClusterID), "the home directory of its former owner is still there")
}

// Nor is it by an approval, where the name ceased to be reusable while the request waited.
func TestFormerNameIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start("EHPC_REUSABLE_USERNAMES=isabel")
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.EHPC.RemoveUser(ehpctest.ClusterID, "isabel")
	w.Command(otto, "isabel")
	m := w.RequestID(2)
	w.Stop(p)
	w.Start()
	w.Press(anna, m, "Approve")
	w.Answered(anna, "former owner")
	require.Empty(t, w.EHPC.Users(ehpctest.ClusterID))
}

// The job of an abandoned request makes the account while another request's call is open.
func TestOldJobEndsLater(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.HangJobs(true)
	w.Start()
	w.Command(otto, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.WaitFor("the job", func() bool { return w.EHPC.CallCount(ehpctest.ActionOperation) > 0 })
	require.Contains(t, w.Command(anna, "abandon 1").Plain(), "is ended")
	w.WaitMessage("failed", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 1: failed") })
	w.EHPC.DropAfter(ehpctest.ActionAddUser, 1)
	w.Command(isabel, "isabel")
	w.Press(anna, w.RequestID(2), "Approve")
	w.WaitFor("its call", func() bool { return w.EHPC.CallCount(ehpctest.ActionAddUser) == 2 })
	w.EHPC.HangJobs(false)
	w.WaitMessage("an end", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "Request 2: done") || strings.Contains(m.Plain(), "Request 2: failed")
	})
	for _, m := range w.Slack.Person(isabel).DirectMessages() {
		require.NotContains(t, m.Plain(), "Password: ", "it is not the one that the account has")
	}
}

// What was asked of the API before a request failed does not spare its retry the look at what it hangs on.
func TestRetryLooksAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world.World) []string{
		"the name is reserved": func(*world.World) []string { return []string{"EHPC_RESERVED_USERNAMES=isabel"} },
		"the requester is gone": func(w *world.World) []string {
			w.Slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", Deleted: true})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Code: 5000, Times: -1})
			p := w.Start()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			w.WaitMessage("it waits", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "It has to wait") })
			require.Contains(t, w.Command(anna, "abandon 1").Plain(), "is ended")
			m := w.WaitState("isabel", "failed")
			w.Stop(p)
			w.EHPC.ClearFaults()
			calls := w.EHPC.CallCount(ehpctest.ActionAddUser)
			p = w.Start(change(w)...)
			w.Press(anna, m, "Retry")
			w.WaitFor("it fails again", func() bool { return strings.Contains(p.Err.String(), "an account is not made after all") })
			w.WaitState("isabel", "failed")
			require.Equal(t, calls, w.EHPC.CallCount(ehpctest.ActionAddUser))
		})
	}
}
