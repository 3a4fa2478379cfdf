package approval_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
)

// approveMany asks for n accounts and approves them all, before the jobs start.
func (b *bench) approveMany(n int) {
	b.t.Helper()
	for i := range n {
		story, err := b.service.Ask(b.t.Context(), approval.Ask{Requester: fmt.Sprintf("U%d", i), Username: fmt.Sprintf("user%d", i)})
		require.NoError(b.t, err)
		_, err = b.service.Approve(b.t.Context(), story.ID, anna)
		require.NoError(b.t, err)
	}
}

func (b *bench) count(state approval.State) int {
	b.t.Helper()
	counts, err := b.service.Counts(b.t.Context())
	require.NoError(b.t, err)
	return counts[state]
}

// counted counts the jobs that are about to look a username up.
type counted struct {
	approval.Accounts
	jobs atomic.Int64
}

func (c *counted) Turn(ctx context.Context, r ehpc.Request) (*ehpc.Turn, error) {
	c.jobs.Add(1)
	return c.Accounts.Turn(ctx, r)
}

// TestBurst holds what a burst may cost: 1.2 calls of the EHPC API for an account. The API answers the first
// question of each kind only when all jobs have come as far, so that the figure does not hang on the machine.
func TestBurst(t *testing.T) {
	t.Parallel()
	const taken = 20 / min(slow, 4)
	const n = 6 * taken
	b := setup(t, sqliteURL(t), nil)
	for i := range taken {
		b.api.AddExisting(cluster, fmt.Sprintf("user%d", 6*i), "Old-pass&word1A")
	}
	var jobs *counted
	b.wrap = func(a approval.Accounts) approval.Accounts { jobs = &counted{Accounts: a}; return jobs }
	b.api.OnCall(func(c ehpctest.Call, phase string) {
		switch {
		case phase != ehpctest.PhaseAfter:
		case c.Action == ehpctest.ActionListUsers:
			b.eventually(func() bool { return jobs.jobs.Load() >= n }, func() string { return "not all jobs have come" })
		case c.Action == ehpctest.ActionOperation:
			b.eventually(func() bool { return b.api.CallCount(ehpctest.ActionAddUser) >= n-taken }, func() string { return "not all accounts are asked for" })
		}
	})
	b.approveMany(n)
	b.work()
	b.eventually(func() bool { return b.count(approval.Delivered)+b.count(approval.Failed) == n },
		func() string { return fmt.Sprintf("%d of %d delivered", b.count(approval.Delivered), n) })
	require.Equal(t, taken, b.count(approval.Failed), "an account that was there before was taken for ours")
	for id := int64(1); id <= n; id++ {
		story := b.story(id)
		if story.State == approval.Delivered {
			b.requireCredentials(story)
		} else {
			require.Equal(t, approval.FailureTaken, story.Failure)
		}
	}
	calls := float64(len(b.api.Calls())) / (n - taken)
	if slow == 1 { // those that the race detector makes come one by one have nothing to share
		t.Logf("figures: %d accounts: %.2f calls for each", n-taken, calls)
		require.LessOrEqual(t, calls, 1.2)
	}
}

// TestQuotaUsedUp approves more than the quota of the hour allows: the oldest get their accounts, the others and
// the approvers are told at once that they have to wait, and a stop and a start lose none.
func TestQuotaUsedUp(t *testing.T) {
	t.Parallel()
	const n, quota = 40, 20
	b := setup(t, sqliteURL(t), nil)
	b.calls = quota
	b.approveMany(n)
	b.work()
	made := func(id int64) bool { return b.api.AddUserEffects(cluster, fmt.Sprintf("user%d", id-1)) > 0 }
	told := func(id int64) bool { return len(b.told.said(fmt.Sprintf("notify %d approved", id))) > 0 }
	var waiting []int64
	b.eventually(func() bool {
		waiting = nil
		for id := int64(1); id <= n; id++ {
			switch {
			case made(id):
			case told(id):
				waiting = append(waiting, id)
			default:
				return false
			}
		}
		return len(waiting) >= n-quota
	}, func() string { return fmt.Sprintf("of %d requests, these are told to wait: %d", n, waiting) })
	require.Less(t, len(waiting), n-quota/2)
	if slow == 1 { // the race detector has them arrive over seconds
		require.Equal(t, n-int64(len(waiting))+1, waiting[0], "not the oldest first")
	}
	for _, id := range waiting {
		story := b.story(id)
		require.Equal(t, approval.Approved, story.State)
		require.Equal(t, approval.WaitingAPI, story.Failure)
		require.Contains(t, story.FailureDetail, "limit of calls per hour reached: next call in ")
		require.Len(t, b.told.said(fmt.Sprintf("notify %d ", id)), 1)
	}

	b.calls = 0 // an administrator has raised it
	start := time.Now()
	b.restart()
	require.Less(t, time.Since(start), 10*time.Second, "those who wait hold up the stop")
	b.eventually(func() bool { return b.count(approval.Delivered) == n }, func() string {
		return fmt.Sprintf("%d of %d delivered", b.count(approval.Delivered), n)
	})
	for id := int64(1); id <= n; id++ {
		b.requireCredentials(b.story(id))
	}
}

// TestQuotaOutlivesTheProcess restarts in the midst of a burst, in order and not: the calls of the hour stay used.
func TestQuotaOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"in order": 2 * time.Second, "cut off": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const quota = 30
			b := setup(t, sqliteURL(t), nil)
			b.calls, b.grace = quota, grace
			b.approveMany(2 * quota)
			b.work()
			b.eventually(func() bool { return len(b.api.Calls()) >= quota-1 }, func() string { return "the quota is not used up" })
			b.eventually(func() bool { left, found := b.leftOfQuota(); return found && left < 3 }, func() string { return "it is not stored" })
			b.restart()
			waiting := func(id int64) bool { return len(b.told.said(fmt.Sprintf("notify %d approved", id))) > 0 }
			b.eventually(func() bool { return waiting(2 * quota) }, func() string { return "the last one is not told to wait" })
			require.LessOrEqual(t, len(b.api.Calls()), quota+2)
		})
	}
}

// leftOfQuota reads what the next process would begin with.
func (b *bench) leftOfQuota() (calls float64, found bool) {
	b.t.Helper()
	err := b.db.Write(b.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT calls FROM quota`).Scan(&calls)
	})
	return calls, err == nil
}

// BenchmarkBurst measures how long a thousand approved requests take until all credentials are handed over, with an
// EHPC that answers at once, and how long others wait meanwhile who ask for something.
func BenchmarkBurst(b *testing.B) {
	const n = 1000
	o := setup(b, sqliteURL(b), nil)
	o.approveMany(n)
	start := time.Now()
	o.work()
	var slowest time.Duration
	often := time.NewTicker(20 * time.Millisecond)
	defer often.Stop()
	for i := 0; o.count(approval.Delivered) < n; i++ {
		<-often.C
		asked := time.Now()
		_, err := o.service.Ask(b.Context(), approval.Ask{Requester: fmt.Sprintf("UX%d", i), Username: fmt.Sprintf("x%d", i)})
		require.NoError(b, err)
		slowest = max(slowest, time.Since(asked))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(time.Since(start).Seconds(), "s")
	b.ReportMetric(float64(slowest)/float64(time.Millisecond), "slowest-ask-ms")
	b.ReportMetric(float64(len(o.api.Calls()))/n, "EHPC-calls/account")
}
