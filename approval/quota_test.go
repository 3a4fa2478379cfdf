package approval_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

// opened is a quota on the bench's database, with a clock of its own.
type opened struct {
	*approval.Quota
	passed atomic.Int64
}

func (b *bench) quota(callsPerHour int) *opened {
	q := &opened{Quota: approval.NewQuota(b.db, callsPerHour, b.log)}
	q.SetClock(func() time.Time { return time.Now().Add(time.Duration(q.passed.Load())) })
	return q
}

func (q *opened) later(d time.Duration) { q.passed.Add(int64(d)) }

// takeAll takes calls until there is none left, and returns how many there were.
func (q *opened) takeAll(t *testing.T, most int) (calls int, wait time.Duration) {
	t.Helper()
	for ; calls < most; calls++ {
		if err := q.Take(t.Context()); err != nil {
			var limited *ehpc.LimitedError
			require.ErrorAs(t, err, &limited)
			return calls, limited.RetryAfter
		}
	}
	return calls, 0
}

func TestQuota(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		t.Run("a bucket of an hour", func(t *testing.T) {
			t.Parallel()
			q := setup(t, url(t), nil).quota(360)
			calls, wait := q.takeAll(t, 1000)
			require.Equal(t, 360, calls)
			require.InDelta(t, 10*time.Second, wait, float64(3*time.Second))
			q.later(time.Minute)
			calls, _ = q.takeAll(t, 1000)
			require.InDelta(t, 6, calls, 1)
			q.later(5 * time.Hour)
			calls, _ = q.takeAll(t, 1000)
			require.Equal(t, 360, calls, "it holds more than an hour's calls")
		})
		t.Run("shared, and longer lived than a process", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			one, other := b.quota(1000), b.quota(1000)
			calls, _ := one.takeAll(t, 395)
			more, _ := other.takeAll(t, 10_000)
			require.InDelta(t, 1000, calls+more, 10, "what one process holds is lost to the others, but not more")
			require.LessOrEqual(t, calls+more, 1000)
			require.NoError(t, one.Release(t.Context()))
			left, _ := b.quota(1000).takeAll(t, 1000)
			require.InDelta(t, 1000, calls+more+left, 3)
		})
		t.Run("the API says that there were too many", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			q := b.quota(0)
			_, wait := q.takeAll(t, 100)
			require.Zero(t, wait)
			tooMany := &ehpc.Error{Class: ehpc.ClassBusy, Status: http.StatusTooManyRequests}
			for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
				q.Answered(t.Context(), tooMany)
				_, wait := q.takeAll(t, 1)
				require.InDelta(t, want*time.Second, wait, float64(500*time.Millisecond))
				q.later(wait + time.Millisecond)
				calls, _ := q.takeAll(t, 1)
				require.Equal(t, 1, calls)
			}
			q.Answered(t.Context(), nil)
			q.Answered(t.Context(), tooMany)
			_, wait = q.takeAll(t, 1)
			require.InDelta(t, time.Second, wait, float64(500*time.Millisecond), "the pause does not begin anew after a call that went well")

			tooMany.RetryAfter = 5 * time.Minute
			q.Answered(t.Context(), tooMany)
			_, wait = q.takeAll(t, 1)
			require.InDelta(t, 5*time.Minute, wait, float64(2*time.Second))
			tooMany.RetryAfter = 1000 * time.Hour
			q.Answered(t.Context(), tooMany)
			_, wait = q.takeAll(t, 1)
			require.InDelta(t, time.Hour, wait, float64(2*time.Second))
			q.Answered(t.Context(), errors.New("something else"))
			_, wait = q.takeAll(t, 1)
			require.NotZero(t, wait)
		})
	})
}

// TestQuotaUsedUp approves more than the quota of the hour allows: the oldest get their accounts, the others and
// the approvers are told at once that they have to wait, and a stop and a start lose none.
func TestQuotaUsedUp(t *testing.T) {
	t.Parallel()
	const n, quota = 40, 20
	b := setup(t, sqliteURL(t), func(c *approval.Config) { c.CallsPerHour = quota })
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
			const quota = 30
			b := setup(t, sqliteURL(t), func(c *approval.Config) { c.CallsPerHour = quota })
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
