// Package pgtest gives tests PostgreSQL databases of their own, on a private server that it starts from the
// binaries installed on the machine and throws away at the end.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Server is a private PostgreSQL server. It listens on a socket in a folder of its own.
type Server struct {
	bin, dir string
	cred     *syscall.Credential // nil: the user who runs the tests
	process  *exec.Cmd
	made     atomic.Int64
}

var errNotInstalled = errors.New("PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql)")

var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// URL returns the URL of a new, empty database for a test. Where PostgreSQL is not installed the test is
// skipped, but fails in CI (CI=true).
func URL(t testing.TB) string {
	t.Helper()
	return Shared(t).NewDatabase(t)
}

// AlsoURL is [URL] for a test that runs on SQLite as well. Elsewhere than in CI (CI=true) such a test is skipped: on
// PostgreSQL it takes twice the time, and a plain run of all tests is to be quick.
func AlsoURL(t testing.TB) string {
	t.Helper()
	if !inCI() {
		t.Skip("run on SQLite; CI=true runs it on PostgreSQL as well")
	}
	return URL(t)
}

func inCI() bool { return os.Getenv("CI") != "" }

// Shared returns the server of this test binary, started at the first call. Main stops it.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Start()
	}
	switch {
	case errors.Is(shared.err, errNotInstalled) && !inCI():
		t.Skip(shared.err)
	case shared.err != nil:
		t.Fatal(shared.err)
	}
	return shared.server
}

// Stop ends the server that [Shared] started, if it did. TestMain calls it.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.Close()
		shared.server = nil
	}
}

// Start starts a server.
func Start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(place(), "ehpcbot-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if err := s.prepare(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Run(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// place returns where a server is kept: among the temporary files, or in /tmp where their path is long, as the path of
// a socket may have some hundred characters at most.
func place() string {
	if dir := os.TempDir(); len(dir) < 40 {
		return dir
	}
	return "/tmp"
}

func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errNotInstalled
}

// prepare makes an empty cluster. PostgreSQL refuses to run as root, so root lends it another user.
func (s *Server) prepare() error {
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				return err
			}
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	out, err := s.command("initdb", "-D", s.data(), "-U", "ehpcbot", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

// Run starts the server's process and waits until it answers. After [Server.Halt] it starts it again.
func (s *Server) Run() error {
	s.process = s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		// Without synchronous_commit a halt would lose what was committed; without fsync only a crash of the machine does.
		"-c", "fsync=off", "-c", "full_page_writes=off")
	endWithTests(s.process.SysProcAttr)
	if err := s.process.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// Halt stops the server's process at once, and keeps its data.
func (s *Server) Halt() {
	_ = s.process.Process.Signal(syscall.SIGQUIT) // "immediate shutdown", as in a crash
	_ = s.process.Wait()
}

// Close stops the server and removes its data.
func (s *Server) Close() {
	s.Halt()
	_ = os.RemoveAll(s.dir)
}

func (s *Server) url(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("ehpcbot"), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}).String()
}

// NewDatabase makes an empty database and returns its URL. It is dropped with the server.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.made.Add(1))
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return s.url(name)
}
