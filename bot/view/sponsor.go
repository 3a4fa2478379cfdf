package view

import (
	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// sponsorTexts are those of what sponsors do, who approve before the approvers decide. {sponsor} is who that is,
// {sponsoredAt} when they approved.
type sponsorTexts struct {
	Named, By, At phrase // on the request: who it is, with when they approved, and that alone
	Turn          phrase // whose turn it is, to others
	You           phrase // to the sponsor
	Silent        phrase // once it is too late
	ReminderAt    phrase
	Next          phrase // as in askingTexts
	Where         phrase // the buttons are

	ApproveText     phrase // of the dialog that asks once more
	Remind, Spoken  phrase // the button, and what a screen reader says of it
	Reminded        []phrase
	AlreadyReminded phrase

	Done       phrase   // to the sponsor who has approved
	Approved   []phrase // to the requester
	AnswerSent phrase   // likewise, who has answered a question
	Over       []phrase // to the sponsor who has not answered

	Field inputTexts
}

// AskSponsor is the message for the sponsor: with buttons while it is their turn, and then with what becomes of the request.
func (v View) AskSponsor(s approval.Story) Message {
	if s.AwaitsSponsor() {
		return v.Approval(s)
	}
	b := v.about(s, "sponsor")
	b.line(b.texts.Request.Headline)
	b.asked()
	switch s.State {
	case approval.Pending:
		b.line(b.texts.Sponsor.Done)
	case approval.Denied:
		b.denial(b.texts.Request.DeniedFor, b.texts.Request.DeniedBy)
	case approval.Expired:
		b.approvals()
	case approval.Failed:
		b.line(b.texts.Approval.Failed)
	}
	return b.message()
}

// SponsorOver tells the sponsor that the request has expired without their answer.
func (v View) SponsorOver(s approval.Story) Message {
	b := v.about(s, "sponsor-over")
	b.line(b.texts.Sponsor.Over...)
	return b.message()
}

// Sponsored tells the requester that the sponsor has approved, and whose turn it is now.
func (v View) Sponsored(s approval.Story) Message {
	b := v.about(s, "sponsored")
	b.line(b.texts.Sponsor.Approved...)
	b.whoAndWhen()
	return b.message()
}

// sponsored says who sponsors the request, and since when.
func (b *builder) sponsored() {
	switch {
	case b.story.Sponsor == "":
	case b.story.SponsoredAt.IsZero():
		b.line(b.texts.Sponsor.Named)
	default:
		b.line(b.texts.Sponsor.By)
	}
}

// turn says that it is the sponsor's turn, if it is.
func (b *builder) turn() {
	switch {
	case !b.story.AwaitsSponsor():
	case b.view.Reader == b.story.Sponsor:
		b.line(b.texts.Sponsor.You)
	default:
		b.line(b.texts.Sponsor.Turn)
	}
}

// remindButton lets the requester have those reminded whose turn it is.
func (b *builder) remindButton() {
	if !b.story.AwaitsSponsor() {
		b.button(ActionRemind, b.texts.Asking.Remind, slack.StyleDefault)
		return
	}
	t := b.texts.Sponsor
	b.button(ActionRemind, t.Remind, slack.StyleDefault).AccessibilityLabel = t.Spoken.fill(b.fields).plain()
}

// sponsorInput asks for a sponsor.
func (v View) sponsorInput(initial string) *slack.InputBlock {
	t := v.texts().Sponsor.Field
	field := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, t.Placeholder.plainText(placeholderMaxLength), actionValue)
	if personID.MatchString(initial) { // Slack would refuse the form for any other
		field.InitialUser = initial
	}
	return t.input(blockSponsor, field)
}
