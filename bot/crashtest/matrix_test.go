package crashtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc/ehpctest"
)

// flow is how the credentials are handed over, and what the requester does with them.
type flow struct {
	name string
	env  map[string]string
	take func(*life)
	end  func(*life) // judges what is at the end
}

var byMessage = flow{name: "message", take: (*life).takeMessage, end: (*life).judgeMessage}

// TestMatrix lets the program live through one whole flow, from the command to "I have saved it", and counts
// its steps: every call of Slack and of the EHPC API, and every commit. Then, for each of them, the flow is
// lived through anew, and the program killed right before the step takes effect, or right after. With the button, the points
// are left out that the other flow has as well.
func TestMatrix(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, d database) {
		var before []point
		for _, f := range []flow{byMessage, byButton} {
			passed := runMatrix(t, d, f, (*life).live, func(all []point) []point { return choose(all, before) })
			before = append(before, passed...)
		}
	})
}

// onDatabases runs a test on SQLite, and in a full run on PostgreSQL as well.
func onDatabases(t *testing.T, test func(*testing.T, database)) {
	databases := []database{sqlite}
	if full {
		databases = append(databases, postgres)
	}
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// besideTheUsual chooses among the points that the usual life does not pass.
func besideTheUsual(t *testing.T, d database) func([]point) []point {
	before := pointsOf(t, d, byMessage, (*life).live)
	return func(all []point) []point { return choose(all, before) }
}

// choose keeps all points that no flow before has had, and of these every twenty-third in a plain run: some are before what
// happens there, and some after it.
func choose(all, before []point) []point {
	var kept []point
	for i, at := range slices.DeleteFunc(slices.Clone(all), func(at point) bool { return slices.Contains(before, at) }) {
		if full || i%23 == 0 {
			kept = append(kept, at)
		}
	}
	return kept
}

// runMatrix lives a life through, and then again and again with a kill at each of the points that are chosen. It returns
// all points.
func runMatrix(t *testing.T, d database, f flow, live func(*life), choose func([]point) []point) []point {
	begun := time.Now()
	all := pointsOf(t, d, f, live)
	m := &matrix{flow: f, live: live}
	m.run(t, d, choose(all))
	t.Logf("one life on %s by %s passes %d points: %s", d.name, f.name, len(all), count(all))
	t.Logf("figures: %s, %s: %s, in %s", d.name, f.name, m, time.Since(begun).Round(time.Second))
	return all
}

// pointsOf lives a life through, and returns its points.
func pointsOf(t *testing.T, d database, f flow, live func(*life)) []point {
	whole := newLife(t, d, f, point{})
	live(whole)
	return whole.points.all()
}

// matrix is what came of all lives.
type matrix struct {
	flow flow
	live func(*life)

	mu       sync.Mutex
	survived int
	lives    int      // those that were cut off
	missed   []string // points that no life came to
	repeats  []string // points after which a message was posted twice
}

// seats are what there is room for: lives that are lived at the same time. Most of each is waiting; but with more, people wait
// for longer than Slack does on a small machine.
var seats = make(chan struct{}, 8)

func (m *matrix) run(t *testing.T, d database, targets []point) {
	var lives sync.WaitGroup
	for _, target := range targets {
		seats <- struct{}{}
		lives.Go(func() {
			defer func() { <-seats }()
			m.one(t, d, target)
		})
	}
	lives.Wait()
}

// tries is how many lives are lived to come to a point. Some steps come and go with time.
const tries = 5

// one lives until the program was killed at the target.
func (m *matrix) one(t *testing.T, d database, target point) {
	reached, survived, repeated := false, true, 0
	for try := 0; try < tries && survived && !reached; try++ {
		survived = t.Run(target.String(), func(t *testing.T) { // may be called side by side
			l := newLife(t, d, m.flow, target)
			m.live(l)
			reached, repeated = l.points.reached(), l.repeated
		})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if survived && !reached {
		m.missed = append(m.missed, target.String())
		return
	}
	m.lives++
	if survived {
		m.survived++
	}
	if repeated > 0 {
		m.repeats = append(m.repeats, fmt.Sprintf("%s (%d)", target, repeated))
	}
}

func (m *matrix) String() string {
	text := fmt.Sprintf("survived %d of %d; messages repeated after %d points, credentials after none", m.survived, m.lives, len(m.repeats))
	if len(m.repeats) > 0 {
		slices.Sort(m.repeats)
		text += ": " + strings.Join(m.repeats, ", ")
	}
	if len(m.missed) > 0 {
		slices.Sort(m.missed)
		text += fmt.Sprintf("; %d more points, which come and go with time, were not met again: %s", len(m.missed), strings.Join(m.missed, ", "))
	}
	return text
}

// life is one flow, with a kill in it.
type life struct {
	*world
	flow     flow
	target   point
	aimed    bool // the program is to be killed there from now on
	repeated int  // messages that were posted again
}

func newLife(t testing.TB, d database, f flow, target point) *life {
	l := &life{world: newWorld(t, d), flow: f, target: target}
	maps.Copy(l.env, f.env)
	return l
}

// aim has the program killed at its target, if there is one. The points from now on count.
func (l *life) aim() {
	l.aimed = true
	l.points.forget()
	if l.target != (point{}) {
		l.points.aim(l.target, l.restart)
	}
}

// live lets people act, each after having seen what came before, and checks what there is at the end.
func (l *life) live() {
	l.aim()
	l.start()
	l.ask()
	l.approve()
	l.flow.take(l)
	l.settle()
	l.judge()
}

func (l *life) ask() {
	l.t.Helper()
	said, _ := l.types(isabel, `isabel reason="thesis project"`)
	require.Contains(l.t, said, "isabel", "what the requester is told")
	if l.target == (point{"commit INSERT request", "after", 1}) && l.aimed {
		require.Contains(l.t, said, "already", "the answer to a command that was stored and not acknowledged")
	}
}

func (l *life) approve() {
	l.t.Helper()
	m, approve := l.message(l.approvals, "Approve")
	untaken := func() int { return holds(l.slack.Person(anna).Ephemerals(), unstored) }
	times := 0
	for stored := false; !stored; { // once more where a machine that is slow could not store it
		before := untaken()
		times += l.press(anna, m, approve)
		l.wait(func() bool {
			stored = holds(l.approvals(), "Approved by <@"+anna+">") > 0
			return stored || untaken() > before
		})
	}
	if l.target == (point{"commit INSERT decision", "after", 1}) {
		require.GreaterOrEqual(l.t, times, 2)
		// The answer to a press that was stored and not acknowledged.
		l.wait(func() bool { return holds(l.slack.Person(anna).Ephemerals(), "already") > 0 })
	}
}

// takeMessage says that the credentials are saved, once more where a machine that is slow could not store it.
func (l *life) takeMessage() {
	l.t.Helper()
	untaken := func() int { return holds(l.slack.Person(isabel).Ephemerals(), unstored) }
	for saved := false; !saved; {
		before := untaken()
		l.receive(applicant{isabel, "isabel"})
		l.wait(func() bool {
			saved = holds(l.slack.Person(isabel).DirectMessages(), "You have saved the password") > 0
			return saved || untaken() > before
		})
	}
}

func (l *life) password() string {
	l.t.Helper()
	password, made := l.api.Password(ehpctest.ClusterID, "isabel")
	require.True(l.t, made, "there is no account")
	return password
}

// stop ends the program in order. One that is killed in the midst of that is started again.
func (l *life) stop() {
	l.t.Helper()
	for {
		p := l.running()
		l.wait(func() bool { return l.slack.Connections() > 0 })
		code := p.stop()
		if code == 0 {
			return
		}
		require.True(l.t, l.points.reached(), "the exit code is %d", code)
		l.eventually("the program is started again", func() bool { return l.running() != p })
	}
}

// judge checks the promises.
func (l *life) judge() {
	l.t.Helper()
	l.stop()
	password := l.password()
	require.Equal(l.t, 1, l.api.AddUserEffects(ehpctest.ClusterID, "isabel"), "accounts made")
	require.Equal(l.t, []string{"isabel"}, l.api.Users(ehpctest.ClusterID))
	l.flow.end(l)
	requireSound(l.t, l.address, l.db, 1)

	direct, approvals := l.slack.Person(isabel).DirectMessages(), l.approvals()
	require.Zero(l.t, holds(approvals, password))
	for _, m := range direct {
		require.NotContains(l.t, m.Plain(), password, "credentials that are still shown")
	}
	for _, n := range l.slack.Person(isabel).Notifications() {
		require.NotContains(l.t, n.Mobile+n.Desktop, password, "a notification")
	}
	require.NotContains(l.t, l.log.String(), password, "the log")
	require.Empty(l.t, l.slack.Violations())
}

func (l *life) judgeMessage() {
	l.t.Helper()
	direct, approvals, password := l.slack.Person(isabel).DirectMessages(), l.approvals(), l.password()
	require.Equal(l.t, 1, holds(direct, password), "messages that ever held the credentials")
	require.Equal(l.t, 1, holds(direct, "You have saved the password"), "the requester is told of the end")
	for _, m := range approvals {
		if m.Thread == "" {
			require.Contains(l.t, m.Plain(), "got the credentials", "the approvers are told of the end")
		}
	}
	l.repeated = len(direct) + len(approvals) - 2
}
