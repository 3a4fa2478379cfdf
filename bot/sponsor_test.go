package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/ehpctest"
)

const sara = "U0SARA"

// sponsorWords are what is to be read in a language.
type sponsorWords struct {
	locale                                         view.Locale
	sponsor, approve, askBack, question, answer    string // labels
	self, turn, first, you, done, told, by, silent string
	over, waits, remind, reminder                  string
}

var sponsorLanguages = map[string]sponsorWords{
	"en-US": {view.English, "Sponsor", "Approve", "Ask back", "Question", "Answer",
		"your own sponsor", "It is the turn of the sponsor", "decides on request 1 first", "You decide first", "now the approvers decide",
		"has approved your request 1", "Sponsor: <@" + sara + ">, approved", "did not answer by",
		"has expired without your answer", "still waiting for approval", "Remind them", "asks you to look at request 1"},
	"zh-CN": {view.Chinese, "担保人", "批准", "询问申请人", "问题", "回答",
		"不能为自己作担保人", "现在轮到担保人", "先由担保人", "请您先处理", "现在由审批人处理",
		"已同意您的申请 1", "担保人：<@" + sara + ">，", "没有答复",
		"未等到您的答复", "仍在等待审批", "提醒担保人", "请您处理申请 1"},
}

// openSponsored opens an office where a sponsor is asked first, in one language.
func openSponsored(t *testing.T, locale string, before func(*office)) *office {
	return open(t, plan{before: func(o *office) {
		o.policy.Rules.Sponsored, o.conf.Locale = true, sponsorLanguages[locale].locale
		for _, u := range []string{isabel, anna, sara} {
			o.slack.AddUser(slacktest.User{ID: u, Name: strings.ToLower(u[2:]), Locale: locale})
		}
		if before != nil {
			before(o)
		}
	}}).connected()
}

// asksWith has isabel ask for an account by a command, and name a sponsor in the form that it opens.
func (o *office) asksWith(sponsor, label string) slacktest.SubmitResult {
	o.t.Helper()
	person := o.slack.Person(isabel)
	if _, open := person.Modal(); !open {
		require.NoError(o.t, person.Command(o.t.Context(), command, "isabel").Err)
	}
	form, err := person.WaitModal(o.patient(), func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(o.t, err)
	got, err := person.Submit(o.t.Context(), form, map[string]string{label: sponsor})
	require.NoError(o.t, err)
	require.NoError(o.t, got.Err)
	return got
}

// reads waits for a direct message in which all words can be read.
func (o *office) reads(who string, words ...string) slacktest.Message {
	o.t.Helper()
	m, err := o.slack.WaitDirectMessage(o.patient(), who, func(m slacktest.Message) bool { return !m.Deleted && holds(m.Plain(), words...) })
	require.NoError(o.t, err, "%q\n%s", words, o.log)
	return m
}

// TestSponsor goes the whole way, in both languages: by a direct message to the sponsor, in whose thread a question stands, to
// the approvers in the channel. The requester is told at each step whose turn it is.
func TestSponsor(t *testing.T) {
	t.Parallel()
	for locale, say := range sponsorLanguages {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			o := openSponsored(t, locale, nil)
			require.Contains(t, o.asksWith(isabel, say.sponsor).Errors["sponsor"], say.self)
			got := o.asksWith(sara, say.sponsor)
			require.NotNil(t, got.Updated)
			require.Contains(t, got.Updated.Plain(), say.turn)

			card := o.reads(sara, say.you, say.approve)
			require.Empty(t, o.slack.Messages(channel), "the approvers are asked later")
			require.Contains(t, o.slack.Person(anna).Command(t.Context(), command, "status 1").Plain(), say.turn)
			_, err := o.service.Approve(t.Context(), o.target(1), anna)
			require.Equal(t, approval.KindSponsorFirst, approval.Refused(err).Kind)
			o.press(isabel, o.reminds(say), say.remind)
			o.reads(sara, say.reminder)

			o.press(sara, card, say.askBack)
			o.fill(sara, say.question, "who are *you* <!here>?")
			question := o.reads(isabel, "who are *you* <!here>?")
			require.NotContains(t, question.Text, "<!here>")
			o.press(isabel, question, say.answer)
			o.fill(isabel, say.answer, "your <!channel> student")
			require.Equal(t, card.TS, o.reads(sara, "your <!channel> student").Thread)

			o.press(sara, o.reads(sara, say.you, say.approve), say.approve)
			m := o.says(channel, say.by, say.approve)
			o.reads(isabel, say.told)
			o.reads(sara, say.done)
			o.eventually(func() bool { return len(o.buttonsOf(sara)) == 0 }, "the sponsor has no buttons any more")
			o.eventually(func() bool { return !holds(o.direct(sara), say.reminder) }, "what reminded the sponsor is taken away")
			o.press(anna, m, say.approve)
			o.delivered("isabel")
			require.Len(t, o.slack.Messages(channel), 1, "question and answer are between the requester and the sponsor")
			o.clean()
		})
	}
}

