package slacktest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// slotOf names the field in which payloads hold an element's state; empty for elements that have none:
// docs.slack.dev/reference/interaction-payloads/view-interactions-payload.
func slotOf(kind string) string {
	switch kind {
	case "plain_text_input", "email_text_input", "url_text_input", "number_input":
		return "value"
	case "static_select", "radio_buttons":
		return "selected_option"
	case "multi_static_select", "checkboxes":
		return "selected_options"
	case "datepicker":
		return "selected_date"
	case "timepicker":
		return "selected_time"
	case "datetimepicker":
		return "selected_date_time"
	}
	if source, multi := strings.CutPrefix(kind, "multi_"); multi {
		return "selected_" + strings.TrimSuffix(source, "_select")
	}
	if source, menu := strings.CutSuffix(kind, "s_select"); menu {
		return "selected_" + source
	}
	return ""
}

func stateful(kind string) bool { return slotOf(kind) != "" }

// initialOf is the first value of an element as [Person.Submit] would be given it.
func initialOf(e object) string {
	if o := obj(e, "initial_option"); o != nil {
		return str(o, "value")
	}
	if options := objects(list(e, "initial_options")); options != nil {
		values := make([]string, len(options))
		for i, o := range options {
			values[i] = str(o, "value")
		}
		return strings.Join(values, ",")
	}
	for _, key := range sortedKeys(e) {
		if !strings.HasPrefix(key, "initial_") {
			continue
		}
		if all, several := e[key].([]any); several {
			return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ","), "[]")
		}
		return fmt.Sprint(e[key])
	}
	return ""
}

func slotKey(block, e object) string { return str(block, "block_id") + " " + str(e, "action_id") }

// values is what the person has filled in, as state.values holds it.
func (m *modal) values() object {
	all := object{}
	for _, b := range objects(list(m.body, "blocks")) {
		for _, e := range elementsOf(b) {
			if !stateful(str(e, "type")) {
				continue
			}
			typed, there := m.typed[slotKey(b, e)]
			if !there {
				typed = initialOf(e)
			}
			in := obj(all, str(b, "block_id"))
			if in == nil {
				in = object{}
				all[str(b, "block_id")] = in
			}
			in[str(e, "action_id")] = valueOf(e, typed)
		}
	}
	return all
}

// valueOf is one element's state. Nothing filled in is null, or an empty list.
func valueOf(e object, typed string) object {
	kind := str(e, "type")
	slot := slotOf(kind)
	value := object{"type": kind, slot: nil}
	switch slot {
	case "selected_options":
		value[slot] = chosen(e, typed)
	case "selected_option":
		if options := chosen(e, typed); len(options) > 0 {
			value[slot] = options[0]
		}
	case "selected_date_time":
		if n, err := strconv.Atoi(typed); err == nil {
			value[slot] = n
		}
	default:
		if strings.HasPrefix(kind, "multi_") {
			value[slot] = split(typed)
		} else if typed != "" {
			value[slot] = typed
		}
	}
	return value
}

func split(typed string) []string {
	values := []string{}
	for _, v := range strings.Split(typed, ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// chosen finds the options that were named by value or text: as a whole first, since a text may hold a comma.
func chosen(e object, typed string) []object {
	options := []object{}
	if o := optionNamed(e, typed); o != nil {
		return append(options, o)
	}
	for _, name := range split(typed) {
		if o := optionNamed(e, name); o != nil {
			options = append(options, o)
		}
	}
	return options
}

func optionNamed(e object, name string) object {
	options := optionsOf(e)
	for _, matches := range []func(object) bool{
		func(o object) bool { return str(o, "value") == name },
		func(o object) bool { return readTextObject(obj(o, "text")) == name },
	} {
		if i := slices.IndexFunc(options, matches); i >= 0 {
			return options[i]
		}
	}
	return nil
}

// fill enters values as a person would, by label, block id or action id, and says what can't be entered.
func (m *modal) fill(values map[string]string) error {
	v := m.view()
	for _, name := range sortedKeys(values) {
		in, found := v.input(name)
		if !found {
			return fmt.Errorf("%w %q among %q", ErrNoInput, name, v.inputNames())
		}
		m.typed[in.BlockID+" "+in.ActionID] = values[name]
	}
	return m.refuseInputs()
}

func (v View) input(name string) (Input, bool) {
	for _, key := range []func(Input) string{
		func(in Input) string { return in.Label },
		func(in Input) string { return in.BlockID },
		func(in Input) string { return in.ActionID },
	} {
		inputs := v.Inputs()
		if i := slices.IndexFunc(inputs, func(in Input) bool { return key(in) == name }); i >= 0 {
			return inputs[i], true
		}
	}
	return Input{}, false
}

func (v View) inputNames() []string {
	var names []string
	for _, in := range v.Inputs() {
		names = append(names, in.Label+" ("+in.BlockID+", "+in.ActionID+")")
	}
	return names
}

// refuseInputs is what Slack's client itself does not let through.
func (m *modal) refuseInputs() error {
	for _, b := range objects(list(m.body, "blocks")) {
		for _, e := range elementsOf(b) {
			if !stateful(str(e, "type")) {
				continue
			}
			if err := refuseInput(input(b, e), e, m.typedOrInitial(b, e)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *modal) typedOrInitial(b, e object) string {
	if typed, there := m.typed[slotKey(b, e)]; there {
		return typed
	}
	return initialOf(e)
}

func refuseInput(in Input, e object, typed string) error {
	name := in.Label
	if name == "" {
		name = in.ActionID
	}
	if typed == "" {
		if in.Optional {
			return nil
		}
		return fmt.Errorf("%w: %q is required", ErrInput, name)
	}
	if n := utf8.RuneCountInString(typed); in.Type == "plain_text_input" && (n < in.MinLength || n > in.MaxLength) {
		return fmt.Errorf("%w: %q takes %d to %d characters, not %d", ErrInput, name, in.MinLength, in.MaxLength, n)
	}
	if len(in.Options) > 0 && len(chosen(e, typed)) == 0 {
		return fmt.Errorf("%w: %q has no option %q, only %v", ErrInput, name, typed, in.Options)
	}
	return nil
}
