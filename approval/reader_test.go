package approval_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
)

// reader opens the bench's database for reading.
func (b *bench) reader() *store.Reader {
	b.t.Helper()
	r, err := store.OpenReader(b.t.Context(), b.url)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, r.Close()) })
	return r
}

// raw opens a database as its owner could, past everything that ehpcbot holds.
func raw(t testing.TB, address string) *sql.DB {
	t.Helper()
	driver, name := "pgx", address
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func do(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
}

// files returns the sums of all files in a folder. Another process reads them: were they opened and closed here,
// all locks of this process on them would be given back, and with them those of the database that it has open.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var sums []string
	for _, e := range entries {
		out, err := exec.CommandContext(t.Context(), "cksum", filepath.Join(dir, e.Name())).Output()
		require.NoError(t, err)
		sums = append(sums, string(out))
	}
	return sums
}

// butIndex leaves out the index of the write-ahead log, which is memory that readers share: a reader in the process
// of the bot itself notes there how far it reads.
func butIndex(sums []string) []string {
	return slices.DeleteFunc(sums, func(s string) bool { return strings.HasSuffix(s, "-shm\n") })
}

func TestReaderFiltersRequests(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), func(c *approval.Config) { c.Required, c.MaxActive = 2, 2000 })
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		b.stands.Store(&now)
		const many = 503 // more than a batch
		ask := func(i int, a approval.Ask) {
			a.Username = fmt.Sprintf("u%d", i)
			_, err := b.service.Ask(t.Context(), a)
			require.NoError(t, err)
		}
		for i := 1; i <= 4; i++ {
			ask(i, approval.Ask{Requester: isabel, Reason: "thesis"})
			now = now.Add(time.Hour)
		}
		ask(5, approval.Ask{Requester: "UNINA", Cluster: "ehpc-x"})
		_, err := b.service.Deny(t.Context(), b.target(1), anna, "no")
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), b.target(2), anna)
		require.NoError(t, err)

		r := b.reader()
		for _, c := range []struct {
			name   string
			filter store.RequestFilter
			want   []int64
		}{
			{"all, newest first", store.RequestFilter{}, []int64{5, 4, 3, 2, 1}},
			{"limit", store.RequestFilter{Limit: 2}, []int64{5, 4}},
			{"state", store.RequestFilter{States: []approval.State{approval.Denied}}, []int64{1}},
			{"states", store.RequestFilter{States: []approval.State{approval.Denied, approval.Pending}, Limit: 3}, []int64{5, 4, 3}},
			{"requester", store.RequestFilter{Requester: "UNINA"}, []int64{5}},
			{"cluster", store.RequestFilter{Cluster: "ehpc-x"}, []int64{5}},
			{"since", store.RequestFilter{CreatedSince: now.Add(-time.Hour)}, []int64{5, 4}},
			{"before", store.RequestFilter{CreatedBefore: now.Add(-time.Hour)}, []int64{3, 2, 1}},
			{"all at once", store.RequestFilter{
				States: []approval.State{approval.Pending}, Requester: isabel, Cluster: cluster,
				CreatedSince: now.Add(-3 * time.Hour), CreatedBefore: now, Limit: 2,
			}, []int64{4, 3}},
			{"none", store.RequestFilter{Requester: "U' OR '1'='1"}, nil},
		} {
			var ids []int64
			for s, err := range r.Requests(t.Context(), c.filter) {
				require.NoError(t, err, c.name)
				ids = append(ids, s.ID)
				require.Equal(t, s.ID == 2, s.Approvals == 1, c.name)
			}
			require.Equal(t, c.want, ids, c.name)
		}

		story, events, err := r.History(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, []string{anna}, story.Approvals())
		require.Equal(t, cluster, story.Cluster.ID)
		require.Equal(t, []string{"ask", "approve"}, []string{events[0].Action, events[1].Action})
		_, _, err = r.History(t.Context(), 77)
		require.Equal(t, approval.KindUnknown, kindOf(t, err))

		// What comes while the reader is open is read as well, batch by batch.
		for i := 6; i <= many; i++ {
			ask(i, approval.Ask{Requester: isabel})
		}
		next := int64(many)
		for s, err := range r.Requests(t.Context(), store.RequestFilter{}) {
			require.NoError(t, err)
			require.Equal(t, next, s.ID)
			next--
		}
		require.Zero(t, next)
		seq := int64(0)
		for e, err := range r.Events(t.Context(), audit.Filter{}) {
			require.NoError(t, err)
			seq++
			require.Equal(t, seq, e.Seq)
		}
		require.EqualValues(t, many+2, seq)
	})
}

