package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/store"
)

// TestOtherNames holds that a SQLite database has one lock and one key, whatever name it goes by.
func TestOtherNames(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]func(t *testing.T, dir, path string) (otherName string){
		"a link": func(t *testing.T, dir, path string) string {
			other := filepath.Join(dir, "other.db")
			require.NoError(t, os.Symlink(path, other))
			return other
		},
		"a relative link to a link": func(t *testing.T, dir, path string) string {
			first, other := filepath.Join(dir, "first.db"), filepath.Join(dir, "other.db")
			target, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			require.NoError(t, os.Symlink(target, first))
			require.NoError(t, os.Symlink("first.db", other))
			return other
		},
		"a linked folder": func(t *testing.T, dir, path string) string {
			folder := filepath.Join(dir, "folder")
			require.NoError(t, os.Symlink(filepath.Dir(path), folder))
			return filepath.Join(folder, filepath.Base(path))
		},
		"a detour": func(_ *testing.T, _, path string) string {
			return filepath.Dir(path) + "/./../" + filepath.Base(filepath.Dir(path)) + "//" + filepath.Base(path)
		},
	} {
		for when, there := range map[string]bool{" of a file": true, " of what is not there yet": false} {
			t.Run(name+when, func(t *testing.T) {
				t.Parallel()
				path, dir := filepath.Join(t.TempDir(), "ehpcbot.db"), t.TempDir()
				if there {
					require.NoError(t, os.WriteFile(path, nil, 0o600))
				}
				db, err := store.Open(t.Context(), "sqlite:"+link(t, dir, path))
				require.NoError(t, err)
				defer db.Close()
				require.FileExists(t, path)
				require.Equal(t, path+".key", db.KeyFile())
				_, err = store.Open(t.Context(), "sqlite:"+path)
				require.ErrorIs(t, err, store.ErrInUse)
			})
		}
	}
	t.Run("a circle", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "ehpcbot.db")
		require.NoError(t, os.Symlink(path, path))
		_, err := store.Open(t.Context(), "sqlite:"+path)
		require.ErrorContains(t, err, "open the database: ")
		require.NoFileExists(t, path+".lock")
	})
}
