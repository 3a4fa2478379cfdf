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
	t := v.texts().Answer
	if len(stories) == 0 {
		return v.sentences(t.ListEmpty)
	}
	b := v.answer(approval.Story{})
	b.line(t.List)
	for _, s := range stories[:min(len(stories), listMax)] {
		b.add(slack.RTEList, v.listItem(s))
	}
	if more := len(stories) - listMax; more > 0 {
		b.fields["count"] = text(strconv.Itoa(more))
		b.line(t.ListMore)
	}
	return b.message()
}

// listItem says of a request how it stands, and what comes next by itself.
func (v View) listItem(s approval.Story) richText {
	f := v.fields(s)
	item := v.textsOf(s.Request).Answer.ListItem.fill(f)
	next := v.next(s)
	if next == "" {
		return item
	}
	f["item"] = item
	return next.fill(f)
}

// Status shows one request with what happened to it, and what the reader can do.
func (v View) Status(s approval.Story) Message {
	b := v.about(s, "status")
	b.line(b.texts.Request.Headline)
	b.request()
	b.approvals()
	b.passedOn()
	b.waiting()
	b.history()
	switch s.State {
	case approval.Pending:
		b.pendingNext()
	case approval.Denied:
		b.denial(b.texts.Request.DeniedFor, b.texts.Request.DeniedBy)
	case approval.Failed:
		b.failedNext()
	}
	return b.message()
}

// history lists when the request was asked for, decided and last changed.
func (b *builder) history() {
	t := b.texts.Answer
	b.item(t.AskedAt)
	if !b.story.SponsoredAt.IsZero() {
		b.item(b.texts.Sponsor.At)
	}
	for _, d := range b.story.Decisions[:min(len(b.story.Decisions), historyMax)] {
		b.fields["who"], b.fields["at"] = b.view.person(d.Person), date(d.At)
		if d.Verdict == approval.Deny {
			b.item(t.DeniedAt)
		} else {
			b.item(t.ApprovedAt)
		}
	}
	if b.story.Version > 1 {
		b.item(t.ChangedAt)
	}
}

// pendingNext says what can be done with a request that waits for approval.
func (b *builder) pendingNext() {
	if b.forApprover() {
		b.turn()
		b.question(b.texts.Question.Open, b.texts.Question.Answered)
		b.line(b.texts.Approval.Decide)
		return
	}
	b.question(b.texts.Question.ForYou, "")
	b.whoAndWhen()
	b.line(b.texts.Answer.TakeBack)
	b.requesterButtons()
}

// failedNext says why a request has failed, and what can be done.
func (b *builder) failedNext() {
	t := b.texts.failure(b.story.Failure)
	if b.forApprover() {
		b.line(t.Why, t.Approver)
		b.failureDetail()
		return
	}
	b.line(t.Why, t.Requester)
}

// forApprover reports whether the reader is another person than the one who asked. Only an approver sees the
// requests of others.
func (b *builder) forApprover() bool {
	return b.view.Reader != "" && b.view.Reader != b.story.Requester
}
