package endtoend

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ehpcbot/approval/pgtest"
	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

func TestKill(t *testing.T) {
	t.Parallel()
	slackMoments := []string{"chat.postMessage", "chat.update"}
	for _, method := range slackMoments {
		for _, phase := range []string{slacktest.Before, slacktest.After} {
			for _, nth := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s %s %d", method, phase, nth), func(t *testing.T) {
					t.Parallel()
					w := world.New(t)
					p := w.Start()
					var seen atomic.Int64
					w.Slack.OnCall(func(c slacktest.Call, at string) {
						if c.Method == method && at == phase && seen.Add(1) == int64(nth) {
							p.Kill()
						}
					})
					w.Survive(p)
				})
			}
		}
	}
	for _, action := range []string{ehpctest.ActionListUsers, ehpctest.ActionAddUser, ehpctest.ActionOperation} {
		for _, phase := range []string{ehpctest.PhaseBefore, ehpctest.PhaseAfter} {
			t.Run(action+" "+phase, func(t *testing.T) {
				t.Parallel()
				w := world.New(t)
				p := w.Start()
				var seen atomic.Int64
				nth := int64(1)
				if action == ehpctest.ActionListUsers {
					nth = 2 // the first one goes with the request, before anything is stored
				}
				w.EHPC.OnCall(func(c ehpctest.Call, at string) {
					if c.Action == action && at == phase && seen.Add(1) == nth {
						p.Kill()
					}
				})
				w.Survive(p)
				for i := range w.EHPC.CallCount(ehpctest.ActionAddUser) {
					require.Equal(t, w.AddUser(0), w.AddUser(i))
				}
			})
		}
	}
	t.Run("again and again while it starts", func(t *testing.T) {
		t.Parallel()
		world.Databases(t, func(t *testing.T, w *world.World) {
			for _, sign := range []string{"ehpcbot starts", "ehpcbot starts", "answering", "connected"} {
				p := w.Launch()
				w.WaitFor(sign, func() bool { return strings.Contains(p.Err.String(), sign) })
				p.Kill()
			}
			w.Start()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			w.Credentials(isabel, "isabel")
		})
	})
	// The bot may not read the channel, so it can't know of a message whose id it never learnt. A press on it
	// is answered as one on the other, and from then on it follows as well.
	t.Run("a message that it forgot", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		p := w.Start()
		var once sync.Once
		w.Slack.OnCall(func(c slacktest.Call, at string) {
			if c.Method == "chat.postMessage" && at == slacktest.After {
				once.Do(p.Kill)
			}
		})
		w.Command(isabel, "isabel")
		w.WaitFor("the end", p.Ended)
		w.Start()
		w.WaitFor("a second message", func() bool { return len(w.Requests()) == 2 })
		w.Press(anna, w.Requests()[1], "Approve")
		w.Credentials(isabel, "isabel")
		w.Press(ben, w.Requests()[0], "Approve")
		w.Answered(ben, "already approved by")
		w.WaitFor("both follow", func() bool {
			return !slices.ContainsFunc(w.Requests(), func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), "delivered") })
		})
	})
	t.Run("after the answer to the command", func(t *testing.T) {
		t.Parallel()
		world.Databases(t, func(t *testing.T, w *world.World) {
			p := w.Start()
			w.Command(isabel, "isabel")
			p.Kill() // acknowledged, so it is on disk
			p = w.Start()
			w.Press(anna, w.Request("isabel"), "Approve")
			p.Kill()
			w.Start()
			w.Credentials(isabel, "isabel")
		})
	})
	t.Run("after the answer to a denial", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		p := w.Start()
		w.Command(isabel, "isabel")
		w.Press(anna, w.Request("isabel"), "Deny")
		form, err := w.Slack.Person(anna).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
		require.NoError(t, err)
		r, err := w.Slack.Person(anna).Submit(w.Ctx, form, map[string]string{"Reason": "no"})
		require.NoError(t, err)
		require.NoError(t, r.Err)
		p.Kill()
		w.Start()
		w.Told(isabel, "denied")
		w.WaitState("isabel", "denied")
	})
}

