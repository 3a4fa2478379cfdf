package view

import (
	"regexp"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/ehpc/secret"
)

// span is a piece of a sentence: text as it is to be read, a person, a moment, or the password. A sentence is
// made of spans once, and both the blocks and the top-level text are rendered from them.
type span struct {
	kind spanKind
	text string // of a person: the id
	at   time.Time
	bold bool
	code bool
}

type spanKind int

const (
	textSpan spanKind = iota
	personSpan
	timeSpan
	secretSpan
)

func text(s string) []span { return []span{{text: s}} }

func code(s string) []span { return []span{{text: s, code: true}} }

func password(p secret.Text) []span { return []span{{kind: secretSpan, text: p.Reveal(), code: true}} }

// moment is a time in the reader's own time zone. One before 1970, such as the zero time, is no Unix timestamp
// that Slack takes, and is shown as text.
func moment(t time.Time) []span {
	if t.Unix() < 0 {
		return text(utc(t))
	}
	return []span{{kind: timeSpan, at: t}}
}

// person mentions somebody by id. An id that has not the form of one is shown as text, because Slack refuses
// a whole message for the sake of one user element that it can't read.
func person(id string) []span {
	if !personID.MatchString(id) {
		return text(inline(id, nameMaxLength))
	}
	return []span{{kind: personSpan, text: id}}
}

var personID = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)

// join puts a separator between the items of an enumeration.
func join(items [][]span, separator phrase) []span {
	var all []span
	for i, item := range items {
		if i > 0 {
			all = append(all, text(string(separator))...)
		}
		all = append(all, item...)
	}
	return all
}

// timeFormat is how Slack shows a moment, in the reader's own time zone.
// https://docs.slack.dev/reference/block-kit/block-elements/date-element
const timeFormat = "{date_short_pretty} {time}"

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// element is the span in rich_text.
func (s span) element() slack.RichTextSectionElement {
	style := s.style()
	switch s.kind {
	case personSpan:
		return slack.NewRichTextSectionUserElement(s.text, style)
	case timeSpan:
		fallback := utc(s.at)
		e := slack.NewRichTextSectionDateElement(s.at.Unix(), timeFormat, nil, &fallback)
		e.Style = style
		return e
	}
	return slack.NewRichTextSectionTextElement(s.text, style)
}

func (s span) style() *slack.RichTextSectionTextStyle {
	code := s.code && (s.kind == textSpan || s.kind == secretSpan)
	if !s.bold && !code {
		return nil
	}
	return &slack.RichTextSectionTextStyle{Bold: s.bold, Code: code}
}

// elements renders spans, with neighbours of the same style as one element. The password stays one of its
// own, so that its text is exactly the password.
func elements(spans []span) []slack.RichTextSectionElement {
	var all []slack.RichTextSectionElement
	for _, s := range merged(spans) {
		all = append(all, s.element())
	}
	return all
}

func merged(spans []span) []span {
	var all []span
	for _, s := range spans {
		if s.text == "" && s.kind != timeSpan {
			continue // Slack refuses an empty element
		}
		if last := len(all) - 1; last >= 0 && s.kind == textSpan && all[last].kind == textSpan &&
			s.bold == all[last].bold && s.code == all[last].code {
			all[last].text += s.text
			continue
		}
		all = append(all, s)
	}
	return all
}

// escaped renders spans for a top-level text.
func escaped(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		switch s.kind {
		case personSpan:
			b.WriteString("<@" + s.text + ">")
		case timeSpan:
			b.WriteString(utc(s.at))
		case textSpan:
			b.WriteString(escape.Replace(s.text))
		}
	}
	return b.String()
}

// escape is for the three characters that Slack reads as control characters, and no others.
// https://docs.slack.dev/messaging/formatting-message-text/#escaping
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// flat renders spans for plain_text, which can name nobody and needs no escaping.
func flat(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		switch s.kind {
		case timeSpan:
			b.WriteString(utc(s.at))
		case textSpan, personSpan:
			b.WriteString(s.text)
		}
	}
	return b.String()
}
