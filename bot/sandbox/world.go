package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/store"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

const (
	general   = "C0GENERAL"
	approvals = "C0APPROVALS"
	training  = "ehpc-8jqdq0mz"
	research  = "ehpc-x"
	tutors    = "S0TUTORS"
	zone      = "jn1a"
	jobTime   = 2 * time.Second // long enough to see that an account is being made
)

// person is somebody whom one can be.
type person struct {
	slacktest.User
	role     string
	approves bool
	runsBot  bool
	zone     *time.Location
}

// fallback is who is asked where the approvers don't decide.
const fallback = "U0HERA"

// people returns those of the workspace. Each is what the bot treats in a way of its own.
var people = sync.OnceValue(func() []person {
	all := []person{
		{User: slacktest.User{ID: "U0ISABEL", Name: "isabel", RealName: "Isabel", Title: "Doctoral student", Photo: "https://avatars.slack-edge.com/isabel_72.png", TZ: "Europe/Berlin"}, role: "asks"},
		{User: slacktest.User{ID: "U0LIWEI", Name: "liwei", RealName: "李伟", Locale: "zh-CN", TZ: "Asia/Shanghai"}, role: "asks, in Chinese"},
		{User: slacktest.User{ID: "U0ANNA", Name: "anna", RealName: "Anna", TZ: "Europe/Berlin"}, role: "approves", approves: true},
		{User: slacktest.User{ID: "U0BEN", Name: "ben", RealName: "Ben", TZ: "America/New_York"}, role: "approves, and runs the bot", approves: true, runsBot: true},
		{User: slacktest.User{ID: fallback, Name: "hera", RealName: "Hera", TZ: "Europe/Berlin"}, role: "approves what waits for long"},
		{User: slacktest.User{ID: "U0GUS", Name: "gus", RealName: "Gus", Restricted: true}, role: "is a guest"},
		{User: slacktest.User{ID: "U0FAY", Name: "fay", RealName: "Fay", TeamID: "T0OTHER", Stranger: true}, role: "is of another organisation"},
	}
	for i, p := range all {
		var err error
		if all[i].zone, err = time.LoadLocation(p.TZ); err != nil {
			all[i].zone = time.UTC
		}
	}
	return all
})

// conversations returns the ids of a person's, the one to begin with first.
func (p person) conversations() []string {
	list := []string{general, directWith(p.ID), homeOf(p.ID)}
	if p.approves {
		list = slices.Insert(list, 0, approvals)
	}
	return list
}

// directWith is the id of a person's conversation with the bot, as the double gives it.
func directWith(user string) string { return "D" + strings.TrimPrefix(user, "U") }

// homeOf stands for a person's Home tab among the conversations.
func homeOf(user string) string { return "H" + strings.TrimPrefix(user, "U") }

// world is a workspace, an API and a bot between them. A reset makes a new one.
type world struct {
	dir     string // of the bot's data
	slack   *slacktest.Server
	api     *ehpctest.Server
	done    chan struct{}
	running sync.WaitGroup
	closing sync.Once

	mu         sync.Mutex
	changed    chan struct{}     // closed and replaced when there is something new
	program    string            // the bot's; empty: none is to run
	env        map[string]string // of the bot
	bot        *child            // nil: none was ever started
	apiCalls   []ehpctest.Call
	slackCalls []slacktest.Call
	envelopes  []slacktest.Envelope
	seen       map[string]string // the newest message that was looked at, by person and conversation

	reading sync.Mutex // guards what follows: the doubles need not wait for the database
	ledger  ledger
}

