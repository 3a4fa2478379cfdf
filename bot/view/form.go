package view

import (
	"cmp"
	"slices"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// The callback ids of the forms.
const (
	CallbackAsk     = "ask"
	CallbackDeny    = "deny"
	CallbackChange  = "change"
	CallbackAskBack = "ask_back"
	CallbackAnswer  = "answer"
)

// The blocks of the forms. Each has one element, with the same action id in all.
const (
	blockUsername = "username"
	blockCluster  = "cluster"
	blockMod      = "mod"
	blockUntil    = "until"
	blockReason   = "reason"
	blockPolicy   = "policy"
	blockSponsor  = "sponsor"
	actionValue   = "value"
)

// modDefault is the option of a form that asks for no permissions in particular; an option can't be empty.
const modDefault = "default"

// optionsMax is how many options a select may have. Where there are more values, they are typed.
// https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
const optionsMax = 100

// usernameMaxTyped is longer than a username may be, so that the bot can say what is wrong in its own words.
const usernameMaxTyped = 64

// AskForm is the form for a request, with what is known of it already. It asks for the use policy unless this version
// is accepted.
func (v View) AskForm(conf approval.Config, prefill approval.Ask) slack.ModalViewRequest {
	t := v.texts().Form
	blocks := []slack.Block{t.Username.input(blockUsername, t.Username.textField(prefill.Username, usernameMaxTyped))}
	if len(conf.Clusters) != 1 {
		blocks = append(blocks, v.clusterInput(conf, prefill.Cluster))
	}
	blocks = append(blocks,
		v.modInput(conf.Mods(), prefill.Mod),
		v.untilInput(prefill.Until),
		t.Reason.reasonInput(prefill.Reason))
	if some, all := conf.Sponsoring(); some {
		blocks = append(blocks, v.sponsorInput(prefill.Sponsor).WithOptional(!all))
	}
	if conf.Use.Version != "" && prefill.Policy != conf.Use.Version {
		blocks = append(blocks, v.policyBlocks(conf.Use)...)
	}
	return v.form(CallbackAsk, t.AskTitle, t.AskSubmit, blocks...)
}

// DenyForm asks for the reason of a denial.
func (v View) DenyForm(s approval.Story) slack.ModalViewRequest {
	t := v.texts().Form
	b := v.about(s, "deny")
	b.asked()
	form := v.form(CallbackDeny, t.DenyTitle, t.DenySubmit, b.richTextBlock(), t.DenyReason.reasonInput(""))
	form.PrivateMetadata = formatTarget(s.Target())
	return form
}

// AsksSponsor reports whether a form for a request has a field for the sponsor, as it has where some cluster wants one.
func AsksSponsor(form slack.View) bool {
	return slices.ContainsFunc(form.Blocks.BlockSet, func(b slack.Block) bool { return b.ID() == blockSponsor })
}

// AskFormValues reads a submitted form. What is missing in it, or of another type, counts as empty.
func AskFormValues(state *slack.ViewState) approval.Ask {
	mod := fieldValue(state, blockMod)
	if mod == modDefault {
		mod = ""
	}
	return approval.Ask{
		Username: command.Visible(fieldValue(state, blockUsername)),
		Cluster:  command.Visible(fieldValue(state, blockCluster)),
		Mod:      command.Visible(mod),
		Until:    command.Visible(fieldValue(state, blockUntil)),
		Policy:   fieldValue(state, blockPolicy),
		Sponsor:  fieldValue(state, blockSponsor),
		Reason:   command.Sentence(fieldValue(state, blockReason)),
	}
}

// Said reads the reason, the question or the answer from a submitted form. The request's id is in the form's private
// metadata, see [Target].
func Said(state *slack.ViewState) string {
	return command.Sentence(fieldValue(state, blockReason))
}

// fieldValue is what was typed into a field, or chosen in it.
func fieldValue(state *slack.ViewState, block string) string {
	if state == nil {
		return ""
	}
	action := state.Values[block][actionValue]
	switch {
	case action.SelectedOption.Value != "":
		return action.SelectedOption.Value
	case len(action.SelectedOptions) > 0:
		return action.SelectedOptions[0].Value
	}
	return cmp.Or(action.SelectedDate, action.SelectedUser, action.Value)
}

func (v View) clusterInput(conf approval.Config, initial string) *slack.InputBlock {
	t := v.texts().Form.Cluster
	if len(conf.Clusters) == 0 || len(conf.Clusters) > optionsMax {
		return t.input(blockCluster, t.textField(initial, command.ValueMaxLength)).WithOptional(true)
	}
	chosen, ok := conf.Cluster(initial)
	if !ok {
		chosen = conf.Clusters[0]
	}
	var options []*slack.OptionBlockObject
	for _, c := range conf.Clusters {
		options = append(options, option(c.ID, clusterLabel(approval.Story{Cluster: c})))
	}
	input := t.input(blockCluster, t.selectField(options, chosen.ID))
	input.Hint = nil // it tells what to type
	return input
}

func (v View) modInput(allowed []string, initial string) *slack.InputBlock {
	t := v.texts().Form
	if len(allowed) == 0 || len(allowed) >= optionsMax {
		return t.ModFree.input(blockMod, t.ModFree.textField(initial, usernameMaxTyped)).WithOptional(true)
	}
	options := []*slack.OptionBlockObject{option(modDefault, string(t.ModDefault))}
	for _, mod := range allowed {
		options = append(options, option(mod, v.modLabel(mod)))
	}
	return t.Mod.input(blockMod, t.Mod.selectField(options, initial))
}

func (t inputTexts) reasonInput(initial string) *slack.InputBlock {
	field := t.textField(initial, approval.ReasonMaxLength).WithMultiline(true)
	return t.input(blockReason, field).WithOptional(true)
}

func (t inputTexts) input(block string, field slack.BlockElement) *slack.InputBlock {
	return slack.NewInputBlock(block, t.Label.plainText(labelMaxLength), t.Hint.plainText(labelMaxLength), field)
}

func (t inputTexts) textField(initial string, limit int) *slack.PlainTextInputBlockElement {
	field := slack.NewPlainTextInputBlockElement(t.Placeholder.plainText(placeholderMaxLength), actionValue)
	return field.WithInitialValue(truncate(readable(initial), limit)).WithMaxLength(limit)
}

// selectField is a select in which one option, by its value or else the first, is chosen already.
func (t inputTexts) selectField(options []*slack.OptionBlockObject, initial string) *slack.SelectBlockElement {
	chosen := slices.IndexFunc(options, func(o *slack.OptionBlockObject) bool { return o.Value == initial })
	return slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, t.Placeholder.plainText(placeholderMaxLength),
		actionValue, options...).WithInitialOption(options[max(chosen, 0)])
}

func option(value, label string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value, plainText(label, optionMaxLength), nil)
}
