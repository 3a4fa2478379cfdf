package view

import (
	"cmp"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// afterTexts are those of what follows once credentials are handed over.
type afterTexts struct {
	Works, Trouble phrase   // buttons
	Thanks         phrase   // in the message, once it works
	ShowFailed     []phrase // where Slack did not open them
	ModalNext      phrase   // what to do with what is shown
	Offered        phrase   // to the approvers, while nobody has opened them
	Told           phrase   // to the approvers, once it works

	Prompt, Unopened []phrase

	FormTitle, FormSubmit phrase
	Sees                  inputTexts
	Options               map[approval.Sees]phrase
	Words                 inputTexts
	Reported              []phrase

	Report                           []phrase // {sees}
	Says                             phrase   // the person's words follow
	Status, StatusUnknown            phrase   // {status}
	Logins, NoLogins, LoginsUnknown  phrase   // {logins}
	Listed, NotListed, ListedUnknown phrase
	Job, NoJob                       phrase // {job}, {delivered}
	Shown, NotShown                  phrase // {shown}
	Help                             phrase
}

// The blocks of the form of who can't log in, beside that of the reason, into which they write.
const blockSees = "sees"

// CallbackTrouble is the callback id of that form.
const CallbackTrouble = "trouble"

// afterwards adds the buttons that tell whether the login works, until it does.
func (b *builder) afterwards() {
	t := b.texts.After
	if !b.story.WorksAt.IsZero() {
		b.line(t.Thanks)
		return
	}
	b.button(ActionWorks, t.Works, slack.StyleDefault)
	b.button(ActionTrouble, t.Trouble, slack.StyleDefault)
}

// ShowFailed answers where Slack did not open the credentials.
func (v View) ShowFailed() Message { return v.sentences(v.texts().After.ShowFailed...) }

// Prompt reminds the requester of credentials that they have not opened.
func (v View) Prompt(s approval.Story) Message {
	b := v.about(s, "prompt")
	b.line(b.texts.After.Prompt...)
	if !s.CredentialsUntil.IsZero() {
		b.line(b.texts.Credentials.ShownUntil)
	}
	b.button(ActionShow, b.texts.Credentials.Show, slack.StylePrimary)
	return b.message()
}

// Unopened tells the approvers that the requester has not opened the credentials.
func (v View) Unopened(s approval.Story) Message {
	b := v.about(s, "unopened")
	b.line(b.texts.After.Unopened...)
	return b.message()
}

// TroubleForm asks a person who can't log in what they see.
func (v View) TroubleForm(s approval.Story) slack.ModalViewRequest {
	t := v.texts().After
	var options []*slack.OptionBlockObject
	for _, sees := range approval.AllSees() {
		options = append(options, option(string(sees), string(t.Options[sees])))
	}
	b := v.about(s, "trouble")
	b.line(b.texts.Credentials.Title, b.texts.Credentials.Username)
	b.login()
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, t.Sees.Placeholder.plainText(placeholderMaxLength), actionValue, options...)
	words := t.Words.textField("", approval.ReasonMaxLength)
	form := v.form(CallbackTrouble, t.FormTitle, t.FormSubmit, b.richTextBlock(),
		t.Sees.input(blockSees, menu),
		t.Words.input(blockReason, words).WithOptional(true))
	form.PrivateMetadata = formatTarget(s.Target())
	return form
}

// TroubleFormValues reads that form. What is none of its options counts as the last of them.
func TroubleFormValues(state *slack.ViewState) approval.Trouble {
	t := approval.Trouble{Sees: approval.SeesOther, Words: command.Sentence(fieldValue(state, blockReason))}
	for _, sees := range approval.AllSees() {
		if fieldValue(state, blockSees) == string(sees) {
			t.Sees = sees
		}
	}
	return t
}

// Reported answers the person who can't log in.
func (v View) Reported(s approval.Story) Message {
	b := v.about(s, "reported")
	b.line(b.texts.After.Reported...)
	return b.message()
}

// Report tells the approvers that the requester can't log in, with what is known.
func (v View) Report(s approval.Story, t approval.Trouble, f approval.Facts) Message {
	b := v.about(s, "report")
	texts := b.texts.After
	b.fields["sees"] = cmp.Or(texts.Options[t.Sees], texts.Options[approval.SeesOther]).fill(nil)
	b.line(texts.Report...)
	b.quote(texts.Says, "", t.Words, reasonMaxLength)
	b.loginFacts(f)
	b.line(texts.Help)
	return b.message()
}

func (b *builder) loginFacts(f approval.Facts) {
	t := b.texts.After
	b.fields["status"] = code(oneLine(f.Status, nameMaxLength))
	b.fields["logins"] = b.view.allowed(f.Logins)
	b.fields["job"] = code(oneLine(b.story.JobID, nameMaxLength))
	b.fields["delivered"], b.fields["shown"] = date(b.story.DeliveredAt), date(b.story.ShownAt)
	b.item(
		choose(f.Status != "", t.Status, t.StatusUnknown),
		choose(!f.LoginsKnown, t.LoginsUnknown, choose(len(f.Logins) > 0, t.Logins, t.NoLogins)),
		choose(!f.ListedKnown, t.ListedUnknown, choose(f.Listed, t.Listed, t.NotListed)),
		choose(b.story.JobID != "", t.Job, t.NoJob),
		choose(!b.story.ShownAt.IsZero(), t.Shown, t.NotShown),
	)
}

func choose(is bool, then, otherwise phrase) phrase {
	if is {
		return then
	}
	return otherwise
}
