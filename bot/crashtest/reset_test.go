package crashtest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc/ehpctest"
)

// TestResetMatrix is TestMatrix for a lost password: the steps that count are those from the press of New password on.
func TestResetMatrix(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, d database) {
		runMatrix(t, d, flow{name: "reset"}, (*life).liveWithReset, withoutManyJobs)
	})
}

// withoutManyJobs leaves out commits of jobs, which are like those of others.
func withoutManyJobs(all []point) []point {
	return choose(slices.DeleteFunc(slices.Clone(all), func(at point) bool { return at.kind == "commit UPDATE river_job" && at.n > 15 }), nil)
}

// liveWithReset has isabel lose her first password after a life without a kill.
func (l *life) liveWithReset() {
	l.start()
	l.ask()
	l.approve()
	l.receive(applicant{isabel, "isabel"})
	l.wait(func() bool { return holds(l.slack.Person(isabel).DirectMessages(), "You have saved the password") > 0 })
	first := l.password()
	l.settle()
	m, button := l.message(l.slack.Person(isabel).DirectMessages, "New password")
	l.aim()
	l.press(isabel, m, button)
	if l.target == (point{"commit INSERT request", "after", 1}) {
		l.wait(func() bool { return holds(l.slack.Person(isabel).Ephemerals(), "already") > 0 })
	}
	l.eventually("the account has another password", func() bool { return l.password() != first })
	l.receive(applicant{isabel, "isabel"})
	l.settle()
	l.judgeReset()
}

// judgeReset checks the promises: one new password, which is the one that was delivered, and nobody else is told.
func (l *life) judgeReset() {
	l.t.Helper()
	l.stop()
	password := l.password()
	var tried []string
	for _, c := range l.api.Calls() {
		if c.Action == ehpctest.ActionModifyUser {
			tried = append(tried, string(c.Body))
		}
	}
	require.Len(l.t, slices.Compact(tried), 1, "passwords that were tried")
	require.Equal(l.t, 1, l.api.AddUserEffects(ehpctest.ClusterID, "isabel"), "accounts made")
	requireSound(l.t, l.address, l.db, 2)

	direct, approvals := l.slack.Person(isabel).DirectMessages(), l.approvals()
	require.Equal(l.t, 1, holds(direct, password), "messages that ever held the new password")
	require.Equal(l.t, 2, holds(direct, "You have saved the password"), "the requester is told of both ends")
	for _, m := range direct {
		require.NotContains(l.t, m.Plain(), "Password: ", "credentials that are still shown")
	}
	require.Len(l.t, approvals, 1, "the channel is left in peace")
	for _, n := range l.slack.Person(isabel).Notifications() {
		require.NotContains(l.t, n.Mobile+n.Desktop, password, "a notification")
	}
	require.NotContains(l.t, l.log.String(), password, "the log")
	require.Empty(l.t, l.slack.Violations())
	l.repeated = len(direct) - 2
}
