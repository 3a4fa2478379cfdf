package view

import (
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

func awaitsSponsor(s *approval.Story) { s.Sponsor, s.Nonce = "U0SARA", "a nonce" }

func hasSponsor(s *approval.Story) {
	awaitsSponsor(s)
	s.SponsoredAt = monday.Add(20 * time.Minute)
}

// sponsor is the view of the sponsor.
func sponsor(v View) View {
	v.Reader = "U0SARA"
	return v
}

func sponsorMessages(v View) map[string]Message {
	first, sponsored := story(approval.Pending, awaitsSponsor), story(approval.Pending, hasSponsor)
	expired := story(approval.Expired, awaitsSponsor)
	asker := story(approval.Pending, awaitsSponsor, askedBack)
	done := story(approval.Pending, hasSponsor, askedBack)
	done.Questions[0].At = monday
	return map[string]Message{
		"sponsor-ask":                   sponsor(v).AskSponsor(first),
		"sponsor-ask-asked-back":        sponsor(v).AskSponsor(asker),
		"sponsor-ask-hostile":           sponsor(v).AskSponsor(hostileSponsor()),
		"sponsor-ask-sponsored":         sponsor(v).AskSponsor(sponsored),
		"sponsor-ask-denied":            sponsor(v).AskSponsor(story(approval.Denied, hasSponsor)),
		"sponsor-ask-expired":           sponsor(v).AskSponsor(expired),
		"sponsor-ask-cancelled":         sponsor(v).AskSponsor(story(approval.Cancelled, awaitsSponsor)),
		"sponsor-ask-failed":            sponsor(v).AskSponsor(story(approval.Failed, hasSponsor, failing(approval.FailureTaken, "taken"))),
		"sponsor-ask-delivered":         sponsor(v).AskSponsor(story(approval.Delivered, hasSponsor)),
		"sponsor-reminder":              sponsor(v).Reminder(first),
		"sponsor-nudge":                 sponsor(v).Nudge(first),
		"sponsor-over":                  sponsor(v).SponsorOver(expired),
		"sponsor-status":                v.Status(first),
		"sponsor-status-sponsored":      v.Status(sponsored),
		"sponsor-status-to-approver":    other(v).Status(first),
		"sponsor-asked":                 v.Asked(first),
		"sponsor-already":               v.alreadyAsked(first),
		"sponsor-list":                  v.List([]approval.Story{first, sponsored}),
		"sponsor-remind-done":           v.RemindDone(first),
		"sponsor-answer-sent":           v.AnswerSent(asker, asker.Questions[0]),
		"sponsor-answer-sent-late":      v.AnswerSent(done, done.Questions[0]),
		"sponsor-told":                  v.Sponsored(sponsored),
		"sponsor-notice-expired":        v.Notice(expired),
		"sponsor-approval":              v.Approval(sponsored),
		"sponsor-approval-asked-before": View{Locale: v.Locale, Command: v.Command}.Approval(done),
		"sponsor-approval-delivered":    v.Approval(story(approval.Delivered, hasSponsor)),
		"refusal-sponsor":               v.Refusal(&approval.Refusal{Kind: approval.KindSponsor}),
		"refusal-sponsor-self":          v.Refusal(&approval.Refusal{Kind: approval.KindSponsorSelf}),
		"refusal-sponsor-gone":          v.Refusal(&approval.Refusal{Kind: approval.KindSponsorGone, Value: "U0GUEST"}),
		"refusal-sponsor-first":         v.Refusal(&approval.Refusal{Kind: approval.KindSponsorFirst, Story: first}),
		"refusal-sponsored":             v.Refusal(&approval.Refusal{Kind: approval.KindSponsored, Story: sponsored}),
		"refusal-reminded-of-sponsor":   v.Refusal(&approval.Refusal{Kind: approval.KindReminded, Story: story(approval.Pending, awaitsSponsor, reminded)}),
	}
}

func hostileSponsor() approval.Story {
	s := hostile(approval.Pending)
	s.Sponsor = "<!channel>"
	return s
}

func sponsorModals(v View) map[string]slack.ModalViewRequest {
	conf := approval.Config{Clusters: []approval.Cluster{{ID: "ehpc-8jqdq0mz"}, {ID: "ehpc-x"}}, Rules: testRules}
	conf.Rules.Sponsored = true
	some := conf
	some.ByCluster = approval.NewPolicies(map[string]approval.Rules{"ehpc-x": testRules})
	return map[string]slack.ModalViewRequest{
		"form-ask-sponsor":      v.AskForm(conf, approval.Ask{Username: "isabel", Sponsor: "U0SARA"}),
		"form-ask-sponsor-some": v.AskForm(some, approval.Ask{Username: "isabel", Sponsor: "<!here>"}),
	}
}

// A chosen person is read as the sponsor.
func TestSponsorIsRead(t *testing.T) {
	t.Parallel()
	state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{blockSponsor: {actionValue: {SelectedUser: "U0SARA"}}}}
	require.Equal(t, approval.Ask{Sponsor: "U0SARA"}, AskFormValues(state))
	require.Equal(t, map[string]string{blockSponsor: string(english.Refusal.Kinds[approval.KindSponsorSelf])},
		testView(English).FieldFaults([]*approval.Refusal{{Kind: approval.KindSponsorSelf}}))
}
