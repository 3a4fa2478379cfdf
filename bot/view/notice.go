package view

import "ehpcbot/approval"

// Notice tells the requester, in a direct message, of an end that leaves them without credentials, or that the
// account takes longer than usual.
func (v View) Notice(s approval.Story) Message {
	b := v.about(s, "notice")
	w := b.words.Notice
	switch s.State {
	case approval.Denied:
		b.line(w.Denied...)
		b.denial(w.DeniedFor, w.DeniedNoReason)
		b.line(w.DeniedNext)
	case approval.Expired:
		b.line(w.Expired...)
	case approval.Cancelled:
		b.line(w.Cancelled...)
	case approval.Failed:
		b.line(w.Failed...)
		b.line(v.failure(s.Failure).Requester)
	case approval.Approved, approval.Provisioning, approval.Provisioned:
		b.line(w.Delayed...)
	default:
		b.line(b.words.Request.Headline)
		b.follow()
	}
	return b.message()
}
