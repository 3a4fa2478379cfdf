package view

import (
	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// Approval is the message for the approvers, in every state of the request. It has buttons only where they do
// something: to decide, while the request waits, and to retry, once it has failed.
func (v View) Approval(s approval.Story) Message {
	t := v.about(s, "approval")
	t.say(t.words.Request.Headline)
	t.request()
	t.outcome()
	switch {
	case s.State == approval.Pending:
		t.button(t.approveButton())
		t.button(button(ActionDeny, s.ID, t.words.Approval.Deny, slack.StyleDanger))
	case s.CanRetry():
		t.button(t.retryButton())
	}
	return t.message()
}

// outcome says how the request stands: who decided, what happens now, or how it ended.
func (t *telling) outcome() {
	w := t.words.Approval
	switch t.story.State {
	case approval.Pending:
		t.approvals()
		t.say(w.Decide)
	case approval.Denied:
		t.typed(w.DeniedFor, w.DeniedBy, t.denialReason(), reasonMaxLength)
	case approval.Expired:
		t.approvals()
		t.say(w.Expired)
	case approval.Cancelled:
		t.say(w.Cancelled)
	case approval.Failed:
		t.approved()
		t.sayWith(w.Failed, "why", t.why())
		t.say(t.view.failure(t.story.Failure).Approver)
		t.details()
	default:
		t.approved()
		t.say(t.progress())
		if t.waiting() {
			t.details()
		}
	}
}

func (t *telling) denialReason() string {
	d, _ := t.story.Denial()
	return d.Reason
}

func (t *telling) approved() {
	if len(t.story.Approvals()) > 0 {
		t.say(t.words.Approval.ApprovedBy)
	}
}

func (t *telling) progress() phrase {
	switch t.story.State {
	case approval.Approved:
		return t.words.Approval.Starts
	case approval.Provisioning:
		return t.words.Approval.Making
	case approval.Provisioned:
		return t.words.Approval.HandingOver
	case approval.Delivered:
		return t.words.Approval.Delivered
	}
	return ""
}

func (t *telling) approveButton() *slack.ButtonBlockElement {
	w := t.words.Approval
	what := w.ApproveText
	if len(t.story.Approvals())+1 < t.story.Required {
		what = w.ApproveTextFirst
	}
	return button(ActionApprove, t.story.ID, w.Approve, slack.StylePrimary).WithConfirm(
		confirm(w.ApproveTitle.with(t.facts), what.with(t.facts), w.Approve, w.Back, slack.StylePrimary))
}

func (t *telling) retryButton() *slack.ButtonBlockElement {
	w := t.words.Approval
	return button(ActionRetry, t.story.ID, w.Retry, slack.StylePrimary).WithConfirm(
		confirm(w.RetryTitle.with(t.facts), w.RetryText.with(t.facts), w.Retry, w.Back, slack.StylePrimary))
}

// Reminder is the one reminder of the approvers that a request still waits.
func (v View) Reminder(s approval.Story) Message {
	t := v.about(s, "reminder")
	t.say(t.words.Approval.Reminder)
	t.say(t.words.Request.Wish)
	t.approvals()
	t.say(t.words.Approval.Decide)
	t.say(t.words.Approval.ReminderWhere)
	return t.message()
}
