package view

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// builder puts a message together: lines of text, and buttons below them. All the text becomes one rich_text block,
// because Slack lets an update turn such a message into any other like it, but into none without rich_text
// (block_mismatch, https://docs.slack.dev/reference/methods/chat.update).
type builder struct {
	view     View
	texts    *catalogue
	story    approval.Story // zero in a message that is about no request
	fields   fields
	idPrefix string // of the block ids; empty: Slack chooses them
	parts    []part
	middle   []slack.Block // between the text and the buttons
	buttons  []slack.BlockElement
}

// part is a line, an item of a list, or a quotation.
type part struct {
	kind   slack.RichTextElementType
	text   richText
	secret bool // is kept out of the top-level text
}

// about begins a message about a request. Its block ids are new with each version of the request, as Slack wants
// it of an update: https://docs.slack.dev/reference/block-kit/blocks
func (v View) about(s approval.Story, name string) *builder {
	b := v.answer(s)
	if s.ID != 0 {
		b.idPrefix = "request-" + formatID(s.ID) + "-" + strconv.FormatInt(s.Version, 10) + "-" + name + "-"
	}
	return b
}

// answer begins a message that is never updated. Its phrases may have the fields of a request.
func (v View) answer(s approval.Story) *builder {
	return &builder{view: v, texts: v.textsOf(s.Request), story: s, fields: v.fields(s)}
}

// line adds a line for each phrase.
func (b *builder) line(phrases ...phrase) {
	for _, p := range phrases {
		b.add(slack.RTESection, p.fill(b.fields))
	}
}

// item adds an item of a list for each phrase.
func (b *builder) item(phrases ...phrase) {
	for _, p := range phrases {
		b.add(slack.RTEList, p.fill(b.fields))
	}
}

// quote announces and shows what a person or the API said. Where that is nothing, it adds the other phrase.
func (b *builder) quote(announce, otherwise phrase, said string, limit int) {
	said = paragraph(said, limit)
	if said == "" {
		b.line(otherwise)
		return
	}
	b.line(announce)
	b.add(slack.RTEQuote, text(said))
}

func (b *builder) add(kind slack.RichTextElementType, text richText) {
	if len(text) > 0 {
		b.parts = append(b.parts, part{kind: kind, text: text})
	}
}

// button adds a button, with the request's id as its value. Several requests have the same buttons, and who only
// hears them must know which request each is of.
func (b *builder) button(action string, label phrase, style slack.Style) *slack.ButtonBlockElement {
	text := label.plainText(buttonMaxLength)
	e := slack.NewButtonBlockElement(action, formatTarget(b.story.Target()), text).WithStyle(style)
	e.AccessibilityLabel = truncate(b.texts.Spoken[action].fill(b.fields).plain(), buttonMaxLength)
	b.buttons = append(b.buttons, e)
	return e
}

func (b *builder) message() Message {
	blocks := append([]slack.Block{b.richTextBlock()}, b.middle...)
	if len(b.buttons) > 0 {
		blocks = append(blocks, slack.NewActionBlock(b.blockID("buttons"), b.buttons...))
	}
	return Message{Text: b.topLevelText(), Blocks: blocks}
}

func (b *builder) blockID(name string) string {
	if b.idPrefix == "" {
		return ""
	}
	return b.idPrefix + name
}

// richTextBlock puts neighbours of one kind into one element.
func (b *builder) richTextBlock() *slack.RichTextBlock {
	block := slack.NewRichTextBlock(b.blockID("text"))
	for rest := b.parts; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].kind == rest[0].kind {
			n++
		}
		block.Elements = append(block.Elements, richTextElement(rest[0].kind, rest[:n]))
		rest = rest[n:]
	}
	return block
}

func richTextElement(kind slack.RichTextElementType, parts []part) slack.RichTextElement {
	texts := make([]richText, len(parts))
	items := make([]slack.RichTextElement, len(parts))
	for i, p := range parts {
		texts[i], items[i] = p.text, slack.NewRichTextSection(p.text...)
	}
	switch kind {
	case slack.RTEList:
		return slack.NewRichTextList(slack.RTEListBullet, 0, items...)
	case slack.RTEQuote:
		return &slack.RichTextQuote{Type: slack.RTEQuote, Elements: join(texts, "\n")}
	}
	return slack.NewRichTextSection(join(texts, "\n")...)
}

// textMaxLength is what Slack recommends for a top-level text.
// https://docs.slack.dev/reference/methods/chat.postMessage
const textMaxLength = 4000

// topLevelText leaves out what is secret and what there is no room for, each as a whole part, so that no escape and
// no mention is cut.
func (b *builder) topLevelText() string {
	var text strings.Builder
	left := textMaxLength
	for _, p := range b.parts {
		s := p.text.mrkdwn() + "\n"
		if n := utf8.RuneCountInString(s); !p.secret && n <= left {
			text.WriteString(s)
			left -= n
		}
	}
	return strings.TrimSuffix(text.String(), "\n")
}
