package crashtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/pgtest"
	"ehpcbot/ehpc/ehpctest"
)

// unstored is what people are told when something could not be stored.
const unstored = "could not be stored"

// TestDiskFull fills the disk below the database, and makes room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := database{"sqlite", func(testing.TB) string { return "sqlite:" + filepath.Join(dir, "ehpcbot.db") }}
	var w *world
	var full, room func()
	what := "a full disk"
	if mountSmall(t, dir) {
		w = newWorld(t, d)
		filler := filepath.Join(dir, "filler")
		full = func() { fill(t, filler) }
		room = func() { require.NoError(t, os.Remove(filler)) }
	} else {
		w = newWorld(t, d)
		what = "a limit on the size of files"
		full = func() { limitFiles(t, w.running(), "0") }
		room = func() { limitFiles(t, w.running(), "unlimited") }
	}
	outage(w, full, room)
	t.Logf("figures: %s: nothing acknowledged that is not stored, everything resumed", what)
}

// mountSmall gives a folder a small disk of its own, where that is permitted.
func mountSmall(t *testing.T, dir string) bool {
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "ehpcbot-test", dir).Run() != nil {
		return false
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", "-l", dir).Run()) })
	return true
}

// fill writes a file until there is no room for more.
func fill(t *testing.T, path string) {
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 16; size > 0; { // ever smaller pieces, so that not a page is left
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// limitFiles sets how large the files of a running program may become.
func limitFiles(t *testing.T, p *process, limit string) {
	out, err := exec.Command("prlimit", "--pid", strconv.Itoa(p.cmd.Process.Pid), "--fsize="+limit+":unlimited").CombinedOutput()
	if err != nil {
		t.Skipf("neither a small disk nor a limit can be had: %v: %s", err, out)
	}
}

// TestLocked holds the lock of a SQLite database from another process's side, as an administrator's shell can.
func TestLocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite)
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(w.address, "sqlite:")}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer db.Close()
	var conn *sql.Conn
	outage(w, func() {
		conn, err = db.Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
		require.NoError(t, err)
	}, func() {
		_, err := conn.ExecContext(t.Context(), `ROLLBACK`)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	})
	t.Log("figures: a locked database: nothing acknowledged that is not stored, everything resumed")
}

// TestPostgresRestart takes PostgreSQL away, as in a crash, and brings it back.
func TestPostgresRestart(t *testing.T) {
	t.Parallel()
	server, w := ownPostgres(t)
	outage(w, server.Halt, func() { require.NoError(t, server.Run()) })
	t.Log("figures: a restart of PostgreSQL: nothing acknowledged that is not stored, everything resumed")
}

// TestPostgresReadOnly makes PostgreSQL read-only under the running program, as a switch to a standby does. A file of
// SQLite can't be made so under a program that has it open; a full disk does the same to it.
func TestPostgresReadOnly(t *testing.T) {
	t.Parallel()
	_, w := ownPostgres(t)
	db := look(t, w.address)
	readOnly := func(is string) {
		_, err := db.ExecContext(t.Context(), "ALTER SYSTEM SET default_transaction_read_only = "+is)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), "SELECT pg_reload_conf()")
		require.NoError(t, err)
		w.eventually("PostgreSQL is told", func() bool {
			var now string
			require.NoError(t, db.QueryRowContext(t.Context(), "SHOW default_transaction_read_only").Scan(&now))
			return now == is
		})
	}
	outage(w, func() { readOnly("on") }, func() { readOnly("off") })
	t.Log("figures: PostgreSQL read-only: nothing acknowledged that is not stored, everything resumed")
}

// ownPostgres starts a server that no other test uses, and a world on it.
func ownPostgres(t *testing.T) (*pgtest.Server, *world) {
	pgtest.Shared(t) // skips the test where there is none
	server, err := pgtest.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server, newWorld(t, database{"postgres", func(t testing.TB) string {
		u, err := url.Parse(server.NewDatabase(t))
		require.NoError(t, err)
		q := u.Query()
		q.Set("synchronous_commit", "on") // the server of the tests is set to lose what it has just committed
		u.RawQuery = q.Encode()
		return u.String()
	}})
}

// outage lets people go on while the database can't be written: what they do is either stored or they are told
// at once that it is not, and all of it goes on when the database is back.
func outage(w *world, begin, end func()) {
	t := w.t
	t.Helper()
	w.start()
	all := w.applicants("first", "second", "third")
	first, second, third := all[0], all[1], all[2]
	require.Contains(t, w.mustAsk(first), "is in")
	message, approve := w.message(w.requestsOf(first), "Approve")

	begin()
	require.Contains(t, w.mustAsk(second), unstored)
	require.Equal(t, 1, w.press(anna, message, approve), "a press is answered, too")
	w.wait(func() bool { return holds(w.slack.Person(anna).Ephemerals(), unstored) == 1 })
	require.Zero(t, w.api.CallCount(ehpctest.ActionAddUser))
	end()

	w.eventually("the database is written again", func() bool {
		text := w.mustAsk(second)
		return strings.Contains(text, "is in") || strings.Contains(text, "already")
	})
	w.approveAndReceive(first)
	w.approveAndReceive(second)

	// In the midst of making an account.
	require.Contains(t, w.mustAsk(third), "is in")
	w.api.HangJobs(true)
	w.approve(third)
	w.eventually("the API is asked", func() bool { return w.api.CallCount(ehpctest.ActionAddUser) == 3 })
	begin()
	w.api.HangJobs(false)
	w.eventually("the API is asked", func() bool { return len(w.api.Users(ehpctest.ClusterID)) == 3 })
	end()
	w.receive(third)
	w.finish(3)
}

