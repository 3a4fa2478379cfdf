package approval_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayNot holds what packages must not depend on, themselves or through others. The arrows of the layout are
// main → bot → approval → ehpc. The domain knows neither Slack nor a database, and what the binary links holds no
// library of tests.
var mayNot = map[string][]string{
	"ehpcbot/ehpc/...":     {"ehpcbot/approval", "ehpcbot/bot", "github.com/slack-go"},
	"ehpcbot/approval/...": {"ehpcbot/bot", "github.com/slack-go", "github.com/gorilla/websocket"},
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
