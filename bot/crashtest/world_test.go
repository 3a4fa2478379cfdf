package crashtest

import (
	"context"
	"database/sql"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

const (
	command = "/ehpc-adduser"
	isabel  = "U0ISABEL"
	anna    = "U0ANNA"
	otto    = "U0OTTO"
	channel = "C0APPROVALS"
)

// world is a workspace, an API and a database, with one program at work in it.
type world struct {
	t       testing.TB
	slack   *slacktest.Server
	api     *ehpctest.Server
	points  *points
	log     *journal
	address string // of the database
	db      *sql.DB
	env     map[string]string

	mu      sync.Mutex
	process *process
	killed  chan struct{} // closed when the process that runs now is killed
}

// patience is how long anything may take before a test gives up.
const patience = 2 * time.Minute

func newWorld(t testing.TB, d database, options ...ehpctest.Option) *world {
	options = append(options, ehpctest.WithCluster(ehpctest.ClusterID, ehpctest.Zone), ehpctest.WithJobTime(60*time.Millisecond))
	w := &world{
		t: t, slack: slacktest.NewServer(), api: ehpctest.NewServer(options...), log: &journal{}, address: d.make(t),
		points: &points{passed: map[point]int{}}, killed: make(chan struct{}),
	}
	t.Cleanup(w.api.Close)
	t.Cleanup(w.slack.Close)
	t.Cleanup(func() {
		if p := w.running(); p != nil {
			p.kill()
		}
		require.NotContains(t, w.log.String(), "panic recovery", "a job panicked")
		if t.Failed() {
			t.Logf("the program said:\n%s", w.log)
		}
	})
	w.applicants("isabel", "anna", "otto")
	w.slack.AddChannel(slacktest.Channel{ID: channel, Name: "hpc-approvals", BotIsMember: true})
	w.points.watch(w.slack, w.api)
	w.env = w.environment(d)
	return w
}

// environment is the configuration of the program.
func (w *world) environment(d database) map[string]string {
	env := map[string]string{
		"SLACK_API_URL": w.slack.APIURL(), "SLACK_APP_TOKEN": slacktest.AppToken, "SLACK_BOT_TOKEN": slacktest.BotToken,
		"EHPC_ENDPOINT": w.api.URL, "EHPC_CLUSTERS": ehpctest.ClusterID + "@" + ehpctest.Zone,
		"QINGCLOUD_ACCESS_KEY_ID": ehpctest.AccessKeyID, "QINGCLOUD_SECRET_ACCESS_KEY": ehpctest.SecretAccessKey,
		"APPROVAL_CHANNEL": channel, "APPROVERS": anna + "," + otto, "DATABASE_URL": w.address, "HTTP_ADDR": "", "REQUESTS_PER_MINUTE": "0",
		"EHPCBOT_CRASHPOINTS": w.points.listen(w.t), "LOG_LEVEL": "debug",
	}
	if d.name == postgres.name {
		env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	}
	return env
}

// applicant is a person with an account of their own to ask for.
type applicant struct{ id, username string }

func (w *world) applicants(usernames ...string) []applicant {
	all := make([]applicant, len(usernames))
	for i, name := range usernames {
		all[i] = applicant{"U0" + strings.ToUpper(name), name}
		w.slack.AddUser(slacktest.User{ID: all[i].id, Name: name, RealName: name, Locale: "en-US"})
	}
	return all
}

func (w *world) running() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.process
}

// start starts the program.
func (w *world) start() {
	p := start(w.t, w.log, w.env)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
}

// restart kills the program and starts it anew, once Slack has noticed.
func (w *world) restart() {
	w.running().kill()
	w.wait(func() bool { return w.slack.Connections() == 0 })
	w.start()
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.killed)
	w.killed = make(chan struct{})
}

// act does what a person does, again and again until it is acknowledged, as people do who see an error. Whoever
// waits for a program that was killed sees it at once, where with Slack it takes three seconds.
func (w *world) act(do func(context.Context) slacktest.Reply) (reply slacktest.Reply, times int) {
	w.t.Helper()
	for times = 1; ; times++ {
		w.wait(func() bool { return w.slack.Connections() > 0 })
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		w.mu.Lock()
		killed := w.killed
		w.mu.Unlock()
		go func() {
			select {
			case <-killed:
				cancel()
			case <-ctx.Done():
			}
		}()
		reply = do(ctx)
		cancel()
		if reply.Err == nil {
			return reply, times
		}
		require.Less(w.t, times, 20, "still not acknowledged: %v", reply.Err)
		<-time.After(time.Duration(times-1) * 50 * time.Millisecond) // who fails again takes more time
	}
}

