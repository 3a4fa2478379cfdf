package view

import "ehpcbot/approval"

// The longest quotations, in characters.
const (
	reasonMaxLength = 500
	detailMaxLength = 300
)

// request says what is asked for, and why.
func (b *builder) request() {
	t := b.texts.Request
	b.line(t.Asked, t.Permissions)
	b.quote(t.Reason, t.NoReason, b.story.Reason, reasonMaxLength)
}

// approvals says how many approvals there are of how many, and whose.
func (b *builder) approvals() {
	if len(b.story.Approvals()) == 0 {
		b.line(b.texts.Request.Approvals)
		return
	}
	b.line(b.texts.Request.ApprovalsBy)
}

// denial says who denied the request, and quotes why.
func (b *builder) denial(withReason, without phrase) {
	d, _ := b.story.Denial()
	b.quote(withReason, without, d.Reason, reasonMaxLength)
}

// waiting says what holds up the work on a request, and reports whether anything does.
func (b *builder) waiting() bool {
	switch {
	case b.story.Failure == "" || b.story.State.Final() || b.story.State == approval.Pending:
		return false
	case b.story.Failure == approval.WaitingDelivery:
		b.line(b.texts.Request.WaitDelivery)
	default:
		b.line(b.texts.Request.WaitAPI)
	}
	return true
}

// failureDetail quotes the API's own sentence.
func (b *builder) failureDetail() {
	b.quote(b.texts.Request.Details, "", b.story.FailureDetail, detailMaxLength)
}
