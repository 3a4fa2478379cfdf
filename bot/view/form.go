package view

import (
	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// optionsMax is how many options a select may have. Where there are more values, they are typed.
// https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
const optionsMax = 100

// modDefault is the option of a form that asks for no permissions in particular; an option can't be empty.
const modDefault = "default"

// AskForm is the form for a request, with what is known of it already.
func (v View) AskForm(conf approval.Config, prefill approval.Ask) slack.ModalViewRequest {
	w := v.words().Form
	m := v.form(w.AskTitle, w.AskSubmit, CallbackAsk)
	m.Blocks.BlockSet = []slack.Block{
		v.usernameInput(prefill.Username),
		v.clusterInput(conf, prefill.Cluster),
		v.modInput(conf.AllowedMods, prefill.Mod),
		v.reasonInput(w.ReasonPlaceholder, w.ReasonHint, prefill.Reason),
	}
	return m
}

// DenyForm asks for the reason of a denial.
func (v View) DenyForm(s approval.Story) slack.ModalViewRequest {
	w := v.words().Form
	m := v.form(w.DenyTitle, w.DenySubmit, CallbackDeny)
	m.PrivateMetadata = formatID(s.ID)
	t := v.about(s, "deny")
	t.say(t.words.Request.Wish)
	m.Blocks.BlockSet = []slack.Block{t.richText(), v.reasonInput(w.DenyReasonPlaceholder, w.DenyReasonHint, "")}
	return m
}

// AskFormValues reads a submitted form. What is missing in it, or of another type, counts as empty.
func AskFormValues(state *slack.ViewState) approval.Ask {
	mod := fieldValue(state, BlockMod)
	if mod == modDefault {
		mod = ""
	}
	return approval.Ask{
		Username: command.Visible(fieldValue(state, BlockUsername)),
		Cluster:  command.Visible(fieldValue(state, BlockCluster)),
		Mod:      command.Visible(mod),
		Reason:   command.Sentence(fieldValue(state, BlockReason)),
	}
}

// DenyFormValues reads the reason from a submitted form of a denial. The request's id is in the form's private
// metadata, see [RequestID].
func DenyFormValues(state *slack.ViewState) string {
	return command.Sentence(fieldValue(state, BlockReason))
}

// fieldValue is what was typed into a field, or chosen in it.
func fieldValue(state *slack.ViewState, block string) string {
	if state == nil {
		return ""
	}
	action := state.Values[block][ActionValue]
	if action.SelectedOption.Value != "" {
		return action.SelectedOption.Value
	}
	return action.Value
}

func (v View) form(title, submit phrase, callback string) slack.ModalViewRequest {
	m := v.modal(title, nil)
	m.CallbackID = callback
	m.Submit = plainText(string(submit), modalTitleMaxLength)
	m.Close = plainText(string(v.words().Form.Cancel), modalTitleMaxLength)
	return m
}

// usernameMaxTyped is longer than a username may be, so that the bot can say what is wrong in its own words.
const usernameMaxTyped = 64

func (v View) usernameInput(initial string) slack.Block {
	w := v.words().Form
	input := textInput(w.UsernamePlaceholder, initial, usernameMaxTyped)
	return slack.NewInputBlock(BlockUsername, label(w.Username), label(w.UsernameHint), input)
}

func (v View) clusterInput(conf approval.Config, initial string) slack.Block {
	w := v.words().Form
	if len(conf.Clusters) == 0 || len(conf.Clusters) > optionsMax {
		input := textInput(w.ClusterPlaceholder, initial, command.ValueMaxLength)
		return slack.NewInputBlock(BlockCluster, label(w.Cluster), label(w.ClusterHint), input).WithOptional(true)
	}
	chosen, ok := conf.Cluster(initial)
	if !ok {
		chosen = conf.Clusters[0]
	}
	var options []*slack.OptionBlockObject
	for _, c := range conf.Clusters {
		options = append(options, option(c.ID, cluster(approval.Story{Cluster: c})))
	}
	return slack.NewInputBlock(BlockCluster, label(w.Cluster), nil, choice(w.ClusterPlaceholder, options, chosen.ID))
}

func (v View) modInput(allowed []string, initial string) slack.Block {
	w := v.words().Form
	if len(allowed) == 0 || len(allowed) >= optionsMax {
		input := textInput(w.ModFreePlaceholder, initial, usernameMaxTyped)
		return slack.NewInputBlock(BlockMod, label(w.Mod), label(w.ModFreeHint), input).WithOptional(true)
	}
	options := []*slack.OptionBlockObject{option(modDefault, string(w.ModDefault))}
	for _, mod := range allowed {
		options = append(options, option(mod, v.explainMod(mod)))
	}
	return slack.NewInputBlock(BlockMod, label(w.Mod), label(w.ModHint), choice(w.ModPlaceholder, options, initial))
}

func (v View) reasonInput(placeholder, hint phrase, initial string) slack.Block {
	input := textInput(placeholder, initial, approval.ReasonMaxLength).WithMultiline(true)
	return slack.NewInputBlock(BlockReason, label(v.words().Form.Reason), label(hint), input).WithOptional(true)
}

// labelLimit is the longest label and hint of an input.
// https://docs.slack.dev/reference/block-kit/blocks/input-block
const labelLimit = 2000

func label(p phrase) *slack.TextBlockObject { return plainText(string(p), labelLimit) }

func textInput(placeholder phrase, initial string, limit int) *slack.PlainTextInputBlockElement {
	input := slack.NewPlainTextInputBlockElement(plainText(string(placeholder), placeholderMaxLength), ActionValue)
	return input.WithInitialValue(cut(readable(initial), limit)).WithMaxLength(limit)
}

func option(value, label string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value, plainText(label, optionMaxLength), nil)
}

// choice is a select in which one option, by its value or else the first, is chosen already.
func choice(placeholder phrase, options []*slack.OptionBlockObject, initial string) *slack.SelectBlockElement {
	chosen := options[0]
	for _, o := range options {
		if o.Value == initial {
			chosen = o
		}
	}
	return slack.NewOptionsSelectBlockElement(slack.OptTypeStatic,
		plainText(string(placeholder), placeholderMaxLength), ActionValue, options...).WithInitialOption(chosen)
}
