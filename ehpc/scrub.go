package ehpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"ehpcbot/ehpc/secret"
)

// messageMaxLength bounds the texts of a server that go into errors, in
// characters.
const messageMaxLength = 300

// scrubMaxLength bounds what is looked through for hidden texts, in bytes. It is
// far more than could become messageMaxLength characters.
const scrubMaxLength = 64 << 10

// scrubber takes what must not be shown out of texts that others wrote.
type scrubber struct {
	hidden  []string
	plain   *strings.Replacer
	encoded func() *regexp.Regexp // made when it is needed, which takes some milliseconds
}

// newScrubber knows each hidden text in the forms in which a server may repeat
// it, whatever mixture of them.
func newScrubber(hidden ...string) scrubber {
	hidden = slices.DeleteFunc(slices.Clone(hidden), func(text string) bool { return text == "" })
	// What comes first is preferred: with the longest first, no part of a long text
	// is left over.
	slices.SortFunc(hidden, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, text := range hidden {
		pairs = append(pairs, text, secret.Redacted)
	}
	return scrubber{hidden: hidden, plain: strings.NewReplacer(pairs...), encoded: sync.OnceValue(func() *regexp.Regexp {
		patterns := []string{`\z.`} // matches nothing
		for _, text := range hidden {
			patterns = append(patterns, inAnyForm(text))
		}
		return regexp.MustCompile(strings.Join(patterns, "|"))
	})}
}

// replace takes the hidden texts out of a text.
func (s scrubber) replace(text string) string {
	return s.withoutStump(s.replaceWhole(text))
}

// leastStump is how much of a hidden text tells nothing of the rest.
const leastStump = 4

// withoutStump takes the beginning of a hidden text from the end of one that was
// cut off there.
func (s scrubber) withoutStump(text string) string {
	for _, hidden := range s.hidden {
		for n := len(hidden) - 1; n > leastStump; n-- {
			if whole, ok := strings.CutSuffix(text, hidden[:n]); ok {
				return whole + secret.Redacted
			}
		}
	}
	return text
}

func (s scrubber) replaceWhole(text string) string {
	if !strings.ContainsAny(text, `%\&`) {
		return s.plain.Replace(text)
	}
	return s.encoded().ReplaceAllLiteralString(text, secret.Redacted)
}

// The beginnings of escapes, which may be escaped themselves.
const (
	percent   = `%(?:25)*`
	backslash = `(?:\\|` + percent + `5[cC])`
	ampersand = `(?:&|` + backslash + `+[ux]0*26|` + percent + `26)(?:amp;)*`
)

// inAnyForm matches a text each of whose characters is as it is, percent-encoded,
// escaped as in JSON or in a program, or as in HTML.
func inAnyForm(text string) string {
	var pattern strings.Builder
	for _, r := range text {
		var encoded strings.Builder // byte by byte
		for _, b := range []byte(string(r)) {
			encoded.WriteString(percent + anyCase(fmt.Sprintf("%02x", b)))
		}
		hex := `0*` + anyCase(fmt.Sprintf("%x", r))
		forms := []string{
			backslash + `+(?:[uU]\{?|x)` + hex + `\}?`,
			ampersand + `#(?:0*` + strconv.Itoa(int(r)) + `|[xX]` + hex + `);?`,
			backslash + `*(?:` + encoded.String() + `|` + regexp.QuoteMeta(string(r)) + `)`,
		}
		if name, ok := entities[r]; ok {
			forms = slices.Insert(forms, len(forms)-1, ampersand+`(?:`+name+`);?`)
		}
		pattern.WriteString(`(?:` + strings.Join(forms, `|`) + `)`)
	}
	return pattern.String()
}

// anyCase matches hex digits of either case.
func anyCase(hex string) string {
	return strings.NewReplacer("a", "[aA]", "b", "[bB]", "c", "[cC]", "d", "[dD]", "e", "[eE]", "f", "[fF]").Replace(hex)
}

// entities are HTML's names of what may be in a password, a key or a signature.
var entities = map[rune]string{
	'&': "amp|AMP", '<': "lt|LT", '>': "gt|GT", '"': "quot|QUOT", '\'': "apos",
	'!': "excl", '@': "commat", '#': "num", '%': "percnt", '^': "Hat", '(': "lpar", ')': "rpar", '*': "ast|midast",
	'+': "plus", '/': "sol", '=': "equals", '_': "lowbar|UnderBar", '.': "period", ':': "colon", ';': "semi",
}

// text makes a foreign text fit for an error: printable, without the hidden
// texts, bounded. The bound comes last, lest it cut a hidden text in two and
// leave one half unrecognised.
func (s scrubber) text(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.TrimSpace(strings.Map(printable, text))
	return truncate(s.replace(text[:min(len(text), scrubMaxLength)]), messageMaxLength)
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

// Conceal takes texts that must not be shown out of what an error of a [Client]
// says. A client hides the password of a request in the answer to that request; in
// answers to others, and after a restart, it does not know of it.
func Conceal(err error, hidden ...secret.Text) error {
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	concealed := *failed
	concealed.Message = revealed(hidden).text(failed.Message)
	return &concealed
}

// Conceal takes texts that must not be shown out of what the API says of a job.
func (j Job) Conceal(hidden ...secret.Text) Job {
	j.ErrorCodes = revealed(hidden).text(j.ErrorCodes)
	return j
}

func revealed(hidden []secret.Text) scrubber {
	texts := make([]string, len(hidden))
	for i, h := range hidden {
		texts[i] = h.Reveal()
	}
	return newScrubber(texts...)
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
