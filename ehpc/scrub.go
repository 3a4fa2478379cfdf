package ehpc

import (
	"cmp"
	"context"
	"errors"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"ehpcbot/ehpc/secret"
)

// messageMaxLength bounds the texts of a server that go into errors, in
// characters.
const messageMaxLength = 300

// scrubber takes what must not be shown out of texts that others wrote.
type scrubber struct{ replacer *strings.Replacer }

// newScrubber knows each hidden text in the forms in which a server may repeat
// it: as it is, percent-encoded once and twice, and escaped for HTML.
func newScrubber(hidden ...string) scrubber {
	var forms []string
	for _, text := range hidden {
		once := percentEncode(text)
		forms = append(forms, text, once, percentEncode(once), url.QueryEscape(text), html.EscapeString(text))
	}
	forms = slices.DeleteFunc(forms, func(form string) bool { return form == "" })
	// A Replacer prefers the pair that comes first: with the longest first, no
	// part of a long form is left over.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, secret.Redacted)
	}
	return scrubber{replacer: strings.NewReplacer(pairs...)}
}

// text makes a foreign text fit for an error: printable, without the hidden
// texts, bounded. The bound comes last, lest it cut a hidden text in two and
// leave one half unrecognised.
func (s scrubber) text(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.TrimSpace(strings.Map(printable, text))
	return truncate(s.replacer.Replace(text), messageMaxLength)
}

func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r): // Cf holds the marks that reverse the direction of text
		return -1
	default:
		return r
	}
}

func truncate(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// transportError makes an error of net/http fit to be shown. A *url.Error holds
// the whole URL with key id and signature, and a malformed answer is quoted in
// the error about it.
func (s scrubber) transportError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if clean := s.text(err.Error()); clean != err.Error() {
		return &cleaned{text: clean, err: err}
	}
	return err
}

// cleaned stands in for an error whose own text must not be shown. It has no
// Unwrap, so that nobody comes upon that text by walking the chain.
type cleaned struct {
	text string
	err  error
}

func (c *cleaned) Error() string        { return c.text }
func (c *cleaned) Is(target error) bool { return errors.Is(c.err, target) }
