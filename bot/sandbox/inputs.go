package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html/template"
	"slices"
	"strconv"
	"strings"
)

// input is a block with a control, its label, its hint, and room for what is wrong.
func (d *drawing) input(b element) template.HTML {
	if b.Element == nil {
		return d.unknown(b.Type)
	}
	id := d.nextID()
	label := text(b.Label.Text)
	if b.Optional {
		label += tag("span", attrs{"class", "bk-optional"}, text(d.texts().optional))
	}
	outer, inner, of := "div", "label", id
	if isChoice(*b.Element) {
		outer, inner, of = "fieldset", "legend", ""
	}
	inside := tag(inner, attrs{"class", "bk-label", "for", of}, label) + d.control(b, *b.Element, id)
	if b.Hint.Text != "" {
		inside += tag("p", attrs{"class", "bk-hint", "id", id + "-hint"}, text(b.Hint.Text))
	}
	return tag(outer, attrs{"class", "bk-block bk-input"}, inside,
		tag("p", attrs{"class", "bk-error", "id", id + "-error", "role", "alert", "data-error", b.BlockID}))
}

func isChoice(e element) bool { return e.Type == "checkboxes" || e.Type == "radio_buttons" }

// control is what can be pressed or filled in. It has an id where its block is an input.
func (d *drawing) control(b, e element, id string) template.HTML {
	var confirm bytes.Buffer
	if len(e.Confirm) > 0 {
		_ = json.Compact(&confirm, e.Confirm) // can't fail: it was read as JSON
	}
	common := attrs{
		"data-type", e.Type, "data-block", b.BlockID, "data-action", e.ActionID, "data-confirm", confirm.String(),
		"autofocus", when(e.FocusOnLoad, "autofocus"),
	}
	if id != "" {
		required := !b.Optional && e.Type != "checkboxes" // of a browser's checkboxes, each alone can be required
		common = common.with("required", when(required, "required"),
			"aria-describedby", when(b.Hint.Text != "", id+"-hint ")+id+"-error")
	}
	field := common.with("class", "bk-field", "id", id,
		"aria-label", when(id == "", cmp.Or(e.Placeholder.Text, e.ActionID)))
	switch e.Type {
	case "button":
		if len(e.VisibleTo) > 0 && d.ID != "" && !slices.Contains(e.VisibleTo, d.ID) {
			return ""
		}
		return button(e, common)
	case "overflow":
		return tag("details", attrs{"class", "bk-overflow"}, tag("summary", attrs{"aria-label", d.texts().more}, "⋯"),
			each(e.Options, func(o element) template.HTML { return button(o, common) }))
	case "image":
		return image(e)
	case "checkboxes", "radio_buttons":
		return d.choices(e, common, cmp.Or(id, d.nextID()))
	case "static_select", "multi_static_select", "users_select", "multi_users_select", "channels_select",
		"multi_channels_select", "conversations_select", "multi_conversations_select":
		return d.selection(e, field)
	}
	return d.field(e, field)
}

// button is a button, or one of an overflow menu. One that leads to an address is a link, pressed all the same.
func button(e element, common attrs) template.HTML {
	class := "bk-button"
	if e.Style.Name == "primary" || e.Style.Name == "danger" {
		class += " bk-" + e.Style.Name
	}
	common = common.with("class", class, "data-value", e.Value, "aria-label", e.AccessibilityLabel)
	if isAddress(e.URL) {
		return tag("a", common.with("href", e.URL, "target", "_blank", "rel", "noopener"), text(e.Text.Text))
	}
	return tag("button", common.with("type", "button"), text(e.Text.Text))
}

func (d *drawing) field(e element, common attrs) template.HTML {
	common = common.with("placeholder", e.Placeholder.Text)
	if e.Type == "plain_text_input" {
		common = common.with("minlength", positive(e.MinLength), "maxlength", positive(e.MaxLength))
	}
	input := func(kind, value string, more ...string) template.HTML {
		return tag("input", common.with("type", kind, "value", value).with(more...))
	}
	switch e.Type {
	case "plain_text_input":
		if e.Multiline {
			// HTML takes away the first line break.
			return tag("textarea", common.with("rows", "4"), "\n", text(e.InitialValue))
		}
		return input("text", e.InitialValue)
	case "email_text_input":
		return input("email", e.InitialValue)
	case "url_text_input":
		return input("url", e.InitialValue)
	case "number_input":
		return input("number", e.InitialValue, "min", e.MinValue, "max", e.MaxValue, "step", when(e.IsDecimalAllowed, "any"))
	case "datepicker":
		return input("date", e.InitialDate)
	case "timepicker":
		return input("time", e.InitialTime)
	case "datetimepicker": // the time is in the reader's time zone, which the browser doesn't know
		initial := ""
		if e.InitialDateTime != 0 {
			initial = d.time(e.InitialDateTime).Format("2006-01-02T15:04")
		}
		return input("datetime-local", initial)
	}
	return d.unknown(e.Type)
}

func positive(n int) string { return when(n > 0, strconv.Itoa(n)) }

func (d *drawing) choices(e element, common attrs, name string) template.HTML {
	kind := "radio"
	if e.Type == "checkboxes" {
		kind = "checkbox"
	}
	chosen := initial(e)
	return tag("div", attrs{"class", "bk-choices"}, each(e.Options, func(o element) template.HTML {
		label := d.phrase(o.Text)
		if o.Description.Text != "" {
			label += tag("small", nil, d.phrase(o.Description))
		}
		box := tag("input", common.with("type", kind, "name", name, "value", o.Value,
			"checked", when(slices.Contains(chosen, o.Value), "checked")))
		return tag("label", nil, box, tag("span", nil, label))
	}))
}

func (d *drawing) selection(e element, common attrs) template.HTML {
	multiple := strings.HasPrefix(e.Type, "multi_")
	chosen := initial(e)
	option := func(value, label string) template.HTML {
		return tag("option", attrs{"value", value, "selected", when(slices.Contains(chosen, value), "selected")}, text(label))
	}
	ofStatic := func(o element) template.HTML { return option(o.Value, o.Text.Text) }

	var inside template.HTML
	if !multiple {
		inside = option("", e.Placeholder.Text)
	}
	inside += each(e.Options, ofStatic)
	inside += each(e.OptionGroups, func(g element) template.HTML {
		return tag("optgroup", attrs{"label", g.Label.Text}, each(g.Options, ofStatic))
	})
	if !strings.HasSuffix(e.Type, "static_select") {
		inside += each(d.offered(e, chosen), func(id string) template.HTML { return option(id, d.name(id)) })
	}
	return tag("select", common.with("multiple", when(multiple, "multiple")), inside)
}

// offered are those who can be chosen in a select of people or conversations.
func (d *drawing) offered(e element, chosen []string) []string {
	if !strings.HasSuffix(e.Type, "users_select") {
		return chosen
	}
	others := slices.DeleteFunc(slices.Clone(d.People), func(id string) bool { return slices.Contains(chosen, id) })
	return append(others, chosen...)
}

// initial are the values of what is chosen at first.
func initial(e element) []string {
	options := e.InitialOptions
	if e.InitialOption != nil {
		options = append(options, *e.InitialOption)
	}
	values := slices.Concat(e.InitialUsers, e.InitialChannels, e.InitialConversations,
		[]string{e.InitialUser, e.InitialChannel, e.InitialConversation})
	for _, o := range options {
		values = append(values, o.Value)
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}
