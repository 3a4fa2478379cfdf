package view

import (
	"strconv"

	"ehpcbot/approval"
)

// Asked answers the person whose request was just stored.
func (v View) Asked(s approval.Story) Message {
	t := v.about(s, "asked")
	w := t.words.Answer
	t.say(w.Asked)
	if s.Required > 1 {
		t.say(w.AskedMany)
	}
	t.say(w.AskedNext)
	t.say(w.AskedUntil)
	t.follow()
	return t.message()
}

// AlreadyAsked answers the person who asks once more for what they have asked for: by a second command, or
// because Slack handed over the first one twice.
func (v View) AlreadyAsked(s approval.Story) Message {
	t := v.about(s, "already")
	t.say(t.words.Answer.Already)
	t.waiting()
	t.follow()
	return t.message()
}

// follow says how to see the request's state, and how to take it back while that is possible.
func (t *telling) follow() {
	t.say(t.words.Answer.Follow)
	if t.story.State == approval.Pending {
		t.say(t.words.Answer.TakeBack)
	}
}

// CancelDone answers the person who took a request back.
func (v View) CancelDone(s approval.Story) Message {
	t := v.about(s, "cancelled")
	t.say(t.words.Answer.Cancelled)
	t.say(t.words.Answer.NotMade)
	return t.message()
}

// listShown is how many requests a list holds.
const listShown = 10

// List shows a person's requests, newest first as they are given.
func (v View) List(stories []approval.Story) Message {
	w := v.words().Answer
	d := &draft{}
	if len(stories) == 0 {
		d.line(w.ListEmpty.with(v.general()))
		return d.message()
	}
	d.line(w.List.with(nil))
	for _, s := range stories[:min(len(stories), listShown)] {
		d.item(w.ListItem.with(v.facts(s)))
	}
	if more := len(stories) - listShown; more > 0 {
		facts := v.general()
		facts["count"] = text(strconv.Itoa(more))
		d.line(w.ListMore.with(facts))
	}
	return d.message()
}

// general are the values of phrases that are about no request.
func (v View) general() values { return values{"command": text(v.Command)} }

// historyShown is how many decisions a status lists.
const historyShown = 10

// Status shows one request with what happened to it, and what the reader can do.
func (v View) Status(s approval.Story) Message {
	t := v.about(s, "status")
	t.say(t.words.Request.Headline)
	t.request()
	t.approvals()
	t.waiting()
	t.history()
	switch s.State {
	case approval.Pending:
		t.open()
	case approval.Denied:
		t.typed(t.words.Approval.DeniedFor, t.words.Approval.DeniedBy, t.denialReason(), reasonMaxLength)
	case approval.Failed:
		t.line(t.why())
		t.failedNext()
	}
	return t.message()
}

// forOthers reports whether the reader is another person than the one who asked.
func (t *telling) forOthers() bool {
	return t.view.Reader != "" && t.view.Reader != t.story.Requester
}

// open says what can be done with a request that waits for approval.
func (t *telling) open() {
	if t.forOthers() {
		t.say(t.words.Approval.Decide)
		return
	}
	t.say(t.words.Answer.AskedUntil)
	t.say(t.words.Answer.TakeBack)
}

// failedNext says what can be done with a request that has failed.
func (t *telling) failedNext() {
	if t.forOthers() {
		t.say(t.view.failure(t.story.Failure).Approver)
		t.details()
		return
	}
	t.say(t.view.failure(t.story.Failure).Requester)
}

// history lists the moments of a request.
func (t *telling) history() {
	w := t.words.Answer
	t.item(w.AskedAt.with(t.facts))
	for _, d := range t.story.Decisions[:min(len(t.story.Decisions), historyShown)] {
		p := w.ApprovedAt
		if d.Verdict == approval.Deny {
			p = w.DeniedAt
		}
		t.item(p.with(values{"who": person(d.Person), "at": moment(d.At)}))
	}
	if t.story.Version > 1 {
		t.item(w.ChangedAt.with(t.facts))
	}
}

// Notice tells the requester, in a direct message, of an end that leaves them without credentials, or that the
// account takes longer than usual.
func (v View) Notice(s approval.Story) Message {
	t := v.about(s, "notice")
	w := t.words.Notice
	switch s.State {
	case approval.Denied:
		t.say(w.Denied)
		t.say(w.DeniedBy)
		t.typed(w.DeniedFor, w.DeniedNoWhy, t.denialReason(), reasonMaxLength)
		t.say(w.DeniedNext)
	case approval.Expired:
		t.say(w.Expired)
		t.say(w.ExpiredWhy)
		t.say(w.AskAgain)
	case approval.Cancelled:
		t.say(w.Cancelled)
		t.say(w.CancelledWhat)
		t.say(w.AskAgain)
	case approval.Failed:
		t.say(w.Failed)
		t.sayWith(w.FailedWhy, "why", t.why())
		t.say(t.view.failure(s.Failure).Requester)
	case approval.Approved, approval.Provisioning, approval.Provisioned:
		t.say(w.Delayed)
		t.say(w.DelayedWhat)
		t.say(w.DelayedNext)
	default:
		t.say(t.words.Request.Headline)
		t.follow()
	}
	return t.message()
}