// mustAsk types the command once, and returns the answer, which has to come in time.
func (w *world) mustAsk(a applicant) string {
	w.t.Helper()
	w.wait(func() bool { return w.slack.Connections() > 0 })
	reply := w.slack.Person(a.id).Command(w.t.Context(), command, a.username)
	require.NoError(w.t, reply.Err)
	return reply.Plain()
}

func (w *world) approve(a applicant) {
	w.t.Helper()
	m, approve := w.message(w.requestsOf(a), "Approve")
	w.press(anna, m, approve)
}

func (w *world) approveAndReceive(a applicant) {
	w.t.Helper()
	w.approve(a)
	w.receive(a)
}

// finish waits until nothing is to be done, ends the program and checks what there is.
func (w *world) finish(requests int) {
	w.t.Helper()
	w.settle()
	require.Equal(w.t, 0, w.running().stop(), "the exit code")
	requireSound(w.t, w.address, w.db, requests)
	require.Len(w.t, w.api.Users(ehpctest.ClusterID), requests)
	require.Empty(w.t, w.slack.Violations())
}

// TestUnusable starts the program on databases that it can't use: it says so and ends, and nobody is told that
// anything works.
func TestUnusable(t *testing.T) {
	t.Parallel()
	t.Run("in use", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite)
		w.start()
		w.wait(func() bool { return w.slack.Connections() == connections })
		require.Contains(t, refused(t, w), "another ehpcbot uses it")
		require.Contains(t, w.mustAsk(w.applicants("first")[0]), "is in", "the first one goes on")
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite)
		w.start()
		w.wait(func() bool { return w.slack.Connections() == connections })
		require.Equal(t, 0, w.running().stop())
		path := strings.TrimPrefix(w.address, "sqlite:")
		require.NoError(t, os.Chmod(path, 0o400))
		made := w.slack.ConnectionsMade()
		require.Contains(t, refused(t, w, unprivileged(t)...), "permission denied")
		require.Equal(t, made, w.slack.ConnectionsMade(), "connections to Slack")
	})
}

// unprivileged starts a program without root's right to write what is read-only.
func unprivileged(t *testing.T) []string {
	if os.Getuid() != 0 {
		return nil
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("root can write what is read-only, and setpriv, which takes that away, is not installed")
	}
	return []string{"setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"}
}

// refused starts a program that is to end by itself, and returns what it says.
func refused(t *testing.T, w *world, wrap ...string) string {
	log := &journal{}
	p := start(t, log, w.env, wrap...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-p.over:
	case <-ctx.Done():
		p.kill()
		require.FailNow(t, "the program goes on", log.String())
	}
	require.Equal(t, 1, p.cmd.ProcessState.ExitCode())
	return log.String()
}

// late counts the calls that were refused because their time was off.
func late(calls []ehpctest.Call) int {
	const expired = 1300
	return len(slices.DeleteFunc(calls, func(c ehpctest.Call) bool { return c.Code != expired }))
}

// TestClock steps the clock of the bot's machine against those of the API by an hour, either way and in
// mid-flow. Here it is the API's clock that is stepped, which the bot can't tell from its own.
func TestClock(t *testing.T) {
	t.Parallel()
	var step atomic.Int64
	w := newWorld(t, sqlite, ehpctest.WithClock(func() time.Time { return time.Now().Add(time.Duration(step.Load())) }))
	w.start()
	all := w.applicants("first", "second", "third")
	for i, by := range []time.Duration{time.Hour, -time.Hour, 0} {
		require.Contains(t, w.mustAsk(all[i]), "is in")
		step.Store(int64(by))
		w.approveAndReceive(all[i])
		require.Equal(t, 1, w.api.AddUserEffects(ehpctest.ClusterID, all[i].username))
	}
	w.finish(3)
	require.NotZero(t, late(w.api.Calls()), "calls that the API refused for their time")
	t.Log("figures: a clock that is stepped by an hour, either way and back: all accounts made, once each")
}

// TestClockOfMachine sets the clock of the bot's own machine by an hour, either way, while the bot is down and a
// request of it waits. What makes the difference is how far away the times in its database are, so these are
// moved, the other way.
func TestClockOfMachine(t *testing.T) {
	t.Parallel()
	for name, hours := range map[string]int{"set back": +1, "set ahead": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sqlite)
			w.start()
			a := w.applicants("first")[0]
			require.Contains(t, w.mustAsk(a), "is in")
			w.api.Answer(ehpctest.ActionListUsers, 5100, -1)
			w.approve(a)
			db := look(t, w.address)
			w.eventually("the request waits", func() bool {
				return number(db, `SELECT count(*) FROM request WHERE failure = 'waiting_api'`) == 1
			})
			w.running().kill()
			moveTimes(t, w.address, hours)
			w.api.ClearFaults()
			w.start()
			w.receive(a)
			w.finish(1)
			t.Logf("figures: a clock that is %s by an hour: everything resumed", name)
		})
	}
}

// moveTimes moves all times in a SQLite database that are not part of the audit log; it tells, too, when a request was made.
func moveTimes(t *testing.T, address string, hours int) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(address, "sqlite:")}).EscapedPath())
	require.NoError(t, err)
	defer db.Close()
	set := func(table, change string, columns ...string) {
		for _, c := range columns {
			_, err := db.ExecContext(t.Context(), "UPDATE "+table+" SET "+c+" = "+fmt.Sprintf(change, c, hours)+" WHERE "+c+" IS NOT NULL")
			require.NoError(t, err)
		}
	}
	set("request", "%s + 3600000 * %d", "updated_at", "expires_at", "attempted_at", "started_at", "until_at", "cleared_at")
	set("river_job", "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '%d hours')", "created_at", "scheduled_at", "attempted_at", "finalized_at")
	set("river_leader", "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '%d hours')", "elected_at", "expires_at")
}
