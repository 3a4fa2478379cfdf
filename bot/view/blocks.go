package view

import "github.com/slack-go/slack"

// The sizes that Slack allows, in characters.
// https://docs.slack.dev/reference/block-kit/composition-objects and …/block-elements
const (
	buttonMaxLength        = 75
	headerMaxLength        = 150
	confirmTitleMaxLength  = 100
	confirmTextMaxLength   = 300
	confirmButtonMaxLength = 30
	optionMaxLength        = 75
	modalTitleMaxLength    = 24 // also of its buttons
	placeholderMaxLength   = 150
	labelMaxLength         = 2000 // also of hints
)

// plainText is text in which Slack reads neither markup nor :emoji:.
func plainText(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, truncate(s, limit), false, false)
}

// plainText is a phrase without fields and marks.
func (p phrase) plainText(limit int) *slack.TextBlockObject { return plainText(string(p), limit) }
