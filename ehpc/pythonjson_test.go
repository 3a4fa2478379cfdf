package ehpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPythonJSON(t *testing.T) {
	t.Parallel()
	// The right-hand sides are what Python 3 prints for json.dumps of the text.
	tests := map[string]string{
		"":                       `""`,
		"a b":                    `"a b"`,
		`!@#%^&()*<>'/`:          `"!@#%^&()*<>'/"`,
		`"\`:                     `"\"\\"`,
		"\n\r\t\f\b":             `"\n\r\t\f\b"`,
		"\x00\x1f\x7f":           `"\u0000\u001f\u007f"`,
		"é你":                     `"\u00e9\u4f60"`,
		"😀":                      `"\ud83d\ude00"`,
		"\u2028\ufffd\U0010ffff": `"\u2028\ufffd\udbff\udfff"`,
	}
	for text, want := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, `{"k": `+want+`}`, string(pythonJSON([]field{{"k", text}})))
		})
	}
}

func TestPythonJSONSeparators(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{}`, string(pythonJSON(nil)))
	require.Equal(t, `{"b": "1", "a": "2"}`, string(pythonJSON([]field{{"b", "1"}, {"a", "2"}})))
}

// FuzzPythonJSON: what is written reads as the value that encoding/json would
// have written, and holds printable ASCII only.
func FuzzPythonJSON(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.Name, v.Body)
	}
	f.Add("\x00\x7f\u2028", "😀é\xff\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, name, value string) {
		written := pythonJSON([]field{{name, value}})
		standard, err := json.Marshal(map[string]string{name: value})
		require.NoError(t, err)

		var got, want map[string]string
		require.NoError(t, json.Unmarshal(written, &got))
		require.NoError(t, json.Unmarshal(standard, &want))
		require.Equal(t, want, got)
		require.Empty(t, strings.Trim(string(written), asciiPrintable()))
	})
}

func asciiPrintable() string {
	var all strings.Builder
	for r := ' '; r <= '~'; r++ {
		all.WriteRune(r)
	}
	return all.String()
}
