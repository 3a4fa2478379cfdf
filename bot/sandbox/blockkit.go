package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Reader is who looks at a message or view. It draws them as HTML, as Slack shows them to that person.
//
// All HTML is made by [text] and [tag], which escape: nothing that a message holds can become markup. It has the
// classes of static/blocks.css and no scripts. What can be pressed or filled in has data-type, data-block and
// data-action, which say what it is and where, and data-confirm, its confirmation dialog in JSON; a button also has
// data-value. A select of conversations holds only those chosen, and one of people those of People, too.
type Reader struct {
	ID       string                 // of the person; empty: nobody is told apart
	Lang     string                 // "en" or "zh"
	Location *time.Location         // nil is UTC
	Now      time.Time              // what today is, for dates near it; zero: they are shown like any other
	People   []string               // ids of those who can be chosen in a select of people
	Names    func(id string) string // display name of a person or "#channel"; the id itself where unknown
}

// Blocks draws the blocks of a message.
func (r Reader) Blocks(blocks json.RawMessage) template.HTML {
	d := r.draw(blocks)
	var all []json.RawMessage
	if err := json.Unmarshal(blocks, &all); err != nil && len(blocks) > 0 {
		return d.unknown("blocks")
	}
	return each(all, d.block)
}

// View draws a modal, as a form, or a Home. What is wrong with an input belongs into the element whose data-error is
// its block's id.
func (r Reader) View(view json.RawMessage) (template.HTML, error) {
	var v struct {
		Type                 string
		Title, Submit, Close words
		Blocks               json.RawMessage
	}
	if err := json.Unmarshal(view, &v); err != nil {
		return "", fmt.Errorf("read a view: %w", err)
	}
	switch v.Type {
	case "home":
		return tag("div", attrs{"class", "bk-view bk-home"}, r.Blocks(v.Blocks)), nil
	case "modal":
		buttons := tag("button", attrs{"type", "button", "class", "bk-button", "data-close", "true"},
			text(cmp.Or(v.Close.Text, r.texts().cancel)))
		if v.Submit.Text != "" {
			buttons += tag("button", attrs{"type", "submit", "class", "bk-button bk-primary"}, text(v.Submit.Text))
		}
		return tag("form", attrs{"class", "bk-view bk-modal", "method", "dialog", "autocomplete", "off"},
			tag("h2", attrs{"class", "bk-title"}, text(v.Title.Text)),
			tag("div", attrs{"class", "bk-body"}, r.Blocks(v.Blocks)),
			tag("div", attrs{"class", "bk-foot"}, buttons)), nil
	}
	return "", fmt.Errorf("draw a view of type %q: only home and modal are known", v.Type)
}

// Mrkdwn draws a text in Slack's own markup, such as a message's top-level text.
// https://docs.slack.dev/messaging/formatting-message-text
func (r Reader) Mrkdwn(text string) template.HTML {
	return each(paragraphs(text), r.draw(nil).richText)
}