// newWorld makes a world in which no bot runs yet. The double of Slack gets an address, so that a bot of somebody
// else's finds the next one as well.
func newWorld(o Options, slackAddr string) (*world, error) {
	dir, err := os.MkdirTemp("", "ehpcbot-sandbox-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the bot: %w", err)
	}
	w := &world{
		program: o.Program, dir: dir, done: make(chan struct{}), changed: make(chan struct{}), seen: map[string]string{},
		slack: slacktest.NewServer(slacktest.WithAddr(slackAddr)),
		api: ehpctest.NewServer(ehpctest.WithCluster(training, zone), ehpctest.WithCluster(research, zone),
			ehpctest.WithJobTime(jobTime)),
	}
	w.api.AddNode(training, ehpctest.Node{Name: "login", Role: "login", PublicIP: "203.0.113.7", PrivateIP: "192.168.0.2"})
	var approvers, administrators []string
	for _, p := range people() {
		w.slack.AddUser(p.User)
		if p.approves {
			approvers = append(approvers, p.ID)
		}
		if p.runsBot {
			administrators = append(administrators, p.ID)
		}
	}
	w.slack.AddChannel(slacktest.Channel{ID: general, Name: "general", BotIsMember: true, Shared: true})
	w.slack.AddChannel(approvalChannel)
	w.slack.AddUserGroup(tutors, "tutors", "U0LIWEI")
	w.env = map[string]string{
		"SLACK_API_URL":               w.slack.APIURL(),
		"SLACK_APP_TOKEN":             slacktest.AppToken,
		"SLACK_BOT_TOKEN":             slacktest.BotToken,
		"EHPC_ENDPOINT":               w.api.URL,
		"QINGCLOUD_ACCESS_KEY_ID":     ehpctest.AccessKeyID,
		"QINGCLOUD_SECRET_ACCESS_KEY": ehpctest.SecretAccessKey,
		"EHPC_CLUSTERS":               training + "@" + zone + "=Training," + research + "@" + zone + "=Research",
		"APPROVAL_CHANNEL":            approvals,
		"APPROVERS":                   strings.Join(approvers, ","),
		"ADMINISTRATORS":              strings.Join(administrators, ","),
		"APPROVERS_FALLBACK":          fallback,
		"LOGIN_HINT":                  "ssh {username}@login.example.org",
		"DATABASE_URL":                w.databaseURL(),
		"HTTP_ADDR":                   "",
		"LOCALE":                      o.Locale,
	}
	w.observe()
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

var approvalChannel = slacktest.Channel{ID: approvals, Name: "hpc-approvals", BotIsMember: true}

// observe keeps what happens in the doubles, and tells of all that changes.
func (w *world) observe() {
	w.slack.OnCall(func(c slacktest.Call, phase string) {
		if phase == slacktest.After {
			w.change(func() { w.slackCalls = newest(append(w.slackCalls, c)) })
		}
	})
	w.slack.OnEnvelope(func(e slacktest.Envelope) {
		w.change(func() { w.envelopes = newest(append(w.envelopes, e)) })
	})
	w.api.OnEnd(func(c ehpctest.Call) {
		w.change(func() { w.apiCalls = newest(append(w.apiCalls, c)) })
	})
	w.running.Go(func() {
		_ = w.slack.Wait(context.Background(), func() bool { w.change(nil); return false })
	})
}

// newest drops what is too long ago to be shown.
func newest[T any](all []T) []T { return all[max(0, len(all)-shown):] }

// shown is how much of anything the page shows.
const shown = 100

func (w *world) close() {
	w.closing.Do(func() {
		w.change(func() { w.program = "" }) // none is started any more
		w.kill()
		close(w.done)
		w.slack.Close()
		w.api.Close()
		w.running.Wait()
		_ = os.RemoveAll(w.dir)
	})
}

func (w *world) databaseURL() string { return "sqlite:" + filepath.Join(w.dir, "ehpcbot.db") }

// change does something to the world, and tells all who look.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f != nil {
		f()
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// start starts the bot, unless it runs or there is to be none.
func (w *world) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.program == "" || w.bot != nil && w.bot.runs() {
		return nil
	}
	bot, err := start(w.program, w.dir, w.env, func() { w.change(nil) })
	if err == nil {
		w.bot = bot
	}
	return err
}

