package crashtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

var sponsoredFirst = flow{
	name: "sponsor", env: map[string]string{"SPONSOR_REQUIRED": "true"}, take: (*life).takeMessage, end: (*life).judgeMessage,
}

// TestSponsorMatrix is TestMatrix for a life in which a sponsor is asked first: the sponsor's approval is there once, and no
// account is made without it.
func TestSponsorMatrix(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, d database) {
		runMatrix(t, d, sponsoredFirst, (*life).liveWithSponsor, besideTheUsual(t, d))
	})
}

func (l *life) liveWithSponsor() {
	sara := l.applicants("sara")[0]
	l.aim()
	l.start()
	l.act(func(ctx context.Context) slacktest.Reply {
		return l.slack.Person(isabel).Command(ctx, command, "isabel")
	})
	l.fill(isabel, "Sponsor", sara.id)
	ofSara := l.slack.Person(sara.id).DirectMessages
	m, approve := l.message(ofSara, "Approve")
	require.Empty(l.t, l.approvals(), "the approvers are asked later")
	l.press(sara.id, m, approve)
	l.wait(func() bool { return holds(l.slack.Person(isabel).DirectMessages(), "has approved your request") > 0 })
	require.Empty(l.t, l.api.Users(ehpctest.ClusterID))
	l.approve()
	l.flow.take(l)
	l.settle()
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'sponsor'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event e JOIN event d ON d.action = 'approve' AND d.seq > e.seq WHERE e.action = 'sponsor'`))
	require.Zero(l.t, withButtons(ofSara()), "the sponsor's step is over")
	l.judge()
	l.repeated-- // that the sponsor has approved
}
