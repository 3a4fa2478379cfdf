package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/secret"
)

// messages has Slack look at what the bot posts and opens, in both languages, before anybody waits for it.
func (c *checker) messages(ctx context.Context) (findings []Finding) {
	if _, err := c.self(); err != nil {
		return nil
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	for _, s := range c.samples() {
		name := "messages, " + s.name
		err := c.api.Validate(ctx, s.kind, s.payload)
		switch code := slackapi.Code(err); {
		case err == nil:
		case slices.Contains(slackapi.Invalid, code):
			findings = append(findings, fault(name, err, slackURL, "Slack has changed what it takes: look for a newer ehpcbot, or report this"))
		case code == "unknown_method":
			return []Finding{ok("messages", "not looked at: Slack does not offer it here")}
		default:
			f := fault("messages", err, slackURL, "")
			return append(findings, warn(f.Name, "not all are looked at: "+f.Text, f.Advice))
		}
	}
	if len(findings) == 0 {
		findings = []Finding{ok("messages", "Slack takes them, in English and in Chinese")}
	}
	return findings
}

// sample is something that Slack can look at.
type sample struct {
	name, kind string
	payload    any
}

// samples are messages and forms about a request that there never was. All messages of a language are one call.
func (c *checker) samples() (all []sample) {
	now := time.Now()
	story := approval.Story{
		Request: approval.Request{
			ID: 1, Version: 1, ClusterID: c.conf.Policy.Clusters[0].ID, Username: "example", Mod: "700", Reason: "an example",
			Requester: c.conf.Policy.Approvers[0], State: approval.Pending, Required: c.conf.Policy.Required,
			CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(c.conf.Policy.Expiry), CredentialsUntil: now.Add(c.conf.Policy.CredentialsTTL),
		},
		Cluster: c.conf.Policy.Clusters[0], Rules: c.conf.Policy.Of(c.conf.Policy.Clusters[0].ID), Fallback: c.conf.Policy.Fallback,
		Changes:   []approval.Change{{Number: 1, Person: c.conf.Policy.Approvers[0], Before: approval.Wish{Username: "other"}, After: approval.Wish{Username: "example"}, At: now}},
		Questions: []approval.Question{{Number: 1, Person: c.conf.Policy.Approvers[0], Text: "an example", At: now}},
	}
	question := story.Questions[0]
	delivered, reset := story, story
	delivered.State, delivered.JobID, delivered.DeliveredAt, delivered.ShownAt = approval.Delivered, "j-example", now, now
	reset.ID, reset.Reset = 2, true
	sponsored, conf := story, c.conf.Policy
	sponsored.ID, sponsored.Sponsor = 3, c.conf.Policy.Approvers[0]
	conf.Rules.Sponsored, conf.ByCluster = true, nil
	trouble := approval.Trouble{Number: 1, Sees: approval.SeesOther, Words: "an example"}
	facts := approval.Facts{Status: "active", Logins: []string{"192.0.2.1"}, LoginsKnown: true, Listed: true, ListedKnown: true}
	password := secret.New("Example-1-only!")
	for locale, language := range map[view.Locale]string{view.English: "English", view.Chinese: "Chinese"} {
		v := view.View{Locale: locale, Command: c.conf.Slack.Command}
		var blocks []slack.Block
		for _, m := range []view.Message{
			v.Approval(story), v.Approval(reset), v.Reminder(story), v.DailyReminder(story), v.AskFallback(story), v.Turn(story), v.Asked(story),
			v.CredentialsReady(story), v.Credentials(story, password), v.CredentialsOffer(story), v.Notice(story),
			v.CredentialsCleared(delivered), v.Prompt(delivered), v.Unopened(delivered), v.Report(delivered, trouble, facts),
			v.AskSponsor(sponsored), v.SponsorOver(sponsored), v.Sponsored(sponsored),
			v.Question(story, question), v.ThreadQuestion(story, question), v.ChangeNotice(story, story.Changes[0]),
			v.Digest(approval.Digest{Waiting: []approval.Story{story}, Count: 1, Now: now}),
		} {
			blocks = append(blocks, m.Blocks...)
		}
		all = append(all,
			sample{"in " + language, slackapi.KindBlocks, blocks},
			sample{"the form that asks, in " + language, slackapi.KindView, v.AskForm(conf, approval.Ask{Sponsor: sponsored.Sponsor})},
			sample{"the form with several, in " + language, slackapi.KindView, v.SeveralForm([]approval.Story{story}, now)},
			sample{"the form that denies, in " + language, slackapi.KindView, v.DenyForm(story)},
			sample{"the Home tab, in " + language, slackapi.KindView, v.Home(home(story), []view.Health{{Part: "slack"}})},
			sample{"the form that approves with changes, in " + language, slackapi.KindView, v.ChangeForm(story)},
			sample{"the form that asks back, in " + language, slackapi.KindView, v.QuestionForm(story)},
			sample{"the form that answers, in " + language, slackapi.KindView, v.AnswerForm(story, question)},
			sample{"the credentials, in " + language, slackapi.KindView, v.CredentialsModal(delivered, password)},
			sample{"the form for who can't log in, in " + language, slackapi.KindView, v.TroubleForm(delivered)},
		)
	}
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.name, b.name) })
	return all
}

// home is all that the Home tab can show of a request.
func home(s approval.Story) approval.Overview {
	one := approval.Excerpt{Stories: []approval.Story{s}, More: 1}
	return approval.Overview{Requests: one, Accounts: one, Decides: true, Waiting: one, Administrator: true}
}
