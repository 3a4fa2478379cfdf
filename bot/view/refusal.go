package view

import (
	"cmp"
	"slices"
	"strconv"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

// Refusal says why something is not accepted, and what would be.
func (v View) Refusal(r *approval.Refusal) Message {
	if v.repeated(r) {
		return v.alreadyAsked(r.Story)
	}
	b := v.answer(r.Story)
	b.fields = v.refusalFields(r)
	b.line(v.refusal(r))
	if r.Kind == approval.KindDecided && slices.Contains(underWay, r.Story.State) {
		b.line(b.words.Refusal.Now)
	}
	return b.message()
}

// underWay are the states in which it is worth saying how far an approved request has come.
var underWay = []approval.State{approval.Provisioning, approval.Provisioned, approval.Delivered}

// repeated reports whether the reader asks for what they have asked for. That somebody else has is told differently.
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
		block := blockOf(r.Kind)
		if _, taken := faults[block]; !taken {
			sentence := v.refusal(r).fill(v.refusalFields(r))
			faults[block] = truncate(sentence.plain(), fieldFaultMaxLength)
		}
	}
	return faults
}

func blockOf(k approval.Kind) string {
	switch k {
	case approval.KindCluster:
		return blockCluster
	case approval.KindMod:
		return blockMod
	case approval.KindReasonTooLong:
		return blockReason
	}
	return blockUsername
}

func (v View) refusalFields(r *approval.Refusal) fields {
	f := v.fields(r.Story)
	f["value"] = text(oneLine(r.Value, nameMaxLength))
	f["limit"] = text(strconv.Itoa(r.Limit))
	f["right"] = v.rightValues(r.Right)
	if r.Rule != nil {
		f["rune"] = text(oneLine(string(r.Rule.Rune), nameMaxLength))
	}
	return f
}

// rightMax is how many right values are listed.
const rightMax = 10

func (v View) rightValues(right []string) richText {
	var all []richText
	for _, s := range right[:min(len(right), rightMax)] {
		all = append(all, code(oneLine(s, nameMaxLength)))
	}
	if len(right) > rightMax {
		all = append(all, text(ellipsis))
	}
	return join(all, string(v.words().Separator))
}

// refusal chooses the sentence: that of the kind, unless there is a closer one.
func (v View) refusal(r *approval.Refusal) phrase {
	w := v.words().Refusal
	var closer phrase
	switch r.Kind {
	case approval.KindUsername:
		closer = w.brokenRule(r.Rule)
	case approval.KindMod:
		if len(r.Right) == 0 {
			closer = w.ModAny
		}
	case approval.KindActive:
		if v.repeated(r) {
			closer = v.words().Answer.Already
		}
	case approval.KindTooMany:
		if r.Limit == 1 {
			closer = w.TooManyOne
		}
	case approval.KindVoted:
		if d, denied := r.Story.Denial(); denied && d.Person == v.Reader {
			closer = w.VotedDeny
		}
	case approval.KindDecided:
		closer = w.Decided[r.Story.State]
	}
	return cmp.Or(closer, w.Kinds[r.Kind], w.Other)
}

// brokenRule is the sentence for a rule that a username breaks, if it is known and can be shown.
func (w refusalTexts) brokenRule(e *ehpc.RuleError) phrase {
	if e == nil || (e.Rule == ehpc.RuleCharacter && oneLine(string(e.Rune), nameMaxLength) == "") {
		return ""
	}
	return w.Rules[e.Rule]
}
