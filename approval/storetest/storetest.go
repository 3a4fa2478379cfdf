// Package storetest gives tests SQLite databases of their own.
package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/store"
)

// SQLite returns the URL of a new database that has its tables and nothing else. It is a copy of one that was made once:
// to make the tables takes a third of the time of most tests.
func SQLite(t testing.TB) string {
	t.Helper()
	content, err := fresh()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ehpcbot.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return "sqlite:" + path
}

var fresh = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "ehpcbot-fresh-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the database: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "ehpcbot.db")
	db, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	if err := db.Close(); err != nil { // what is in the write-ahead log goes into the file
		return nil, fmt.Errorf("close the database: %w", err)
	}
	return os.ReadFile(path)
})
