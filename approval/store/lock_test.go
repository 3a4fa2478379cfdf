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

// TestHardLink gives a database a second name, beside which SQLite would keep another write-ahead log.
func TestHardLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "ehpcbot.db"), filepath.Join(t.TempDir(), "other.db")
	db, err := store.Open(t.Context(), "sqlite:"+first)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, os.Link(first, second))
	for _, path := range []string{first, second} {
		_, err := store.OpenReader(t.Context(), "sqlite:"+path)
		require.ErrorIs(t, err, store.ErrSplit)
		_, err = store.Open(t.Context(), "sqlite:"+path)
		require.EqualError(t, err, "open the database: "+path+" is one of 2 names of a file (hard links), "+
			"and its newest part lies beside it, where others would not find it; remove the other names")
		require.NoFileExists(t, second+".lock")
	}
	require.NoError(t, os.Remove(first)) // now it is one name again, but not that under which the file is in use
	_, err = store.Open(t.Context(), "sqlite:"+second)
	require.ErrorIs(t, err, store.ErrInUse)
}

func TestMounted(t *testing.T) {
	t.Parallel()
	const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 254:0 /srv/ehpcbot.db /data/ehpcbot.db rw,relatime shared:1 - ext4 /dev/vda rw
41 27 254:0 /srv /folder rw,relatime - ext4 /dev/vda rw
42 27 254:0 /srv/a /with\040space\134/ehpcbot.db rw,relatime - ext4 /dev/vda rw
`
	for path, mounted := range map[string]bool{
		"/data/ehpcbot.db":           true,
		"/with space\\/ehpcbot.db":   true,
		"/data":                      false,
		"/folder/ehpcbot.db":         false,
		"/srv/ehpcbot.db":            false,
		"/data/ehpcbot.db.old":       false,
		"/with\\040space/ehpcbot.db": false,
	} {
		require.Equal(t, mounted, store.IsMounted(mountinfo, path), path)
	}
	require.False(t, store.IsMounted("", "/data/ehpcbot.db"))
}