func TestReaderFiltersEvents(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		now := start
		b.stands.Store(&now)
		b.ask("isabel") // 1
		now = now.Add(time.Hour)
		_, err := b.service.Approve(t.Context(), b.target(1), "USTRANGER") // 2
		require.Error(t, err)
		now = now.Add(time.Hour)
		b.ask("nina")                                                 // 3
		_, err = b.service.Deny(t.Context(), b.target(1), anna, "no") // 4
		require.NoError(t, err)

		r := b.reader()
		for _, c := range []struct {
			name   string
			filter audit.Filter
			want   []int64
		}{
			{"all", audit.Filter{}, []int64{1, 2, 3, 4}},
			{"request", audit.Filter{RequestID: 1}, []int64{1, 2, 4}},
			{"actor", audit.Filter{Actor: isabel}, []int64{1, 3}},
			{"action", audit.Filter{Action: "refused"}, []int64{2}},
			{"since", audit.Filter{Since: start.Add(time.Hour)}, []int64{2, 3, 4}},
			{"until", audit.Filter{Until: start.Add(time.Hour)}, []int64{1}},
			{"all at once", audit.Filter{RequestID: 1, Actor: anna, Action: "deny", Since: start, Until: now.Add(1)}, nil},
			{"all at once", audit.Filter{RequestID: 1, Actor: anna, Action: "deny", Since: start, Until: now.Add(time.Second)}, []int64{4}},
		} {
			var got []int64
			for e, err := range r.Events(t.Context(), c.filter) {
				require.NoError(t, err)
				got = append(got, e.Seq)
			}
			require.Equal(t, c.want, got, c.name)
		}
		for range r.Events(t.Context(), audit.Filter{}) {
			break // and no more is read
		}
	})
}

// TestReaderLeavesTheFilesAlone reads a SQLite database while the bot runs, after it was stopped and after it was
// killed, and in a folder that can't be written.
func TestReaderLeavesTheFilesAlone(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, path string) int {
		t.Helper()
		r, err := store.OpenReader(t.Context(), "sqlite:"+path)
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		n := 0
		for _, err := range r.Requests(t.Context(), store.RequestFilter{}) {
			require.NoError(t, err)
			n++
		}
		v, err := r.Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
		return n
	}
	b := setup(t, "sqlite:"+filepath.Join(t.TempDir(), "a b?#%.db"), nil)
	path := strings.TrimPrefix(b.url, "sqlite:")
	b.ask("isabel")

	before := butIndex(files(t, filepath.Dir(path)))
	require.FileExists(t, path+"-wal")
	require.Equal(t, 1, read(t, path), "while the bot runs")
	require.Equal(t, before, butIndex(files(t, filepath.Dir(path))))
	b.ask("nina") // which shows that nobody was kept out

	killed := t.TempDir()
	require.NoError(t, exec.CommandContext(t.Context(), "cp", "-r", filepath.Dir(path)+"/.", killed).Run())
	before = files(t, killed)
	require.Equal(t, 2, read(t, filepath.Join(killed, filepath.Base(path))), "after a kill: what is in the write-ahead log counts")
	require.Equal(t, before, files(t, killed))

	b.close()
	before = files(t, filepath.Dir(path))
	require.NoFileExists(t, path+"-wal")
	require.Equal(t, 2, read(t, path), "after an orderly stop")
	require.Equal(t, before, files(t, filepath.Dir(path)))

	// A bot that starts meanwhile can't be kept out, but it is noticed.
	r, err := store.OpenReader(t.Context(), b.url)
	require.NoError(t, err)
	b.open()
	b.ask("carl")
	b.close() // writes what is in the log into the file
	_, _, err = r.History(t.Context(), 1)
	require.ErrorContains(t, err, "run this again")
	require.NoError(t, r.Close())
}

// TestReaderBesideAnotherProcess reads while a second process has the database, as the locks of one process with
// itself are others.
func TestReaderBesideAnotherProcess(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.ask("isabel")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperReads$")
	cmd.Env = append(os.Environ(), "EHPCBOT_TEST_READS="+b.url)
	dir := filepath.Dir(strings.TrimPrefix(b.url, "sqlite:"))
	before := files(t, dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "read 1 requests")
	require.Equal(t, before, files(t, dir))
	b.ask("nina")
}

