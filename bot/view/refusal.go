package view

import (
	"strconv"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

// Refusal says why something is not accepted, and what would be. That the reader has asked for the same
// account already is told differently from that somebody else has.
func (v View) Refusal(r *approval.Refusal) Message {
	if v.repeated(r) {
		return v.AlreadyAsked(r.Story)
	}
	d := &draft{}
	for _, p := range v.refusal(r) {
		d.line(p.with(v.refusalValues(r)))
	}
	return d.message()
}

// repeated reports whether the reader asks for what they have asked for.
func (v View) repeated(r *approval.Refusal) bool {
	return r.Kind == approval.KindActive && r.Story.Requester == v.Reader
}

// fieldFaultMaxLength keeps a sentence at a form's field to about two lines.
const fieldFaultMaxLength = 150

// FieldFaults are the sentences for a form's fields, by block. Slack shows one at a field, so of several the
// first counts. What belongs to no field stands at the username.
func (v View) FieldFaults(refusals []*approval.Refusal) map[string]string {
	faults := make(map[string]string, len(refusals))
	for _, r := range refusals {
		block := fieldOf(r.Kind)
		if _, taken := faults[block]; !taken {
			faults[block] = v.fieldFault(r)
		}
	}
	return faults
}

func fieldOf(k approval.Kind) string {
	switch k {
	case approval.KindCluster:
		return BlockCluster
	case approval.KindMod:
		return BlockMod
	case approval.KindReasonTooLong:
		return BlockReason
	}
	return BlockUsername
}

func (v View) fieldFault(r *approval.Refusal) string {
	sentence := v.refusal(r)[0]
	if v.repeated(r) {
		sentence = v.words().Answer.Already
	}
	return cut(flat(sentence.with(v.refusalValues(r))), fieldFaultMaxLength)
}

func (v View) refusalValues(r *approval.Refusal) values {
	facts := v.facts(r.Story)
	facts["value"] = text(inline(r.Value, nameMaxLength))
	facts["limit"] = text(strconv.Itoa(r.Limit))
	facts["right"] = v.right(r.Right)
	if r.Rule != nil {
		facts["rune"] = text(inline(string(r.Rule.Rune), nameMaxLength))
	}
	return facts
}

// rightShown is how many right values are listed.
const rightShown = 10

func (v View) right(right []string) []span {
	var all [][]span
	for i, s := range right {
		if i == rightShown {
			all = append(all, text(ellipsis))
			break
		}
		all = append(all, code(inline(s, nameMaxLength)))
	}
	return join(all, v.words().Separator)
}

// refusal chooses the sentences, at least one.
func (v View) refusal(r *approval.Refusal) []phrase {
	w := v.words().Refusal
	switch r.Kind {
	case approval.KindUsername:
		return []phrase{w.username(r)}
	case approval.KindReserved:
		return []phrase{w.Reserved}
	case approval.KindCluster:
		return []phrase{w.Cluster}
	case approval.KindMod:
		return []phrase{w.mod(r)}
	case approval.KindReasonTooLong:
		return []phrase{w.ReasonTooLong}
	case approval.KindActive:
		return []phrase{w.ActiveOther}
	case approval.KindTooMany:
		return []phrase{w.tooMany(r.Limit)}
	case approval.KindVoted:
		return []phrase{w.voted(r.Story, v.Reader)}
	case approval.KindDecided:
		return w.decided(r.Story)
	}
	return []phrase{w.plain(r.Kind)}
}

func (w refusalWords) tooMany(limit int) phrase {
	if limit == 1 {
		return w.TooManyOne
	}
	return w.TooMany
}

// plain are the sentences that depend on the kind alone.
func (w refusalWords) plain(k approval.Kind) phrase {
	switch k {
	case approval.KindUnknown:
		return w.Unknown
	case approval.KindNotYours:
		return w.NotYours
	case approval.KindNotApprover:
		return w.NotApprover
	case approval.KindSelf:
		return w.Self
	case approval.KindNoRetry:
		return w.NoRetry
	case approval.KindNoAnswer:
		return w.NoAnswer
	}
	return w.Other
}

func (w refusalWords) username(r *approval.Refusal) phrase {
	if r.Rule == nil {
		return w.Username
	}
	switch r.Rule.Rule {
	case ehpc.RuleEmpty:
		return w.UsernameEmpty
	case ehpc.RuleTooLong:
		return w.UsernameTooLong
	case ehpc.RuleCharacter:
		if inline(string(r.Rule.Rune), nameMaxLength) != "" {
			return w.UsernameCharacter
		}
	}
	return w.Username
}

func (w refusalWords) mod(r *approval.Refusal) phrase {
	if len(r.Right) == 0 {
		return w.ModAny
	}
	return w.Mod
}

func (w refusalWords) voted(s approval.Story, reader string) phrase {
	if d, denied := s.Denial(); denied && d.Person == reader {
		return w.VotedDeny
	}
	return w.VotedApprove
}

// decided tells what became of a request that can't be decided any more.
func (w refusalWords) decided(s approval.Story) []phrase {
	switch s.State {
	case approval.Pending:
		return []phrase{w.TimeIsUp}
	case approval.Denied:
		return []phrase{w.DecidedDenied}
	case approval.Expired:
		return []phrase{w.DecidedExpired}
	case approval.Cancelled:
		return []phrase{w.DecidedCancelled}
	case approval.Failed:
		return []phrase{w.DecidedFailed}
	case approval.Approved:
		return []phrase{w.DecidedApproved}
	}
	return []phrase{w.DecidedApproved, w.Now}
}
