//go:build !linux

package pgtest

// UseMemory does nothing on this system.
func UseMemory() {}
