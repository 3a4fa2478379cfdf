//go:build !unix

package secret

// NoCoreDumps does nothing here: there are none.
func NoCoreDumps() error { return nil }
