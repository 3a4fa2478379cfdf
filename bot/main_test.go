package bot_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
	"ehpcbot/approval/work"
	"ehpcbot/bot"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "24") // they wait more than they work
	pgtest.UseMemory()
	goleak.VerifyTestMain(m)
}

// Who is in the workspace.
const (
	isabel  = "U0ISABEL"
	anna    = "U0ANNA"  // an approver
	greta   = "U0GRETA" // an approver through the group
	staff   = "S0STAFF"
	channel = "C0APPROVALS"
	command = "/ehpc-adduser"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// office is one test's surroundings: the bot with its jobs on a SQLite file, between a Slack workspace and the
// EHPC API, over real connections.
type office struct {
	t        testing.TB
	slack    *slacktest.Server
	ehpc     *ehpctest.Server
	conf     bot.Config
	policy   approval.Config
	log      *journal
	dir      string
	database string // its URL
	bot      *bot.Bot
	people   *slackapi.People
	service  *approval.Service
	quota    *store.Quota
	db       *store.Database
	api      ehpc.Config // how the EHPC API is called; the double's address where none is set

	cancel context.CancelFunc
	ended  chan error
}

// plan changes an office before it opens.
type plan struct {
	slack  []slacktest.Option
	ehpc   []ehpctest.Option
	bot    func(*office)    // when there is a bot that does not run yet
	before func(*office)    // when only the doubles are there
	idle   bool             // the bot does not run
	clock  func() time.Time // by which answers of Slack grow old; nil: the time of day
}

func open(t testing.TB, p plan) *office {
	t.Helper()
	o := &office{t: t, slack: slacktest.NewServer(p.slack...), ehpc: ehpctest.NewServer(p.ehpc...), log: &journal{}, dir: t.TempDir(), database: storetest.SQLite(t)}
	t.Cleanup(o.slack.Close)
	t.Cleanup(o.ehpc.Close)
	o.slack.SetCrossAck(false)
	for _, u := range []slacktest.User{{ID: isabel, Name: "isabel"}, {ID: anna, Name: "anna"}, {ID: greta, Name: "greta"}} {
		o.slack.AddUser(u)
	}
	o.slack.AddUserGroup(staff, "staff", greta)
	o.slack.AddChannel(slacktest.Channel{ID: channel, Name: "approvals", BotIsMember: true})
	o.conf = bot.Config{
		API: slackapi.Config{
			URL: o.slack.APIURL(), AppToken: secret.New(slacktest.AppToken), BotToken: secret.New(slacktest.BotToken),
		},
		Connections: 2, Command: command, Locale: view.English,
	}
	o.policy = approval.Config{
		Rules: approval.Rules{
			Channel: channel, Approvers: []string{anna, staff}, Required: 1, Expiry: 72 * time.Hour, AllowedMods: []string{"700", "750"},
		},
		Clusters:  []approval.Cluster{{ID: ehpctest.ClusterID, Zone: ehpctest.Zone, Name: "Training"}},
		MaxActive: 100_000, PasswordLength: 20, CredentialsTTL: 24 * time.Hour,
	}
	if p.before != nil {
		p.before(o)
	}
	o.build(p)
	return o
}

// build makes a bot, and runs it until the test ends.
func (o *office) build(p plan) {
	o.t.Helper()
	log := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := store.Open(o.t.Context(), o.database)
	require.NoError(o.t, err)
	o.db = db
	keys, err := keyring.For(o.t.Context(), db, nil)
	require.NoError(o.t, err)
	o.api.Endpoint = cmp.Or(o.api.Endpoint, o.ehpc.URL)
	o.api.AccessKeyID, o.api.SecretAccessKey = ehpctest.AccessKeyID, secret.New(ehpctest.SecretAccessKey)
	o.quota = store.NewQuota(db, o.policy.CallsPerHour, log)
	o.api.Quota = o.quota
	accounts, err := ehpc.NewClient(o.api)
	require.NoError(o.t, err)
	api := slackapi.New(o.conf.API, nil)
	if p.clock == nil {
		p.clock = time.Now
	}
	o.people = slackapi.NewPeople(api, p.clock)
	o.service = approval.NewService(o.policy, db, keys, o.people, log, time.Now)
	o.bot = bot.New(o.conf, api, o.people, o.service, log, unobserved{})
	o.bot.Quicken(10*time.Second, 50*time.Millisecond, 10*time.Millisecond, 200*time.Millisecond)
	if p.bot != nil {
		p.bot(o)
	}
	o.cancel, o.ended = func() {}, make(chan error, 1)
	if p.idle {
		o.ended <- nil
	} else {
		o.run(work.Worker{
			Service: o.service, Database: db, Accounts: accounts, Clusters: accounts, Quota: o.quota, Messenger: o.bot.Messenger(), Grace: 2 * time.Second, Log: log,
		})
	}
	o.t.Cleanup(func() {
		o.cancel()
		<-o.ended
		o.closeDatabase()
	})
}

func (o *office) closeDatabase() {
	if o.db != nil {
		require.NoError(o.t, o.db.Close())
		o.db = nil
	}
}

func (o *office) run(worker work.Worker) {
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	rest, stop := context.WithCancel(context.Background())
	var jobs sync.WaitGroup
	jobs.Go(func() {
		if err := worker.Run(rest); err != nil {
			o.t.Error(err)
		}
	})
	b, ended := o.bot, o.ended
	go func() {
		err := b.Run(ctx)
		stop()
		jobs.Wait()
		ended <- err
		close(ended)
	}()
}

// connected waits until the bot has all its connections.
func (o *office) connected() *office {
	o.t.Helper()
	require.NoError(o.t, o.slack.WaitConnections(o.patient(), o.conf.Connections), o.log)
	o.eventually(func() bool { open, _ := o.bot.Live(); return open == o.conf.Connections }, "the connections are greeted")
	return o
}

// end waits until the bot ends by itself, and returns what Run returned.
func (o *office) end() error {
	o.t.Helper()
	select {
	case err := <-o.ended:
		return err
	case <-o.patient().Done():
		o.t.Fatalf("the bot goes on\n%s", o.log)
		return nil
	}
}

func (o *office) patient() context.Context {
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	o.t.Cleanup(cancel)
	return ctx
}

// eventually waits for what shows in no double.
func (o *office) eventually(is func() bool, what string) {
	o.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			o.t.Fatalf("it is not so that %s\n%s", what, o.log)
		case <-tick.C:
		}
	}
}

