package bot_test

import (
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// In Enterprise Grid a person has an id in the workspace and one in the organisation, and Slack, an administrator and a
// group may each use either. They are one person's all the same.
func TestOnePersonTwoIDs(t *testing.T) {
	t.Parallel()
	const u, w, group = "U0BEA", "W0BEA", "S0BEA"
	bea := slacktest.User{ID: u, Name: "bea", OrgID: w, Teams: []string{slacktest.TeamID}}
	office := func(t *testing.T, change func(*approval.Config), members ...string) *office {
		t.Parallel()
		o := open(t, plan{before: func(o *office) {
			o.slack.AddUser(bea)
			o.slack.AddUserGroup(group, "bea", members...)
			change(&o.policy)
		}}).connected()
		t.Cleanup(func() { o.clean() })
		return o
	}
	approvers := func(ids ...string) func(*approval.Config) {
		return func(c *approval.Config) { c.Approvers = ids }
	}
	for name, c := range map[string]struct{ listed, member, presses string }{
		"listed as U, presses as W": {listed: u, presses: w},
		"listed as W, presses as U": {listed: w, presses: u},
		"in a group as U":           {listed: group, member: u, presses: w},
		"in a group as W":           {listed: group, member: w, presses: u},
	} {
		t.Run(name, func(t *testing.T) {
			o := office(t, approvers(c.listed), c.member)
			o.press(c.presses, o.asked("isabel"), "Approve")
			o.delivered("isabel")
		})
	}
	t.Run("one's own request", func(t *testing.T) {
		o := office(t, approvers(w))
		require.Contains(t, o.slack.Person(u).Command(t.Context(), command, "bea").Plain(), "Request 1 is in")
		o.press(w, o.says(channel, "bea", "Approve"), "Approve")
		o.told(w, "This is your own request")
	})
	t.Run("one's own request, asked while Slack was silent", func(t *testing.T) {
		o := office(t, approvers(u))
		o.slack.Fail("users.info", slacktest.Fault{Status: http.StatusInternalServerError, Times: -1})
		require.Contains(t, o.slack.Person(w).Command(t.Context(), command, "bea").Plain(), "Request 1 is in")
		o.slack.ClearFaults()
		o.press(u, o.says(channel, "bea", "Approve"), "Approve")
		o.told(u, "This is your own request")
	})
	t.Run("two votes", func(t *testing.T) {
		o := office(t, func(c *approval.Config) { c.Approvers, c.Required = []string{w, group}, 2 }, u)
		o.press(w, o.asked("isabel"), "Approve")
		m := o.says(channel, "Approvals: 1 of 2")
		o.press(u, m, "Approve")
		o.told(u, "You have approved request 1 already")
	})
	t.Run("what is one's own", func(t *testing.T) {
		o := office(t, func(c *approval.Config) { c.MaxActive = 1 })
		require.Contains(t, o.slack.Person(u).Command(t.Context(), command, "bea").Plain(), "Request 1 is in")
		require.Contains(t, o.slack.Person(w).Command(t.Context(), command, "beate").Plain(), "You have an open request")
		require.Contains(t, o.slack.Person(w).Command(t.Context(), command, "list").Plain(), "bea")
		require.Contains(t, o.slack.Person(w).Command(t.Context(), command, "status 1").Plain(), "Take it back")
		require.Contains(t, o.slack.Person(w).Command(t.Context(), command, "bea").Plain(), "You have asked for the account")
		o.press(anna, o.says(channel, "bea", "Approve"), "Approve")
		m, err := o.slack.WaitDirectMessage(o.patient(), u, func(m slacktest.Message) bool { return holds(m.Plain(), "I have saved it") })
		require.NoError(t, err)
		o.press(w, m, "I have saved it")
		o.says(m.Channel, "You have saved the password")
	})
}

// Who asked may have left, or become a guest, by the time that somebody decides; and a guest a member.
func TestRequesterIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]slacktest.User{
		"deactivated": {ID: isabel, Name: "isabel", Deleted: true},
		"a guest":     {ID: isabel, Name: "isabel", Restricted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			m := o.asked("isabel")
			o.slack.AddUser(now)
			o.press(anna, m, "Approve")
			o.told(anna, "Request 1 can't be approved")
			require.Empty(t, o.ehpc.Users(ehpctest.ClusterID))
			o.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel"})
			o.press(anna, m, "Approve")
			o.delivered("isabel")
			o.clean()
		})
	}
	t.Run("while the account is made", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		o := open(t, plan{clock: clock.now}).connected()
		o.ehpc.HangJobs(true)
		o.press(anna, o.asked("isabel"), "Approve")
		o.says(channel, "The account is being made")
		o.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", Deleted: true})
		clock.advance(10 * time.Second)
		o.ehpc.HangJobs(false)
		o.says(channel, "The account isabel is made, but", "remove the account isabel", "Retry")
		o.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel"})
		clock.advance(10 * time.Second)
		o.press(anna, o.says(channel, "Retry"), "Retry")
		o.delivered("isabel")
		o.clean()
	})
	t.Run("a guest who becomes a member", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		o := open(t, plan{clock: clock.now}).connected()
		o.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", Restricted: true})
		require.Contains(t, o.ask("isabel").Plain(), "Only members of this workspace")
		o.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel"})
		clock.advance(10 * time.Second)
		require.Contains(t, o.ask("isabel").Plain(), "Request 1 is in")
	})
}

// A limit of Slack's that is over in a second costs an approver no press.
func TestPressDuringALimit(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	m := o.asked("isabel")
	o.slack.Fail("users.info", slacktest.Fault{RetryAfter: time.Second, Times: 1})
	o.press(anna, m, "Approve")
	o.delivered("isabel")
	o.clean()
}

