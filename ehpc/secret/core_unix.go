//go:build unix

package secret

import "syscall"

// NoCoreDumps keeps what is in the memory of this process out of files, should the process crash.
func NoCoreDumps() error { return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
