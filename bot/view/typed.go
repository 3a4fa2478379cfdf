package view

import (
	"regexp"
	"strings"
	"unicode"
)

// The longest pieces that are shown, in characters. What is stored may be longer; what is shown says so by
// its ellipsis.
const (
	nameMaxLength   = 40
	labelMaxLength  = 60
	detailMaxLength = 300
	reasonMaxLength = 500
)

const ellipsis = "…"

// cut shortens a text to a number of characters.
func cut(s string, limit int) string {
	n := 0
	end := 0 // where the text ends if it has to be cut
	for i := range s {
		if n == limit-1 {
			end = i
		}
		if n == limit {
			return s[:end] + ellipsis
		}
		n++
	}
	return s
}

// inline prepares typed text to be shown within a line.
func inline(s string, limit int) string {
	return cut(strings.Join(strings.Fields(readable(s)), " "), limit)
}

// paragraph prepares typed text to be shown by itself, with its line breaks.
func paragraph(s string, limit int) string {
	s = strings.ReplaceAll(readable(s), "\r\n", "\n")
	return strings.TrimSpace(cut(emptyLines.ReplaceAllString(strings.TrimSpace(s), "\n\n"), limit))
}

var emptyLines = regexp.MustCompile(`\n\s*\n`)

// readable drops what is no text: bytes that are no UTF-8, control characters, and the marks that turn the
// direction of writing, with which typed text could rearrange the sentence around it.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
