package view

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

// Each message and form, in each state and language, is as its golden file says.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, locale := range []Locale{English, Chinese} {
		files := map[string]string{}
		for name, m := range messages(testView(locale)) {
			files[name] = plainMessage(m) + "\n\n--- text\n" + m.Text + "\n\n--- blocks\n" + indented(t, m.Blocks)
		}
		for name, m := range modals(testView(locale)) {
			files[name] = plainModal(m) + "\n\n--- view\n" + indented(t, m)
		}
		for name, tab := range homes(testView(locale)) {
			files[name] = plainHome(tab) + "\n\n--- blocks\n" + indented(t, tab.Blocks.BlockSet)
		}
		for name, got := range files {
			t.Run(string(locale)+"/"+name, func(t *testing.T) {
				t.Parallel()
				compare(t, filepath.Join("testdata", string(locale), name+".golden"), got)
			})
		}
		t.Run(string(locale)+"/no other files", func(t *testing.T) {
			t.Parallel()
			found, err := filepath.Glob(filepath.Join("testdata", string(locale), "*"))
			require.NoError(t, err)
			for _, f := range found {
				require.Contains(t, files, strings.TrimSuffix(filepath.Base(f), ".golden"))
			}
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update")
	require.Equal(t, string(want), got)
}

func indented(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(v))
	return b.String()
}
