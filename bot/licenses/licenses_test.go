package licenses

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write licenses.txt.gz")

// What is told are the licenses of the modules that are linked now, in the versions of now.
func TestText(t *testing.T) {
	t.Parallel()
	want := collect(t)
	if *update {
		compressed = compress(t, want)
		require.NoError(t, os.WriteFile("licenses.txt.gz", compressed, 0o600))
	}
	got, err := Text()
	require.NoError(t, err)
	require.True(t, want == got, "modules or licenses have changed; run the test with -update")
	for _, name := range []string{"The Go standard library", "github.com/slack-go/slack@v", "modernc.org/sqlite@v"} {
		require.Contains(t, want, "\n"+name)
	}
}

func compress(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

const (
	opening = "ehpcbot contains the modules that are named here, unchanged, each under the licenses below its name.\n" +
		"The source of a module is had with: go mod download NAME@VERSION\n"
	line = "\n--------------------------------------------------------------------------------\n"
)

// collect joins the licenses of all modules. A text that several have is there once, below all their names.
func collect(t *testing.T) string {
	t.Helper()
	owners := map[string][]string{} // by the text
	for owner, texts := range linked(t) {
		require.NotEmpty(t, texts, "%s has no license", owner)
		for text := range texts {
			owners[text] = append(owners[text], owner)
		}
	}
	for _, all := range owners {
		slices.Sort(all)
	}
	texts := slices.SortedFunc(maps.Keys(owners), func(a, b string) int {
		return cmp.Or(slices.Compare(owners[a], owners[b]), strings.Compare(a, b))
	})
	all := opening
	for _, text := range texts {
		all += line + strings.Join(owners[text], "\n") + line + "\n" + text + "\n"
	}
	return all
}

// linked finds the licenses of each module that the program for Linux contains: in the folders of the packages that
// it takes from a module, and in those above them.
func linked(t *testing.T) map[string]map[string]bool {
	t.Helper()
	root := filepath.Join("..", "..")
	_, err := os.ReadFile(filepath.Join(root, "go.mod")) // so that Go runs the test again when that changes
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "timetzdata", "-f",
		"{{if .Standard}}The Go standard library\t{{.Root}}\t{{.Root}}"+
			"{{else if not .Module.Main}}{{.Module.Path}}@{{.Module.Version}}\t{{.Module.Dir}}\t{{.Dir}}{{end}}", ".")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	list, err := cmd.Output()
	require.NoError(t, err)
	all := map[string]map[string]bool{}
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		owner, top, dir := fields[0], fields[1], fields[2]
		if all[owner] == nil {
			all[owner] = map[string]bool{}
		}
		for ; strings.HasPrefix(dir, top); dir = filepath.Dir(dir) {
			read(t, dir, all[owner])
		}
	}
	return all
}

var names = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// read adds the licenses in a folder.
func read(t *testing.T, dir string, texts map[string]bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if !names.MatchString(e.Name()) || e.IsDir() || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		texts[strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))] = true
	}
}
