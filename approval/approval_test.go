package approval_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/provision"
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
	"ehpcbot/approval/work"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "12") // they wait more than they work
	pgtest.UseMemory()
	code := m.Run()
	pgtest.Stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// onBoth runs a test on SQLite, and in CI on PostgreSQL too.
func onBoth(t *testing.T, test func(t *testing.T, databaseURL func(t testing.TB) string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, storetest.SQLite)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.AlsoURL)
	})
}

const (
	cluster = "ehpc-8jqdq0mz"
	isabel  = "UISABEL"
	anna    = "UANNA"  // an approver
	otto    = "UOTTO"  // an approver
	greta   = "UGRETA" // an approver through the group
	staff   = "SSTAFF"
	hanging = "SHANGING" // a group that nobody answers for
)

func policy() approval.Config {
	return approval.Config{
		Rules: approval.Rules{
			Channel: "CAPPROVALS", Approvers: []string{anna, otto, staff}, Required: 1, Expiry: 72 * time.Hour, AllowedMods: []string{"700", "750", "755"},
		},
		Clusters: []approval.Cluster{{ID: cluster, Zone: "jn1a", Name: "Training"}, {ID: "ehpc-x", Zone: "jn1a"}},
		Reserved: []string{"root", "Admin"}, MaxActive: 5, PasswordLength: 20, CredentialsTTL: 24 * time.Hour,
	}
}

// bench is one test's surroundings: a database, the EHPC API, and people who can be told things.
type bench struct {
	t       testing.TB
	url     string
	conf    approval.Config
	api     *ehpctest.Server
	people  *directory
	told    *messenger
	service *approval.Service
	db      *store.Database
	stop    func()
	wrap    func(provision.Accounts) provision.Accounts // around the client; may be nil
	grace   time.Duration                               // of the jobs in hand when they are stopped
	keys    [][]byte                                    // the first seals
	stands  atomic.Pointer[time.Time]                   // where the service's clock stands; nil: it goes
	passed  atomic.Int64                                // by how many nanoseconds the service's clock is ahead
	observe func(kind, result string)                   // told of each run of a job; may be nil
	log     *slog.Logger
}

var key = []byte("0123456789abcdef0123456789abcdef")

func setup(t testing.TB, url string, change func(*approval.Config), options ...ehpctest.Option) *bench {
	t.Helper()
	b := &bench{t: t, url: url, conf: policy(), people: &directory{members: map[string][]string{staff: {greta}}}, told: &messenger{}, grace: 2 * time.Second,
		keys: [][]byte{key}, log: testLog(t)}
	if change != nil {
		change(&b.conf)
	}
	b.api = ehpctest.NewServer(options...)
	t.Cleanup(b.api.Close)
	b.open()
	t.Cleanup(func() { b.close() })
	return b
}

func (b *bench) open() {
	b.t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, b.url)
	require.NoError(b.t, err)
	keys, err := keyring.New(b.keys...)
	require.NoError(b.t, err)
	db.SignWith(keys)
	b.db = db
	b.service = approval.NewService(b.conf, db, keys, b.people, b.log, b.now)
	b.told.service = b.service
	b.stop = func() {}
}

func (b *bench) now() time.Time {
	if at := b.stands.Load(); at != nil {
		return *at
	}
	return time.Now().Add(time.Duration(b.passed.Load()))
}

// work starts the jobs.
func (b *bench) work() {
	b.t.Helper()
	quota := store.NewQuota(b.db, b.conf.CallsPerHour, b.log)
	client, err := ehpc.NewClient(ehpc.Config{
		Endpoint: b.api.URL, AccessKeyID: ehpctest.AccessKeyID, SecretAccessKey: secret.New(ehpctest.SecretAccessKey),
		Quota: quota,
	})
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var accounts provision.Accounts = client
	if b.wrap != nil {
		accounts = b.wrap(accounts)
	}
	worker := work.Worker{
		Service: b.service, Database: b.db, Accounts: accounts, Clusters: client, Quota: quota, Messenger: b.told, Grace: b.grace, Observe: b.observe, Log: b.log,
	}
	go func() { done <- worker.Run(ctx) }()
	b.stop = func() {
		cancel()
		require.NoError(b.t, <-done)
		b.stop = func() {}
	}
}

