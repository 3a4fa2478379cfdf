package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// ErrSplit says that some could come to a SQLite database without the write-ahead log that lies beside it, and with it
// to another state.
var ErrSplit = errors.New("its newest part lies beside it, where others would not find it")

// checkReach refuses a file that others may use by another name or in another folder, if it is there.
func checkReach(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return fmt.Errorf("%s is one of %d names of a file (hard links), and %w; remove the other names", path, stat.Nlink, ErrSplit)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo") // which only Linux has
	if whole, err := filepath.Abs(path); err == nil && isMounted(string(mounts), whole) {
		return fmt.Errorf("%s is mounted as a single file, and %w; mount its folder", path, ErrSplit)
	}
	return nil
}

// isMounted looks for a path in the text of /proc/self/mountinfo, where the fifth word of a line is what is mounted on.
func isMounted(mountinfo, path string) bool {
	path = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
	for line := range strings.Lines(mountinfo) {
		if words := strings.Fields(line); len(words) > 4 && words[4] == path {
			return true
		}
	}
	return false
}

// locks keep other processes off a SQLite database: one on a file beside it, also where the database itself was
// replaced meanwhile, and one on the database itself, whatever name it has by now.
type locks []*os.File

// lockFiles takes locks, and makes the files where they are not there; for the owner alone, as SQLite would not. The
// kernel gives the locks back when the process ends, however it ends; the files stay, because removing one would let two
// processes hold locks on two files of the same name.
func lockFiles(paths ...string) (held locks, err error) {
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, ownerOnly)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the database: %w", err), held.release())
		}
		held = append(held, f)
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), held.release())
		}
	}
	return held, nil
}

// release gives the locks back. Closing alone would not, while a process that is just being started still has a copy of
// the file.
func (l locks) release() (err error) {
	for _, f := range l {
		err = errors.Join(err, syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
	}
	return err
}