func TestDatabaseInUse(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	out, code := w.Run(nil, "HTTP_ADDR=")
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^ehpcbot: DATABASE_URL: .*another ehpcbot uses it`, out)
	w.Command(isabel, "help")
}

// Nothing can be committed: people are told so in time, and nothing happens later that they were told did not.
func TestDatabaseStuck(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.Start()
		w.Command(isabel, "isabel")
		m := w.Request("isabel")
		w.Command(otto, "")
		form, err := w.Slack.Person(otto).WaitModal(w.Ctx)
		require.NoError(t, err)
		w.WaitFor("all is stored", func() bool { return strings.Contains(w.Command(isabel, "status 1").Plain(), "waiting") })

		db := w.OpenDatabase()
		defer db.Close()
		held, err := db.Conn(w.Ctx)
		require.NoError(t, err)
		if w.Sqlite() {
			_, err = held.ExecContext(w.Ctx, "PRAGMA busy_timeout=10000; BEGIN IMMEDIATE")
		} else {
			_, err = held.ExecContext(w.Ctx, "BEGIN; LOCK TABLE request IN ACCESS EXCLUSIVE MODE")
		}
		require.NoError(t, err)
		var together sync.WaitGroup
		together.Go(func() {
			if r := w.Command(otto, "otto"); strings.Contains(r.Plain(), "is in:") || r.Plain() == "" {
				t.Errorf("the answer to the command: %q", r.Plain())
			}
		})
		together.Go(func() {
			r, err := w.Slack.Person(otto).Submit(w.Ctx, form, map[string]string{"Username": "otto2"})
			if err != nil || r.Err != nil || r.Closed {
				t.Errorf("the answer to the form: %v %+v", err, r)
			}
		})
		together.Go(func() {
			w.Press(anna, m, "Approve")
			w.WaitFor("anna is told", func() bool { return len(w.Slack.Person(anna).Ephemerals()) > 0 })
		})
		together.Wait()
		_, err = held.ExecContext(w.Ctx, "ROLLBACK")
		require.NoError(t, err)
		require.NoError(t, held.Close())
		w.WaitFor("the database answers again", func() bool { return strings.Contains(w.Command(otto, "list").Plain(), "no requests") })
		require.Contains(t, w.Command(isabel, "status 1").Plain(), "0 of 1")
		w.Press(anna, m, "Approve")
		w.Credentials(isabel, "isabel")
		require.Contains(t, w.Command(otto, "list").Plain(), "no requests")
	})
}

func TestPostgresAway(t *testing.T) {
	t.Parallel()
	pgtest.Shared(t) // skips where there is none
	server, err := pgtest.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	w := world.New(t)
	w.Env["DATABASE_URL"] = server.NewDatabase(t)
	w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	p := w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.WaitFor("it is stored that it is shown", func() bool { return strings.Contains(p.Get("/metrics"), `kind="refresh",result="done"`) })
	server.Halt()
	require.NotContains(t, w.Command(otto, "otto").Plain(), "is in:")
	w.Press(anna, m, "Approve")
	w.WaitFor("anna is told", func() bool { return len(w.Slack.Person(anna).Ephemerals()) > 0 })
	p.WaitReady(false, "database")
	require.NoError(t, server.Run())
	p.WaitReady(true, "database")
	w.Press(anna, m, "Approve")
	w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
}

// PostgreSQL comes up after the program: it is waited for, unless waiting can't help.
func TestPostgresComesLate(t *testing.T) {
	t.Parallel()
	pgtest.Shared(t) // skips where there is none
	server, err := pgtest.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	w := world.New(t)
	w.Env["DATABASE_URL"] = strings.Replace(server.NewDatabase(t), "ehpcbot@", "ehpcbot:hunter2@", 1)
	w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	server.Halt()
	waiting := func() *world.Process {
		p := w.Launch()
		p.WaitReady(false, "database")
		require.Equal(t, "ok\n", p.Get("/healthz"))
		w.WaitFor("it is logged", func() bool { return strings.Contains(p.Err.String(), "the database is waited for") })
		require.NotContains(t, p.Err.String()+p.Get("/readyz"), "hunter2")
		return p
	}
	w.Stop(waiting())
	p := waiting()
	require.NoError(t, server.Run())
	w.WaitConnections()
	p.WaitReady(true, "database")
	require.Contains(t, w.Command(isabel, "isabel").Plain(), "is in:")
	w.Stop(p)

	db := w.OpenDatabase()
	defer db.Close()
	for _, statement := range []string{"CREATE ROLE stranger", "CREATE ROLE poor LOGIN"} {
		_, err := db.ExecContext(w.Ctx, statement)
		require.NoError(t, err)
	}
	other, err := url.Parse(server.NewDatabase(t))
	require.NoError(t, err)
	for fault, change := range map[string]func(*url.URL){
		"does not exist":          func(u *url.URL) { u.Path = "/nowhere" },
		"not permitted to log in": func(u *url.URL) { u.User = url.User("stranger") },
		"permission denied":       func(u *url.URL) { u.User = url.User("poor") },
	} {
		u := *other
		change(&u)
		out, code := w.Run(nil, "DATABASE_URL="+u.String())
		require.Equal(t, 1, code, out)
		require.Regexp(t, "(?m)^ehpcbot: DATABASE_URL: .*"+fault, out)
	}
}

// Several processes on one PostgreSQL: any of them answers, and one takes over what another left.
func TestReplicas(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	w := world.New(t)
	w.Env["DATABASE_URL"] = url
	w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	first, second := w.Launch(), w.Launch() // both bring the schema up to date
	w.WaitFor("four connections", func() bool { return w.Slack.Connections() == 4 })
	var killed atomic.Bool
	w.EHPC.OnCall(func(c ehpctest.Call, phase string) {
		if c.Action == ehpctest.ActionAddUser && phase == ehpctest.PhaseAfter && killed.CompareAndSwap(false, true) {
			first.Kill()
		}
	})
	for i := range 4 {
		w.Command(isabel, fmt.Sprintf("isabel%d", i))
	}
	for i := range 4 {
		m := w.Request(fmt.Sprintf("isabel%d", i))
		w.WaitFor("a press that does not go to the one that is gone", func() bool {
			r, err := w.Slack.Person(anna).Press(w.Ctx, m, "Approve")
			return err != nil || r.Err == nil
		})
	}
	for i := range 4 {
		w.Credentials(isabel, fmt.Sprintf("isabel%d", i))
		w.WaitState(fmt.Sprintf("isabel%d", i), "delivered")
	}
	require.True(t, first.Ended())
	w.Stop(second)
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.Stop(w.Start())
		db := w.OpenDatabase()
		_, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		require.NoError(t, err)
		require.NoError(t, db.Close())
		for _, args := range [][]string{{"serve"}, {"check"}} {
			out, code := w.Run(args)
			require.Equal(t, 1, code, out)
			require.Regexp(t, `(?m)^.*DATABASE_URL.*9999`, out)
			require.Contains(t, out, "newer")
		}
	})
}

func TestLostKey(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.EHPC.FailJobs(1)
		p := w.Start()
		w.Command(isabel, "isabel")
		w.Press(anna, w.Request("isabel"), "Approve")
		m := w.WaitState("isabel", "failed")
		w.Stop(p)
		other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
		key := filepath.Join(w.Dir, "ehpcbot.db.key")
		if w.Sqlite() {
			require.NoError(t, os.Rename(key, key+".away"))
			for _, command := range []string{"serve", "check"} {
				out, code := w.Run([]string{command})
				require.Equal(t, 1, code, "no new key takes the place of one that is needed: %s", out)
				require.Contains(t, out, "ENCRYPTION_KEY: 1 of 1 sealed passwords can't be opened, because the key file ")
				require.Equal(t, 1, strings.Count(out, "ENCRYPTION_KEY: "), out)
				require.NoFileExists(t, key, "the next backup would put it in the place of the one that is needed")
			}
		}
		for _, args := range [][]string{{"serve"}, {"check"}} {
			out, code := w.Run(args, "ENCRYPTION_KEY="+other)
			require.Equal(t, 1, code, out)
			require.Contains(t, out, "ENCRYPTION_KEY")
			require.NotContains(t, out, other)
		}
		if w.Sqlite() {
			require.NoError(t, os.Rename(key+".away", key))
		}
		w.Start()
		w.Press(anna, m, "Retry")
		w.Credentials(isabel, "isabel")
	})
}

// A database that is new where an old one should be is told by its place, and an emptied one is no new one.
func TestMadeNew(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		place := "PostgreSQL"
		if w.Sqlite() {
			place = filepath.Join(w.Dir, "ehpcbot.db")
		}
		for _, more := range []string{", made new", ""} {
			out, code := w.Run([]string{"check"}, "DATABASE_URL="+strings.Replace(w.Env["DATABASE_URL"], w.Dir+"/", "", 1))
			require.Zero(t, code, out)
			require.Regexp(t, `(?m)^ok    DATABASE_URL: .*: `+regexp.QuoteMeta(place+more)+`$`, out)
		}
		p := w.Start()
		require.Regexp(t, `msg="the database is open" database="?`+regexp.QuoteMeta(place)+`"?\n`, p.Err.String())
		w.Stop(p)
		if !w.Sqlite() {
			return
		}
		require.NoError(t, os.Truncate(place, 0))
		for _, command := range []string{"serve", "check"} {
			out, code := w.Run([]string{command})
			require.Equal(t, 1, code, out)
			require.Contains(t, out, "open the database: "+place+" is empty, and the key beside it says that it was not always: restore it from a backup, or remove it to begin anew\n")
			require.NotContains(t, out, "see that the folder exists")
		}
		require.NoError(t, os.Remove(place))
		p = w.Start()
		require.Contains(t, p.Err.String(), place+`, made new"`)
	})
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Command(isabel, "isabel")
	entries, err := os.ReadDir(w.Dir)
	require.NoError(t, err)
	var seen []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), e.Name())
		seen = append(seen, e.Name())
	}
	require.Contains(t, seen, "ehpcbot.db")
	require.Contains(t, seen, "ehpcbot.db.key")

	key := filepath.Join(w.Dir, "ehpcbot.db.key")
	require.NoError(t, os.Chmod(key, 0o644))
	out, code := w.Run([]string{"check"})
	require.Zero(t, code, out)
	require.Contains(t, out, "\nwarn  DATABASE_URL: "+key+" can be read or changed by others than its owner\n      -> chmod 600 "+key+" (")
	w.Stop(p)
	p = w.Start()
	require.Contains(t, p.Err.String(), "others could read or change a file")
	info, err := os.Stat(key)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode())
	out, code = w.Run([]string{"check"})
	require.Zero(t, code, out)
	require.NotContains(t, out, "warn")

	for _, path := range []string{filepath.Join(w.Dir, "nowhere", "x.db"), w.Dir, "/proc/x.db"} {
		for _, command := range []string{"serve", "check"} {
			out, code := w.Run([]string{command}, "DATABASE_URL=sqlite:"+path)
			require.Equal(t, 1, code)
			require.Regexp(t, `(?m)^.*DATABASE_URL`, out)
		}
	}
}

