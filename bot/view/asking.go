package view

import (
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// askingTexts are those of what goes with an ask and follows from it. {deciders} are the people and groups who decide,
// {remindAt} is when the approvers are reminded, {reminded} when the requester had them reminded, and {remindAgain} when
// they can do so again.
type askingTexts struct {
	Deciders   phrase
	Unseen     phrase // the cluster has not told in time whether it has the username
	ReminderAt phrase
	Until      phrase // {until}

	Cancel, Remind phrase // buttons
	Reminded       []phrase
	Nudge          phrase

	// The next step, behind an item of a list.
	NextReminder, NextDeadline, NextTry, NextHidden phrase

	UntilField                              inputTexts
	PolicyLabel, PolicyRead, PolicyAccepted phrase // {policy}: the version
}

// remindersAhead tells whether those whose turn it is are yet to be reminded.
func (v View) remindersAhead(s approval.Story) bool {
	purpose := approval.PurposeReminder
	if s.AwaitsSponsor() {
		purpose = approval.PurposeSponsorReminder
	}
	_, done := s.Message(purpose)
	return s.State == approval.Pending && !s.RemindAt.IsZero() && !done
}

// next says what comes next, within a line of a list; it is empty where nothing does by itself.
func (v View) next(s approval.Story) phrase {
	t := v.texts().Asking
	waits := s.Failure == approval.WaitingAPI || s.Failure == approval.WaitingDelivery
	switch {
	case s.AwaitsSponsor():
		return v.texts().Sponsor.Next
	case v.remindersAhead(s):
		return t.NextReminder
	case s.State == approval.Pending:
		return t.NextDeadline
	case s.State.Active() && waits:
		return t.NextTry
	case s.State == approval.Delivered && s.ClearedAt.IsZero() && !s.CredentialsUntil.IsZero():
		return t.NextHidden
	}
	return ""
}

// whoAndWhen says of a request that waits who decides, and what happens when.
func (b *builder) whoAndWhen() {
	if b.story.State != approval.Pending {
		return
	}
	t := b.texts.Asking
	b.turn()
	reminderAt := t.ReminderAt
	switch {
	case b.story.AwaitsSponsor():
		reminderAt = b.texts.Sponsor.ReminderAt
	case len(b.story.Rules.Approvers) > 0:
		b.line(t.Deciders)
	}
	if b.view.remindersAhead(b.story) {
		b.line(reminderAt)
	}
	b.line(b.texts.Answer.AskedUntil)
}

// requesterButtons are what its requester can do with a request that waits.
func (b *builder) requesterButtons() {
	if b.story.State != approval.Pending || b.forApprover() {
		return
	}
	b.remindButton()
	b.button(ActionCancel, b.texts.Asking.Cancel, slack.StyleDanger)
}

// RemindDone answers the requester who had the approvers reminded.
func (v View) RemindDone(s approval.Story) Message {
	b := v.about(s, "reminded")
	if s.AwaitsSponsor() {
		b.line(b.texts.Sponsor.Reminded...)
	} else {
		b.line(b.texts.Asking.Reminded...)
	}
	return b.message()
}

// Nudge reminds the approvers, or the sponsor while it is their turn, because the requester asks for it.
func (v View) Nudge(s approval.Story) Message {
	b := v.about(s, "nudge")
	b.line(b.texts.Asking.Nudge)
	b.toDecide()
	return b.message()
}

// untilInput asks for the last day on which the account is needed.
func (v View) untilInput(initial string) *slack.InputBlock {
	t := v.texts().Asking.UntilField
	field := slack.NewDatePickerBlockElement(actionValue)
	field.Placeholder = t.Placeholder.plainText(placeholderMaxLength)
	if _, err := time.Parse(time.DateOnly, initial); err == nil { // Slack would refuse the form for any other
		field.InitialDate = initial
	}
	return t.input(blockUntil, field).WithOptional(true)
}

// policyBlocks ask for the use policy to be accepted. The link is the administrator's.
func (v View) policyBlocks(p approval.UsePolicy) []slack.Block {
	t := v.texts().Asking
	version := fields{"policy": text(oneLine(p.Version, nameMaxLength))}
	link := slack.NewRichTextSectionLinkElement(p.URL, t.PolicyRead.fill(version).plain(), nil)
	box := slack.NewCheckboxGroupsBlockElement(actionValue,
		option(p.Version, t.PolicyAccepted.fill(version).plain()))
	label := plainText(t.PolicyLabel.fill(version).plain(), labelMaxLength)
	return []slack.Block{
		slack.NewRichTextBlock("policy-link", slack.NewRichTextSection(link)),
		slack.NewInputBlock(blockPolicy, label, nil, box),
	}
}
