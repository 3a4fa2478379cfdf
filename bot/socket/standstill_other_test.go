//go:build !unix

package socket_test

func standStill() bool { return false }
