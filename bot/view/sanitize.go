package view

import (
	"regexp"
	"strings"
	"unicode"
)

// The longest pieces that are shown, in characters. What is stored may be longer; what is shown says so by
// its ellipsis.
const (
	nameMaxLength        = 40
	clusterNameMaxLength = 60
	profileMaxLength     = 80 // of what a person's profile says
	loginMaxLength       = 1000
)

const ellipsis = "…"

// oneLine prepares what people typed to be shown within a line.
func oneLine(s string, limit int) string {
	return truncate(strings.Join(strings.Fields(readable(s)), " "), limit)
}

// paragraph prepares what people typed to be shown by itself, with its line breaks.
func paragraph(s string, limit int) string {
	s = strings.ReplaceAll(readable(s), "\r\n", "\n")
	return strings.TrimSpace(truncate(emptyLines.ReplaceAllString(strings.TrimSpace(s), "\n\n"), limit))
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

// truncate cuts a text to a number of characters, the ellipsis included.
func truncate(s string, limit int) string {
	n, end := 0, 0 // end is where the text ends if it has to be cut
	for i := range s {
		if n == limit {
			return s[:end] + ellipsis
		}
		if n == limit-1 {
			end = i
		}
		n++
	}
	return s
}
