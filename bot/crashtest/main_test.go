package crashtest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/pgtest"
)

var (
	// full reports whether everything is to be run, and not only a sample.
	full = os.Getenv("EHPCBOT_CRASH") == "full"
	// soak is how long the soak lasts, if it is asked for.
	soak = os.Getenv("EHPCBOT_SOAK")
)

// onlyFull leaves a test to full runs, for its time.
func onlyFull(t *testing.T) {
	t.Helper()
	if !full {
		t.Skip("a full run has it (EHPCBOT_CRASH=full)")
	}
}

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "12") // they wait more than they work
	dir, err := os.MkdirTemp("", "ehpcbot-crash-")
	if err != nil {
		panic(err)
	}
	buildDir = dir // where programs may be run, which they may not everywhere in memory
	pgtest.UseMemory()
	code := m.Run()
	pgtest.Stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// buildDir is where programs are built.
var buildDir string

// build is a way to build the bot, which is done once, with the points at which it tells of its commits.
type build struct {
	name string
	args func(dir string) ([]string, error) // for go build, and what they need in a folder; nil for none

	once sync.Once
	path string
	err  error
}

var program = build{name: "ehpcbot"}

// binary returns the path of the program.
func (b *build) binary(t testing.TB) string {
	t.Helper()
	b.once.Do(func() { b.path, b.err = b.make(filepath.Join(buildDir, b.name)) })
	require.NoError(t, b.err)
	return b.path
}

func (b *build) make(dir string) (path string, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "ehpcbot")
	args := []string{"build", "-ldflags", "-s -w", "-tags", "crashpoints", "-o", path}
	if b.args != nil {
		more, err := b.args(dir)
		if err != nil {
			return "", fmt.Errorf("prepare to build the program: %w", err)
		}
		args = append(args, more...)
	}
	if out, err := exec.Command("go", append(args, "ehpcbot")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return path, nil
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
