package bot_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
)

// Who may press is told by what Slack says of the person, and by the workspaces that it names with the press. In
// Enterprise Grid these differ for people of several workspaces.
func TestWhoIsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	const ours, other, third = slacktest.TeamID, "T0OTHER", "T0THIRD"
	cases := map[string]struct {
		anna       slacktest.User
		user, team string // as the press has them
		may        bool
	}{
		"a member":                                {user: ours, team: ours, may: true},
		"nothing is said":                         {may: true},
		"a foreign workspace of the person":       {user: other, team: ours},
		"a foreign workspace of the press":        {user: ours, team: other},
		"a foreign workspace alone":               {team: other},
		"a person of a foreign workspace":         {anna: slacktest.User{TeamID: other}, user: ours, team: ours},
		"Grid: home elsewhere":                    {anna: slacktest.User{TeamID: other, Teams: []string{other, ours}}, user: ours, team: ours, may: true},
		"Grid: another workspace of theirs":       {anna: slacktest.User{Teams: []string{other, ours}}, user: other, team: ours, may: true},
		"Grid: the organisation, in the press":    {anna: slacktest.User{Teams: []string{other, ours}}, user: "E0GRID", team: ours, may: true},
		"Grid: the organisation, of the person":   {anna: slacktest.User{TeamID: "E0GRID", Teams: []string{ours}}, user: "E0GRID", may: true},
		"Grid: the organisation alone":            {anna: slacktest.User{Teams: []string{other}}, user: "E0GRID", team: ours},
		"Grid: a workspace that is not theirs":    {anna: slacktest.User{Teams: []string{other, ours}}, user: third, team: ours},
		"Grid: not in ours, though of the others": {anna: slacktest.User{TeamID: other, Teams: []string{other, third}}, user: third, team: other},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{idle: true})
			c.anna.ID, c.anna.Name = anna, "anna"
			o.slack.AddUser(c.anna)
			require.NoError(t, o.bot.Introduce(t.Context()))
			story, err := o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
			require.NoError(t, err)
			press := slack.InteractionCallback{
				Type: slack.InteractionTypeBlockActions, Team: slack.Team{ID: c.team}, User: slack.User{ID: anna, TeamID: c.user},
				ActionCallback: slack.ActionCallbacks{BlockActions: []*slack.BlockAction{{ActionID: "approve", Value: "1 " + story.Target().Seen}}},
			}
			press.Container.ChannelID = channel
			o.bot.Handle(t.Context(), socketmode.Event{Type: socketmode.EventTypeInteractive, Data: press, Request: &socketmode.Request{}})
			story, err = o.service.Story(t.Context(), story.ID)
			require.NoError(t, err)
			events, err := o.service.Events(t.Context(), story.ID)
			require.NoError(t, err)
			if c.may {
				require.Equal(t, approval.Approved, story.State)
				return
			}
			require.Equal(t, approval.Pending, story.State)
			require.Equal(t, "refused", events[len(events)-1].Action)
		})
	}
}

// Where Slack does not tell who a person is whose envelope names another workspace, that is not taken for a no.
func TestSilenceIsNotForeign(t *testing.T) {
	t.Parallel()
	o := open(t, plan{idle: true})
	o.slack.AddUser(slacktest.User{ID: anna, Name: "anna", Teams: []string{slacktest.TeamID, "T0OTHER"}})
	require.NoError(t, o.bot.Introduce(t.Context()))
	o.slack.Fail("users.info", slacktest.Fault{Status: http.StatusInternalServerError, Times: 1})
	ask := func() string {
		typed := slack.SlashCommand{Command: command, Text: "annas", UserID: anna, TeamID: "T0OTHER", ChannelID: channel}
		event := socketmode.Event{Type: socketmode.EventTypeSlashCommand, Data: typed, Request: &socketmode.Request{EnvelopeID: "e1"}}
		answer, ok := o.bot.Handle(t.Context(), event).(map[string]any)
		require.True(t, ok)
		return fmt.Sprint(answer["text"])
	}
	require.Contains(t, ask(), "Please try again in a minute")
	events, err := o.service.Events(t.Context(), 0)
	require.NoError(t, err)
	require.Contains(t, events[0].Detail, "Slack did not tell")
	require.Contains(t, ask(), "annas")
}

// What Slack refuses for good is never told as something that passes.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ method, code, person, says, ready string }{
		"users.info, a scope":   {"users.info", "missing_scope", anna, "Trying again does not help", "users.info: missing_scope"},
		"users.info, passing":   {"users.info", "internal_error", anna, "try again in a minute", ""},
		"groups, a scope":       {"usergroups.users.list", "missing_scope", greta, "Trying again does not help", "usergroups.users.list: missing_scope"},
		"groups, another plan":  {"usergroups.users.list", "plan_upgrade_required", greta, "Trying again does not help", ""},
		"groups, they time out": {"usergroups.users.list", "request_timeout", greta, "try again in a minute", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			fault := slacktest.Fault{Error: c.code, Times: -1}
			if c.person == greta { // before the message names those who see its buttons
				o.slack.Fail(c.method, fault)
			}
			m := o.asked("isabel")
			o.slack.Fail(c.method, fault)
			o.press(c.person, m, "Approve")
			o.eventually(func() bool { return len(o.slack.Person(c.person).Ephemerals()) > 0 }, "an answer")
			require.Contains(t, o.slack.Person(c.person).Ephemerals()[0].Plain(), c.says)
			if c.ready == "" {
				require.NoError(t, o.bot.Ready())
				return
			}
			require.ErrorContains(t, o.bot.Ready(), c.ready)
			o.slack.ClearFaults()
			o.press(c.person, m, "Approve")
			o.delivered("isabel")
			require.NoError(t, o.bot.Ready())
		})
	}
}
