package ehpc

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestScrubberText(t *testing.T) {
	t.Parallel()
	scrub := newScrubber("p&ss+w/rd", "", "p&ss")
	tests := map[string]string{
		"":                                "",
		"plain":                           "plain",
		"is p&ss+w/rd ok":                 "is [redacted] ok",
		"p%26ss%2Bw%2Frd p%2526ss%252Bw":  "[redacted] [redacted]%252Bw",
		"p&amp;ss":                        "[redacted]",
		"p&ss p&ss+w/rd":                  "[redacted] [redacted]",
		" a\x00b\tc\r\nd\u202ee\x1b[31m ": "ab c  de[31m",
		"p&\x00ss":                        "[redacted]",
		"\xff\xfe":                        "\uFFFD",
		"密码":                              "密码",
	}
	for text, want := range tests {
		require.Equal(t, want, scrub.text(text), "%q", text)
	}
}

// TestScrubberHidesWhatIsCutOff has texts that end in the midst of a secret.
func TestScrubberHidesWhatIsCutOff(t *testing.T) {
	t.Parallel()
	scrub := newScrubber("Xk3&pQ9z!mWv")
	for text, want := range map[string]string{
		"bad value Xk3&pQ9z!mW": "bad value [redacted]",
		"bad value Xk3&pQ":      "bad value [redacted]",
		"bad value Xk3&":        "bad value Xk3&", // tells nothing of the rest
		"bad value Xk3&pQ is":   "bad value Xk3&pQ is",
	} {
		require.Equal(t, want, scrub.text(text))
	}
}

func TestScrubberTextIsBounded(t *testing.T) {
	t.Parallel()
	text := newScrubber().text(strings.Repeat("密", 301))
	require.Equal(t, 300, utf8.RuneCountInString(text))
	require.True(t, strings.HasSuffix(text, "密…"))
	require.Equal(t, strings.Repeat("密", 300), newScrubber().text(strings.Repeat("密", 300)))
	require.Equal(t, `50 % of \a & b`, newScrubber().text(`50 % of \a & b`), "there is nothing to hide")
}

// TestScrubberHidesWhatOthersWrite has secrets as encoders of other languages
// write them.
func TestScrubberHidesWhatOthersWrite(t *testing.T) {
	t.Parallel()
	scrub := newScrubber(`aB3&<(xyz'XY"Z12)*+/=`)
	for name, text := range map[string]string{
		"JSON of Go":                 `aB3\u0026\u003c(xyz'XY\"Z12)*+/=`,
		"JSON of PHP":                `aB3&<(xyz'XY\"Z12)*+\/=`,
		"JSON, upper case":           `aB3\u0026\u003C(xyz\u0027XY\u0022Z12)*+/=`,
		"JSON in JSON":               `aB3\\u0026\\u003c(xyz'XY\\\"Z12)*+/=`,
		"JavaScript's encoding":      `aB3%26%3C(xyz'XY%22Z12)*%2B%2F%3D`,
		"percent, lower case":        `aB3%26%3c%28xyz%27XY%22Z12%29%2a%2b%2f%3d`,
		"percent, three times":       `aB3%252526%25253C%252528xyz%252527XY%252522Z12%252529%25252A%25252B%25252F%25253D`,
		"percent, of all":            `%61%42%33%26%3C%28%78%79%7A%27%58%59%22%5A%31%32%29%2A%2B%2F%3D`,
		"HTML of Go":                 `aB3&amp;&lt;(xyz&#39;XY&#34;Z12)*+/=`,
		"HTML of Python":             `aB3&amp;&lt;(xyz&#x27;XY&quot;Z12)*+/=`,
		"HTML, all names":            `aB3&amp;&lt;&lpar;xyz&apos;XY&quot;Z12&rpar;&ast;&plus;&sol;&equals;`,
		"HTML, twice":                `aB3&amp;amp;&amp;lt;(xyz&amp;#39;XY&amp;#34;Z12)*+/=`,
		"HTML in JSON":               `aB3\u0026amp;\u0026lt;(xyz\u0026#39;XY\u0026#34;Z12)*+/=`,
		"JSON, percent-encoded":      `aB3%5Cu0026%5Cu003c(xyz'XY%5C%22Z12)*%2B%2F%3D`,
		"a string of C or of Python": `aB3\x26\x3C(xyz\'XY\"Z12)*+/=`,
		"a string of Rust":           `aB3\u{26}<(xyz'XY\"Z12)*+/=`,
	} {
		require.Equal(t, "is [redacted] ok", scrub.text("is "+text+" ok"), name)
	}
	for _, other := range []string{
		`Ab3&<(xyz'XY"Z12)*+/=`, `aB3&<(xyz'XY"Z12)*+/ is`, `aB3&&<(xyz'XY"Z12)*+/=`, `aB3%27<(xyz'XY"Z12)*+/=`,
	} {
		require.Equal(t, other, scrub.text(other), "is another text")
	}
}

