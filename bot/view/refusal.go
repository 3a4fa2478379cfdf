package view

import (
	"cmp"
	"slices"
	"strconv"
	"unicode"

	"github.com/slack-go/slack"

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
		b.line(b.texts.Refusal.Now)
	}
	if r.Why != nil {
		b.add(slack.RTEQuote, v.refusal(r.Why).fill(v.refusalFields(r.Why)))
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

// AtField reports whether a refusal is about what was typed into a form, and is told at its field.
func AtField(k approval.Kind) bool {
	return blockOf(k) == blockReason || blockOf(k) == blockMod || slices.Contains(aboutUsername, k)
}

// aboutUsername are the refusals that stand at the username because they are about it.
var aboutUsername = []approval.Kind{
	approval.KindUsername, approval.KindDigits, approval.KindPattern, approval.KindReserved, approval.KindActive, approval.KindTwin, approval.KindFormer,
}

func blockOf(k approval.Kind) string {
	switch k {
	case approval.KindCluster:
		return blockCluster
	case approval.KindMod:
		return blockMod
	case approval.KindReasonTooLong, approval.KindTooLong, approval.KindNothingSaid, approval.KindTypedPassword:
		return blockReason
	case approval.KindUntil:
		return blockUntil
	case approval.KindSponsor, approval.KindSponsorSelf, approval.KindSponsorGone:
		return blockSponsor
	}
	return blockUsername
}

func (v View) refusalFields(r *approval.Refusal) fields {
	f := v.fields(r.Story)
	f["value"] = text(oneLine(r.Value, nameMaxLength))
	switch {
	case r.Free != "":
		f["otherUsername"] = text(oneLine(r.Free, nameMaxLength))
	case r.Story.ID == 0:
		f["otherUsername"] = text(otherUsername(r.Value))
	}
	f["limit"] = text(strconv.Itoa(r.Limit))
	f["allowed"] = v.allowed(r.Right)
	if r.Rule != nil {
		f["character"] = text(oneLine(string(r.Rule.Rune), nameMaxLength))
	}
	return f
}

// allowedMax is how many allowed values are listed.
const allowedMax = 10

func (v View) allowed(values []string) richText {
	var all []richText
	for _, s := range values[:min(len(values), allowedMax)] {
		all = append(all, code(oneLine(s, nameMaxLength)))
	}
	if len(values) > allowedMax {
		all = append(all, text(ellipsis))
	}
	return join(all, string(v.texts().Separator))
}

// refusal chooses the sentence: that of the kind, unless there is a more exact one.
func (v View) refusal(r *approval.Refusal) phrase {
	t := v.texts().Refusal
	var exact phrase
	switch r.Kind {
	case approval.KindUsername:
		exact = t.brokenRule(r.Rule)
	case approval.KindMod:
		if len(r.Right) == 0 {
			exact = t.ModAny
		}
	case approval.KindActive:
		if v.repeated(r) {
			exact = v.texts().Answer.Already
		}
	case approval.KindTooMany:
		if r.Limit == 1 {
			exact = t.TooManyOne
		}
	case approval.KindVoted:
		if d, denied := r.Story.Denial(); denied && d.Person == v.Reader {
			exact = t.VotedDeny
		}
	case approval.KindReminded:
		if r.Story.AwaitsSponsor() {
			exact = v.texts().Sponsor.AlreadyReminded
		}
	case approval.KindDecided:
		if exact = t.Decided[r.Story.State]; r.Story.Failure == approval.EndedFromShell {
			exact = v.texts().Shell.Decided
		}
	}
	return cmp.Or(exact, t.Kinds[r.Kind], t.Other)
}

// brokenRule is the sentence for a rule that a username breaks, if it is known and can be shown.
func (t refusalTexts) brokenRule(e *ehpc.RuleError) phrase {
	switch {
	case e == nil:
		return ""
	case e.Rule == ehpc.RuleCharacter && unseen(e.Rune):
		return t.Invisible
	case e.Rule == ehpc.RuleCharacter && unicode.IsSpace(e.Rune):
		return ""
	}
	return t.Rules[e.Rule]
}

// unseen reports a character that shows nothing, not even a space.
func unseen(r rune) bool {
	const blankBraille = '\u2800'
	return !unicode.IsSpace(r) && (r == blankBraille ||
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector))
}
