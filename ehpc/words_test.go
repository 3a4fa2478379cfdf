package ehpc

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlainWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "",
		"resource exists: try another":      "resource exists: try another",
		"PermissionDenied, instance [i-x9]": "… instance …",
		"the password kUISjs@kkkkkk1 is no": "the password … is no",
		"no \x00\u202e (yet)":               "no … (yet)",
		"密码 is not right":                   "… is not right",
		"bad value Xk3&pQ9z!mW":             "bad value …",
		strings.Repeat("a ", 40):            strings.TrimSpace(strings.Repeat("a ", 30)),
	} {
		require.Equal(t, want, plainWords(text), "%q", text)
	}
}

// TestPlainWordsHoldNoPassword has a server repeat passwords in forms that encoders give them.
func TestPlainWordsHoldNoPassword(t *testing.T) {
	t.Parallel()
	forms := map[string]func(string) string{
		"as it is": func(p string) string { return p },
		"URL":      url.QueryEscape,
		"base64":   func(p string) string { return base64.StdEncoding.EncodeToString([]byte(p)) },
		"hex":      func(p string) string { return hex.EncodeToString([]byte(p)) },
		"octal":    func(p string) string { return fmt.Sprintf("%o", []byte(p)) },
		"cut off":  func(p string) string { return p[:len(p)-1] },
	}
	rapid.Check(t, func(t *rapid.T) {
		password, err := NewPassword(rapid.IntRange(12, 30).Draw(t, "length"))
		if err != nil {
			t.Fatal(err)
		}
		for name, form := range forms {
			written := form(password.Reveal())
			if got := plainWords("the value " + written + " is not right"); got != "the value … is not right" {
				t.Fatalf("%s: %q", name, got)
			}
		}
	})
}

func TestJobErrors(t *testing.T) {
	t.Parallel()
	for codes, want := range map[string]string{
		"":                "",
		"45":              "45 (the user exists)",
		"40, 1":           "40 (wrong parameters), 1 (internal error on the cluster)",
		"kUISjs@kkkkkk1":  "an error that is not documented",
		"E1 E2 kUISjs 45": "an error that is not documented, 45 (the user exists)",
	} {
		require.Equal(t, want, jobErrors(codes))
	}
}

func TestTransportError(t *testing.T) {
	t.Parallel()
	const location = "https://example.org/api/user?access_key_id=QYID"
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, test := range map[string]struct{ err, want error }{
		"refused":      {&url.Error{Op: "Get", URL: location, Err: refused}, refused},
		"proxy":        {&url.Error{Op: "Get", URL: location, Err: &ProxyError{Status: 407}}, &ProxyError{Status: 407}},
		"broke off":    {&url.Error{Op: "Get", URL: location, Err: io.ErrUnexpectedEOF}, io.ErrUnexpectedEOF},
		"certificate":  {&url.Error{Err: &tls.CertificateVerificationError{Err: io.EOF}}, &tls.CertificateVerificationError{Err: io.EOF}},
		"quotes":       {fmt.Errorf("malformed HTTP response %q", location), ErrNoAnswer},
		"bad location": {&url.Error{Op: "Get", URL: location, Err: fmt.Errorf("failed to parse Location header %q", location)}, ErrNoAnswer},
	} {
		require.Equal(t, test.want, transportError(t.Context(), test.err), name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, transportError(ctx, refused))
}
