package view

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// richText is text with mentions and times in it, in Slack's own elements. A message's blocks and its top-level
// text are both made of it, so that they say the same.
type richText []slack.RichTextSectionElement

type textStyle = slack.RichTextSectionTextStyle

func text(s string) richText { return richText{}.add(textElement(s, textStyle{})) }

func code(s string) richText { return richText{}.add(textElement(s, textStyle{Code: true})) }

func textElement(s string, style textStyle) *slack.RichTextSectionTextElement {
	if style == (textStyle{}) {
		return slack.NewRichTextSectionTextElement(s, nil)
	}
	return slack.NewRichTextSectionTextElement(s, &style)
}

// mention names a person, or a group of people, by id. What has not the form of an id is shown as text, because Slack
// refuses a whole message for the sake of one mention that it can't read.
func mention(id string) richText {
	if groupID.MatchString(id) {
		return richText{slack.NewRichTextSectionUserGroupElement(id)}
	}
	if !personID.MatchString(id) {
		return text(oneLine(id, nameMaxLength))
	}
	return richText{slack.NewRichTextSectionUserElement(id, nil)}
}

// groupMark is what Slack wants before the id of a group.
const groupMark = "!subteam^"

var groupID = regexp.MustCompile(`^S[A-Z0-9]{1,30}$`)

var personID = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)

// channelLink names a channel by id. Slack shows its name to those who may know it.
func channelLink(id string) richText {
	if !channelID.MatchString(id) {
		return text(oneLine(id, nameMaxLength))
	}
	return richText{slack.NewRichTextSectionChannelElement(id, nil)}
}

var channelID = regexp.MustCompile(`^[CG][A-Z0-9]{1,30}$`)

// dateFormat is how Slack shows a time.
// https://docs.slack.dev/reference/block-kit/block-elements/date-element
const dateFormat = "{date_short_pretty} {time}"

// date is a time in the reader's own time zone. Slack takes none before 1970, such as the zero time: it is shown
// as text.
func date(t time.Time) richText { return dateAs(t, dateFormat) }

// timeLeftFormat also says how far from now a time is, whenever it is read.
const timeLeftFormat = dateFormat + " ({ago})"

func timeLeft(t time.Time) richText { return dateAs(t, timeLeftFormat) }

func dateAs(t time.Time, format string) richText {
	utc := t.UTC().Format("2006-01-02 15:04 UTC")
	if t.Unix() < 0 {
		return text(utc)
	}
	return richText{slack.NewRichTextSectionDateElement(t.Unix(), format, nil, &utc)}
}

// add appends elements. Texts of the same style that follow each other become one, and empty ones are left out,
// because Slack refuses them.
func (r richText) add(elements ...slack.RichTextSectionElement) richText {
	for _, e := range elements {
		next, isText := e.(*slack.RichTextSectionTextElement)
		if isText && next.Text == "" {
			continue
		}
		if last := r.lastText(); isText && last != nil && styleOf(last) == styleOf(next) {
			r[len(r)-1] = textElement(last.Text+next.Text, styleOf(next))
			continue
		}
		r = append(r, e)
	}
	return r
}

// lastText is the last element, if that is a text, else nil.
func (r richText) lastText() *slack.RichTextSectionTextElement {
	if len(r) == 0 {
		return nil
	}
	last, _ := r[len(r)-1].(*slack.RichTextSectionTextElement)
	return last
}

func styleOf(e *slack.RichTextSectionTextElement) textStyle {
	if e.Style == nil {
		return textStyle{}
	}
	return *e.Style
}

// styled makes the texts in it bold or code, where they are not.
func (r richText) styled(style textStyle) richText {
	all := slices.Clone(r)
	for i, e := range all {
		if t, ok := e.(*slack.RichTextSectionTextElement); ok {
			has := styleOf(t)
			all[i] = textElement(t.Text, textStyle{Bold: has.Bold || style.Bold, Code: has.Code || style.Code})
		}
	}
	return all
}

// join puts a separator between texts.
func join(texts []richText, separator string) richText {
	var all richText
	for i, t := range texts {
		if i > 0 {
			all = all.add(text(separator)...)
		}
		all = all.add(t...)
	}
	return all
}

// mrkdwn is the text as Slack reads it in the top-level text of a message.
func (r richText) mrkdwn() string {
	return r.format(escape.Replace, func(mark, id string) string { return "<" + mark + id + ">" })
}

// escape is for the three characters that Slack reads as control characters, and no others.
// https://docs.slack.dev/messaging/formatting-message-text/#escaping
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// plain is the text for plain_text, where nobody can be mentioned and nothing needs an escape.
func (r richText) plain() string {
	return r.format(func(s string) string { return s }, func(mark, id string) string {
		return strings.Replace(mark, groupMark, "@", 1) + id
	})
}

// format writes a text out. Of a link it writes the words alone.
func (r richText) format(text func(string) string, name func(mark, id string) string) string {
	var b strings.Builder
	for _, e := range r {
		switch e := e.(type) {
		case *slack.RichTextSectionTextElement:
			b.WriteString(text(e.Text))
		case *slack.RichTextSectionUserElement:
			b.WriteString(name("@", e.UserID))
		case *slack.RichTextSectionUserGroupElement:
			b.WriteString(name(groupMark, e.UsergroupID))
		case *slack.RichTextSectionChannelElement:
			b.WriteString(name("#", e.ChannelID))
		case *slack.RichTextSectionLinkElement:
			b.WriteString(text(e.Text))
		case *slack.RichTextSectionDateElement:
			b.WriteString(*e.Fallback)
		}
	}
	return b.String()
}