func TestScrubberHidesAllScripts(t *testing.T) {
	t.Parallel()
	scrub := newScrubber("密é")
	for _, text := range []string{"密é", "%E5%AF%86%c3%a9", `\u5BC6\u00e9`, "&#23494;&#xE9;"} {
		require.Equal(t, "[redacted]", scrub.text(text))
	}
}

// encoders are ways to write a character.
var encoders = []func(c byte) string{
	func(c byte) string { return string(c) },
	func(c byte) string { return "\\" + string(c) },
	func(c byte) string { return url.QueryEscape(string(c)) },
	func(c byte) string { return html.EscapeString(string(c)) },
	func(c byte) string { return fmt.Sprintf("%%%02x", c) },
	func(c byte) string { return fmt.Sprintf("%%%02X", c) },
	func(c byte) string { return fmt.Sprintf("%%25%02X", c) },
	func(c byte) string { return fmt.Sprintf("%%2525%02x", c) },
	func(c byte) string { return fmt.Sprintf(`\u%04x`, c) },
	func(c byte) string { return fmt.Sprintf(`\u%04X`, c) },
	func(c byte) string { return fmt.Sprintf(`\\u%04x`, c) },
	func(c byte) string { return fmt.Sprintf(`\x%02x`, c) },
	func(c byte) string { return fmt.Sprintf("&#%d;", c) },
	func(c byte) string { return fmt.Sprintf("&#%03d;", c) },
	func(c byte) string { return fmt.Sprintf("&#x%x;", c) },
	func(c byte) string { return fmt.Sprintf("&amp;#x%X;", c) },
}

// TestScrubberHidesPasswords puts passwords anywhere into texts, across the
// bound as well, with each character in any form.
func TestScrubberHidesPasswords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password, err := NewPassword(rapid.IntRange(PasswordMinLength, PasswordMaxLength).Draw(t, "length"))
		require.NoError(t, err)
		one := rapid.SampledFrom(encoders)
		if rapid.Bool().Draw(t, "all in the same form") {
			one = rapid.Just(one.Draw(t, "form"))
		}
		var form strings.Builder
		for _, c := range []byte(password.Reveal()) {
			form.WriteString(one.Draw(t, "form of a character")(c))
		}
		before := strings.Repeat("x", rapid.IntRange(0, 310).Draw(t, "before"))
		text := newScrubber("another", password.Reveal()).text(before + form.String() + " after")
		require.Equal(t, truncate(before+"[redacted] after", messageMaxLength), text, "%s", form.String())
	})
}

func BenchmarkScrubber(b *testing.B) {
	hidden := []string{strings.Repeat("k", 40), "AKEYOFTWENTYLETTERS1", strings.Repeat("s+", 22), strings.Repeat("a&", 15)}
	for name, text := range map[string]string{
		"message":           `the password aB3\u0026(xyzXYZ12)* is not one that this cluster accepts`,
		"nearly passwords":  strings.Repeat("a&amp;", scrubMaxLength),
		"nearly signatures": strings.Repeat("s%252B", scrubMaxLength),
		"backslashes":       strings.Repeat(`\`, scrubMaxLength),
		"percent signs":     strings.Repeat("%25", scrubMaxLength),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				newScrubber(hidden...).text(text)
			}
		})
	}
}

func TestTransportErrorWithoutTheURL(t *testing.T) {
	t.Parallel()
	inner := errors.New("dial tcp 127.0.0.1:1: connect: connection refused")
	got := newScrubber("key").transportError(t.Context(), &url.Error{Op: "Get", URL: "https://x/?access_key_id=key", Err: inner})
	require.Equal(t, inner, got)
}

func TestTransportErrorIsCleaned(t *testing.T) {
	t.Parallel()
	inner := errors.Join(io.ErrUnexpectedEOF, errors.New(`malformed HTTP response "key"`))
	got := newScrubber("key").transportError(t.Context(), &url.Error{Op: "Get", URL: "https://x/", Err: inner})
	require.EqualError(t, got, `unexpected EOF malformed HTTP response "[redacted]"`)
	require.ErrorIs(t, got, io.ErrUnexpectedEOF)
	require.NoError(t, errors.Unwrap(got))
}

func TestTransportErrorPutsTheContextFirst(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, newScrubber().transportError(ctx, errors.New("use of closed network connection")))
}
