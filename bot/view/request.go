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
	b.asked()
	b.line(t.Permissions)
	if b.story.Until != "" {
		b.line(b.texts.Asking.Until)
	}
	b.sponsored()
	b.changes()
	b.quote(t.Reason, t.NoReason, b.story.Reason, reasonMaxLength)
	if b.story.Former && b.story.State == approval.Pending {
		b.line(b.texts.Rules.Former)
	}
}

// asked says who asks for what, or asked for it, once that is over.
func (b *builder) asked() {
	if b.story.State == approval.Pending {
		b.line(b.texts.Request.Asks)
		return
	}
	b.line(b.texts.Request.Asked)
}

// approvals says how many approvals there are of how many, and whose; or that there were too few.
func (b *builder) approvals() {
	switch {
	case b.story.SponsorSilent():
		b.line(b.texts.Sponsor.Silent)
		return
	case b.story.Required == 0:
		b.exempt()
		return
	case b.story.AwaitsSponsor():
		return
	}
	t := b.texts.Request
	none, some := t.Approvals, t.ApprovalsBy
	if b.story.State == approval.Expired {
		none, some = t.Nobody, t.TooFew
	}
	if len(b.story.Approvals()) == 0 {
		b.line(none)
		return
	}
	b.line(some)
}

// exempt says why nobody has to approve the request.
func (b *builder) exempt() {
	if b.story.Exempt != "" {
		b.line(b.texts.Rules.Exempt)
	}
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
