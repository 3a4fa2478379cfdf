// Package secret holds a text that must not be shown: a password, an access key, a token. Every way in which Go turns a
// value into text gives "[redacted]" for it; the text itself comes out through [Text.Reveal] alone, so a search for
// that name finds every place that can leak it.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a secret looks like wherever it is printed.
const Redacted = "[redacted]"

// Text is a secret text. The zero value is the empty secret. Compare two of them with [Text.Equal]; the == operator
// compares identity, not content.
type Text struct {
	// A pointer, because fmt does not call methods on the unexported fields of an enclosing struct: it would print a
	// string field as it is, but of a pointer at that depth it prints the address only.
	p *string
}

// New returns text as a secret.
func New(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{p: &text}
}

// Reveal returns the secret itself.
func (t Text) Reveal() string {
	if t.p == nil {
		return ""
	}
	return *t.p
}

// IsZero tells whether the secret is empty.
func (t Text) IsZero() bool {
	return t.p == nil || *t.p == ""
}

// Equal tells whether both hold the same text. The time it takes depends on the lengths alone, not on the content.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String implements [fmt.Stringer]. It returns [Redacted].
func (Text) String() string { return Redacted }

// GoString implements [fmt.GoStringer]. It returns [Redacted].
func (Text) GoString() string { return Redacted }

// Format implements [fmt.Formatter]. It writes [Redacted] for every verb, even for %x and %d, which would otherwise
// look inside.
func (Text) Format(state fmt.State, _ rune) {
	// A fmt.State collects what is written and has no error to report.
	_, _ = io.WriteString(state, Redacted)
}

// MarshalText implements [encoding.TextMarshaler]. It returns [Redacted].
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON implements [encoding/json.Marshaler]. It returns [Redacted] as a JSON string.
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// LogValue implements [slog.LogValuer]. It returns [Redacted].
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }
