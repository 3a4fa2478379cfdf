package pgtest

import (
	"os"
	"syscall"
)

// UseMemory has temporary files kept in memory from now on, if this machine has room for them there: tests of many
// databases mostly wait for the disk otherwise.
func UseMemory() {
	const place, room = "/dev/shm", 4 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(place, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > room {
		_ = os.Setenv("TMPDIR", place)
	}
}
