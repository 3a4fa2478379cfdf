package approval_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// TestQuotaUsedUp approves more than the quota of the hour allows: the oldest get their accounts, the others and
// the approvers are told at once that they have to wait, and a stop and a start lose none.
func TestQuotaUsedUp(t *testing.T) {
	t.Parallel()
	const n, quota = 24, 12
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.CallsPerHour = quota })
	b.approveMany(n)
	b.work()
	told := func(id int64) bool { return len(b.told.said(fmt.Sprintf("notify %d approved", id))) > 0 }
	var waiting []int64
	b.eventually(func() bool {
		waiting = nil
		for id := int64(1); id <= n; id++ {
			switch {
			case b.api.AddUserEffects(cluster, fmt.Sprintf("user%d", id-1)) > 0:
			case told(id):
				waiting = append(waiting, id)
			default:
				return false
			}
		}
		return len(waiting) >= n-quota
	}, func() string { return fmt.Sprintf("of %d requests, these are told to wait: %d", n, waiting) })
	require.LessOrEqual(t, len(waiting), n-quota/3)
	require.Equal(t, n-int64(len(waiting))+1, waiting[0], "not the oldest first")
	require.LessOrEqual(t, len(b.api.Calls()), quota+1)
	for _, id := range waiting {
		story := b.story(id)
		require.Contains(t, story.FailureDetail, "limit of calls per hour reached: next call in ")
		require.Equal(t, approval.WaitingAPI, story.Failure)
		require.Len(t, b.told.said(fmt.Sprintf("notify %d ", id)), 1)
	}

	b.conf.CallsPerHour = 0 // an administrator has raised it
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
			const quota = 12
			b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.CallsPerHour = quota })
			b.grace = grace
			b.approveMany(2 * quota)
			b.work()
			b.eventually(func() bool { return len(b.api.Calls()) >= quota-1 }, func() string { return "the quota is not used up" })
			b.restart()
			waiting := func(id int64) bool { return len(b.told.said(fmt.Sprintf("notify %d approved", id))) > 0 }
			b.eventually(func() bool { return waiting(2 * quota) }, func() string { return "the last one is not told to wait" })
			require.LessOrEqual(t, len(b.api.Calls()), quota+2)
		})
	}
}

// TestQuotaTrickles has one call a second left, as when others have used the hour's calls up: the account is made as the
// calls come, and none of them is made twice.
func TestQuotaTrickles(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.CallsPerHour = 3600 })
	do(t, raw(t, b.url), fmt.Sprintf(`INSERT INTO quota (one, calls, at) VALUES (1, 0, %d)`, time.Now().UnixMilli()))
	b.work()
	b.approve(cluster, "isabel")
	b.allDelivered(1)
	require.Equal(t, 1, b.api.CallCount(ehpctest.ActionAddUser))
	require.Equal(t, 1, b.api.CallCount(ehpctest.ActionOperation))
	require.LessOrEqual(t, b.api.CallCount(ehpctest.ActionListUsers), 2, "the second to compare it with the others")
}
