package view

import (
	"regexp"
	"strings"
)

// phrase is a text of the catalogue. {name} stands for a field, **…** is bold and `…` is code. Only phrases are
// read this way: what a field holds stays as it is.
type phrase string

// fields are the values for the placeholders of phrases, by name.
type fields map[string]richText

// tokens are the pieces of a phrase: a mark, a placeholder, or the text up to the next of them.
var tokens = regexp.MustCompile("(?s)\\*\\*|`|\\{[a-zA-Z]+\\}|[^*`{]+|.")

// fill puts fields into a phrase. A field takes on the style of its place.
func (p phrase) fill(f fields) richText {
	var filled richText
	var style textStyle
	for _, token := range tokens.FindAllString(string(p), -1) {
		switch {
		case token == "**":
			style.Bold = !style.Bold
		case token == "`":
			style.Code = !style.Code
		case token[0] == '{' && len(token) > 1:
			filled = filled.add(f[strings.Trim(token, "{}")].styled(style)...)
		default:
			filled = filled.add(textElement(token, style))
		}
	}
	return filled
}
