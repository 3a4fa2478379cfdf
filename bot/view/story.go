package view

import (
	"strconv"

	"ehpcbot/approval"
)

// telling is a draft about one request.
type telling struct {
	draft
	view  View
	words *catalogue
	story approval.Story
	facts values
}

// about begins a message about a request. The purpose and the request's version make its block ids.
func (v View) about(s approval.Story, purpose string) *telling {
	id := ""
	if s.ID != 0 {
		id = "request-" + formatID(s.ID) + "-" + strconv.FormatInt(s.Version, 10) + "-" + purpose
	}
	return &telling{draft: draft{id: id}, view: v, words: v.words(), story: s, facts: v.facts(s)}
}

// say adds a sentence about the request.
func (t *telling) say(p phrase) { t.line(p.with(t.facts)) }

// sayWith adds a sentence that needs one more value.
func (t *telling) sayWith(p phrase, name string, value []span) { t.line(t.fill(p, name, value)) }

func (t *telling) fill(p phrase, name string, value []span) []span {
	v := values{name: value}
	for k, known := range t.facts {
		if k != name {
			v[k] = known
		}
	}
	return p.with(v)
}

// request says what is asked for, and why.
func (t *telling) request() {
	w := t.words.Request
	t.say(w.Wish)
	t.sayWith(w.Permissions, "mod", t.view.permissions(t.story.Mod))
	t.typed(w.Reason, w.NoReason, t.story.Reason, reasonMaxLength)
}

// typed quotes what a person or the API said below a sentence that announces it; with nothing to quote there
// is another sentence, or none.
func (t *telling) typed(announce, otherwise phrase, s string, limit int) {
	s = paragraph(s, limit)
	if s == "" {
		t.say(otherwise)
		return
	}
	t.say(announce)
	t.quote(s)
}

// approvals says how many approvals there are of how many, and whose.
func (t *telling) approvals() {
	if len(t.story.Approvals()) == 0 {
		t.say(t.words.Request.Approvals)
		return
	}
	t.say(t.words.Request.ApprovalsBy)
}

// waiting says what a request waits for, if the work on it can't go on, and reports whether that is so.
func (t *telling) waiting() bool {
	switch {
	case t.story.Failure == "" || t.story.State.Final() || t.story.State == approval.Pending:
		return false
	case t.story.Failure == approval.WaitingDelivery:
		t.say(t.words.Approval.WaitDelivery)
	default:
		t.say(t.words.Approval.WaitAPI)
	}
	return true
}

// details quotes the API's own sentence.
func (t *telling) details() {
	t.typed(t.words.Request.DetailsFollow, "", t.story.FailureDetail, detailMaxLength)
}

// why says why the request failed.
func (t *telling) why() []span { return t.view.failure(t.story.Failure).Why.with(t.facts) }
