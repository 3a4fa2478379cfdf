package view

import (
	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// changeTexts are those of what approvers change of a request. {changer} is who did, {changes} what.
type changeTexts struct {
	Username, Mod phrase // {before}, {after}
	Changed       phrase // to the approvers
	Notice        []phrase
	More          phrase // where further approvals are needed
	NotRight      phrase

	Button                phrase
	FormTitle, FormSubmit phrase
	FormHint              phrase
}

func (b *builder) changeFields(c approval.Change) {
	t := b.texts.Change
	var changes []richText
	add := func(words phrase, before, after richText) {
		changes = append(changes, words.fill(fields{"before": before, "after": after}))
	}
	if c.Before.Username != c.After.Username {
		add(t.Username, code(oneLine(c.Before.Username, nameMaxLength)), code(oneLine(c.After.Username, nameMaxLength)))
	}
	if c.Before.Mod != c.After.Mod {
		add(t.Mod, text(b.view.modLabel(c.Before.Mod)), text(b.view.modLabel(c.After.Mod)))
	}
	b.fields["changer"], b.fields["changes"] = mention(c.Person), join(changes, string(b.texts.Separator))
}

// changesMax is how many changes are told.
const changesMax = 5

// changes says what was changed since the request was asked for.
func (b *builder) changes() {
	all := b.story.Changes
	for _, c := range all[max(0, len(all)-changesMax):] {
		b.changeFields(c)
		b.line(b.texts.Change.Changed)
	}
}

// ChangeNotice tells the requester what an approver has changed.
func (v View) ChangeNotice(s approval.Story, c approval.Change) Message {
	b := v.about(s, "change")
	b.changeFields(c)
	t := b.texts.Change
	b.line(t.Notice...)
	if s.State == approval.Pending {
		b.line(t.More)
	}
	b.line(t.NotRight)
	if s.State == approval.Pending {
		b.line(b.texts.Answer.TakeBack)
	}
	return b.message()
}

// ChangeForm asks an approver what is to be approved instead of what was asked for.
func (v View) ChangeForm(s approval.Story) slack.ModalViewRequest {
	t := v.texts()
	b := v.about(s, "change-form")
	b.asked()
	b.line(t.Change.FormHint)
	form := v.form(CallbackChange, t.Change.FormTitle, t.Change.FormSubmit, b.richTextBlock(),
		t.Form.Username.input(blockUsername, t.Form.Username.textField(s.Username, usernameMaxTyped)),
		v.modInput(s.Rules.AllowedMods, s.Mod),
	)
	form.PrivateMetadata = formatTarget(s.Target())
	return form
}

// ChangeFormValues reads what is to be approved from a submitted form.
func ChangeFormValues(state *slack.ViewState) approval.Wish {
	a := AskFormValues(state)
	return approval.Wish{Username: a.Username, Mod: a.Mod}
}
