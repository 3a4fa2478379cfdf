package view

import "ehpcbot/approval"

// Notice tells the requester, in a direct message, of an end that leaves them without credentials, or that the
// account takes longer than usual.
func (v View) Notice(s approval.Story) Message {
	b := v.about(s, "notice")
	t := b.texts.Notice
	switch s.State {
	case approval.Denied:
		b.line(t.Denied...)
		b.denial(t.DeniedFor, t.DeniedNoReason)
		b.line(t.DeniedNext)
	case approval.Expired:
		b.line(t.Expired...)
		b.approvals()
		b.line(t.AskAgain)
	case approval.Cancelled:
		b.line(t.Cancelled[0])
		b.cancelled(t.Cancelled[1], b.texts.Shell.Notice)
		b.line(t.AskAgain)
	case approval.Failed:
		b.line(t.Failed...)
		b.line(b.texts.failure(s.Failure).Requester)
	case approval.Approved, approval.Provisioning, approval.Provisioned:
		b.line(t.Delayed...)
	default:
		b.line(b.texts.Request.Headline)
		b.follow()
	}
	return b.message()
}
