package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

const (
	ownerOnly fs.FileMode = 0o600 // the mode of all files of a SQLite database
	others    fs.FileMode = 0o077 // what it must not have
)

// Exposed returns the files of the SQLite database of a DATABASE_URL, and of its key, that others than their owner
// may read or change. Of PostgreSQL there are none.
func Exposed(databaseURL string) []string {
	path, ok := strings.CutPrefix(databaseURL, "sqlite:")
	if !ok {
		return nil
	}
	path, err := realPath(path)
	if err != nil {
		return nil
	}
	return exposed(path)
}

func exposed(path string) []string {
	var found []string
	for _, end := range []string{"", "-wal", "-shm", ".key"} {
		info, err := os.Stat(path + end)
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&others != 0 {
			found = append(found, path+end)
		}
	}
	return found
}

// ErrEmptied says that a SQLite database has lost all that it held.
var ErrEmptied = errors.New("is empty, and the key beside it says that it was not always: restore it from a backup, or remove it to begin anew")

// emptied reports a file without content beside a key, which is made only for a database that has some.
func emptied(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == 0 && exists(path+".key")
}

// Protect takes the rights of others from the files of a SQLite database and its key, which a copy or a restored
// backup may have brought along. It returns the files that had any. The error names those of another owner, which
// stay as they are.
func (d *Database) Protect() (changed []string, err error) {
	if d.Shared() {
		return nil, nil
	}
	for _, path := range exposed(d.path) {
		if fault := os.Chmod(path, ownerOnly); fault != nil {
			err = errors.Join(err, fault)
			continue
		}
		changed = append(changed, path)
	}
	return changed, err
}