// A PostgreSQL that the bot could open, and not work with, is named: by check, at the start, and where it becomes one.
func TestUnsuitablePostgres(t *testing.T) {
	t.Parallel()
	unsuitable := func(t *testing.T, change func(url string) string, says, advice string) {
		w := world.New(t)
		w.Env["DATABASE_URL"] = pgtest.URL(t)
		w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
		w.Stop(w.Start())
		changed := "DATABASE_URL=" + change(w.Env["DATABASE_URL"])
		out, code := w.Run([]string{"check"}, changed)
		require.Equal(t, 1, code, out)
		require.Regexp(t, `(?m)^FAIL  DATABASE_URL: .*`+says+`.*\n +-> .*`+advice, out)
		out, code = w.Run([]string{"serve"}, changed)
		require.Equal(t, 1, code, out)
		require.Regexp(t, `ehpcbot: DATABASE_URL: .*`+says+`.*; .*`+advice, out)
	}
	t.Run("a standby", func(t *testing.T) {
		t.Parallel()
		unsuitable(t, func(url string) string { return url + "&default_transaction_read_only=on" }, "only reads", "primary")
	})
	t.Run("a pooler", func(t *testing.T) {
		t.Parallel()
		unsuitable(t, func(url string) string { return pooler(t, url) }, "a pooler hands one session", "pool_mode = session")
	})
	t.Run("no rights", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Env["DATABASE_URL"] = pgtest.URL(t)
		w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
		w.Stop(w.Start())
		db := w.OpenDatabase()
		defer db.Close()
		role := "guest_of_" + strings.TrimPrefix(path.Base(strings.Split(w.Env["DATABASE_URL"], "?")[0]), "/")
		_, err := db.Exec("CREATE ROLE " + role + " LOGIN; GRANT USAGE ON SCHEMA public TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
		require.NoError(t, err)
		out, code := w.Run([]string{"check"}, "DATABASE_URL="+strings.Replace(w.Env["DATABASE_URL"], "ehpcbot@", role+"@", 1))
		require.Equal(t, 1, code, out)
		require.Regexp(t, `(?m)^FAIL  DATABASE_URL: .*42501.*\n +-> .*own the database`, out)
	})
	t.Run("it becomes a standby", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Env["DATABASE_URL"] = pgtest.URL(t)
		w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
		p := w.Start()
		db := w.OpenDatabase()
		defer db.Close()
		change := func(to string) {
			_, err := db.Exec("SET default_transaction_read_only = off")
			require.NoError(t, err)
			_, err = db.Exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = " + to + "', current_database()); END $$")
			require.NoError(t, err)
			_, err = db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			require.NoError(t, err)
		}
		db.SetMaxOpenConns(1)
		change("on")
		w.WaitFor("/readyz says so", func() bool {
			return strings.Contains(p.Get("/readyz"), "database: not ready: the server only reads, as a standby does; name the primary")
		})
		change("off")
		p.WaitReady(true, "database")
	})
}

