package view

import (
	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// Approval is the message for the approvers, in every state of the request. It has buttons only where they do
// something: to decide, while the request waits, and to retry, once it has failed.
func (v View) Approval(s approval.Story) Message {
	b := v.about(s, "approval")
	b.line(b.words.Request.Headline)
	b.request()
	b.outcome()
	switch {
	case s.State == approval.Pending:
		b.button(b.approveButton())
		b.button(button(ActionDeny, s.ID, b.words.Approval.Deny, slack.StyleDanger))
	case s.CanRetry():
		b.button(b.retryButton())
	}
	return b.message()
}

// outcome says how the request stands: who decided, what happens now, or how it ended.
func (b *builder) outcome() {
	w := b.words.Approval
	switch b.story.State {
	case approval.Pending:
		b.approvals()
		b.line(w.Decide)
	case approval.Denied:
		b.denial(b.words.Request.DeniedFor, b.words.Request.DeniedBy)
	case approval.Expired:
		b.approvals()
		b.line(w.Expired)
	case approval.Cancelled:
		b.line(w.Cancelled)
	case approval.Failed:
		b.approvedBy()
		b.line(w.Failed, b.view.failure(b.story.Failure).Approver)
		b.failureDetail()
	default:
		b.approvedBy()
		b.line(w.Progress[b.story.State])
		if b.waiting() {
			b.failureDetail()
		}
	}
}

func (b *builder) approvedBy() {
	if len(b.story.Approvals()) > 0 {
		b.line(b.words.Approval.ApprovedBy)
	}
}

func (b *builder) approveButton() *slack.ButtonBlockElement {
	w := b.words.Approval
	text := w.ApproveText
	if len(b.story.Approvals())+1 < b.story.Required {
		text = w.ApproveTextFirst
	}
	return b.confirmed(ActionApprove, w.Approve, w.ApproveTitle, text)
}

func (b *builder) retryButton() *slack.ButtonBlockElement {
	w := b.words.Approval
	return b.confirmed(ActionRetry, w.Retry, w.RetryTitle, w.RetryText)
}

// confirmed is a button that asks once more before it acts.
func (b *builder) confirmed(action string, label, title, text phrase) *slack.ButtonBlockElement {
	dialog := slack.NewConfirmationBlockObject(
		plainText(title.fill(b.fields).plain(), confirmTitleMaxLength),
		plainText(text.fill(b.fields).plain(), confirmTextMaxLength),
		plainText(string(label), confirmButtonMaxLength),
		plainText(string(b.words.Approval.Back), confirmButtonMaxLength),
	)
	return button(action, b.story.ID, label, slack.StylePrimary).WithConfirm(dialog.WithStyle(slack.StylePrimary))
}

// Reminder is the one reminder of the approvers that a request still waits.
func (v View) Reminder(s approval.Story) Message {
	b := v.about(s, "reminder")
	b.line(b.words.Approval.Reminder, b.words.Request.Asked)
	b.approvals()
	b.line(b.words.Approval.Decide, b.words.Approval.ReminderWhere)
	return b.message()
}
