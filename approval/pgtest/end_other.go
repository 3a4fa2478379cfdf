//go:build !linux

package pgtest

import "syscall"

// endWithTests does nothing here: Stop has to be called.
func endWithTests(*syscall.SysProcAttr) {}
