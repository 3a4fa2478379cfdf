//go:build race

package bot_test

// raced reports whether the race detector is on, with which all takes some ten times as long.
const raced = true
