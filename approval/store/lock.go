package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse says that another process uses a SQLite database.
var ErrInUse = errors.New("another ehpcbot uses it; stop that one first, or give this one a DATABASE_URL of its own")

// realPath follows symbolic links, so that a SQLite database has one lock and one key, whatever name it goes by, as
// it has one write-ahead log. The file need not be there yet, but its folder must.
func realPath(path string) (string, error) {
	whole, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return whole, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, filepath.Base(path))
	target, err := os.Readlink(path)
	if err != nil {
		return path, nil
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	return realPath(target) // a link to what is not there yet; one in a circle has ended above, with another error
}

// lockFile takes the lock that keeps a second process off a SQLite database. The kernel gives it back when
// the process ends, however it ends; the file itself stays, because removing it would let two processes hold
// locks on two files of the same name.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// unlockFile gives the lock back. Closing alone would not, while a process that is just being started still
// has a copy of the file.
func unlockFile(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}