// element is a block, or anything in one: each kind has some of the fields.
type element struct {
	Type     string `json:"type"`
	BlockID  string `json:"block_id"`
	ActionID string `json:"action_id"`

	Text        words     `json:"text"`
	Title       words     `json:"title"`
	Label       words     `json:"label"`
	Hint        words     `json:"hint"`
	Placeholder words     `json:"placeholder"`
	Description words     `json:"description"`
	Fields      []words   `json:"fields"`
	Elements    []element `json:"elements"`
	Accessory   *element  `json:"accessory"`
	Element     *element  `json:"element"`

	Value              string          `json:"value"`
	URL                string          `json:"url"`
	Style              style           `json:"style"`
	Confirm            json.RawMessage `json:"confirm"`
	AccessibilityLabel string          `json:"accessibility_label"`
	VisibleTo          []string        `json:"visible_to_user_ids"`
	ImageURL           string          `json:"image_url"`
	AltText            string          `json:"alt_text"`

	Optional             bool      `json:"optional"`
	FocusOnLoad          bool      `json:"focus_on_load"`
	Multiline            bool      `json:"multiline"`
	IsDecimalAllowed     bool      `json:"is_decimal_allowed"`
	MinLength            int       `json:"min_length"`
	MaxLength            int       `json:"max_length"`
	MinValue             string    `json:"min_value"`
	MaxValue             string    `json:"max_value"`
	Options              []element `json:"options"`
	OptionGroups         []element `json:"option_groups"`
	InitialOption        *element  `json:"initial_option"`
	InitialOptions       []element `json:"initial_options"`
	InitialUser          string    `json:"initial_user"`
	InitialUsers         []string  `json:"initial_users"`
	InitialChannel       string    `json:"initial_channel"`
	InitialChannels      []string  `json:"initial_channels"`
	InitialConversation  string    `json:"initial_conversation"`
	InitialConversations []string  `json:"initial_conversations"`
	InitialValue         string    `json:"initial_value"`
	InitialDate          string    `json:"initial_date"`
	InitialTime          string    `json:"initial_time"`
	InitialDateTime      int64     `json:"initial_date_time"`

	UserID      string `json:"user_id"`
	ChannelID   string `json:"channel_id"`
	UsergroupID string `json:"usergroup_id"`
	TeamID      string `json:"team_id"`
	Name        string `json:"name"`
	Unicode     string `json:"unicode"`
	Range       string `json:"range"`
	Timestamp   int64  `json:"timestamp"`
	Format      string `json:"format"`
	Fallback    string `json:"fallback"`
	Indent      int    `json:"indent"`
	Offset      int    `json:"offset"`
}

// words are a text object, or a string, which is plain text.
type words struct{ Type, Text string }

func (w *words) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &w.Text)
	}
	type object words
	return json.Unmarshal(data, (*object)(w))
}

// style is the name of a button's or a list's style, or what a text in rich_text looks like.
type style struct {
	Name                                  string
	Bold, Italic, Strike, Underline, Code bool
}

func (s *style) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &s.Name)
	}
	type object style
	return json.Unmarshal(data, (*object)(s))
}

// attrs are the names and values of attributes, in turn. Those without a value are left out, save "value" itself.
type attrs []string

func (a attrs) with(more ...string) attrs { return slices.Concat(a, more) }

// tag is an element of HTML. Its name and those of its attributes are never from a message.
func tag(name string, attributes attrs, inside ...template.HTML) template.HTML {
	var b strings.Builder
	b.WriteString("<" + name)
	for pair := range slices.Chunk(attributes, 2) {
		if pair[1] != "" || pair[0] == "value" {
			b.WriteString(" " + pair[0] + `="` + template.HTMLEscapeString(pair[1]) + `"`)
		}
	}
	if name == "input" || name == "hr" {
		b.WriteString("/>")
		return template.HTML(b.String())
	}
	b.WriteString(">")
	for _, h := range inside {
		b.WriteString(string(h))
	}
	b.WriteString("</" + name + ">")
	return template.HTML(b.String())
}

func text(s string) template.HTML { return template.HTML(template.HTMLEscapeString(s)) }

func each[T any](all []T, draw func(T) template.HTML) template.HTML {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(string(draw(e)))
	}
	return template.HTML(b.String())
}

// when is the value of an attribute that is there or not.
func when(is bool, value string) string {
	if is {
		return value
	}
	return ""
}

// drawing is one message or view in the making.
type drawing struct {
	Reader
	id     string // begins the ids of its inputs, so that they differ from those of others on the page
	inputs int
}

func (r Reader) draw(raw json.RawMessage) *drawing {
	h := fnv.New32a()
	h.Write(raw)
	return &drawing{Reader: r, id: fmt.Sprintf("bk-%08x", h.Sum32())}
}

func (d *drawing) nextID() string {
	d.inputs++
	return fmt.Sprintf("%s-%d", d.id, d.inputs)
}