func TestHelperReads(t *testing.T) {
	url := os.Getenv("EHPCBOT_TEST_READS")
	if url == "" {
		t.Skip("a process of TestReaderBesideAnotherProcess")
	}
	r, err := store.OpenReader(t.Context(), url)
	require.NoError(t, err)
	defer r.Close()
	n := 0
	for _, err := range r.Requests(t.Context(), store.RequestFilter{}) {
		require.NoError(t, err)
		n++
	}
	fmt.Printf("read %d requests\n", n)
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "no.db")
		for _, open := range []func() error{
			func() error { _, err := store.OpenReader(t.Context(), "sqlite:"+path); return err },
			func() error { _, err := store.OpenExisting(t.Context(), "sqlite:"+path); return err },
		} {
			err := open()
			require.ErrorIs(t, err, store.ErrNoDatabase)
			require.EqualError(t, err, "there is no file "+path+": ehpcbot has not been started on it yet; look at DATABASE_URL, or start the bot once")
			require.Empty(t, files(t, dir), "a file was made")
		}
	})
	t.Run("no database file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "text.db")
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("text "), 1000), 0o600))
		_, err := store.OpenReader(t.Context(), "sqlite:"+path)
		require.ErrorContains(t, err, "not a database")
		_, err = store.OpenReader(t.Context(), "sqlite:"+filepath.Dir(path))
		require.ErrorContains(t, err, "is no file")
	})
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		_, err := store.OpenReader(t.Context(), "postgres://ehpcbot:hunter2@127.0.0.1:1/x")
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	})
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		empty := url(t)
		if path, ok := strings.CutPrefix(empty, "sqlite:"); ok {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
		_, err := store.OpenReader(t.Context(), empty)
		require.ErrorIs(t, err, store.ErrNoDatabase)
		require.ErrorContains(t, err, "the database has no tables of ehpcbot")

		b := setup(t, url(t), nil)
		b.close()
		db := raw(t, b.url)
		do(t, db, `DELETE FROM goose_db_version WHERE version_id > 1`)
		require.NoError(t, db.Close())
		_, err = store.OpenReader(t.Context(), b.url)
		var older *store.OlderDatabaseError
		require.ErrorAs(t, err, &older)
		require.EqualValues(t, 1, older.Have)

		db = raw(t, b.url)
		do(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
		require.NoError(t, db.Close())
		_, err = store.OpenReader(t.Context(), b.url)
		var newer *store.NewerDatabaseError
		require.ErrorAs(t, err, &newer)
		require.EqualValues(t, 99, newer.Have)
	})
}

