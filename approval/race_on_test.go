//go:build race

package approval_test

// slow is by how much the race detector slows an embedded SQLite down, roughly.
const slow = 10