func (d *drawing) block(raw json.RawMessage) template.HTML {
	var b element
	if err := json.Unmarshal(raw, &b); err != nil {
		return d.unknown(b.Type)
	}
	switch b.Type {
	case "rich_text":
		return tag("div", attrs{"class", "bk-block"}, each(b.Elements, d.richText))
	case "section":
		return d.section(b)
	case "actions":
		return tag("div", attrs{"class", "bk-block bk-actions"},
			each(b.Elements, func(e element) template.HTML { return d.control(b, e, "") }))
	case "input":
		return d.input(b)
	case "header":
		return tag("h3", attrs{"class", "bk-block bk-header"}, text(b.Text.Text))
	case "context":
		return tag("div", attrs{"class", "bk-block bk-context"}, each(b.Elements, d.contextElement))
	case "image":
		return tag("div", attrs{"class", "bk-block"}, image(b))
	case "divider":
		return tag("hr", attrs{"class", "bk-block"})
	}
	return d.unknown(b.Type)
}

// unknown stands where something is that can't be drawn.
func (d *drawing) unknown(kind string) template.HTML {
	before, after, _ := strings.Cut(d.texts().unknown, "*")
	return tag("span", attrs{"class", "bk-unknown"},
		text(before), tag("code", nil, text(cmp.Or(kind, "?"))), text(after))
}

func (d *drawing) section(b element) template.HTML {
	inside := d.words(b.Text)
	if len(b.Fields) > 0 {
		inside += tag("div", attrs{"class", "bk-fields"},
			each(b.Fields, func(w words) template.HTML { return tag("div", nil, d.words(w)) }))
	}
	inside = tag("div", attrs{"class", "bk-words"}, inside)
	if b.Accessory != nil {
		inside += tag("div", attrs{"class", "bk-accessory"}, d.control(b, *b.Accessory, ""))
	}
	return tag("div", attrs{"class", "bk-block bk-section"}, inside)
}

func (d *drawing) contextElement(e element) template.HTML {
	switch e.Type {
	case "image":
		return image(e)
	case "plain_text", "mrkdwn":
		return tag("div", nil, d.words(words{e.Type, e.Text.Text}))
	}
	return d.unknown(e.Type)
}

// image shows what is in a picture, and where it is: the page fetches nothing from elsewhere.
func image(e element) template.HTML {
	caption := link(e.ImageURL, cmp.Or(e.AltText, e.ImageURL))
	if e.Title.Text != "" {
		caption = tag("strong", nil, text(e.Title.Text)) + caption
	}
	return tag("span", attrs{"class", "bk-image"}, caption)
}

func (d *drawing) words(w words) template.HTML {
	if w.Type == "mrkdwn" {
		return d.Mrkdwn(w.Text)
	}
	return text(w.Text)
}

// phrase is for words in a line.
func (d *drawing) phrase(w words) template.HTML {
	if w.Type == "mrkdwn" {
		return each(spans(w.Text, style{}), d.richInline)
	}
	return text(w.Text)
}

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

func (d *drawing) richText(e element) template.HTML {
	if e.Type == "rich_text_list" {
		return d.list(e)
	}
	inside := each(e.Elements, d.richInline)
	switch e.Type {
	case "rich_text_section":
		return tag("div", attrs{"class", "bk-text"}, inside)
	case "rich_text_quote":
		return tag("blockquote", attrs{"class", "bk-text"}, inside)
	case "rich_text_preformatted":
		return tag("pre", attrs{"class", "bk-text"}, inside)
	}
	return d.unknown(e.Type)
}

func (d *drawing) list(e element) template.HTML {
	items := each(e.Elements, func(item element) template.HTML { return tag("li", nil, d.richText(item)) })
	class := attrs{"class", fmt.Sprintf("bk-list bk-indent-%d", min(max(e.Indent, 0), 8))}
	if e.Style.Name == "ordered" {
		return tag("ol", class.with("start", strconv.Itoa(e.Offset+1)), items)
	}
	return tag("ul", class, items)
}