func (b *bench) close() {
	b.stop()
	if b.db != nil {
		require.NoError(b.t, b.db.Close())
		b.db = nil
	}
}

func (b *bench) restart() {
	b.close()
	b.open()
	b.work()
}

func (b *bench) ask(username string) approval.Story {
	b.t.Helper()
	story, err := b.service.Ask(b.t.Context(), approval.Ask{Requester: isabel, Username: username})
	require.NoError(b.t, err)
	return story
}

func (b *bench) story(id int64) approval.Story {
	b.t.Helper()
	story, err := b.service.Story(context.Background(), id)
	require.NoError(b.t, err)
	return story
}

// target is what names a request in a button.
func (b *bench) target(id int64) approval.Target {
	story, err := b.service.Story(context.Background(), id)
	if err != nil {
		return approval.Target{ID: id}
	}
	return story.Target()
}

// reach waits until a request is in one of some states.
func (b *bench) reach(id int64, states ...approval.State) approval.Story {
	b.t.Helper()
	var story approval.Story
	b.eventually(func() bool {
		story = b.story(id)
		return slices.Contains(states, story.State)
	}, func() string {
		return fmt.Sprintf("request %d is %s (%s %s), not %s", id, story.State, story.Failure, story.FailureDetail, states)
	})
	return story
}

func (b *bench) eventually(condition func() bool, otherwise func() string) {
	b.t.Helper()
	deadline := time.After(3 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond) // to look costs as much as to work
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			b.t.Fatal(otherwise())
		case <-tick.C:
		}
	}
}

func testLog(t testing.TB) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// directory knows the members of groups, until it is told to fail.
type directory struct {
	mu      sync.Mutex
	members map[string][]string
	err     error
	people  map[string]approval.Person // by each of their ids
	answers map[string]error           // of Requester
}

func (d *directory) Identify(_ context.Context, id string) approval.Person {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, known := d.people[id]; known {
		return p
	}
	return approval.Person{ID: id, Also: id}
}

// say lets the directory answer about a person who asks.
func (d *directory) say(person string, answer error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers = map[string]error{person: answer}
}

// leave lets all leave a group.
func (d *directory) leave(group string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.members[group] = nil
}

// fail lets nobody learn who is in a group; nil lets them again.
func (d *directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *directory) Approver(ctx context.Context, id string, within time.Duration) error {
	return d.Requester(ctx, id, within)
}

func (d *directory) Requester(_ context.Context, id string, _ time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answers[id]
}