// says waits for a message of a conversation in which all words can be read.
func (o *office) says(conversation string, words ...string) slacktest.Message {
	o.t.Helper()
	m, err := o.slack.WaitMessage(o.patient(), conversation, func(m slacktest.Message) bool {
		return !m.Deleted && holds(m.Plain(), words...)
	})
	require.NoError(o.t, err, "%q in %s\n%s", words, o.read(conversation), o.log)
	return m
}

func (o *office) read(conversation string) string {
	var all []string
	for _, m := range o.slack.Messages(conversation) {
		all = append(all, m.Plain())
	}
	return strings.Join(all, "\n---\n")
}

func holds(text string, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// ask has isabel ask for an account, again where a slow machine could not store it in time.
func (o *office) ask(username string) (r slacktest.Reply) {
	o.t.Helper()
	o.eventually(func() bool {
		r = o.slack.Person(isabel).Command(o.t.Context(), command, username)
		require.NoError(o.t, r.Err, o.log)
		return !strings.Contains(r.Plain(), "could not be stored")
	}, "the command is stored")
	return r
}

// asked has isabel ask, and returns the message that asks the approvers.
func (o *office) asked(username string) slacktest.Message {
	o.t.Helper()
	o.ask(username)
	return o.says(channel, username, "Approve")
}

// target is what names a request in a button.
func (o *office) target(id int64) approval.Target {
	story, err := o.service.Story(o.t.Context(), id)
	require.NoError(o.t, err)
	return story.Target()
}

// press has somebody press a button, again where a slow machine could not store it in time.
func (o *office) press(who string, m slacktest.Message, button string) {
	o.t.Helper()
	unstored := func() int { return strings.Count(o.log.String(), "could not be stored") }
	o.eventually(func() bool {
		before := unstored()
		r, err := o.slack.Person(who).Press(o.t.Context(), m, button)
		require.NoError(o.t, err)
		require.NoError(o.t, r.Err, o.log)
		return unstored() == before
	}, "the press is stored")
}

// delivered waits until isabel reads the password that an account has.
func (o *office) delivered(username string) slacktest.Message {
	o.t.Helper()
	m, err := o.slack.WaitDirectMessage(o.patient(), isabel, func(m slacktest.Message) bool {
		password, made := o.ehpc.Password(ehpctest.ClusterID, username)
		return made && strings.Contains(m.Plain(), password)
	})
	require.NoError(o.t, err, o.log)
	return m
}

// told waits for an answer that only a person sees.
func (o *office) told(who, words string) {
	o.t.Helper()
	require.NoError(o.t, o.slack.Wait(o.patient(), func() bool {
		for _, m := range o.slack.Person(who).Ephemerals() {
			if strings.Contains(m.Plain(), words) {
				return true
			}
		}
		return false
	}), "%q\n%s", words, o.log)
}

// clean looks at what the doubles have to say, and for secrets in the log.
func (o *office) clean(except ...string) {
	o.t.Helper()
	for _, v := range o.slack.Violations() {
		if !holds(strings.Join(except, "\n"), v) {
			o.t.Errorf("violation: %s", v)
		}
	}
	require.Zero(o.t, o.slack.CrossAcks())
	log := o.log.String()
	require.NotContains(o.t, log, "panic recovery", "a job panicked")
	for _, name := range o.ehpc.Users(ehpctest.ClusterID) {
		password, _ := o.ehpc.Password(ehpctest.ClusterID, name)
		require.NotContains(o.t, log, password, "the password of %s", name)
	}
	for _, secret := range []string{slacktest.AppToken, slacktest.BotToken, "http://", "ws://", "/actions/", "/commands/"} {
		require.NotContains(o.t, log, secret)
	}
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Reset()
}

func (j *journal) has(words ...string) bool {
	for line := range strings.Lines(j.String()) {
		if holds(line, words...) {
			return true
		}
	}
	return false
}

// unobserved is for those who want no metrics.
type unobserved struct{}

func (unobserved) Acknowledged(string, time.Duration) {}
func (unobserved) Connections(int)                    {}

// clock is a time that moves when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func username(i int) string { return fmt.Sprintf("user%04d", i) }
