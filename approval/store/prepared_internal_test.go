package store

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

func openPrepared(t *testing.T) *sql.DB {
	t.Helper()
	connector, err := sqlite.NewConnector(sqliteDSN(filepath.Join(t.TempDir(), "one.db")))
	require.NoError(t, err)
	db := sql.OpenDB(prepared(connector))
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), `CREATE TABLE n (n INTEGER PRIMARY KEY); INSERT INTO n VALUES (1), (2), (3)`)
	require.NoError(t, err)
	return db
}

// A statement that is asked for anew while its rows are read must not begin from the start for both.
func TestPreparedWithinItself(t *testing.T) {
	t.Parallel()
	db := openPrepared(t)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	for range 2 {
		var pairs [][2]int
		outer, err := tx.QueryContext(t.Context(), `SELECT n FROM n WHERE n > ? ORDER BY n`, 1)
		require.NoError(t, err)
		for outer.Next() && len(pairs) < 5 {
			var p [2]int
			require.NoError(t, outer.Scan(&p[0]))
			require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT n FROM n WHERE n > ? ORDER BY n`, 0).Scan(&p[1]))
			pairs = append(pairs, p)
		}
		require.NoError(t, outer.Err())
		require.NoError(t, outer.Close())
		require.Equal(t, [][2]int{{2, 1}, {3, 1}}, pairs)
	}
}

func TestPreparedAfterAnError(t *testing.T) {
	t.Parallel()
	db := openPrepared(t)
	for range 2 {
		_, err := db.ExecContext(t.Context(), `INSERT INTO n VALUES (?)`, 1)
		require.ErrorContains(t, err, "UNIQUE")
	}
	for n := 4; n < 6; n++ {
		done, err := db.ExecContext(t.Context(), `INSERT INTO n VALUES (?)`, n)
		require.NoError(t, err)
		added, err := done.RowsAffected()
		require.NoError(t, err)
		require.EqualValues(t, 1, added)
	}
}

func TestPreparedAfterAChangeOfTheSchema(t *testing.T) {
	t.Parallel()
	db := openPrepared(t)
	const all = `SELECT * FROM n WHERE n = ?`
	var n, more int
	require.NoError(t, db.QueryRowContext(t.Context(), all, 2).Scan(&n))
	_, err := db.ExecContext(t.Context(), `ALTER TABLE n ADD COLUMN more INTEGER NOT NULL DEFAULT 7`)
	require.NoError(t, err)
	require.NoError(t, db.QueryRowContext(t.Context(), all, 2).Scan(&n, &more))
	require.Equal(t, 7, more)
}
