package view

import (
	"strconv"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// The most items of a list.
const (
	listMax    = 10
	historyMax = 10
)

// List shows a person's requests, newest first as they are given.
func (v View) List(stories []approval.Story) Message {
	w := v.words().Answer
	if len(stories) == 0 {
		return v.sentences(w.ListEmpty)
	}
	b := v.answer(approval.Story{})
	b.line(w.List)
	for _, s := range stories[:min(len(stories), listMax)] {
		b.add(slack.RTEList, w.ListItem.fill(v.fields(s)))
	}
	if more := len(stories) - listMax; more > 0 {
		b.fields["count"] = text(strconv.Itoa(more))
		b.line(w.ListMore)
	}
	return b.message()
}

// Status shows one request with what happened to it, and what the reader can do.
func (v View) Status(s approval.Story) Message {
	b := v.about(s, "status")
	b.line(b.words.Request.Headline)
	b.request()
	b.approvals()
	b.waiting()
	b.history()
	switch s.State {
	case approval.Pending:
		b.pendingNext()
	case approval.Denied:
		b.denial(b.words.Request.DeniedFor, b.words.Request.DeniedBy)
	case approval.Failed:
		b.failedNext()
	}
	return b.message()
}

// history lists when the request was asked for, decided and last changed.
func (b *builder) history() {
	w := b.words.Answer
	b.item(w.AskedAt)
	for _, d := range b.story.Decisions[:min(len(b.story.Decisions), historyMax)] {
		b.fields["who"], b.fields["at"] = mention(d.Person), date(d.At)
		if d.Verdict == approval.Deny {
			b.item(w.DeniedAt)
		} else {
			b.item(w.ApprovedAt)
		}
	}
	if b.story.Version > 1 {
		b.item(w.ChangedAt)
	}
}

// pendingNext says what can be done with a request that waits for approval.
func (b *builder) pendingNext() {
	if b.forApprover() {
		b.line(b.words.Approval.Decide)
		return
	}
	b.line(b.words.Answer.AskedUntil, b.words.Answer.TakeBack)
}

// failedNext says why a request has failed, and what can be done.
func (b *builder) failedNext() {
	w := b.view.failure(b.story.Failure)
	if b.forApprover() {
		b.line(w.Why, w.Approver)
		b.failureDetail()
		return
	}
	b.line(w.Why, w.Requester)
}

// forApprover reports whether the reader is another person than the one who asked. Only an approver sees the
// requests of others.
func (b *builder) forApprover() bool {
	return b.view.Reader != "" && b.view.Reader != b.story.Requester
}
