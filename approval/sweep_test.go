package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

// TestJobsAreGone takes all jobs away, as a backup does that is restored, of a request in each state. At the next start
// they are put back, and each request goes on.
func TestJobsAreGone(t *testing.T) {
	t.Parallel()
	gone := func(b *bench) {
		b.stop()
		db := raw(b.t, b.url)
		defer db.Close()
		do(b.t, db, `DELETE FROM river_job`)
	}
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		t.Run("pending", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), func(c *approval.Config) { c.Reminder, c.Expiry = 100*time.Millisecond, 8*time.Second })
			asked := b.ask("isabel")
			gone(b)
			b.restart()
			b.eventually(func() bool { return len(b.told.said("refresh 1 pending")) > 0 }, func() string { return "the approvers don't see it" })
			b.eventually(func() bool { return len(b.told.said("remind")) == 1 }, func() string { return "the approvers are not reminded" })
			b.reach(asked.ID, approval.Expired)
		})
		t.Run("approved", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			asked := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			gone(b)
			b.restart()
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		})
		t.Run("provisioning, and provisioned", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			b.api.HangJobs(true)
			b.told.fail("deliver", 1000)
			b.work()
			asked := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.reach(asked.ID, approval.Provisioning)
			gone(b)
			b.restart()
			b.api.HangJobs(false)
			b.reach(asked.ID, approval.Provisioned)
			gone(b)
			b.told.fail("deliver", 0)
			b.restart()
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		})
		t.Run("delivered, and failed", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), func(c *approval.Config) { c.CredentialsTTL, c.Expiry = 3*time.Second, 3*time.Second })
			b.work()
			delivered := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(delivered.ID), anna)
			require.NoError(t, err)
			b.reach(delivered.ID, approval.Delivered)
			b.api.FailJobs(1)
			failed := b.fails("nina", approval.FailureJob)
			version := b.story(failed.ID).Version
			gone(b)
			b.restart()
			b.eventually(func() bool { return !b.story(delivered.ID).ClearedAt.IsZero() }, func() string { return "the credentials are not cleared" })
			b.eventually(func() bool { return b.story(failed.ID).Version > version }, func() string { return "the sealed password is not erased" })
		})
	})
}

// How long the oldest request waits for nobody but the bot is told, and no request that waits for people counts.
func TestLongestWait(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		wait := func() time.Duration {
			wait, err := b.service.LongestWait(t.Context())
			require.NoError(t, err)
			return wait
		}
		b.ask("pending")
		b.passed.Add(int64(time.Hour))
		require.Zero(t, wait())
		first := b.approve(cluster, "isabel")
		b.passed.Add(int64(10 * time.Minute))
		b.approve(cluster, "nina")
		b.passed.Add(int64(time.Minute))
		require.InDelta(t, 11*time.Minute, wait(), float64(10*time.Second))
		b.work()
		b.reach(first.ID, approval.Delivered)
		b.reach(first.ID+1, approval.Delivered)
		require.Zero(t, wait())
	})
}