// A form that was opened before its cluster wanted a sponsor is shown with a field for one when it is submitted.
func TestFormOlderThanTheSponsor(t *testing.T) {
	t.Parallel()
	var rules approval.Rules
	o := open(t, plan{before: func(o *office) {
		rules = o.policy.Rules
		o.policy.ByCluster = approval.NewPolicies(map[string]approval.Rules{ehpctest.ClusterID: rules})
		o.slack.AddUser(slacktest.User{ID: sara, Name: "sara"})
	}}).connected()
	require.NoError(t, o.slack.Person(isabel).Command(t.Context(), command, "").Err)
	person := o.slack.Person(isabel)
	form, err := person.WaitModal(o.patient())
	require.NoError(t, err)
	rules.Sponsored = true
	o.policy.ByCluster.Replace(map[string]approval.Rules{ehpctest.ClusterID: rules})
	_, err = person.Submit(t.Context(), form, map[string]string{"Username": "isabel", "Reason": "thesis"})
	require.NoError(t, err)
	form, err = person.WaitModal(o.patient(), func(v slacktest.View) bool { return holds(string(v.Body), `"sponsor"`) })
	require.NoError(t, err)
	require.Contains(t, string(form.Body), "thesis", "nothing that was typed is lost")
	got, err := person.Submit(t.Context(), form, map[string]string{"Sponsor": sara})
	require.NoError(t, err)
	require.Empty(t, got.Errors)
	o.reads(sara, "isabel", "thesis")
	o.clean()
}

// reminds asks how the request stands, which has the button to remind the sponsor.
func (o *office) reminds(say sponsorWords) slacktest.Message {
	o.t.Helper()
	r := o.slack.Person(isabel).Command(o.t.Context(), command, "status 1")
	require.NoError(o.t, r.Err)
	require.Contains(o.t, r.Plain(), say.turn)
	shown := o.slack.Person(isabel).Ephemerals()
	return shown[len(shown)-1]
}

// fill submits the form that opens for a person.
func (o *office) fill(who, label, text string) {
	o.t.Helper()
	form, err := o.slack.Person(who).WaitModal(o.patient(), func(v slacktest.View) bool { return v.Submit != "" && v.CallbackID != view.CallbackAsk })
	require.NoError(o.t, err)
	got, err := o.slack.Person(who).Submit(o.t.Context(), form, map[string]string{label: text})
	require.NoError(o.t, err)
	require.NoError(o.t, got.Err)
}

// direct is all that a person reads in the conversation with the bot.
func (o *office) direct(who string) string {
	var all []string
	for _, m := range o.slack.Person(who).DirectMessages() {
		if !m.Deleted {
			all = append(all, m.Plain())
		}
	}
	return strings.Join(all, "\n---\n")
}

func (o *office) buttonsOf(who string) (all []slacktest.Button) {
	for _, m := range o.slack.Person(who).DirectMessages() {
		if !m.Deleted {
			all = append(all, m.Buttons()...)
		}
	}
	return all
}

// A sponsor who does not answer lets the request expire, and both are told; the channel is left in peace.
func TestSponsorDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for locale, say := range sponsorLanguages {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			o := openSponsored(t, locale, func(o *office) { o.policy.Expiry, o.policy.Reminder = 15*time.Second, time.Second })
			o.asksWith(sara, say.sponsor)
			card := o.reads(sara, say.approve)
			o.reads(sara, say.waits)
			o.reads(sara, say.over)
			o.reads(isabel, say.silent)
			o.eventually(func() bool { return len(o.buttonsOf(sara)) == 0 }, "no buttons are left")
			o.pressOld(sara, card, say.approve)
			require.Empty(t, o.slack.Messages(channel))
			require.Empty(t, o.ehpc.Calls())
			o.clean()
		})
	}
}

// pressOld presses a button of a message as it was.
func (o *office) pressOld(who string, m slacktest.Message, button string) {
	o.t.Helper()
	for _, b := range m.Buttons() {
		if b.Text == button {
			r := o.slack.Person(who).PressAction(o.t.Context(), m, slacktest.Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style})
			require.NoError(o.t, r.Err)
		}
	}
}

// A sponsor who can't be told anything is nobody to wait for without end: the request expires.
func TestSponsorIsAway(t *testing.T) {
	t.Parallel()
	o := openSponsored(t, "en-US", func(o *office) { o.policy.Expiry, o.policy.Reminder = 4*time.Second, time.Second })
	require.NoError(t, o.people.Requester(t.Context(), sara, time.Hour))
	o.slack.AddUser(slacktest.User{ID: sara, Name: "sara", Deleted: true})
	o.asksWith(sara, "Sponsor")
	o.reads(isabel, "did not answer by")
	require.True(t, o.log.has("there is nobody who could be told", sara))
	require.Less(t, strings.Count(o.log.String(), "there is nobody who could be told"), 5)
	require.Empty(t, o.slack.Messages(channel))
	o.clean()
}
