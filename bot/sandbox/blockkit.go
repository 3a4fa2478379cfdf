package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"slices"
	"strings"
	"time"
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

func (r Reader) name(id string) string {
	if r.Names == nil {
		return id
	}
	return r.Names(id)
}
