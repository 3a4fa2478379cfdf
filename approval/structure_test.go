package approval_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

// mayNot holds what packages must not depend on, themselves or through others. The arrows of the layout are
// main → bot → approval → ehpc. The domain knows neither Slack nor a database, and what the binary links holds no
// library of tests.
var mayNot = map[string][]string{
	"ehpcbot/ehpc/...":      {"ehpcbot/approval", "ehpcbot/bot", "github.com/slack-go"},
	"ehpcbot/bot/socket":    {"ehpcbot/approval"},
	"ehpcbot/bot/slackapi":  {"ehpcbot/bot/messenger", "ehpcbot/bot/socket", "ehpcbot/bot/view"},
	"ehpcbot/bot/messenger": {"ehpcbot/bot/socket", "ehpcbot/approval/store"},
	"ehpcbot/approval/...":  {"ehpcbot/bot", "github.com/slack-go", "github.com/gorilla/websocket"},
	"ehpcbot/approval": {
		"ehpcbot/approval/", "database/sql", "github.com/riverqueue/river", "github.com/jackc/pgx", "modernc.org/sqlite", "github.com/pressly/goose",
	},
	"ehpcbot/approval/keyring":   {"ehpcbot/approval/store", "database/sql"},
	"ehpcbot/approval/audit":     {"ehpcbot/approval/store", "ehpcbot/approval/work", "github.com/riverqueue/river"},
	"ehpcbot/approval/provision": {"ehpcbot/approval/store", "database/sql", "github.com/riverqueue/river"},
	"ehpcbot/approval/store":     {"ehpcbot/approval/work", "ehpcbot/approval/provision"},
	"ehpcbot": {
		"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid",
		"ehpcbot/approval/pgtest", "ehpcbot/approval/crashpoints",
	},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for pattern, forbidden := range mayNot {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern).Output()
		require.NoError(t, err)
		deps := strings.Fields(string(out))
		require.NotEmpty(t, deps)
		for _, dep := range deps {
			for _, f := range forbidden {
				require.False(t, dep == f || strings.HasPrefix(dep, strings.TrimSuffix(f, "/")+"/"), "%s depends on %s", pattern, dep)
			}
		}
	}
	direct, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{join .Imports \"\\n\"}}", "ehpcbot/approval/...").Output()
	require.NoError(t, err)
	require.NotContains(t, strings.Fields(string(direct)), "net/http")
}

// written is where a source writes an event of an action.
var written = regexp.MustCompile(`\.(?:move|note|save|record|change|handOver|Move|Progress)\([^"\n]*"([a-z_]+)"|\bAction: "([a-z_]+)"`)

// TestActions holds the list of actions, outside of which nothing can be asked for, to those that are written.
func TestActions(t *testing.T) {
	t.Parallel()
	here, err := filepath.Glob("*.go")
	require.NoError(t, err)
	below, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, path := range append(here, below...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, m := range written.FindAllStringSubmatch(string(text), -1) {
			found[m[1]+m[2]] = true
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(found)), approval.Actions())
}

// TestTree holds the list of packages in CONTRIBUTING.md to those that there are.
func TestTree(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../.github/CONTRIBUTING.md")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "go", "list", "ehpcbot/...").Output()
	require.NoError(t, err)
	for _, pkg := range strings.Fields(string(out)) {
		name := strings.TrimPrefix(pkg, "ehpcbot/")
		if pkg == "ehpcbot" {
			name = "main.go"
		}
		require.Regexp(t, "`"+name+"/?`", string(text), "a line for the package")
	}
}
