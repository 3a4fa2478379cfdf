package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/ehpc/secret"
)

const plain = "kUISjs@kkkkkk!"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// holder has a secret in each way in which a struct can hold one.
type holder struct {
	Exported   secret.Text
	unexported secret.Text
	Pointer    *secret.Text
	List       []secret.Text
	ByName     map[string]secret.Text
	inner      struct{ deep secret.Text }
	any        any
}

func newHolder() holder {
	text := secret.New(plain)
	h := holder{
		Exported:   text,
		unexported: text,
		Pointer:    &text,
		List:       []secret.Text{text},
		ByName:     map[string]secret.Text{"a": text},
		any:        text,
	}
	h.inner.deep = text
	return h
}

func verbs() []string {
	return []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%10s", "%-40v", "%.3s", "%U", "%T%[1]v"}
}

func requireHidden(t *testing.T, printed string) {
	t.Helper()
	require.NotContains(t, printed, plain)
	require.NotContains(t, strings.ToLower(printed), fmt.Sprintf("%x", plain))
	require.NotContains(t, printed, plain[:3], "a part of the secret is one too many")
}

func TestTextIsRedactedByEveryVerb(t *testing.T) {
	t.Parallel()
	for _, verb := range verbs() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			printed := fmt.Sprintf(verb, secret.New(plain))
			requireHidden(t, printed)
			require.Contains(t, printed, "[redacted]")
		})
	}
}

func TestTextIsHiddenInsideOfOtherValues(t *testing.T) {
	t.Parallel()
	h := newHolder()
	for _, verb := range verbs() {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			requireHidden(t, fmt.Sprintf(verb, h))
			requireHidden(t, fmt.Sprintf(verb, &h))
			requireHidden(t, fmt.Sprintf(verb, []any{h}))
		})
	}
	requireHidden(t, fmt.Errorf("wrapped: %v", h).Error())
}

func TestTextIsHiddenInLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		logger := slog.New(handler)
		logger.Info("text", "secret", secret.New(plain), "holder", newHolder())
		logger.With("secret", secret.New(plain)).WithGroup("g").Info("with", slog.Any("pointer", new(secret.New(plain))))
	}
	requireHidden(t, out.String())
	require.Equal(t, 2, strings.Count(out.String(), "secret=[redacted]"))
	require.Equal(t, 2, strings.Count(out.String(), `"secret":"[redacted]"`))
}

func TestTextIsHiddenInJSON(t *testing.T) {
	t.Parallel()
	alone, err := json.Marshal(secret.New(plain))
	require.NoError(t, err)
	require.Equal(t, `"[redacted]"`, string(alone))

	nested, err := json.Marshal(newHolder())
	require.NoError(t, err)
	requireHidden(t, string(nested))

	key, err := json.Marshal(map[secret.Text]int{secret.New(plain): 1})
	require.NoError(t, err)
	require.Equal(t, `{"[redacted]":1}`, string(key))

	text, err := secret.New(plain).MarshalText()
	require.NoError(t, err)
	require.Equal(t, secret.Redacted, string(text))
}

func TestStringAndGoString(t *testing.T) {
	t.Parallel()
	text := secret.New(plain)
	require.Equal(t, "[redacted]", text.String())
	require.Equal(t, "[redacted]", text.GoString())
	require.Equal(t, "[redacted]", text.LogValue().String())
	require.Equal(t, "[redacted]", secret.Text{}.String(), "an empty secret must look like any other")
}

func TestReveal(t *testing.T) {
	t.Parallel()
	require.Equal(t, plain, secret.New(plain).Reveal())
	require.Empty(t, secret.Text{}.Reveal())
	require.False(t, secret.New(plain).IsZero())
	require.True(t, secret.New("").IsZero())
	require.True(t, secret.Text{}.IsZero())
}

func TestEqual(t *testing.T) {
	t.Parallel()
	require.True(t, secret.New(plain).Equal(secret.New(plain)))
	require.True(t, secret.New("").Equal(secret.Text{}))
	require.False(t, secret.New(plain).Equal(secret.New(plain+"x")))
	require.False(t, secret.New(plain).Equal(secret.Text{}))
}

func Example() {
	password := secret.New("kUISjs@kkkkkk!")
	fmt.Println(password)
	fmt.Printf("%+v\n", struct{ Password secret.Text }{password})
	fmt.Println(errors.New("cannot use " + password.String()))
	fmt.Println(len(password.Reveal()))
	// Output:
	// [redacted]
	// {Password:[redacted]}
	// cannot use [redacted]
	// 14
}
