// Package world is what tests of the whole program stand on: the program, built and run as those run it who use it, with
// a Slack workspace, the EHPC API and a folder around it. What tests know of the program is what the documents promise.
// Whatever a test is about, at its end the promises that hold always are judged: each account made once, its password
// nowhere but in the one direct message, and nothing done that Slack would refuse.
package world

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers, for looks into databases
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"ehpcbot/approval/pgtest"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// The people.
const (
	Isabel = "U0ISABEL" // asks
	Otto   = "U0OTTO"   // asks
	Anna   = "U0ANNA"   // approves
	Ben    = "U0BEN"    // approves
	Carl   = "U0CARL"   // is in the group Admins
	Gus    = "U0GUS"    // is a guest
	Robo   = "U0ROBO"   // is a bot
	Dora   = "U0DORA"   // is deactivated
	Fay    = "U0FAY"    // is of another organisation

	Admins  = "S0ADMINS"
	Channel = "C0APPROVE"
)

// NewSlack returns the workspace, with its people.
func NewSlack(options ...slacktest.Option) *slacktest.Server {
	s := slacktest.NewServer(options...)
	for _, u := range []slacktest.User{
		{ID: Isabel, Name: "isabel"},
		{ID: Otto, Name: "otto"},
		{ID: Anna, Name: "anna"},
		{ID: Ben, Name: "ben"},
		{ID: Carl, Name: "carl"},
		{ID: Gus, Name: "gus", Restricted: true},
		{ID: Robo, Name: "robo", Bot: true},
		{ID: Dora, Name: "dora", Deleted: true},
		{ID: Fay, Name: "fay", TeamID: "T0OTHER", Stranger: true},
	} {
		s.AddUser(u)
	}
	s.AddUserGroup(Admins, "admins", Carl)
	s.AddChannel(slacktest.Channel{ID: Channel, Name: "hpc-approvals", BotIsMember: true, Shared: true})
	return s
}

// Databases runs a test on SQLite, and in CI on PostgreSQL too.
func Databases(t *testing.T, test func(*testing.T, *World)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.AlsoURL(t)
		w := New(t)
		w.Env["DATABASE_URL"] = url
		w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
		test(t, w)
	})
}

// World is all that surrounds the program: Slack, EHPC, a folder for its data, and its environment.
type World struct {
	T     *testing.T
	Ctx   context.Context
	Slack *slacktest.Server
	EHPC  *ehpctest.Server
	Dir   string
	Env   map[string]string

	EditingForbidden bool // so that the credentials come as a new message

	mu        sync.Mutex
	processes []*Process
	owners    map[string]string // password to who may see it
}

// New returns a world in which nothing runs yet. It is judged at the end of the test.
func New(t *testing.T, options ...ehpctest.Option) *World {
	w := &World{T: t, Slack: NewSlack(), EHPC: ehpctest.NewServer(options...), Dir: t.TempDir(), owners: map[string]string{}}
	t.Cleanup(w.Slack.Close)
	t.Cleanup(w.EHPC.Close)
	t.Cleanup(w.judge)
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
	t.Cleanup(cancel)
	w.Ctx = ctx
	w.Env = map[string]string{
		"SLACK_API_URL":               w.Slack.APIURL(),
		"SLACK_APP_TOKEN":             slacktest.AppToken,
		"SLACK_BOT_TOKEN":             slacktest.BotToken,
		"EHPC_ENDPOINT":               w.EHPC.URL,
		"QINGCLOUD_ACCESS_KEY_ID":     ehpctest.AccessKeyID,
		"QINGCLOUD_SECRET_ACCESS_KEY": ehpctest.SecretAccessKey,
		"EHPC_CLUSTERS":               "ehpc-8jqdq0mz@jn1a=Training,ehpc-x@jn1a",
		"APPROVAL_CHANNEL":            Channel,
		"APPROVERS":                   Anna + "," + Ben,
		"DATABASE_URL":                "sqlite:" + filepath.Join(w.Dir, "ehpcbot.db"),
		"HTTP_ADDR":                   "127.0.0.1:0",
		"REQUESTS_PER_MINUTE":         "0",
		"LOG_LEVEL":                   "debug",
	}
	return w
}

// AddUser returns the body of a call of addUser.
func (w *World) AddUser(n int) map[string]any {
	w.T.Helper()
	calls := slices.DeleteFunc(w.EHPC.Calls(), func(c ehpctest.Call) bool { return c.Action != ehpctest.ActionAddUser })
	require.Greater(w.T, len(calls), n)
	var body map[string]any
	require.NoError(w.T, json.Unmarshal(calls[n].Body, &body))
	return body
}

// Password returns the password of an account.
func (w *World) Password(cluster, username string) string {
	w.T.Helper()
	p, made := w.EHPC.Password(cluster, username)
	require.True(w.T, made)
	return p
}

// WaitFor waits until something is so, however it comes about.
func (w *World) WaitFor(what string, cond func() bool) {
	w.T.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-w.Ctx.Done():
			w.T.Fatalf("%s: not so\n%s", what, w.situation())
		}
	}
}

// situation tells what there is to see, for a test that fails.
func (w *World) situation() string {
	var b strings.Builder
	events := w.Slack.Transcript()
	for _, e := range events[max(0, len(events)-30):] {
		fmt.Fprintf(&b, "%s %s %s: %.300q\n", e.At.Format("05.000"), e.Kind, e.User+e.SeenBy, e.Text)
	}
	for _, p := range w.processes {
		log := p.Err.String()
		fmt.Fprintf(&b, "--- log\n%s\n", log[max(0, len(log)-5000):])
	}
	return b.String()
}

// Sqlite reports whether the database is a SQLite file.
func (w *World) Sqlite() bool { return strings.HasPrefix(w.Env["DATABASE_URL"], "sqlite:") }

// OpenDatabase opens the database as its owner could.
func (w *World) OpenDatabase() *sql.DB {
	w.T.Helper()
	driver, source := "pgx", w.Env["DATABASE_URL"]
	if w.Sqlite() {
		driver, source = "sqlite", strings.TrimPrefix(source, "sqlite:")
	}
	db, err := sql.Open(driver, source)
	require.NoError(w.T, err)
	return db
}
