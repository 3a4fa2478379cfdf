package crashtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// replicas are programs on one database, of which SQLite takes one alone, each with connections of its own to one workspace.
type replicas struct {
	*world
	mu        sync.Mutex
	processes []*process
}

// connections is how many each replica has. Slack allows ten in all.
const connections = 2

func newReplicas(t *testing.T, d database, n int, env map[string]string) *replicas {
	r := &replicas{world: newWorld(t, d)}
	delete(r.env, "EHPCBOT_CRASHPOINTS")
	r.env["SLACK_CONNECTIONS"] = fmt.Sprint(connections)
	maps.Copy(r.env, env)
	r.processes = make([]*process, n)
	t.Cleanup(func() {
		for _, p := range r.processes {
			if p != nil {
				p.kill()
			}
		}
	})
	for i := range n { // one after the other, so that the connections of each stand side by side
		r.launch(i)
		r.wait(func() bool { return r.slack.Connections() == (i+1)*connections })
	}
	next := 0
	r.slack.SetRouting(func(n int) int { // from each replica to the next, and over all connections of each
		next++
		return (next*connections + next/max(n/connections, 1)) % n
	})
	return r
}

func (r *replicas) launch(i int) {
	p := start(r.t, r.log, r.env)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.processes[i] = p
}

func (r *replicas) replica(i int) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.processes[i]
}

// stopAll ends all replicas in order.
func (r *replicas) stopAll() {
	r.t.Helper()
	for i := range r.processes {
		require.Equal(r.t, 0, r.replica(i).stop(), "the exit code")
	}
}

// crowd makes n people.
func (r *replicas) crowd(n int) []applicant {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("r%04d", i)
	}
	return r.applicants(names...)
}

// ask types the command until it is acknowledged. done tells whether what was not acknowledged at first had been
// done nevertheless.
func (r *replicas) ask(a applicant) (times int, done bool) {
	r.t.Helper()
	said, times := r.types(a.id, a.username)
	require.Contains(r.t, said, a.username)
	return times, times == 1 || strings.Contains(said, "already")
}

// TestReplicas lets three programs share the work, while one after the other is killed and started again at
// random, and two approvers press at the same time.
func TestReplicas(t *testing.T) {
	t.Parallel()
	n := 12
	if full {
		n = 200
	}
	const seed = 20261123
	r := newReplicas(t, postgres, 3, nil)
	dice := rand.New(rand.NewPCG(seed, seed))
	chaos := r.unleash(dice, n/2, func() { r.killOne(dice) })
	begun := time.Now()
	var again atomic.Int32
	all := r.crowd(n)
	r.live(all, &again)
	kills := chaos()
	r.settle()
	r.wait(func() bool { return r.slack.Connections() == len(r.processes)*connections })
	r.stopAll()
	r.requireAccounts(all)
	calls := r.api.CallCount(ehpctest.ActionAddUser)
	require.LessOrEqual(t, calls-n, kills, "calls of addUser beyond one for each account, of which only a kill can be the reason")
	notes := r.repeated(all)
	require.LessOrEqual(t, notes, kills, "messages that were repeated, of which only a kill can be the reason")
	t.Logf("figures: replicas: %d of %d accounts with the right credentials, %d calls of addUser, %d kills (seed %d), "+
		"%d acts repeated by people, %d messages repeated, in %s",
		n, n, calls, kills, seed, again.Load(), notes, time.Since(begun).Round(time.Second))
}

// live lives through the requests of all these people, some at a time.
func (r *replicas) live(all []applicant, again *atomic.Int32) {
	lives := make(chan applicant, len(all))
	for _, a := range all {
		lives <- a
	}
	close(lives)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for a := range lives {
				again.Add(int32(r.one(a)))
			}
		})
	}
	workers.Wait()
}

// one is one request, from the command to the end. It returns how often people had to repeat something.
func (r *replicas) one(a applicant) (again int) {
	again, _ = r.ask(a)
	again--
	m, approve := r.message(r.requestsOf(a), "Approve")
	var approvers sync.WaitGroup
	presses := make([]int, 2)
	for i, person := range []string{anna, otto} {
		approvers.Go(func() { presses[i] = r.press(person, m, approve) - 1 })
	}
	approvers.Wait()
	again += presses[0] + presses[1]
	return again + r.receive(a) - 1
}

// killOne kills a replica and starts it again.
func (r *replicas) killOne(dice *rand.Rand) {
	i := dice.IntN(len(r.processes))
	r.replica(i).kill()
	r.launch(i)
}

