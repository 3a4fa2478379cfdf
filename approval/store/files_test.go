package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/keyring"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
)

func TestProtect(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ehpcbot.db")
	url := "sqlite:" + path
	require.Empty(t, store.Exposed(url), "it is not there yet")
	db, err := store.Open(t.Context(), url)
	require.NoError(t, err)
	defer db.Close()
	_, err = keyring.For(t.Context(), db, nil)
	require.NoError(t, err)
	require.Empty(t, store.Exposed(url))
	changed, err := db.Protect()
	require.NoError(t, err)
	require.Empty(t, changed)

	all := []string{path, path + "-wal", path + "-shm", path + ".key"}
	for i, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		require.NoError(t, os.Chmod(all[i], mode))
	}
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(path, link))
	require.Equal(t, all, store.Exposed(url))
	require.Equal(t, all, store.Exposed("sqlite:"+link))
	changed, err = db.Protect()
	require.NoError(t, err)
	require.Equal(t, all, changed)
	require.Empty(t, store.Exposed(url))
	for _, file := range all {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
	}
}

func TestProtectPostgres(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db, err := store.Open(t.Context(), url)
	require.NoError(t, err)
	defer db.Close()
	changed, err := db.Protect()
	require.NoError(t, err)
	require.Empty(t, changed)
	require.Empty(t, store.Exposed(url))
}