// types has somebody type a command until it is acknowledged, once more where a machine that is slow could not store it.
func (w *world) types(who, words string) (said string, times int) {
	w.t.Helper()
	said = unstored
	for strings.Contains(said, unstored) {
		require.Less(w.t, times, 20, said)
		reply, tries := w.act(func(ctx context.Context) slacktest.Reply {
			return w.slack.Person(who).Command(ctx, command, words)
		})
		said, times = reply.Plain(), times+tries
	}
	return said, times
}

// wait waits for something to become true in the workspace.
func (w *world) wait(cond func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	require.NoError(w.t, w.slack.Wait(ctx, cond))
}

// eventually waits for something outside of the workspace.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	eventually(w.t, what, cond)
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			require.FailNow(t, "it took too long", what)
		}
	}
}

// message waits for a message that has a button.
func (w *world) message(list func() []slacktest.Message, text string) (m slacktest.Message, b slacktest.Button) {
	w.t.Helper()
	w.wait(func() bool {
		for _, m = range list() {
			if i := slices.IndexFunc(m.Buttons(), func(b slacktest.Button) bool { return b.Text == text }); i >= 0 {
				b = m.Buttons()[i]
				return true
			}
		}
		return false
	})
	return m, b
}

// press presses a button of a message as the person saw it, which may have changed since.
func (w *world) press(person string, m slacktest.Message, b slacktest.Button) (times int) {
	w.t.Helper()
	_, times = w.act(func(ctx context.Context) slacktest.Reply {
		return w.slack.Person(person).PressAction(ctx, m, slacktest.Action{
			ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style,
		})
	})
	return times
}

// approvals returns what stands in the channel about single requests.
func (w *world) approvals() []slacktest.Message {
	return slices.DeleteFunc(w.slack.Messages(channel), func(m slacktest.Message) bool {
		return holds([]slacktest.Message{m}, "requests are waiting for approval") > 0
	})
}

// requestsOf finds the approval messages of a person's request.
func (w *world) requestsOf(a applicant) func() []slacktest.Message {
	return func() []slacktest.Message {
		return slices.DeleteFunc(w.approvals(), func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), a.username) })
	}
}

// receive waits for the credentials, and says that they are saved.
func (w *world) receive(a applicant) (times int) {
	w.t.Helper()
	m, saved := w.message(w.slack.Person(a.id).DirectMessages, "I have saved it")
	password, made := w.api.Password(ehpctest.ClusterID, a.username)
	require.True(w.t, made, "there is no account")
	require.Contains(w.t, m.Plain(), password, "the credentials hold the account's password")
	return w.press(a.id, m, saved)
}

// settle waits until the program has nothing to do but wait for its timers. A message that was posted a second
// time has buttons until an approver presses one.
func (w *world) settle() {
	w.t.Helper()
	w.db = look(w.t, w.address)
	done := func() bool { return number(w.db, unfinished) == 0 }
	w.eventually("the jobs end", done)
	for withButtons(w.approvals()) > 0 {
		before := withButtons(w.approvals())
		m, b := w.message(w.approvals, "Approve")
		w.press(anna, m, b)
		w.wait(func() bool { return withButtons(w.approvals()) < before })
	}
	w.eventually("the jobs end", done)
}

// holds counts the messages that show or have ever shown a text.
func holds(messages []slacktest.Message, text string) int {
	n := 0
	for _, m := range messages {
		shown := strings.Contains(m.Plain(), text)
		for _, v := range m.History {
			shown = shown || strings.Contains(v.Plain(), text)
		}
		if shown {
			n++
		}
	}
	return n
}

// withButtons counts the messages that still ask for something.
func withButtons(messages []slacktest.Message) int {
	return len(slices.DeleteFunc(messages, func(m slacktest.Message) bool { return len(m.Buttons()) == 0 }))
}
