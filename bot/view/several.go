package view

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// severalTexts are those of the digest, and of the form in which several requests are decided at once.
type severalTexts struct {
	Waiting               phrase // {count}
	Item, FormItem        phrase // {link}, {age}
	ItemReason            phrase // {said}
	ItemUntil             phrase
	More                  phrase // {count} that are not listed
	Button                phrase
	Days, Hours, Minutes  phrase // {count}
	FormTitle, FormSubmit phrase
	Option                phrase
	Requests              phrase // {first}, {last}
	Verdict               phrase
	Approve, Deny         phrase
	Reason                inputTexts
	NoneTicked            phrase // at the field
	NoVerdict             phrase
	NoneWaits             phrase

	// What became of each, with the numbers as {ids}.
	Approved, Counted, Denied, Failed phrase
	NotDone                           map[approval.Kind]phrase
	OtherReason                       phrase
}

// ActionSeveral is the action id of the button that opens the form in which several requests are decided at once. It
// names no request.
const ActionSeveral = "several"

// CallbackSeveral is the callback id of that form.
const CallbackSeveral = "several"

const (
	blockRequests = "requests-" // and the number of the group
	blockVerdict  = "verdict"
	// groupMax is how many checkboxes Slack takes in one block.
	groupMax = 10
	// digestMax is how many requests the digest lists.
	digestMax = 30
	// formReasonMaxLength leaves room for the other requests of the form.
	formReasonMaxLength = 200
)

// Digest lists what waits, the oldest first, with a button to decide on several at once.
func (v View) Digest(d approval.Digest) Message {
	b := v.answer(approval.Story{})
	t := b.texts.Several
	b.fields["count"] = text(strconv.Itoa(d.Count))
	b.line(t.Waiting)
	listed := d.Waiting[:min(len(d.Waiting), digestMax)]
	for _, s := range listed {
		b.add(slack.RTEList, v.textsOf(s.Request).Several.Item.fill(v.waitingFields(s, d.Now)))
	}
	if more := d.Count - len(listed); more > 0 {
		b.fields["count"] = text(strconv.Itoa(more))
		b.line(t.More)
	}
	b.button(ActionSeveral, t.Button, slack.StylePrimary)
	return b.message()
}

func (v View) waitingFields(s approval.Story, now time.Time) fields {
	f := v.fields(s)
	f["link"] = messageLink(phrase(formatID(s.ID)), s)
	f["age"] = v.age(now.Sub(s.CreatedAt))
	return f
}

// age says how long something has waited, in the largest unit of which there are two.
func (v View) age(d time.Duration) richText {
	const day = 24 * time.Hour
	t := v.texts().Several
	unit, words := time.Minute, t.Minutes
	switch {
	case d >= 2*day:
		unit, words = day, t.Days
	case d >= 2*time.Hour:
		unit, words = time.Hour, t.Hours
	}
	return words.fill(fields{"count": text(strconv.Itoa(int(max(0, d) / unit)))})
}

// SeveralForm is the form in which several requests are decided at once. What each option stands for is told above it,
// as on the message of the request; its value binds the decision to that.
func (v View) SeveralForm(stories []approval.Story, now time.Time) slack.ModalViewRequest {
	t := v.texts().Several
	var blocks []slack.Block
	for group := range slices.Chunk(stories[:min(len(stories), approval.SeveralMax)], groupMax) {
		b := v.answer(approval.Story{})
		var options []*slack.OptionBlockObject
		for _, s := range group {
			f := v.waitingFields(s, now)
			its := v.textsOf(s.Request).Several
			item := its.FormItem.fill(f)
			if s.Until != "" {
				item = item.add(t.ItemUntil.fill(f)...)
			}
			if said := oneLine(s.Reason, formReasonMaxLength); said != "" {
				item = item.add(t.ItemReason.fill(fields{"said": text(said)})...)
			}
			b.add(slack.RTEList, item)
			options = append(options, option(formatTarget(s.Target()), its.Option.fill(f).plain()))
		}
		label := t.Requests.fill(fields{"first": text(formatID(group[0].ID)), "last": text(formatID(group[len(group)-1].ID))})
		boxes := slack.NewCheckboxGroupsBlockElement(actionValue, options...)
		block := fmt.Sprint(blockRequests, len(blocks)/2)
		blocks = append(blocks, b.richTextBlock(), choice(block, label, boxes).WithOptional(true))
	}
	verdicts := slack.NewRadioButtonsBlockElement(actionValue,
		option(string(approval.Approve), string(t.Approve)), option(string(approval.Deny), string(t.Deny)))
	blocks = append(blocks, choice(blockVerdict, t.Verdict.fill(nil), verdicts), t.Reason.reasonInput(""))
	return v.form(CallbackSeveral, t.FormTitle, t.FormSubmit, blocks...)
}

