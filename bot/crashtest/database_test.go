package crashtest

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
)

// newPostgres makes a database that is dropped after the test, so that hundreds of them leave nothing behind.
func newPostgres(t testing.TB) string {
	t.Helper()
	server := pgtest.Shared(t)
	address := server.NewDatabase(t)
	t.Cleanup(func() {
		u, err := url.Parse(address)
		require.NoError(t, err)
		name := strings.TrimPrefix(u.Path, "/")
		u.Path = "/postgres"
		db, err := sql.Open("pgx", u.String())
		require.NoError(t, err)
		defer db.Close()
		_, err = db.ExecContext(context.Background(), `DROP DATABASE `+name+` WITH (FORCE)`)
		require.NoError(t, err)
	})
	return address
}

// look opens a database for a test to look into, beside the program.
func look(t testing.TB, address string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// number returns what a query counts, and -1 where it can't be asked at the moment.
func number(db *sql.DB, query string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	n := -1
	if err := db.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return -1
	}
	return n
}

// unfinished counts the jobs that are to be done before the program has nothing to do but wait for its timers.
const unfinished = `SELECT count(*) FROM river_job WHERE state IN ('available', 'running', 'retryable', 'pending')
	OR state = 'scheduled' AND kind IN ('provision', 'deliver', 'refresh', 'notify', 'tell', 'redraw', 'help')`

// requireSound checks what holds for any database at the end: requests in final states, no sealed password left,
// and a whole audit log.
func requireSound(t testing.TB, address string, db *sql.DB, requests int) {
	t.Helper()
	require.Equal(t, requests, number(db, `SELECT count(*) FROM request`), "requests")
	require.Equal(t, requests, number(db, `SELECT count(*) FROM request WHERE state = 'delivered'`), "delivered requests")
	require.Equal(t, 0, number(db, `SELECT count(*) FROM request WHERE sealed IS NOT NULL`), "sealed passwords that are left")
	require.NoError(t, db.Close())
	reader, err := store.OpenReader(t.Context(), address)
	require.NoError(t, err)
	defer reader.Close()
	verified, err := reader.Verify(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Empty(t, verified.Findings, "findings in the audit log")
	require.Positive(t, verified.Events)
}