// richInline is an element of a section, a quote or a list of rich_text.
func (d *drawing) richInline(e element) template.HTML {
	switch e.Type {
	case "text":
		return e.Style.around(text(e.Text.Text))
	case "link":
		return e.Style.around(link(e.URL, cmp.Or(e.Text.Text, e.URL)))
	case "user":
		return e.Style.around(mention("@" + d.name(e.UserID)))
	case "channel":
		return e.Style.around(mention("#" + strings.TrimPrefix(d.name(e.ChannelID), "#")))
	case "usergroup":
		return e.Style.around(mention("@" + d.name(e.UsergroupID)))
	case "team":
		return e.Style.around(mention("@" + d.name(e.TeamID)))
	case "broadcast":
		return e.Style.around(mention("@" + e.Range))
	case "emoji":
		return e.Style.around(text(emoji(e)))
	case "color":
		return e.Style.around(tag("code", nil, text(e.Value)))
	case "date":
		return e.Style.around(d.date(e))
	}
	return d.unknown(e.Type)
}

func (s style) around(inside template.HTML) template.HTML {
	for _, mark := range []struct {
		has bool
		tag string
	}{{s.Code, "code"}, {s.Underline, "u"}, {s.Strike, "s"}, {s.Italic, "em"}, {s.Bold, "strong"}} {
		if mark.has {
			inside = tag(mark.tag, nil, inside)
		}
	}
	return inside
}

func mention(name string) template.HTML { return tag("span", attrs{"class", "bk-mention"}, text(name)) }

// emoji is the character, of which Slack gives the code points, such as "1f44b-1f3fb"; else its name.
func emoji(e element) string {
	var all []rune
	for code := range strings.SplitSeq(e.Unicode, "-") {
		n, err := strconv.ParseInt(code, 16, 32)
		if err != nil {
			return ":" + e.Name + ":"
		}
		all = append(all, rune(n))
	}
	return string(all)
}

// link is a link where that is safe, else text.
func link(address, label string) template.HTML {
	if isAddress(address) {
		return tag("a", attrs{"href", address, "target", "_blank", "rel", "noopener"}, text(label))
	}
	if label != address && address != "" {
		label += " (" + address + ")"
	}
	return text(label)
}

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "mailto" || (u.Scheme == "http" || u.Scheme == "https") && u.Host != "")
}

func (r Reader) name(id string) string {
	if r.Names == nil {
		return id
	}
	return r.Names(id)
}