// choice is an input in which one chooses.
func choice(block string, label richText, field slack.BlockElement) *slack.InputBlock {
	return slack.NewInputBlock(block, plainText(label.plain(), labelMaxLength), nil, field)
}

// Several is what a submitted form decides.
type Several struct {
	On      []string // the values of the options, see [Target]
	Verdict approval.Verdict
	Reason  string
}

// SeveralFormValues reads a submitted form.
func SeveralFormValues(state *slack.ViewState) (s Several) {
	if state == nil {
		return s
	}
	for group := range approval.SeveralMax / groupMax {
		for _, o := range state.Values[fmt.Sprint(blockRequests, group)][actionValue].SelectedOptions {
			s.On = append(s.On, o.Value)
		}
	}
	s.Verdict = approval.Verdict(fieldValue(state, blockVerdict))
	s.Reason = command.Sentence(fieldValue(state, blockReason))
	return s
}

// SeveralFaults says at its field what is missing in the form; nil where nothing is.
func (v View) SeveralFaults(s Several) map[string]string {
	t := v.texts().Several
	switch {
	case len(s.On) == 0:
		return map[string]string{blockRequests + "0": string(t.NoneTicked)}
	case s.Verdict != approval.Approve && s.Verdict != approval.Deny:
		return map[string]string{blockVerdict: string(t.NoVerdict)}
	case len([]rune(s.Reason)) > approval.ReasonMaxLength:
		return v.FieldFaults([]*approval.Refusal{{Kind: approval.KindReasonTooLong, Limit: approval.ReasonMaxLength}})
	}
	return nil
}

// Outcome is what became of one decision of several.
type Outcome struct {
	ID      int64             // 0: it named no request
	Story   approval.Story    // as it is after it
	Refusal *approval.Refusal // why it was not accepted
	Failed  bool              // it is not known to be stored
}

// SeveralDone tells what became of each decision: the numbers of the requests, by what became of them.
func (v View) SeveralDone(outcomes []Outcome) Message {
	b := v.answer(approval.Story{})
	var phrases []phrase
	ids := map[phrase][]richText{}
	for _, o := range outcomes {
		p := b.texts.Several.became(o)
		if ids[p] == nil {
			phrases = append(phrases, p)
		}
		ids[p] = append(ids[p], text(formatID(o.ID)))
	}
	for _, p := range phrases {
		b.fields["ids"] = join(ids[p], string(b.texts.Separator))
		b.line(p)
	}
	return b.message()
}

func (t severalTexts) became(o Outcome) phrase {
	switch {
	case o.Failed:
		return t.Failed
	case o.Refusal != nil:
		if p, known := t.NotDone[o.Refusal.Kind]; known {
			return p
		}
		return t.OtherReason
	case o.Story.State == approval.Denied:
		return t.Denied
	case o.Story.State == approval.Pending:
		return t.Counted
	}
	return t.Approved
}

// NoneWaits answers an approver for whom nothing waits.
func (v View) NoneWaits() Message { return v.sentences(v.texts().Several.NoneWaits) }