// Where the bot would listen is tried as well.
func TestCheckListens(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	out, code := w.Run([]string{"check"}, "HTTP_ADDR="+p.Addr())
	require.Zero(t, code, out)
	require.Contains(t, out, "ok    HTTP_ADDR: the bot that is running answers at "+p.Addr()+"\n")
	require.Contains(t, out, "ok    DATABASE_URL: in use by an ehpcbot that is running")
	out, code = w.Run([]string{"check"}, "HTTP_ADDR="+p.Addr(), "DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "other.db"))
	require.Equal(t, 1, code, "it is another bot\n%s", out)
	require.Contains(t, out, "FAIL  HTTP_ADDR: ")
	w.Stop(p)
	out, code = w.Run([]string{"check"}, "HTTP_ADDR="+p.Addr())
	require.Zero(t, code, out)
	require.Contains(t, out, "ok    HTTP_ADDR: ")
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	for addr, says := range map[string]string{
		other.Addr().String(): `something else listens.*\n +-> .*another port`,
		"192.0.2.1:9095":      `this machine has no such address\n +-> .*127\.0\.0\.1`,
	} {
		out, code = w.Run([]string{"check"}, "HTTP_ADDR="+addr)
		require.Equal(t, 1, code, out)
		require.Regexp(t, `(?m)^FAIL  HTTP_ADDR: `+says, out)
	}
}

// One damaged value stops its request, or its job, and nothing else.
func TestDamagedValues(t *testing.T) {
	t.Parallel()
	for _, statement := range []string{
		`UPDATE request SET expires_at = 'x'`, `UPDATE request SET cleared_at = 'x'`, `UPDATE request SET reset_approvals = 'x'`,
		`UPDATE message SET version = 'x'`, `UPDATE river_job SET args = 'x' WHERE kind = 'expire'`,
	} {
		t.Run(statement, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start()
			w.Command(isabel, "isabel")
			w.Request("isabel")
			w.Stop(p)
			db := w.OpenDatabase()
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
			require.NoError(t, db.Close())
			w.Start()
			w.Command(otto, "otto")
			w.Press(anna, w.Request("otto"), "Approve")
			w.Credentials(otto, "otto")
		})
	}
}

// A damaged username fails its own request, and not those whose usernames are looked up with it on a large cluster.
func TestDamagedUsername(t *testing.T) {
	t.Parallel()
	for _, damaged := range []string{"not right!", ""} {
		w := world.New(t)
		for i := range 260 {
			w.EHPC.AddExisting(ehpctest.ClusterID, fmt.Sprint("x", i), "Old-pass&word1A")
		}
		w.EHPC.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Status: http.StatusBadGateway, Times: -1})
		p := w.Start()
		for _, name := range []string{"isabel", "otto"} {
			w.Command(isabel, name)
			w.Press(anna, w.Request(name), "Approve")
			w.WaitState(name, "approved")
		}
		w.Stop(p)
		db := w.OpenDatabase()
		_, err := db.ExecContext(t.Context(), `UPDATE request SET username = $1 WHERE id = 1`, damaged)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		w.EHPC.ClearFaults()
		w.Start()
		w.Credentials(isabel, "otto")
		w.WaitFor("the other fails", func() bool { return strings.Contains(w.Command(isabel, "status 1").Plain(), "failed") })
	}
}
