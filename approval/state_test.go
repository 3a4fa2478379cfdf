package approval

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStatesAndSchema compares the table of changes with the constraints of both schemas, of which SQLite's is written twice.
func TestStatesAndSchema(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"store/migrations/sqlite/00001_requests.sql", "store/migrations/sqlite/00011_showing.sql", "store/migrations/postgres/00001_requests.sql"} {
		schema, err := os.ReadFile(file)
		require.NoError(t, err)
		stated := statesIn(t, string(schema), `(?s)CHECK \(state IN \(([^)]*)\)\)`)
		require.Equal(t, States(), stated, file)

		active := statesIn(t, string(schema), `(?s)WHERE state IN \(([^)]*)\)`)
		for _, s := range States() {
			require.Equal(t, s.Active(), slices.Contains(active, s), "%s: %s", file, s)
		}
	}
}

func statesIn(t *testing.T, schema, pattern string) (states []State) {
	t.Helper()
	list := regexp.MustCompile(pattern).FindStringSubmatch(schema)
	require.NotNil(t, list)
	for _, quoted := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list[1], -1) {
		states = append(states, State(quoted[1]))
	}
	return states
}

// TestStates holds what the table of changes promises as a whole.
func TestStates(t *testing.T) {
	t.Parallel()
	for _, s := range States() {
		require.NoError(t, s.Validate())
		require.NotEmpty(t, follows[s], "nobody is told that a request became %s", s)
		require.Contains(t, follows[s], RefreshJob, "the approvers don't see that a request became %s", s)
		if s.Active() {
			require.NotEmpty(t, next[s], "an active request is stuck in %s", s)
		}
		for _, to := range next[s] {
			require.NoError(t, to.Validate())
		}
		if s.Final() && s != Delivered {
			require.Contains(t, follows[s], NotifyJob, "the requester is not told that a request became %s", s)
		}
	}
	require.Error(t, State("unheard of").Validate())
	require.Empty(t, next[Delivered])
}
