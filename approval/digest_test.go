package approval_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
)

// With more than five requests that wait there is one digest a day, by one job for all processes.
func TestDigest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), func(c *approval.Config) { c.MaxActive, c.Expiry = 100, 1000*time.Hour })
		began := time.Now().Truncate(time.Second)
		b.stands.Store(&began)
		var runs atomic.Int64
		b.observe = func(kind, _ string) {
			if kind == string(approval.DigestJob) {
				runs.Add(1)
			}
		}
		jobs := func() (n int) {
			require.NoError(t, b.db.SQL().QueryRowContext(context.Background(),
				`SELECT count(*) FROM river_job WHERE kind = 'digest' AND state <> 'completed'`).Scan(&n))
			return n
		}
		for i := range 5 {
			b.ask(fmt.Sprint("user", i+1))
		}
		_, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, jobs(), "five are few")

		b.ask("user6")
		var replicas sync.WaitGroup
		for range 8 {
			replicas.Go(func() {
				_, err := b.service.Sweep(t.Context())
				require.NoError(t, err)
			})
		}
		replicas.Wait()
		require.Equal(t, 1, jobs())
		b.work()
		const listed = "digest of 6 1 2 3 4 5 6 0 "
		b.eventually(func() bool { return len(b.told.said(listed)) == 1 }, func() string { return "no digest" })
		b.restart()
		b.hurry(approval.DigestJob, &runs)
		now := began.Add(24*time.Hour - time.Second)
		b.stands.Store(&now)
		b.hurry(approval.DigestJob, &runs)
		require.Len(t, b.told.said(listed), 1, "one a day")
		later := began.Add(48 * time.Hour)
		b.stands.Store(&later)
		b.hurry(approval.DigestJob, &runs)
		b.hurry(approval.DigestJob, &runs)
		require.Len(t, b.told.said(listed), 2, "after an outage one as well")

		_, err = b.service.Deny(t.Context(), b.target(1), anna, "")
		require.NoError(t, err)
		b.hurry(approval.DigestJob, &runs)
		require.Len(t, b.told.said("digest away"), 1)
		b.eventually(func() bool { return jobs() == 0 }, func() string { return "the job stays" })
	})
}

// What somebody may decide of all that waits is told by the rule by which each decision is taken.
func TestDecidable(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
		c.Required, c.Expiry, c.Fallback, c.Approvers = 2, 10*time.Hour, []string{head}, append(c.Approvers, isabel)
	})
	began := time.Now().Truncate(time.Second)
	b.stands.Store(&began)
	old := b.ask("old")
	later := began.Add(6 * time.Hour)
	b.stands.Store(&later)
	b.ask("young")
	_, err := b.service.Approve(t.Context(), b.target(2), anna)
	require.NoError(t, err)
	decidable := func(person string) (ids []int64) {
		stories, err := b.service.Decidable(t.Context(), person)
		require.NoError(t, err)
		for _, s := range stories {
			ids = append(ids, s.ID)
		}
		return ids
	}
	require.Equal(t, []int64{1}, decidable(anna), "on the other she has decided")
	require.Equal(t, []int64{1, 2}, decidable(greta))
	require.Empty(t, decidable(isabel), "both are hers")
	require.Empty(t, decidable(head), "nothing is passed on yet")
	for _, story := range []approval.Story{old, b.story(2)} {
		_, err := b.service.PassOn(t.Context(), story)
		require.NoError(t, err)
	}
	require.Equal(t, []int64{1}, decidable(head), "the other has waited for less than half of its time")
	_, err = b.service.Decidable(t.Context(), "USTRANGER")
	require.Equal(t, approval.KindNotApprover, kindOf(t, err))
	require.Equal(t, []string{"0 decide: not_approver"}, b.refusals())
	over := began.Add(12 * time.Hour)
	b.stands.Store(&over)
	require.Equal(t, []int64{2}, decidable(otto), "the time of the other is over")
}
