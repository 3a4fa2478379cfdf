package ehpc

import (
	"context"
	"errors"
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

func TestScrubberTextIsBounded(t *testing.T) {
	t.Parallel()
	text := newScrubber().text(strings.Repeat("密", 301))
	require.Equal(t, 300, utf8.RuneCountInString(text))
	require.True(t, strings.HasSuffix(text, "密…"))
	require.Equal(t, strings.Repeat("密", 300), newScrubber().text(strings.Repeat("密", 300)))
}

// TestScrubberHidesPasswords puts passwords anywhere into texts, across the
// bound as well.
func TestScrubberHidesPasswords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password, err := NewPassword(rapid.IntRange(PasswordMinLength, PasswordMaxLength).Draw(t, "length"))
		require.NoError(t, err)
		plain := password.Reveal()
		before := strings.Repeat("x", rapid.IntRange(0, 310).Draw(t, "before"))
		form := rapid.SampledFrom([]string{plain, url.QueryEscape(plain), url.QueryEscape(url.QueryEscape(plain))}).Draw(t, "form")
		text := newScrubber(plain).text(before + form + " after")
		require.NotContains(t, text, plain)
		require.Empty(t, strings.Trim(strings.NewReplacer("[redacted]", "", " after", "", "…", "").Replace(text), "x [redact]f…"),
			"no part of the password is left")
	})
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
