package view

import "github.com/slack-go/slack"

// The sizes that Slack allows, in characters.
// https://docs.slack.dev/reference/block-kit/composition-objects and …/block-elements
const (
	buttonMaxLength        = 75
	confirmTitleMaxLength  = 100
	confirmTextMaxLength   = 300
	confirmButtonMaxLength = 30
	optionMaxLength        = 75
	modalTitleMaxLength    = 24 // also of its buttons
	placeholderMaxLength   = 150
)

// plainText is text in which Slack reads neither markup nor :emoji:.
func plainText(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cut(s, limit), false, false)
}

func button(action string, id int64, label phrase, style slack.Style) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, formatID(id), plainText(string(label), buttonMaxLength))
	return b.WithStyle(style)
}

func confirm(title, text []span, yes, no phrase, style slack.Style) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(
		plainText(flat(title), confirmTitleMaxLength),
		plainText(flat(text), confirmTextMaxLength),
		plainText(string(yes), confirmButtonMaxLength),
		plainText(string(no), confirmButtonMaxLength),
	).WithStyle(style)
}