// TestReaderNeedsNoRightToWrite reads PostgreSQL as a user who may only read.
func TestReaderNeedsNoRightToWrite(t *testing.T) {
	t.Parallel()
	b := setup(t, pgtest.URL(t), nil)
	b.ask("isabel")
	db := raw(t, b.url)
	do(t, db, `CREATE ROLE onlooker LOGIN`, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker`)
	r, err := store.OpenReader(t.Context(), strings.Replace(b.url, "//ehpcbot@", "//onlooker@", 1))
	require.NoError(t, err)
	defer r.Close()
	v, err := r.Verify(t.Context(), nil, nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, v.Whole)
	_, _, err = r.History(t.Context(), 1)
	require.NoError(t, err)
}

// TestEventsStay holds that the database itself refuses to change the audit log.
func TestEventsStay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.ask("isabel")
		b.ask("nina")
		const copied = `at, request_id, actor, action, from_state, to_state, detail`
		statements := []string{
			`UPDATE event SET detail = 'x'`,
			`UPDATE event SET seq = seq + 1`,
			`DELETE FROM event`,
			`INSERT INTO event SELECT seq + 2, ` + copied + `, hash, 'x', mac FROM event WHERE seq = 2`,
			`INSERT INTO event SELECT seq + 1, ` + copied + `, prev_hash, 'x', mac FROM event WHERE seq = 2`,
			`INSERT INTO event SELECT 0, ` + copied + `, '', 'x', mac FROM event WHERE seq = 1`,
			`INSERT INTO event SELECT -1, ` + copied + `, hash, 'x', mac FROM event WHERE seq = 2`,
			`UPDATE event_head SET seq = seq + 2`,
			`UPDATE event_head SET seq = seq + 1`,
			`UPDATE event_head SET seq = seq + 1, hash = 'x'`,
			`UPDATE event_head SET seq = 1, hash = (SELECT hash FROM event WHERE seq = 1)`,
			`UPDATE event_head SET hash = 'x'`,
			`DELETE FROM event_head`,
			`INSERT INTO event_head SELECT 1, seq, hash FROM event WHERE seq = 1 ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`,
		}
		if b.db.Shared() {
			statements = append(statements, `TRUNCATE event`, `TRUNCATE event, event_head`, `TRUNCATE event_head`)
		} else {
			statements = append(statements, `INSERT OR REPLACE INTO event SELECT * FROM event`,
				`INSERT OR REPLACE INTO event_head SELECT 1, seq, hash FROM event WHERE seq = 1`,
				`INSERT OR REPLACE INTO event SELECT 2, `+copied+`, hash, 'x', mac FROM event WHERE seq = 1`,
				`INSERT OR IGNORE INTO event SELECT 7, `+copied+`, hash, 'x', mac FROM event WHERE seq = 2`,
				`UPDATE OR REPLACE event_head SET seq = 1, hash = (SELECT hash FROM event WHERE seq = 1)`,
				`INSERT INTO event SELECT 3, 'abc', request_id, actor, action, from_state, to_state, detail, hash, 'x', mac FROM event WHERE seq = 2`,
				`INSERT INTO event SELECT 3, `+copied+`, hash, x'78', mac FROM event WHERE seq = 2`)
		}
		db := raw(t, b.url)
		for _, s := range statements {
			_, err := db.ExecContext(t.Context(), s)
			require.Error(t, err, s)
			require.Regexp(t, "audit", err.Error(), s)
		}
		b.ask("carl") // which shows that the bot still writes
		v, err := b.reader().Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
		require.EqualValues(t, 3, v.Whole)
	})
}

// TestHeadIsNotShadowed appends an event in a session in which a temporary table is taken for the head: the head
// itself follows.
func TestHeadIsNotShadowed(t *testing.T) {
	t.Parallel()
	b := setup(t, pgtest.URL(t), nil)
	b.ask("isabel")
	db := raw(t, b.url)
	db.SetMaxOpenConns(1)
	events, err := b.service.Events(t.Context(), 0)
	require.NoError(t, err)
	e := events[0]
	e.Seq, e.Action, e.From, e.PrevHash = 2, "refused", e.To, e.Hash
	e.Hash = hashOf(e)
	do(t, db, `CREATE TEMP TABLE event_head AS SELECT * FROM event_head`)
	_, err = db.ExecContext(t.Context(), `INSERT INTO event SELECT 2, at, request_id, actor, $1, to_state, to_state, detail, hash, $2 FROM event`, e.Action, e.Hash)
	require.NoError(t, err)
	v, err := b.reader().Verify(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Empty(t, v.Findings)
	require.EqualValues(t, 2, v.Whole)
}

// TestUpgrade brings a database up to date whose log was begun by the version before: its events stay whole, and
// new ones follow.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		address := url(t)
		if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
			require.NoError(t, os.Remove(path), "it begins without tables")
		}
		for version := range int64(3) {
			migrateTo(t, address, version+1)
			if version == 0 {
				db := raw(t, address)
				addRequest := addRequest
				if !strings.HasPrefix(address, "sqlite:") {
					addRequest = strings.Replace(addRequest, "VALUES", "OVERRIDING SYSTEM VALUE VALUES", 1)
				}
				do(t, db, addRequest, `INSERT INTO decision VALUES (77, 'UANNA', 'deny', 'no', 3)`)
				last := ""
				for seq, e := range []approval.Event{
					{Actor: "U", Action: "ask", To: approval.Pending},
					{Actor: anna, Action: "deny", From: approval.Pending, To: approval.Denied, Detail: "no"},
				} {
					e.Seq, e.At, e.RequestID, e.PrevHash = int64(seq)+1, time.UnixMilli(2), 77, last
					last = hashOf(e)
					_, err := db.ExecContext(t.Context(), `INSERT INTO event VALUES ($1, 2, 77, $2, $3, $4, $5, $6, $7, $8)`,
						e.Seq, e.Actor, e.Action, string(e.From), string(e.To), e.Detail, e.PrevHash, last)
					require.NoError(t, err)
				}
				require.NoError(t, db.Close())
			}
		}
		b := setup(t, address, nil)
		b.ask("isabel")
		v, err := b.reader().Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
		require.EqualValues(t, 3, v.Whole)
	})
}

// hashOf is the hash that an event should have, made here once more.
func hashOf(e approval.Event) string {
	fields, err := json.Marshal([]any{e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, e.From, e.To, e.Detail, e.PrevHash})
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(fields)
	return hex.EncodeToString(sum[:])
}

// migrateTo makes the tables of a database as an older version left them.
func migrateTo(t *testing.T, databaseURL string, version int64) {
	t.Helper()
	dialect, dir := goose.DialectPostgres, "store/migrations/postgres"
	if strings.HasPrefix(databaseURL, "sqlite:") {
		dialect, dir = goose.DialectSQLite3, "store/migrations/sqlite"
	}
	db := raw(t, databaseURL)
	defer db.Close()
	provider, err := goose.NewProvider(dialect, db, os.DirFS(dir), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), version)
	require.NoError(t, err)
}
