package approval_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
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

func (c *counted) Reserve(ctx context.Context) error {
	c.jobs.Add(1)
	return c.Accounts.Reserve(ctx)
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
	t.Logf("%d accounts: %.2f calls for each", n-taken, calls)
	if slow == 1 { // those that the race detector makes come one by one have nothing to share
		require.LessOrEqual(t, calls, 1.2)
	}
}
