package view

import (
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// draft collects the parts of a message. All its text becomes one rich_text block: an update from any message
// of the bot to any other is then accepted, while rich_text can't be replaced by blocks without it
// (block_mismatch, https://docs.slack.dev/reference/methods/chat.update).
type draft struct {
	id      string // begins the block ids; empty: Slack chooses them
	parts   []part
	buttons []slack.BlockElement
}

// part is a line, a quotation or an item of a list.
type part struct {
	kind  slack.RichTextElementType
	spans []span
}

func (d *draft) line(spans []span) { d.add(slack.RTESection, spans) }

func (d *draft) quote(s string) { d.add(slack.RTEQuote, text(s)) }

func (d *draft) item(spans []span) { d.add(slack.RTEList, spans) }

func (d *draft) add(kind slack.RichTextElementType, spans []span) {
	if spans = merged(spans); len(spans) > 0 {
		d.parts = append(d.parts, part{kind, spans})
	}
}

func (d *draft) button(b *slack.ButtonBlockElement) { d.buttons = append(d.buttons, b) }

func (d *draft) message() Message {
	blocks := []slack.Block{d.richText()}
	if len(d.buttons) > 0 {
		blocks = append(blocks, slack.NewActionBlock(d.blockID("buttons"), d.buttons...))
	}
	return Message{Text: d.text(), Blocks: blocks}
}

// blockID is new for each version of a request, as Slack wants it of an updated message.
// https://docs.slack.dev/reference/block-kit/blocks
func (d *draft) blockID(name string) string {
	if d.id == "" {
		return ""
	}
	return d.id + "-" + name
}

// richText puts parts of one kind that follow each other into one element, lines with line breaks between
// them, as Slack's own editor does.
func (d *draft) richText() *slack.RichTextBlock {
	block := slack.NewRichTextBlock(d.blockID("text"))
	for i := 0; i < len(d.parts); {
		n := i
		for n < len(d.parts) && d.parts[n].kind == d.parts[i].kind {
			n++
		}
		block.Elements = append(block.Elements, element(d.parts[i:n]))
		i = n
	}
	return block
}

// element renders parts of one kind.
func element(parts []part) slack.RichTextElement {
	switch parts[0].kind {
	case slack.RTEQuote:
		return &slack.RichTextQuote{Type: slack.RTEQuote, Elements: elements(lines(parts))}
	case slack.RTEList:
		items := make([]slack.RichTextElement, len(parts))
		for i, p := range parts {
			items[i] = slack.NewRichTextSection(elements(p.spans)...)
		}
		return slack.NewRichTextList(slack.RTEListBullet, 0, items...)
	}
	return slack.NewRichTextSection(elements(lines(parts))...)
}

func lines(parts []part) []span {
	all := make([][]span, len(parts))
	for i, p := range parts {
		all[i] = p.spans
	}
	return join(all, "\n")
}

// textMaxLength is what Slack recommends for a top-level text.
// https://docs.slack.dev/reference/methods/chat.postMessage
const textMaxLength = 4000

// text is the top-level text. A line that holds a secret is not in it, nor one for which there is no room:
// only whole lines are left out, so that no escape and no mention is cut.
func (d *draft) text() string {
	var b strings.Builder
	left := textMaxLength
	for _, p := range d.parts {
		if p.secret() {
			continue
		}
		line := escaped(p.spans) + "\n"
		if n := utf8.RuneCountInString(line); n <= left {
			b.WriteString(line)
			left -= n
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (p part) secret() bool {
	for _, s := range p.spans {
		if s.kind == secretSpan {
			return true
		}
	}
	return false
}
