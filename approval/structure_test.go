package approval_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImports holds the arrows of the layout: main → bot → approval → ehpc, and nothing back. The domain knows
// neither Slack nor HTTP, and what the binary links holds no test library.
func TestImports(t *testing.T) {
	t.Parallel()
	for pattern, forbidden := range map[string][]string{
		"ehpcbot/ehpc/...": {"ehpcbot/approval", "ehpcbot/bot", "github.com/slack-go"},
		"ehpcbot/approval": {"ehpcbot/bot", "github.com/slack-go", "github.com/gorilla/websocket"},
		"ehpcbot":          {"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid", "ehpcbot/approval/pgtest"},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern).Output()
		require.NoError(t, err)
		deps := strings.Fields(string(out))
		require.NotEmpty(t, deps)
		for _, dep := range deps {
			for _, f := range forbidden {
				require.False(t, dep == f || strings.HasPrefix(dep, f+"/"), "%s imports %s", pattern, dep)
			}
		}
	}
	direct, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{join .Imports \"\\n\"}}", "ehpcbot/approval").Output()
	require.NoError(t, err)
	require.NotContains(t, strings.Fields(string(direct)), "net/http")
}