// date shows a time in the form that the message asks for, else as the message would have it.
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
func (d *drawing) date(e element) template.HTML {
	t := d.time(e.Timestamp)
	known := e.Format != ""
	shown := placeholder.ReplaceAllStringFunc(e.Format, func(name string) string {
		s, ok := d.datePart(strings.Trim(name, "{}"), t)
		known = known && ok
		return s
	})
	if !known {
		shown = cmp.Or(e.Fallback, t.Format(time.RFC3339))
	}
	drawn := tag("time", attrs{"datetime", t.UTC().Format(time.RFC3339), "title", e.Fallback}, text(shown))
	if isAddress(e.URL) {
		return tag("a", attrs{"href", e.URL, "target", "_blank", "rel", "noopener"}, drawn)
	}
	return drawn
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func (d *drawing) datePart(name string, t time.Time) (shown string, ok bool) {
	texts := d.texts()
	name, pretty := strings.CutSuffix(name, "_pretty")
	if pretty && !d.Now.IsZero() {
		for i, near := range texts.days {
			if t.Format(time.DateOnly) == d.Now.In(t.Location()).AddDate(0, 0, i-1).Format(time.DateOnly) {
				return near, true
			}
		}
	}
	if name == "ago" && !d.Now.IsZero() {
		return texts.distance(t.Sub(d.Now)), true
	}
	layout, ok := texts.layouts[name]
	shown = t.Format(layout)
	if d.Lang == "zh" {
		shown = chineseWeekdays.Replace(shown)
	}
	return shown, ok
}

func (r Reader) time(unix int64) time.Time {
	return time.Unix(unix, 0).In(cmp.Or(r.Location, time.UTC))
}

// texts are what the drawing says itself.
type texts struct {
	unknown      string // the star is the type
	optional     string
	cancel, more string
	days         [3]string // yesterday, today, tomorrow
	ahead, past  string    // of a distance; the star is how far
	units        [3]string // days, hours, minutes
	layouts      map[string]string
}

func (r Reader) texts() texts {
	if r.Lang == "zh" {
		return chinese
	}
	return english
}

// distance says how far from now a time is.
func (t texts) distance(d time.Duration) string {
	said := t.ahead
	if d < 0 {
		d, said = -d, t.past
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if n := int(d.Round(unit) / unit); n > 1 || unit == time.Minute {
			return strings.Replace(said, "*", strconv.Itoa(n)+t.units[i], 1)
		}
	}
	return said
}

var english = texts{
	unknown: "The sandbox cannot draw this: *", optional: " (optional)", cancel: "Cancel", more: "More",
	days: [3]string{"yesterday", "today", "tomorrow"}, ahead: "in *", past: "* ago", units: [3]string{" days", " hours", " minutes"},
	layouts: map[string]string{
		"date": "January 2, 2006", "date_long": "Monday, January 2, 2006", "date_short": "Jan 2, 2006",
		"date_num": time.DateOnly, "time": "3:04 PM", "time_secs": "3:04:05 PM",
	},
}

var chinese = texts{
	unknown: "沙盒无法显示此内容：*", optional: "（可选）", cancel: "取消", more: "更多",
	days: [3]string{"昨天", "今天", "明天"}, ahead: "*后", past: "*前", units: [3]string{" 天", " 小时", " 分钟"},
	layouts: map[string]string{
		"date": "2006年1月2日", "date_long": "2006年1月2日 Monday", "date_short": "2006年1月2日",
		"date_num": time.DateOnly, "time": "15:04", "time_secs": "15:04:05",
	},
}

var chineseWeekdays = strings.NewReplacer("Monday", "星期一", "Tuesday", "星期二", "Wednesday", "星期三",
	"Thursday", "星期四", "Friday", "星期五", "Saturday", "星期六", "Sunday", "星期日")

// paragraphs reads mrkdwn as the elements of rich_text that say the same.
func paragraphs(s string) []element {
	const fence = "```"
	var all []element
	for {
		before, rest, _ := strings.Cut(s, fence)
		code, after, closed := strings.Cut(rest, fence)
		if !closed {
			return append(all, quotes(s)...)
		}
		all = append(all, quotes(strings.TrimSuffix(before, "\n"))...)
		all = append(all, element{Type: "rich_text_preformatted", Elements: spans(strings.Trim(code, "\n"), style{Code: true})})
		s = strings.TrimPrefix(after, "\n")
	}
}

// quotes makes a section or a quote of each run of lines.
func quotes(s string) []element {
	if s == "" {
		return nil
	}
	var all []element
	for line := range strings.SplitSeq(s, "\n") {
		kind := "rich_text_section"
		if said, is := cutAny(line, "&gt;", ">"); is {
			kind, line = "rich_text_quote", strings.TrimPrefix(said, " ")
		}
		if last := len(all) - 1; last >= 0 && all[last].Type == kind {
			all[last].Text.Text += "\n" + line
		} else {
			all = append(all, element{Type: kind, Text: words{Text: line}})
		}
	}
	for i, e := range all {
		all[i].Elements = spans(e.Text.Text, style{})
	}
	return all
}

func cutAny(s string, prefixes ...string) (after string, found bool) {
	for _, p := range prefixes {
		if after, found = strings.CutPrefix(s, p); found {
			return after, true
		}
	}
	return s, false
}

// spans reads what stands in a paragraph: texts with their styles, mentions, links and dates.
func spans(s string, in style) []element {
	var all []element
	closing := closings(s)
	done := 0
	for i := 0; i < len(s); i++ {
		found, end := span(s, i, closing[i], in)
		if end == 0 {
			continue
		}
		all = append(all, plain(s[done:i], in)...)
		all = append(all, found...)
		i, done = end, end+1
	}
	return append(all, plain(s[done:], in)...)
}

// span reads what begins at s[i] and returns where it ends. That is 0 where nothing but text begins.
func span(s string, i, closing int, in style) (found []element, end int) {
	if s[i] == '<' {
		n := strings.IndexByte(s[i:], '>')
		if n < 0 {
			return nil, 0
		}
		return control(s[i+1:i+n], in), i + n
	}
	within, changed := in.with(s[i])
	if !changed || closing <= i+1 || !opens(s, i) {
		return nil, 0
	}
	return spans(s[i+1:closing], within), closing
}

// with adds what a mark stands for, unless it is in it already. In code there are no marks.
func (s style) with(mark byte) (style, bool) {
	before := s
	switch mark {
	case '*':
		s.Bold = true
	case '_':
		s.Italic = true
	case '~':
		s.Strike = true
	case '`':
		s.Code = true
	}
	return s, s != before && !before.Code
}

// closings has for each mark in s the next one in its line that closes it, else 0. It is made in one go, from the
// end, so that a long text full of marks takes no longer than another.
func closings(s string) []int {
	all := make([]int, len(s))
	next := map[byte]int{}
	for i := len(s) - 1; i >= 0; i-- {
		all[i] = next[s[i]]
		switch s[i] {
		case '\n':
			clear(next)
		case '`':
			next[s[i]] = i
		case '*', '_', '~':
			if after, _ := utf8.DecodeRuneInString(s[i+1:]); i > 0 && s[i-1] != ' ' && !isWord(after) {
				next[s[i]] = i
			}
		}
	}
	return all
}

// opens says whether the mark at s[i] begins a word; one of code also stands before a space.
func opens(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	return !isWord(before) && s[i+1] != s[i] && (s[i+1] != ' ' || s[i] == '`')
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// control reads what stands between < and >. What is none of Slack's is shown as it is.
func control(s string, in style) []element {
	what, label, _ := strings.Cut(s, "|")
	label = unescape.Replace(label)
	e := element{Style: in}
	switch {
	case strings.HasPrefix(what, "@"):
		e.Type, e.UserID = "user", what[1:]
	case strings.HasPrefix(what, "#"):
		e.Type, e.ChannelID = "channel", what[1:]
	case strings.HasPrefix(what, "!subteam^"):
		e.Type, e.UsergroupID = "usergroup", strings.TrimPrefix(what, "!subteam^")
	case what == "!here", what == "!channel", what == "!everyone":
		e.Type, e.Range = "broadcast", what[1:]
	case strings.HasPrefix(what, "!date^"):
		parts := strings.SplitN(what, "^", 4)
		at, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil || len(parts) < 3 {
			return plain(cmp.Or(label, "<"+s+">"), in)
		}
		e.Type, e.Timestamp, e.Format, e.Fallback = "date", at, unescape.Replace(parts[2]), label
		if len(parts) == 4 {
			e.URL = unescape.Replace(parts[3])
		}
	case isAddress(unescape.Replace(what)):
		e.Type, e.URL, e.Text.Text = "link", unescape.Replace(what), label
	default:
		return plain("<"+s+">", in)
	}
	return []element{e}
}

// plain is text in which nothing but escapes is left.
func plain(s string, in style) []element {
	if s == "" {
		return nil
	}
	return []element{{Type: "text", Style: in, Text: words{Text: unescape.Replace(s)}}}
}

// unescape undoes the three escapes of mrkdwn.
var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
