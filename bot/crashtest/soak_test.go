package crashtest

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// TestSoak lets all that can happen happen together, again and again and each time in another way: three replicas on
// PostgreSQL, and one program on SQLite, work on a hundred requests while they are killed, while Slack ends
// connections, and while both APIs fail, before and after what was asked of them took effect.
func TestSoak(t *testing.T) {
	if soak == "" {
		t.Skip("it takes as long as EHPCBOT_SOAK says, for instance 10m")
	}
	lasts, err := time.ParseDuration(soak)
	require.NoError(t, err, "EHPCBOT_SOAK")
	seed := uint64(time.Now().UnixNano())
	for end := time.Now().Add(lasts); time.Now().Before(end) && !t.Failed(); seed++ {
		soakOnce(t, postgres, 3, seed)
		soakOnce(t, sqlite, 1, seed)
	}
}

func soakOnce(t *testing.T, d database, processes int, seed uint64) {
	const n = 100
	begun := time.Now()
	t.Logf("seed %d", seed)
	r := newReplicas(t, d, processes, nil)
	dice := rand.New(rand.NewPCG(seed, seed))
	kinds := []func(*rand.Rand){r.killOne, r.cutConnection, r.failSlack, r.failSlack, r.failEHPC, r.failEHPC}
	chaos := r.unleash(dice, n, func() { kinds[dice.IntN(len(kinds))](dice) })
	var again atomic.Int32
	all := r.crowd(n)
	r.live(all, &again)
	troubles := chaos()
	r.slack.ClearFaults()
	r.api.ClearFaults()
	r.settle()
	r.wait(func() bool { return r.slack.Connections() == len(r.processes)*connections })
	r.stopAll()
	r.requireAccounts(all)
	calls := r.api.CallCount(ehpctest.ActionAddUser)
	require.LessOrEqual(t, calls-n, troubles, "calls of addUser beyond one for each account, of which only trouble can be the reason")
	notes := r.repeated(all)
	require.LessOrEqual(t, notes, troubles, "messages that were repeated, of which only trouble can be the reason")
	t.Logf("figures: soak on %s: %d of %d accounts with the right credentials, %d calls of addUser, %d times trouble (seed %d), "+
		"%d acts repeated by people, %d messages repeated, in %s",
		d.name, n, n, calls, troubles, seed, again.Load(), notes, time.Since(begun).Round(time.Second))
}

// cutConnection has Slack end connections, in one of its ways.
func (r *replicas) cutConnection(dice *rand.Rand) {
	switch dice.IntN(4) {
	case 0:
		r.slack.DropConnections()
	default:
		r.slack.Disconnect([]string{"warning", "refresh_requested"}[dice.IntN(2)])
	}
}

// failSlack makes one of the next calls of Slack fail, in a way that passes. One that would not for minutes is left
// out: after a 429 for an update the bot makes no more than 50 of them a minute.
func (r *replicas) failSlack(dice *rand.Rand) {
	faults := []slacktest.Fault{
		{DropBefore: true}, {DropAfter: true}, {Error: "internal_error"}, {Error: "fatal_error", AfterEffect: true}, {Status: 500},
		{Status: 503, AfterEffect: true}, {Body: []byte("<html>")}, {Body: []byte("{"), AfterEffect: true}, {Delay: 2 * time.Second},
	}
	method := []string{"chat.update", "chat.postMessage", "apps.connections.open"}[dice.IntN(3)]
	if method != "chat.update" {
		faults = append(faults, slacktest.Fault{RetryAfter: time.Second})
	}
	r.slack.Fail(method, faults[dice.IntN(len(faults))])
}

// failEHPC makes one of the next calls of the EHPC API fail, in a way that passes.
func (r *replicas) failEHPC(dice *rand.Rand) {
	actions := []string{ehpctest.ActionAddUser, ehpctest.ActionListUsers, ehpctest.ActionOperation}
	faults := []ehpctest.Fault{
		{Before: true}, {After: true}, {Code: 5000}, {Code: 5000, Effect: true}, {Code: 5100}, {Code: 5300}, {Code: 2500},
		{Status: 502, Body: []byte("<html>")}, {Status: 502, Body: []byte("<html>"), Effect: true}, {Truncate: true}, {Body: []byte("{}"), Effect: true},
	}
	r.api.Fail(actions[dice.IntN(len(actions))], faults[dice.IntN(len(faults))])
}
