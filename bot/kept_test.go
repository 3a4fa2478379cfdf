package bot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// reloads opens an office whose request isabel keeps an approver, and then lets others hold.
func reloads(t *testing.T, approver string, change func(*approval.Rules)) (o *office, card slacktest.Message) {
	var rules approval.Rules
	o = open(t, plan{before: func(o *office) {
		o.slack.AddUser(slacktest.User{ID: "U0GUEST", Name: "guest", Restricted: true})
		o.slack.AddChannel(slacktest.Channel{ID: "C0NEW", Name: "new", BotIsMember: true})
		rules = o.policy.Rules
		rules.Approvers = []string{approver}
		o.policy.Rules.Approvers = []string{greta}
		o.policy.ByCluster = approval.NewPolicies(map[string]approval.Rules{ehpctest.ClusterID: rules})
	}}).connected()
	card = o.asked("isabel")
	rules.Approvers = []string{greta}
	change(&rules)
	o.policy.ByCluster.Replace(map[string]approval.Rules{ehpctest.ClusterID: rules})
	return o, card
}

// A guest who decides by the rules that a request keeps is let in, though the rules of now don't name them.
func TestGuestOfKeptRules(t *testing.T) {
	t.Parallel()
	o, card := reloads(t, "U0GUEST", func(*approval.Rules) {})
	o.press("U0GUEST", card, "Approve")
	o.delivered("isabel")
}

// A failed request waits for Retry where those are who may press it.
func TestFailedStaysInItsChannel(t *testing.T) {
	t.Parallel()
	o, card := reloads(t, anna, func(r *approval.Rules) { r.Channel = "C0NEW" })
	o.ehpc.FailJobs(1)
	o.press(anna, card, "Approve")
	o.press(anna, o.says(channel, "isabel", "failed", "Retry"), "Retry")
	o.delivered("isabel")
}

// A question that Slack does not take for the requester is in the thread all the same, and so is the next.
func TestQuestionsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	o.asked("isabel")
	o.slack.SetMessagesTab(false)
	for _, question := range []string{"Who is your supervisor?", "Until when?"} {
		_, err := o.service.AskBack(t.Context(), o.target(1), anna, question)
		require.NoError(t, err)
	}
	o.says(channel, "Until when?")
}

// Where nothing can be edited, the sponsor's message is replaced by one that says how it stands.
func TestSponsorWhereNothingCanBeEdited(t *testing.T) {
	t.Parallel()
	say := sponsorLanguages["en-US"]
	o := openSponsored(t, "en-US", nil)
	o.asksWith(sara, say.sponsor)
	card := o.reads(sara, say.you, say.approve)
	o.slack.Fail("chat.update", slacktest.Fault{Error: "edit_window_closed", Times: -1})
	o.press(sara, card, say.approve)
	o.says(channel, say.by, say.approve)
	o.reads(sara, say.done)
	o.eventually(func() bool { return len(o.buttonsOf(sara)) == 0 }, "the buttons of the sponsor are gone")
}
