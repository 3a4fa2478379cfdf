package view

import (
	"cmp"
	"strings"

	"github.com/slack-go/slack"
)

// plainMessage is what a person reads of a message's blocks.
func plainMessage(m Message) string {
	var lines []string
	for _, b := range m.Blocks {
		lines = append(lines, plainBlock(b)...)
	}
	return strings.Join(lines, "\n")
}

// plainModal is what a person reads of a form or notice.
func plainModal(m slack.ModalViewRequest) string {
	lines := []string{"== " + plainObject(m.Title) + " =="}
	for _, b := range m.Blocks.BlockSet {
		lines = append(lines, plainBlock(b)...)
	}
	var buttons []string
	for _, t := range []*slack.TextBlockObject{m.Close, m.Submit} {
		if t != nil {
			buttons = append(buttons, "["+t.Text+"]")
		}
	}
	return strings.Join(append(lines, strings.Join(buttons, " ")), "\n")
}

func plainBlock(b slack.Block) []string {
	switch b := b.(type) {
	case *slack.RichTextBlock:
		return plainRichText(b.Elements, "")
	case *slack.HeaderBlock:
		return []string{"# " + b.Text.Text}
	case *slack.ActionBlock:
		return plainActions(b)
	case *slack.ContextBlock:
		return []string{"(" + b.ContextElements.Elements[0].(*slack.ImageBlockElement).AltText + ")"}
	case *slack.InputBlock:
		return plainInput(b)
	}
	return nil
}

func plainRichText(all []slack.RichTextElement, prefix string) []string {
	var lines []string
	for _, e := range all {
		switch e := e.(type) {
		case *slack.RichTextSection:
			lines = append(lines, prefixed(richText(e.Elements).plain(), prefix)...)
		case *slack.RichTextQuote:
			lines = append(lines, prefixed(richText(e.Elements).plain(), "> ")...)
		case *slack.RichTextList:
			lines = append(lines, plainRichText(e.Elements, "• ")...)
		}
	}
	return lines
}

func prefixed(s, prefix string) []string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = prefix + lines[i]
	}
	return lines
}

func plainActions(b *slack.ActionBlock) []string {
	var labels, dialogs []string
	for _, e := range b.Elements.ElementSet {
		button, ok := e.(*slack.ButtonBlockElement)
		if !ok {
			continue
		}
		labels = append(labels, "["+button.Text.Text+"]")
		if c := button.Confirm; c != nil {
			dialogs = append(dialogs, "  ["+button.Text.Text+"] "+c.Title.Text+" "+c.Text.Text+
				" ["+c.Deny.Text+"] ["+c.Confirm.Text+"]")
		}
	}
	return append([]string{strings.Join(labels, " ")}, dialogs...)
}

func plainInput(b *slack.InputBlock) []string {
	lines := []string{plainObject(b.Label) + ": " + plainField(b.Element)}
	if b.Hint != nil {
		lines = append(lines, "  "+b.Hint.Text)
	}
	return lines
}

func plainField(e slack.BlockElement) string {
	switch e := e.(type) {
	case *slack.PlainTextInputBlockElement:
		if e.InitialValue != "" {
			return e.InitialValue
		}
		return "(" + plainObject(e.Placeholder) + ")"
	case *slack.SelectBlockElement:
		var options []string
		for _, o := range e.Options {
			mark := "( ) "
			if e.InitialOption != nil && o.Value == e.InitialOption.Value {
				mark = "(*) "
			}
			options = append(options, mark+o.Text.Text)
		}
		return strings.Join(options, " ")
	case *slack.DatePickerBlockElement:
		return cmp.Or(e.InitialDate, "("+plainObject(e.Placeholder)+")")
	case *slack.CheckboxGroupsBlockElement:
		var options []string
		for _, o := range e.Options {
			options = append(options, "[ ] "+o.Text.Text)
		}
		return strings.Join(options, " ")
	}
	return ""
}

func plainObject(t *slack.TextBlockObject) string {
	if t == nil {
		return ""
	}
	return t.Text
}
