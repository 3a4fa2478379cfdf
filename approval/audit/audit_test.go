package audit_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/audit"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

// TestStartIsFoundByIndex asks each database how it finds the first event from a moment on.
func TestStartIsFoundByIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		driver  string
		prepare []string
		explain string
	}{
		"sqlite": {"sqlite", nil, "EXPLAIN QUERY PLAN "},
		"postgres": {"pgx", []string{
			`ALTER TABLE event DISABLE TRIGGER USER`,
			`INSERT INTO event SELECT n, n, 1, '', '', '', '', '', '', '' FROM generate_series(1, 10000) n`,
			`VACUUM ANALYZE event`,
		}, "EXPLAIN "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ehpcbot.db")
			url, dsn := "sqlite:"+path, path
			if name == "postgres" {
				url = pgtest.URL(t)
				dsn = url
			}
			d, err := store.Open(t.Context(), url)
			require.NoError(t, err)
			require.NoError(t, d.Close())
			db, err := sql.Open(c.driver, dsn)
			require.NoError(t, err)
			defer db.Close()
			for _, statement := range c.prepare {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			require.Contains(t, plan(t, db, c.explain+strings.Replace(audit.StartQuery, "$1", "9990", 1)), "event_at")
		})
	}
}

// plan returns what a database tells of a query.
func plan(t *testing.T, db *sql.DB, explain string) (text string) {
	found, err := db.QueryContext(t.Context(), explain)
	require.NoError(t, err)
	defer found.Close()
	columns, err := found.Columns()
	require.NoError(t, err)
	for found.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(sql.NullString)
		}
		require.NoError(t, found.Scan(cells...))
		text += cells[len(cells)-1].(*sql.NullString).String + "\n"
	}
	require.NoError(t, found.Err())
	return text
}
