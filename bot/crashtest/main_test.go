package crashtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/pgtest"
)

// full reports whether everything is to be run, and not only a sample.
var full = os.Getenv("EHPCBOT_CRASH") == "full"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ehpcbot-crash-")
	if err != nil {
		panic(err)
	}
	program.path = filepath.Join(dir, "ehpcbot")
	code := m.Run()
	pgtest.Stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// program is the bot, built once, with the points at which it tells of its commits.
var program struct {
	once sync.Once
	path string
	err  error
}

// binary returns the path of the program.
func binary(t testing.TB) string {
	t.Helper()
	program.once.Do(func() {
		out, err := exec.Command("go", "build", "-tags", "crashpoints", "-o", program.path, "ehpcbot").CombinedOutput()
		if err != nil {
			program.err = fmt.Errorf("build the program: %w: %s", err, out)
		}
	})
	require.NoError(t, program.err)
	return program.path
}

// database is a kind of database.
type database struct {
	name string
	make func(t testing.TB) string // makes a new, empty one and returns its URL
}

var (
	sqlite   = database{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ehpcbot.db") }}
	postgres = database{"postgres", newPostgres}
)