func (w *world) kill() {
	w.mu.Lock()
	bot := w.bot
	w.mu.Unlock()
	if bot != nil {
		bot.kill()
	}
}

// startWith starts the bot anew, with a variable set.
func (w *world) startWith(variable, value string) error {
	w.kill()
	w.mu.Lock()
	w.env[variable] = value
	w.mu.Unlock()
	return w.start()
}

// policy has one cluster decided about otherwise than the other.
const policy = `clusters:
  Research:
    channel: ` + general + `
    approvers: U0BEN
    no_approval_for: ` + tutors + `
`

func (w *world) withPolicy() error {
	path := filepath.Join(w.dir, "policy.yaml")
	if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
		return fmt.Errorf("write a policy: %w", err)
	}
	return w.startWith("POLICY_FILE", path)
}

// elapse makes the time pass until the next reminder, expiry or clearing. The bot is off meanwhile.
func (w *world) elapse(ctx context.Context) (passed time.Duration, err error) {
	w.reading.Lock() // nobody else may have the database open
	defer w.reading.Unlock()
	w.mu.Lock()
	bot := w.bot
	w.mu.Unlock()
	if bot != nil {
		bot.stop()
	}
	passed, err = store.Elapse(ctx, w.databaseURL())
	return passed, errors.Join(err, w.start())
}

// conversation returns what a person sees in a conversation, the newest of it, in the order in which it was posted.
func (w *world) conversation(p person, in string) []slacktest.Message {
	all := w.slack.Messages(in)
	for _, m := range w.slack.Person(p.ID).Ephemerals() {
		if m.Channel == in {
			all = append(all, m)
		}
	}
	all = slices.DeleteFunc(all, func(m slacktest.Message) bool { return m.Deleted })
	slices.SortStableFunc(all, func(a, b slacktest.Message) int { return strings.Compare(a.TS, b.TS) })
	return newest(all)
}

// look notes that a person has seen what is in a conversation.
func (w *world) look(p person, in string, messages []slacktest.Message) {
	if len(messages) > 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen[p.ID+in] = messages[len(messages)-1].TS
	}
}

// unread returns how many messages of others a person has not seen in a conversation.
func (w *world) unread(p person, in string) int {
	w.mu.Lock()
	seen := w.seen[p.ID+in]
	w.mu.Unlock()
	n := 0
	for _, m := range w.conversation(p, in) {
		if m.TS > seen && m.User != p.ID {
			n++
		}
	}
	return n
}

// ledger is what the bot's database said when it was last read.
type ledger struct {
	at       time.Time
	requests []store.Summary
	events   []approval.Event // of the newest request
}

// ledgerAge is how old it may be: a world that changes all the time is not read all the time.
const ledgerAge = 300 * time.Millisecond

// read looks into the bot's database, as ehpcbot requests does.
func (w *world) read(ctx context.Context) ledger {
	w.reading.Lock()
	defer w.reading.Unlock()
	if time.Since(w.ledger.at) < ledgerAge {
		return w.ledger
	}
	if l, err := readLedger(ctx, w.databaseURL()); err == nil {
		w.ledger = l // else there is no database yet, or one that is being made: what was read before stands
	}
	w.ledger.at = time.Now()
	return w.ledger
}

func readLedger(ctx context.Context, url string) (l ledger, err error) {
	r, err := store.OpenReader(ctx, url)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for s, err := range r.Requests(ctx, store.RequestFilter{Limit: shown}) {
		if err != nil {
			return l, err
		}
		l.requests = append(l.requests, s)
	}
	if len(l.requests) == 0 {
		return l, nil
	}
	for e, err := range r.Events(ctx, audit.Filter{RequestID: l.requests[0].ID}) {
		if err != nil {
			return l, err
		}
		l.events = append(l.events, e)
	}
	return l, nil
}