// unleash makes trouble at random moments, that is after a random number of calls, until it is called off, but
// most times at the most. The function that it returns calls it off and says how often that was.
func (r *replicas) unleash(dice *rand.Rand, most int, trouble func()) (callOff func() int) {
	var mu sync.Mutex
	left, times := 30, 0
	due := make(chan struct{}, 1)
	r.slack.OnCall(func(slacktest.Call, string) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			due <- struct{}{}
		}
	})
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for times < most {
			select {
			case <-due:
			case <-over:
				return
			}
			trouble()
			times++
			mu.Lock()
			left = 10 + dice.IntN(40)
			mu.Unlock()
		}
	}()
	return func() int {
		close(over)
		<-done
		return times
	}
}

// requireAccounts checks the promises for each request.
func (r *replicas) requireAccounts(all []applicant) {
	r.t.Helper()
	requireSound(r.t, r.address, r.db, len(all))
	require.Len(r.t, r.api.Users(ehpctest.ClusterID), len(all))
	for _, a := range all {
		password, made := r.api.Password(ehpctest.ClusterID, a.username)
		require.True(r.t, made)
		require.Equal(r.t, 1, r.api.AddUserEffects(ehpctest.ClusterID, a.username), "accounts made of %s", a.username)
		require.Equal(r.t, 1, holds(r.slack.Person(a.id).DirectMessages(), password), "messages that ever held the credentials")
		require.Zero(r.t, holds(r.approvals(), password))
	}
	require.Empty(r.t, r.slack.Violations())
}

// repeated counts the messages beyond one to the approvers and one to the requester.
func (r *replicas) repeated(all []applicant) int {
	n := len(r.approvals()) - len(all)
	for _, a := range all {
		n += len(r.slack.Person(a.id).DirectMessages()) - 1
	}
	return n
}

// TestTimers lets requests wait for a decision that never comes, on three replicas: each is reminded of and passed on
// once, and each requester is told once of either, and that the request has expired.
func TestTimers(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, postgres, 3, map[string]string{"APPROVAL_REMINDER": "1s", "APPROVAL_EXPIRY": "15s", "APPROVERS_FALLBACK": "U0HERA"})
	all := r.crowd(5)
	for _, a := range all {
		r.ask(a)
	}
	r.wait(func() bool { return len(r.approvals()) == 3*len(all) })
	r.wait(func() bool { return withButtons(r.approvals()) == 0 })
	r.db = look(t, r.address)
	r.eventually("the jobs end", func() bool { return number(r.db, unfinished) == 0 })
	r.stopAll()
	require.Equal(t, len(all), holds(r.approvals(), "Reminder"), "reminders")
	require.Equal(t, len(all), holds(r.approvals(), "please decide on request"), "passed on")
	for _, a := range all {
		require.Len(t, r.slack.Person(a.id).DirectMessages(), 3)
		require.Equal(t, 1, holds(r.slack.Person(a.id).DirectMessages(), "I have reminded"))
		require.Equal(t, 1, holds(r.slack.Person(a.id).DirectMessages(), "It is now also the turn"))
		require.Equal(t, 1, holds(r.slack.Person(a.id).DirectMessages(), "has expired"))
	}
	require.Empty(t, r.slack.Violations())
	t.Logf("figures: timers: %d requests on three replicas, %d reminders, %d notices of the end", len(all), len(all), len(all))
}

// TestRollingRestart ends three replicas in order, one after the other, each when its predecessor is replaced,
// while people go on typing commands. What was acknowledged is there. A command that Slack sends over a connection
// at the very moment at which the bot closes it can't be acknowledged, as nothing may follow a WebSocket's close
// frame; it is done all the same, unless it never arrives.
// It runs before all others, as people wait for three seconds and no longer: beside hundreds of kills a machine is slow.
func TestRollingRestart(t *testing.T) {
	onlyFull(t)
	const people = 4
	r := newReplicas(t, postgres, 3, nil)
	all := r.crowd(2000)
	var asked, again, lost atomic.Int32
	over := make(chan struct{})
	var typing sync.WaitGroup
	for first := range people {
		typing.Go(func() {
			for i := first; i < len(all); i += people {
				select {
				case <-over:
					return
				default:
				}
				times, done := r.ask(all[i])
				again.Add(int32(times - 1))
				if !done {
					lost.Add(1)
				}
				asked.Add(1)
			}
		})
	}
	for i := range r.processes {
		made, before := r.slack.ConnectionsMade(), asked.Load()
		require.Equal(t, 0, r.replica(i).stop(), "the exit code")
		r.launch(i)
		r.wait(func() bool {
			return r.slack.ConnectionsMade() >= made+connections && r.slack.Connections() == len(r.processes)*connections &&
				asked.Load() >= before+20
		})
	}
	close(over)
	typing.Wait()
	closed := len(r.processes) * connections
	require.LessOrEqual(t, int(again.Load()), closed*people, "commands that were not acknowledged at first")
	require.LessOrEqual(t, int(lost.Load()), closed, "commands that did not arrive")
	require.Equal(t, int(asked.Load()), number(look(t, r.address), `SELECT count(*) FROM request`), "acknowledged commands that are stored")
	r.stopAll()
	require.Empty(t, r.slack.Violations())
	t.Logf("figures: rolling restart: three replicas replaced, %d commands acknowledged and stored, %d of them typed again, %d of these because they had not arrived",
		asked.Load(), again.Load(), lost.Load())
}

