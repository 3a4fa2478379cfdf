package approval_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// What was true when a request was asked for, and approved, is looked at again before it takes effect.
func TestLookedAtAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*bench) // between two steps
		refused approval.Kind
		failed  approval.Failure // empty: goes back to the approvers
	}{
		"the name is reserved now": {
			change:  func(b *bench) { b.conf.Reserved = append(b.conf.Reserved, "isabel") },
			refused: approval.KindNotAllowed, failed: approval.FailureNotAllowed,
		},
		"the permissions are not allowed now": {
			change:  func(b *bench) { b.conf.AllowedMods = []string{"750"} },
			refused: approval.KindNotAllowed, failed: approval.FailureNotAllowed,
		},
		"the requester has left": {
			change:  func(b *bench) { b.people.answers = map[string]error{isabel: approval.ErrGone} },
			refused: approval.KindGone, failed: approval.FailureGone,
		},
		"the one who approved is no approver now": {
			change: func(b *bench) {
				b.conf.Approvers = slices.DeleteFunc(b.conf.Approvers, func(id string) bool { return id == anna })
			},
		},
		"the one who approved has left": {
			change: func(b *bench) { b.people.say(anna, approval.ErrGone) },
		},
		"more approvals are needed now": {
			change: func(b *bench) { b.conf.Required = 3 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			two := func(c *approval.Config) { c.Required, c.Approvers = 2, []string{anna, otto, staff} }
			asks := func(b *bench) approval.Target {
				story, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Mod: "700"})
				require.NoError(t, err)
				_, err = b.service.Approve(t.Context(), story.Target(), anna)
				require.NoError(t, err)
				return story.Target()
			}
			t.Run("at the decision", func(t *testing.T) {
				t.Parallel()
				b := setup(t, storetest.SQLite(t), two)
				on := asks(b)
				c.change(b)
				b.close()
				b.open()
				story, err := b.service.Approve(t.Context(), on, otto)
				if c.refused != "" {
					require.Equal(t, c.refused, kindOf(t, err))
					return
				}
				require.NoError(t, err)
				require.Equal(t, approval.Pending, story.State)
			})
			t.Run("before the account is made", func(t *testing.T) {
				t.Parallel()
				b := setup(t, storetest.SQLite(t), two)
				on := asks(b)
				story, err := b.service.Approve(t.Context(), on, otto)
				require.NoError(t, err)
				require.Equal(t, approval.Approved, story.State)
				c.change(b)
				b.restart()
				if c.failed != "" {
					require.Equal(t, c.failed, b.reach(1, approval.Failed).Failure)
				} else {
					b.reach(1, approval.Pending)
					_, err := b.service.Approve(t.Context(), on, greta)
					require.NoError(t, err)
					b.reach(1, approval.Delivered)
				}
				require.Equal(t, c.failed == "", b.api.CallCount("addUser") == 1)
			})
		})
	}
}

// What is tried again, or waits for a busy API, is looked at again as well, as long as no call is open.
func TestRetryIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	failed := func(t *testing.T) *bench {
		b := setup(t, storetest.SQLite(t), nil)
		b.api.FailJobs(1)
		b.work()
		b.fails("isabel", approval.FailureJob)
		return b
	}
	t.Run("the requester has left", func(t *testing.T) {
		t.Parallel()
		b := failed(t)
		b.people.say(isabel, approval.ErrGone)
		require.Equal(t, approval.FailureGone, b.retry(1, approval.Failed).Failure)
		require.Equal(t, 1, b.api.CallCount("addUser"))
	})
	t.Run("more approvals are needed", func(t *testing.T) {
		t.Parallel()
		b := failed(t)
		b.conf.Required = 2
		b.restart()
		b.retry(1, approval.Pending)
		require.Empty(t, b.story(1).Sealed)
		_, err := b.service.Approve(t.Context(), b.target(1), otto)
		require.NoError(t, err)
		b.requireCredentials(b.reach(1, approval.Delivered))
	})
	t.Run("the approvals are of an older version", func(t *testing.T) {
		t.Parallel()
		b := failed(t)
		b.close()
		db := raw(t, b.url)
		do(t, db, disarm(false)...)
		do(t, db, `UPDATE event SET mac = ''`, `UPDATE request SET asked_at = NULL`)
		b.open()
		b.work()
		b.retry(1, approval.Pending)
		other := b.approve(cluster, "nina")
		b.requireCredentials(b.reach(other.ID, approval.Delivered))
	})
	t.Run("one's own approval, which is allowed no more", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.AllowSelf = true })
		own, err := b.service.Ask(t.Context(), approval.Ask{Requester: anna, Username: "anna"})
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), own.Target(), anna)
		require.NoError(t, err)
		b.conf.AllowSelf = false
		b.restart()
		b.reach(own.ID, approval.Pending)
	})
}

// An account that was delivered by a later request of the same name is that one's, whatever an earlier one had tried.
func TestRetryAfterALaterRequest(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"UOTHER", isabel} {
		b := setup(t, storetest.SQLite(t), nil)
		b.api.Fail("addUser", ehpctest.Fault{Before: true})
		b.work()
		first := b.approve(cluster, "isabel")
		b.eventually(func() bool { return b.story(first.ID).Failure == approval.WaitingAPI }, func() string { return "it does not wait" })
		b.later(31 * time.Minute)
		b.reach(first.ID, approval.Failed)
		b.api.ClearFaults()
		second, err := b.service.Ask(t.Context(), approval.Ask{Requester: who, Username: "isabel"})
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), second.Target(), anna)
		require.NoError(t, err)
		b.reach(second.ID, approval.Delivered)
		_, err = b.service.Retry(t.Context(), b.target(first.ID), anna)
		require.Equal(t, approval.KindActive, kindOf(t, err))
	}
}

// What is shown while a request is abandoned is taken away again.
func TestAbandonedWhileDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.told.onDeliver = func() {
		_, err := b.service.Abandon(t.Context(), 1, anna)
		require.NoError(t, err)
	}
	b.work()
	b.approve(cluster, "isabel")
	b.reach(1, approval.Failed)
	b.eventually(func() bool { return len(b.told.said("scrub 1 failed")) > 0 }, func() string { return "the credentials stay in sight" })
	_, err := b.service.Clear(t.Context(), b.target(1), isabel)
	require.NoError(t, err)
}

// An earlier request whose job has failed has made no account: what a later one of that name finds is its own.
func TestFoundAfterAFailedJob(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.FailJobs(1)
	b.work()
	b.fails("isabel", approval.FailureJob)
	b.api.DropAfter(ehpctest.ActionAddUser, 1)
	again := b.approve(cluster, "isabel")
	b.requireCredentials(b.reach(again.ID, approval.Delivered))
}
