package view

import (
	"strings"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// Approval is the message for the approvers, in every state of the request. It has buttons only where they do
// something: to decide, while the request waits, and to retry, once it has failed.
func (v View) Approval(s approval.Story) Message { return v.Card(s, Facts{}) }

// Card is Approval with what else is known.
func (v View) Card(s approval.Story, f Facts) Message {
	b := v.about(s, "approval")
	b.line(b.texts.Request.Headline)
	b.request()
	if s.State == approval.Pending {
		b.facts(f)
		b.middle = b.photo(f)
	}
	b.outcome()
	t := b.texts.Approval
	switch {
	case s.State == approval.Pending:
		b.confirmedButton(ActionApprove, t.Approve, t.ApproveTitle, b.approveText())
		b.button(ActionDeny, t.Deny, slack.StyleDanger)
		if !s.Reset {
			b.button(ActionChange, b.texts.Change.Button, slack.StyleDefault)
		}
		b.button(ActionAskBack, b.texts.Question.AskBack, slack.StyleDefault)
	case s.CanRetry():
		b.confirmedButton(ActionRetry, t.Retry, t.RetryTitle, t.RetryText)
	}
	b.hide(f.VisibleTo)
	return b.message()
}

// outcome says how the request stands: who decided, what happens now, or how it ended.
func (b *builder) outcome() {
	t := b.texts.Approval
	switch b.story.State {
	case approval.Pending:
		b.turn()
		b.approvals()
		b.question(b.texts.Question.Open, b.texts.Question.Answered)
		b.passedOn()
		b.line(t.Decide)
	case approval.Denied:
		b.denial(b.texts.Request.DeniedFor, b.texts.Request.DeniedBy)
	case approval.Expired:
		b.approvals()
		b.line(t.Expired)
	case approval.Cancelled:
		b.cancelled(t.Cancelled, b.texts.Shell.Cancelled)
	case approval.Failed:
		b.approvedBy()
		b.line(t.Failed, b.texts.failure(b.story.Failure).Approver)
		b.failureDetail()
	default:
		b.approvedBy()
		b.line(b.progress())
		if b.waiting() {
			b.failureDetail()
		}
	}
	if b.story.Twin != "" {
		b.line(t.SameUID)
	}
}

// progress says how far the account is, or what came of the credentials.
func (b *builder) progress() phrase {
	switch {
	case !b.story.WorksAt.IsZero():
		return b.texts.After.Told
	case b.story.State == approval.Delivered && b.story.Sealed != nil && b.story.ShownAt.IsZero():
		return b.texts.After.Offered
	}
	return b.texts.Approval.Progress[b.story.State]
}

// Alarm tells that the account has the same uid as another.
func (v View) Alarm(s approval.Story) Message {
	b := v.about(s, "alarm")
	b.line(b.texts.Approval.Alarm...)
	b.approvedBy()
	return b.message()
}

func (b *builder) approvedBy() {
	b.exempt()
	if len(b.story.Approvals()) > 0 {
		b.line(b.texts.Approval.ApprovedBy)
	}
}

// approveText says what the reader's approval leads to.
func (b *builder) approveText() phrase {
	if b.story.AwaitsSponsor() {
		return b.texts.Sponsor.ApproveText
	}
	if len(b.story.Approvals())+1 < b.story.Required {
		return b.texts.Approval.ApproveTextFirst
	}
	return b.texts.Approval.ApproveText
}

// confirmedButton adds a button that asks once more before it acts.
func (b *builder) confirmedButton(action string, label, title, text phrase) *slack.ButtonBlockElement {
	dialog := slack.NewConfirmationBlockObject(
		plainText(title.fill(b.fields).plain(), confirmTitleMaxLength),
		plainText(text.fill(b.fields).plain(), confirmTextMaxLength),
		label.plainText(confirmButtonMaxLength),
		b.texts.Approval.Back.plainText(confirmButtonMaxLength),
	)
	return b.button(action, label, slack.StylePrimary).WithConfirm(dialog.WithStyle(slack.StylePrimary))
}

// messageLink links to the message for the approvers, or for the sponsor while it is their turn, where it is known. Slack
// leads from this address on to that of the workspace.
func messageLink(words phrase, s approval.Story) richText {
	m, posted := s.Message(s.Card())
	if !posted || m.Ref == "" {
		return words.fill(nil)
	}
	address := "https://slack.com/archives/" + m.Place + "/p" + strings.ReplaceAll(m.Ref, ".", "")
	return richText{slack.NewRichTextSectionLinkElement(address, string(words), nil)}
}

// Reminder is the first reminder of the approvers that a request still waits.
func (v View) Reminder(s approval.Story) Message {
	b := v.about(s, "reminder")
	b.line(b.texts.Approval.Reminder)
	b.toDecide()
	return b.message()
}

// toDecide says what there is to decide, until when, and where.
func (b *builder) toDecide() {
	b.asked()
	b.approvals()
	b.line(b.texts.Approval.Decide)
	where := b.texts.Approval.ReminderWhere
	if b.story.AwaitsSponsor() {
		where = b.texts.Sponsor.Where
	}
	b.add(slack.RTESection, messageLink(where, b.story))
}