// TestConnectionsToPostgresAreCut ends all connections to PostgreSQL again and again, as a failover or an administrator
// does, while Slack takes its time: each replica loses its sign of life, and none takes the others for dead.
func TestConnectionsToPostgresAreCut(t *testing.T) {
	t.Parallel()
	onlyFull(t)
	const n = 100
	r := newReplicas(t, postgres, 3, nil)
	r.slack.Fail("chat.postMessage", slacktest.Fault{Delay: 300 * time.Millisecond, Times: -1})
	r.slack.Fail("chat.update", slacktest.Fault{Delay: 100 * time.Millisecond, Times: -1})
	r.db = look(t, r.address)
	chaos := r.unleash(rand.New(rand.NewPCG(1, 1)), n/4, func() {
		_, err := r.db.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
	})
	all := r.crowd(n)
	var people sync.WaitGroup
	for some := range slices.Chunk(all, n/8+1) {
		people.Go(func() {
			for _, a := range some {
				r.insist(a)
			}
		})
	}
	people.Wait()
	cuts := chaos()
	require.Positive(t, cuts)
	r.slack.ClearFaults()
	r.settle()
	r.stopAll()
	r.requireAccounts(all)
	t.Logf("figures: connections to PostgreSQL: cut %d times under three replicas, %d of %d accounts with the right credentials, each shown once, "+
		"%d messages repeated", cuts, n, n, r.repeated(all))
}

// insist is one request whose people do everything again until it has come about: they are told when something could
// not be stored.
func (r *replicas) insist(a applicant) {
	r.t.Helper()
	again := func(done func() bool, do func()) {
		for !done() {
			do()
			brief, cancel := context.WithTimeout(r.t.Context(), 2*time.Second)
			_ = r.slack.Wait(brief, done)
			cancel()
		}
	}
	again(func() bool { return len(r.requestsOf(a)()) > 0 }, func() {
		r.act(func(ctx context.Context) slacktest.Reply {
			return r.slack.Person(a.id).Command(ctx, command, a.username)
		})
	})
	pressed := func(list func() []slacktest.Message, text string) func() bool {
		return func() bool {
			return !slices.ContainsFunc(list(), func(m slacktest.Message) bool {
				return slices.ContainsFunc(m.Buttons(), func(b slacktest.Button) bool { return b.Text == text })
			})
		}
	}
	again(pressed(r.requestsOf(a), "Approve"), func() {
		m, approve := r.message(r.requestsOf(a), "Approve")
		r.press(anna, m, approve)
	})
	r.message(r.slack.Person(a.id).DirectMessages, "I have saved it")
	again(pressed(r.slack.Person(a.id).DirectMessages, "I have saved it"), func() { r.receive(a) })
}

// TestReplicaStandsStill stops a replica with a call of addUser in hand, and lets it go on much later. Meanwhile another
// makes the account; what the first one does when it is back harms nothing, and what somebody asked of it in between,
// and has asked of the other since, it does not do.
func TestReplicaStandsStill(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, postgres, 2, nil)
	require.Equal(t, 0, r.replica(1).stop())
	r.wait(func() bool { return r.slack.Connections() == connections })
	r.slack.SetRouting(func(n int) int { return n - 1 }) // to the one that was started last
	all := r.applicants("first", "second")
	stopped := make(chan struct{})
	var once sync.Once
	r.api.OnCall(func(c ehpctest.Call, phase string) {
		if c.Action == ehpctest.ActionAddUser && phase == ehpctest.PhaseAfter {
			once.Do(func() {
				r.replica(0).signal(syscall.SIGSTOP)
				close(stopped)
			})
		}
	})
	r.ask(all[0])
	r.approve(all[0])
	<-stopped
	brief, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	require.Error(t, r.slack.Person(all[1].id).Command(brief, command, all[1].username).Err, "nobody is there")
	began := time.Now()
	r.launch(1)
	r.wait(func() bool { return r.slack.Connections() == 2*connections })
	r.insist(all[1]) // it may have stopped in the midst of a transaction, which others wait for
	r.insist(all[0])
	took := time.Since(began)
	r.replica(0).signal(syscall.SIGCONT)
	r.eventually("it does not do what was asked of it", func() bool { // be it read by then, or later, or with the connection lost
		said := r.log.String()
		return strings.Contains(said, "while this process stood still") || strings.Contains(said, "could not be stored") ||
			strings.Contains(said, "the connection has gone silent")
	})
	r.settle()
	r.stopAll()
	r.requireAccounts(all)
	t.Logf("figures: a replica that stands still: another has taken its job over and ended it after %s; nothing was done twice", took.Round(time.Second))
}
