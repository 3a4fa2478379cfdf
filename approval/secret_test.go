package approval_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

func textOf(s string) secret.Text { return secret.New(s) }

// TestPasswordsAreNowhere runs whole lives with faults of every kind, the log at its most detailed, and looks for
// the passwords that the API was given: in every byte of the data directory, while the bot runs and after it has
// stopped, in every cell of the database, and in the log.
func TestPasswordsAreNowhere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		logged := &lockedBuffer{}
		b := setup(t, url(t), func(c *approval.Config) { c.CredentialsTTL, c.MaxActive = 200*time.Millisecond, 20 },
			ehpctest.WithJobTime(100*time.Millisecond))
		b.log = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
		b.restart()

		lives := []struct {
			name  string
			fault func()
			end   approval.State
		}{
			{"plain", func() {}, approval.Delivered},
			{"lost", func() { b.api.DropAfter("addUser", 1) }, approval.Delivered},
			{"unsent", func() { b.api.DropBefore("addUser", 1) }, approval.Delivered},
			{"internal", func() { b.api.Fail("addUser", ehpctest.Fault{Code: 5000, Effect: true}) }, approval.Delivered},
			{"refused", func() { b.api.Answer("addUser", 1100, 1) }, approval.Failed},
			{"jobfails", func() { b.api.FailJobs(1) }, approval.Failed},
			{"untold", func() { b.told.fail("deliver", 1) }, approval.Delivered},
			{"killed", func() { b.grace = 0; b.restart() }, approval.Delivered},
		}
		for i, life := range lives {
			story := b.ask(life.name)
			life.fault()
			_, err := b.service.Approve(t.Context(), b.target(story.ID), anna)
			require.NoError(t, err)
			if life.name == "killed" {
				b.eventually(func() bool { return b.story(story.ID).State != approval.Approved }, func() string { return "nothing happens" })
				b.restart()
			}
			b.reach(int64(i+1), life.end)
			b.requireNowhere(logged)
		}
		// The failed ones are retried, and find their way.
		for id, life := range lives {
			if life.end == approval.Failed {
				_, err := b.service.Retry(t.Context(), b.target(int64(id+1)), anna)
				require.NoError(t, err)
				b.reach(int64(id+1), approval.Delivered)
			}
		}
		b.requireNowhere(logged)
		require.NotEmpty(t, logged.String())
		b.close()
		b.requireNowhere(logged)
		require.Len(t, b.passwords(), len(lives))
		size := len(logged.String())
		for _, text := range b.everything() {
			size += len(text)
		}
		t.Logf("figures: %d passwords looked for in %d bytes of data and log, none found", len(lives), size)
	})
}

// TestAPIRepeatsThePassword has the API say the password of a request wherever it says anything, also after a restart.
func TestAPIRepeatsThePassword(t *testing.T) {
	t.Parallel()
	said := map[string]func(password string) (action string, f ehpctest.Fault){
		"to a look-up": func(p string) (string, ehpctest.Fault) {
			return "listUsers", ehpctest.Fault{Code: 5000, Message: "no: " + p}
		},
		"about the job": func(p string) (string, ehpctest.Fault) {
			return "operation", ehpctest.Fault{Code: 5000, Message: "no: " + p}
		},
		"as its error code": func(p string) (string, ehpctest.Fault) {
			job, err := json.Marshal(map[string]any{"ret_code": 0, "total_count": 1, "job_set": []any{
				map[string]any{"job_id": "j-000000001", "status": "failed", "error_codes": "ERR: " + p},
			}})
			if err != nil {
				panic(err)
			}
			return "operation", ehpctest.Fault{Body: job}
		},
	}
	for where, say := range said {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restarted %t", where, restarted), func(t *testing.T) {
				t.Parallel()
				logged := &lockedBuffer{}
				b := setup(t, storetest.SQLite(t), nil)
				b.log = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
				b.restart()
				asked := b.ask("isabel")
				b.api.HangJobs(true)
				if where == "to a look-up" {
					b.api.Fail("addUser", ehpctest.Fault{Code: 5000, Effect: true}) // so that it is looked up again
				}
				_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
				require.NoError(t, err)
				b.eventually(func() bool { return b.api.CallCount("addUser") > 0 }, func() string { return "addUser is not called" })
				if restarted {
					b.restart()
				}
				action, fault := say(b.sentPassword())
				fault.Times = -1
				b.api.Fail(action, fault)
				calls := b.api.CallCount(action)
				b.eventually(func() bool { return b.api.CallCount(action) > calls+1 || b.story(asked.ID).State == approval.Failed },
					func() string { return "the API is not asked any more" })
				b.api.ClearFaults()
				b.api.HangJobs(false)
				b.requireNowhere(logged)
			})
		}
	}
}

// passwords are all that the API was given, by username.
func (b *bench) passwords() map[string]string {
	b.t.Helper()
	found := map[string]string{}
	for _, call := range b.api.Calls() {
		if call.Action == "addUser" {
			var params struct{ Username, Password string }
			require.NoError(b.t, json.Unmarshal(call.Body, &params))
			found[params.Username] = params.Password
		}
	}
	return found
}

// requireNowhere looks for the passwords, as they are and in the usual other forms.
func (b *bench) requireNowhere(logged *lockedBuffer) {
	b.t.Helper()
	for place, text := range b.everything() {
		for _, p := range b.passwords() {
			for _, form := range [][]byte{[]byte(p), []byte(base64.StdEncoding.EncodeToString([]byte(p))), []byte(hex.EncodeToString([]byte(p)))} {
				require.False(b.t, bytes.Contains(text, form), "a password stands in %s", place)
			}
		}
	}
	for _, p := range b.passwords() {
		require.NotContains(b.t, logged.String(), p, "a password stands in the log")
	}
}

// everything is every byte of the data directory; of PostgreSQL the text of every table, River's too.
func (b *bench) everything() map[string][]byte {
	found := map[string][]byte{}
	if path, ok := strings.CutPrefix(b.url, "sqlite:"); ok {
		// Read by another process: see files.
		names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		require.NoError(b.t, err)
		require.GreaterOrEqual(b.t, len(names), 2)
		for _, name := range names {
			content, err := exec.CommandContext(b.t.Context(), "cat", name).Output()
			require.NoError(b.t, err)
			found[filepath.Base(name)] = content
		}
		return found
	}
	db := raw(b.t, b.url)
	defer db.Close()
	rows, err := db.QueryContext(b.t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	require.NoError(b.t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(b.t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(b.t, rows.Err())
	require.NoError(b.t, rows.Close())
	require.Contains(b.t, tables, "river_job")
	for _, name := range tables {
		var text []byte
		err := db.QueryRowContext(b.t.Context(), `SELECT COALESCE(string_agg(t::text, E'\n'), '') FROM `+name+` t`).Scan(&text)
		require.NoError(b.t, err)
		found[name] = text
	}
	return found
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