func (d *directory) Members(ctx context.Context, group string, _ time.Duration) ([]string, error) {
	if group == hanging {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.members[group], d.err
}

// messenger writes down what people are told. It can be told to fail a number of times.
type messenger struct {
	service   *approval.Service
	panics    atomic.Int64
	onDeliver func() // called before the credentials count as delivered; may be nil

	mu          sync.Mutex
	credentials []credentials
	lines       []string // "notify 3 denied"
	failures    map[string]int
}

type credentials struct {
	id       int64
	username string
	password secret.Text
	until    time.Time
}

func (m *messenger) fail(what string, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures == nil {
		m.failures = map[string]int{}
	}
	m.failures[what] = times
}

func (m *messenger) note(what string, s approval.Story) error {
	if m.panics.Load() > 0 && m.panics.Add(-1) >= 0 {
		panic("the messenger stumbles")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures[what] > 0 {
		m.failures[what]--
		return errors.New("the messenger is away")
	}
	m.lines = append(m.lines, fmt.Sprintf("%s %d %s", what, s.ID, s.State))
	return nil
}

func (m *messenger) said(prefix string) (lines []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.lines {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (m *messenger) sent(ctx context.Context, s approval.Story, p approval.Purpose) error {
	return m.service.Sent(ctx, s.ID, approval.Message{Purpose: p, Place: "P", Ref: string(p), Version: s.Version})
}

func (m *messenger) Refresh(ctx context.Context, s approval.Story) error {
	return errors.Join(m.note("refresh", s), m.sent(ctx, s, approval.PurposeApproval))
}

func (m *messenger) Digest(ctx context.Context, d approval.Digest) error {
	if !d.Wanted() {
		return errors.Join(m.note("digest away", approval.Story{}), m.service.ForgetDigest(ctx, d.Posted))
	}
	if d.Posted.Ref != "" && !d.IsOld() {
		return nil
	}
	if err := errors.Join(m.note("digest of "+d.Shows(), approval.Story{}), m.service.ForgetDigest(ctx, d.Posted)); err != nil {
		return err
	}
	_, err := m.service.ClaimDigest(ctx, approval.DigestMessage{Channel: d.Channel, Place: "P", Ref: "digest", At: d.Now}, approval.DigestMessage{})
	return err
}

func (m *messenger) Alarm(ctx context.Context, s approval.Story) error {
	return errors.Join(m.note("alarm "+s.Twin, s), m.sent(ctx, s, approval.PurposeAlarm))
}

func (m *messenger) Nudge(ctx context.Context, s approval.Story) error {
	return errors.Join(m.note("nudge", s), m.sent(ctx, s, approval.PurposeNudge))
}

func (m *messenger) Tell(_ context.Context, s approval.Story) error { return m.note("tell", s) }

func (m *messenger) Remind(ctx context.Context, s approval.Story, what approval.Purpose) error {
	words := "say " + string(what)
	if what == approval.PurposeReminder {
		words = "remind"
	}
	if err := m.note(words, s); err != nil {
		return err
	}
	if old, known := s.Message(what); known { // the reminder of the day before
		if err := m.service.Forget(ctx, s.ID, old); err != nil {
			return err
		}
	}
	return m.sent(ctx, s, what)
}

func (m *messenger) Notify(ctx context.Context, s approval.Story) error {
	if err := m.note("notify", s); err != nil {
		return err
	}
	return m.sent(ctx, s, approval.PurposeNotice)
}

func (m *messenger) Scrub(_ context.Context, s approval.Story) error { return m.note("scrub", s) }

func (m *messenger) Deliver(ctx context.Context, s approval.Story, password secret.Text) error {
	if err := errors.Join(m.note("deliver", s), m.sent(ctx, s, approval.PurposeCredentials)); err != nil {
		return err
	}
	if m.onDeliver != nil {
		m.onDeliver()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.credentials = append(m.credentials, credentials{s.ID, s.Username, password, s.CredentialsUntil})
	return nil
}

func (m *messenger) Offer(ctx context.Context, s approval.Story) error {
	return errors.Join(m.note("offer", s), m.sent(ctx, s, approval.PurposeCredentials))
}

func (m *messenger) Redraw(_ context.Context, s approval.Story) error { return m.note("redraw", s) }

func (m *messenger) Prompt(ctx context.Context, s approval.Story, why approval.Purpose) error {
	return errors.Join(m.note(string(why), s), m.sent(ctx, s, why))
}

func (m *messenger) Trouble(ctx context.Context, s approval.Story, t approval.Trouble, f approval.Facts) error {
	return errors.Join(m.note(fmt.Sprintf("%s %+v", t.Purpose(), f), s), m.sent(ctx, s, t.Purpose()))
}

func (m *messenger) delivered(id int64) []credentials {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []credentials
	for _, c := range m.credentials {
		if c.id == id {
			found = append(found, c)
		}
	}
	return found
}

func kindOf(t *testing.T, err error) approval.Kind {
	t.Helper()
	r := approval.Refused(err)
	require.NotNil(t, r, "not a refusal: %v", err)
	return r.Kind
}
