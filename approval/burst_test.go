package approval_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
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

// TestBurst holds what a burst may cost: 1.2 calls of the EHPC API for an account.
func TestBurst(t *testing.T) {
	t.Parallel()
	const n = 300 / slow
	b := setup(t, sqliteURL(t), nil)
	for i := range n / 10 {
		b.api.AddExisting(cluster, fmt.Sprintf("user%d", 10*i), "Old-pass&word1A") // taken before
	}
	b.approveMany(n)
	b.work()
	b.eventually(func() bool { return b.count(approval.Delivered)+b.count(approval.Failed) == n },
		func() string { return fmt.Sprintf("%d of %d delivered", b.count(approval.Delivered), n) })
	require.Equal(t, n/10, b.count(approval.Failed), "an account that was there before was taken for ours")
	for id := int64(1); id <= n; id++ {
		story := b.story(id)
		if story.State == approval.Delivered {
			b.requireCredentials(story)
		} else {
			require.Equal(t, approval.FailureTaken, story.Failure)
		}
	}
	calls := float64(len(b.api.Calls())) / n
	t.Logf("%d accounts: %.2f calls for each", n, calls)
	if slow == 1 { // else too few of them come together
		require.LessOrEqual(t, calls, 1.2)
	}
}