// An approver can end a request that does not get on; and Retry goes on with it.
func TestAbandon(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	o.ehpc.HangJobs(true)
	m := o.asked("isabel")
	require.Contains(t, o.slack.Person(anna).Command(t.Context(), command, "abandon 1").Plain(), "Only a request that is approved")
	o.press(anna, m, "Approve")
	o.says(channel, "The account is being made")
	require.Contains(t, o.slack.Person(isabel).Command(t.Context(), command, "abandon 1").Plain(), "You are not one of the approvers")
	require.Contains(t, o.slack.Person(anna).Command(t.Context(), command, "abandon 1").Plain(), "Request 1 is ended")
	failed := o.says(channel, "It did not get on, and was ended by hand", "Retry")
	_, err := o.slack.WaitDirectMessage(o.patient(), isabel, func(m slacktest.Message) bool { return holds(m.Plain(), "Request 1 has failed") })
	require.NoError(t, err)
	o.ehpc.HangJobs(false)
	o.press(anna, failed, "Retry")
	o.delivered("isabel")
	require.Equal(t, 1, o.ehpc.CallCount("addUser"))
	o.clean()
}

// Of a request that is not theirs, people hear from cancel what they hear from status.
func TestCancelOfAForeignRequest(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	o.asked("isabel")
	for who, words := range map[string]string{"U0NINA": "There is no request 1", anna: "Request 1 is not yours"} {
		o.slack.AddUser(slacktest.User{ID: who, Name: who})
		require.Contains(t, o.slack.Person(who).Command(t.Context(), command, "cancel 1").Plain(), words)
	}
	events, err := o.service.Events(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "cancel: not_yours", events[len(events)-1].Detail)
}

// The database does not say who sees the credentials: they go where Slack has the conversation with the requester.
func TestCredentialsGoToTheRequesterOnly(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	o.slack.AddUser(slacktest.User{ID: "U0MALLORY", Name: "mallory"})
	o.slack.Fail("chat.update", slacktest.Fault{Error: "internal_error", Times: -1, Match: func(c slacktest.Call) bool {
		return c.Params.Get("channel") == o.slack.DirectID(isabel)
	}})
	o.press(anna, o.asked("isabel"), "Approve")
	o.says(channel, "isabel", "It has to wait")
	client := slack.New(slacktest.BotToken, slack.OptionAPIURL(o.slack.APIURL()))
	place, ref, err := client.PostMessageContext(t.Context(), "U0MALLORY", slack.MsgOptionText("Your account is made", false))
	require.NoError(t, err)
	o.cancel()
	<-o.ended
	o.closeDatabase()
	db, err := sql.Open("sqlite", strings.TrimPrefix(o.database, "sqlite:"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE message SET place = ?, ref = ? WHERE purpose = 'credentials'`, place, ref)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	o.slack.ClearFaults()
	o.build(plan{})
	o.delivered("isabel")
	password, _ := o.ehpc.Password(ehpctest.ClusterID, "isabel")
	require.NotContains(t, o.read(place), password)
	require.True(t, o.log.has("is said to be where the requester is not"))
	o.clean()
}

// Jobs that run before Slack has told which workspace the bot is in take nobody for a stranger.
func TestHomeIsNotKnownYet(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	o.ehpc.HangJobs(true)
	o.press(anna, o.asked("isabel"), "Approve")
	o.says(channel, "The account is being made")
	o.ehpc.HangJobs(false)
	o.slack.Fail("auth.test", slacktest.Fault{Status: http.StatusServiceUnavailable, Times: 3})
	o.restart(plan{})
	o.delivered("isabel")
	o.clean()
}

// While Slack is silent, an approver who is listed by the other id is not taken for somebody else.
func TestSilenceAboutTheOtherID(t *testing.T) {
	t.Parallel()
	const u, w = "U0BEA", "W0BEA"
	o := open(t, plan{before: func(o *office) {
		o.slack.AddUser(slacktest.User{ID: u, Name: "bea", OrgID: w, Teams: []string{slacktest.TeamID}})
		o.policy.Approvers = []string{w}
	}}).connected()
	o.ehpc.HangJobs(true)
	o.press(w, o.asked("isabel"), "Approve")
	o.says(channel, "The account is being made")
	o.restart(plan{})
	o.slack.Fail("users.info", slacktest.Fault{Status: http.StatusInternalServerError, Times: -1})
	require.Contains(t, o.slack.Person(u).Command(t.Context(), command, "abandon 1").Plain(), "I can't find out at the moment whether you are an approver")
	require.Contains(t, o.slack.Person(u).Command(t.Context(), command, "status 1").Plain(), "I can't find out at the moment")
	o.slack.ClearFaults()
	o.ehpc.HangJobs(false)
	o.delivered("isabel")
}

// A press is not lost while Slack is slow about people and groups, as long as what it said before may count.
func TestPressWhileSlackIsSlow(t *testing.T) {
	t.Parallel()
	clock := newClock()
	o := open(t, plan{clock: clock.now}).connected()
	m := o.asked("isabel")
	o.press(greta, o.asked("nina"), "Approve") // she is an approver by her group
	o.delivered("nina")
	clock.advance(10 * time.Second)
	for _, method := range []string{"users.info", "usergroups.users.list"} {
		o.slack.Fail(method, slacktest.Fault{Delay: 10 * time.Second, Times: -1})
	}
	r, err := o.slack.Person(greta).Press(t.Context(), m, "Approve")
	require.NoError(t, err)
	require.NoError(t, r.Err)
	o.delivered("isabel")
}
