package approval_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// account has the bot make an account and hand it over, and compare its uid.
func (b *bench) account(username string) approval.Story {
	b.t.Helper()
	asked := b.approve(cluster, username)
	b.reach(asked.ID, approval.Delivered)
	b.eventually(func() bool { return b.story(asked.ID).UID != 0 }, func() string { return "the uid is not compared" })
	return b.story(asked.ID)
}

func (b *bench) askReset(person, username string) (approval.Story, error) {
	b.t.Helper()
	return b.service.Ask(b.t.Context(), approval.Ask{Reset: true, Requester: person, Username: username})
}

func (b *bench) reset(person, username string) approval.Story {
	b.t.Helper()
	story, err := b.askReset(person, username)
	require.NoError(b.t, err)
	return story
}

// newPasswords are the different passwords that modifyUser was called with.
func (b *bench) newPasswords() (bodies []string) {
	for _, c := range b.api.Calls() {
		if c.Action == ehpctest.ActionModifyUser && !slices.Contains(bodies, string(c.Body)) {
			bodies = append(bodies, string(c.Body))
		}
	}
	return bodies
}

// requireReset checks that the password that was delivered is the account's, and that no other was ever tried.
func (b *bench) requireReset(story approval.Story) {
	b.t.Helper()
	b.requireCredentials(story)
	require.Len(b.t, b.newPasswords(), 1, "an unknown outcome is repeated with the same password")
}

func (b *bench) requireSound() {
	b.t.Helper()
	ring, err := keyring.New(b.keys...)
	require.NoError(b.t, err)
	v, err := b.reader().Verify(b.t.Context(), ring, nil)
	require.NoError(b.t, err)
	require.Empty(b.t, v.Findings)
}

func TestReset(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.work()
		account := b.account("isabel")
		old, _ := b.api.Password(cluster, "isabel")

		asked := b.reset(isabel, "ISABEL")
		require.Equal(t, approval.Approved, asked.State, "nobody need approve")
		require.Equal(t, "isabel", asked.Username)
		story := b.reach(asked.ID, approval.Delivered)
		b.requireReset(story)
		fresh, _ := b.api.Password(cluster, "isabel")
		require.NotEqual(t, old, fresh)
		require.Empty(t, story.Sealed)
		require.Equal(t, []string{"ask", "provision", "provisioned", "deliver"}, b.actions(asked.ID))

		b.eventually(func() bool { return len(b.told.said("scrub 1")) > 0 }, func() string { return "the former password stays in sight" })
		account = b.story(account.ID)
		require.True(t, account.Replaced)
		require.Equal(t, "replace", b.actions(account.ID)[len(b.actions(account.ID))-1])
		require.Empty(t, account.Twin)

		// By the button, and once however often it is pressed.
		again, err := b.service.Reset(t.Context(), story.Target(), isabel)
		require.NoError(t, err)
		b.reach(again.ID, approval.Delivered)
		for _, on := range []approval.Target{account.Target(), story.Target()} {
			_, err = b.service.Reset(t.Context(), on, isabel)
			require.Equal(t, approval.KindActive, kindOf(t, err))
			require.Equal(t, again.ID, approval.Refused(err).Story.ID)
		}
		require.Equal(t, 2, b.api.CallCount(ehpctest.ActionModifyUser))
		_, err = b.service.Reset(t.Context(), b.target(again.ID), otto)
		require.Equal(t, approval.KindNotYours, kindOf(t, err))
		_, err = b.service.Reset(t.Context(), approval.Target{ID: again.ID, Seen: "guessed"}, isabel)
		require.Equal(t, approval.KindStale, kindOf(t, err))
		b.requireSound()
	})
}

func TestResetOutcomeUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]ehpctest.Fault{
		"sent, not answered": {After: true}, "not sent": {Before: true}, "5000": {Code: 5000, Times: 2}, "5000 with the effect": {Code: 5000, Effect: true},
		"502": {Status: 502, Body: []byte("<html>"), Effect: true}, "busy": {Code: 5100, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil)
			b.work()
			b.account("isabel")
			b.api.Fail(ehpctest.ActionModifyUser, fault)
			b.requireReset(b.reach(b.reset(isabel, "isabel").ID, approval.Delivered))
		})
	}
	t.Run("killed after the call", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
			b := setup(t, url(t), nil)
			b.work()
			b.account("isabel")
			b.api.Fail(ehpctest.ActionModifyUser, ehpctest.Fault{DelayAnswer: time.Hour})
			asked := b.reset(isabel, "isabel")
			b.eventually(func() bool { return len(b.newPasswords()) == 1 }, func() string { return "no call" })
			b.grace = 0
			b.restart()
			b.requireReset(b.reach(asked.ID, approval.Delivered))
		})
	})
}

func TestResetRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.ResetsDecided = true })
	b.work()
	b.account("isabel")
	b.account("nina")
	refused := func(want approval.Kind, person, username string) {
		t.Helper()
		_, err := b.askReset(person, username)
		require.Equal(t, want, kindOf(t, err))
	}
	refused(approval.KindNoAccount, isabel, "nina")
	refused(approval.KindNoAccount, isabel, "carl")
	refused(approval.KindNoAccount, isabel, "no username at all")
	_, err := b.service.Ask(t.Context(), approval.Ask{Reset: true, Requester: isabel, Username: "isabel", Cluster: "ehpc-x"})
	require.Equal(t, approval.KindNoAccount, kindOf(t, err))

	asked := b.reset(isabel, "isabel")
	require.Equal(t, approval.Pending, asked.State)
	refused(approval.KindActive, isabel, "isabel")
	refused(approval.KindNoAccount, "UNINA", "isabel")
	_, err = b.service.Ask(t.Context(), approval.Ask{Requester: "UNINA", Username: "isabel"})
	require.Equal(t, approval.KindFormer, kindOf(t, err))
	_, err = b.service.Cancel(t.Context(), asked.ID, isabel)
	require.NoError(t, err)

	for range 2 {
		asked = b.reset(isabel, "isabel")
		_, err = b.service.Deny(t.Context(), asked.Target(), anna, "ask me first")
		require.NoError(t, err)
	}
	refused(approval.KindTooManyResets, isabel, "isabel")
	b.passed.Store(int64(25 * time.Hour))
	b.reset(isabel, "isabel")
	require.Zero(t, b.api.CallCount(ehpctest.ActionModifyUser))
	b.requireSound()
}

func TestResetDecided(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.ResetsDecided, c.Required = true, 2 })
	b.work()
	asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
	require.NoError(t, err)
	for range 2 { // the account, and then the new password
		require.Equal(t, 2, asked.Required)
		_, err = b.service.Approve(t.Context(), asked.Target(), anna)
		require.NoError(t, err)
		require.Equal(t, approval.Pending, b.story(asked.ID).State)
		_, err = b.service.Approve(t.Context(), asked.Target(), otto)
		require.NoError(t, err)
		b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		asked = b.reset(isabel, "isabel")
	}
	require.Equal(t, 1, b.api.CallCount(ehpctest.ActionModifyUser))
	b.requireSound()
}

func TestResetFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before func(*bench)
		want   approval.Failure
	}{
		"not there any more": {func(b *bench) { b.api.RemoveUser(cluster, "isabel") }, approval.FailureMissing},
		"another account of the name": {func(b *bench) {
			b.api.RemoveUser(cluster, "isabel")
			b.api.AddExisting(cluster, "isabel", "somebody else's")
		}, approval.FailureReplaced},
		"too often":              {func(b *bench) { b.api.Answer(ehpctest.ActionModifyUser, 1640, 1) }, approval.FailureTooOften},
		"removed meanwhile":      {func(b *bench) { b.api.Answer(ehpctest.ActionModifyUser, 1610, 1) }, approval.FailureMissing},
		"changed on the cluster": {func(b *bench) { b.api.ChangePassword(cluster, "isabel", "her own") }, approval.FailureRefused},
		"refused after an unknown outcome": {func(b *bench) {
			b.api.Fail(ehpctest.ActionModifyUser, ehpctest.Fault{After: true})
			b.api.LimitResets(1)
		}, approval.FailureTimeout},
		"without access": {func(b *bench) { b.api.Answer(ehpctest.ActionModifyUser, 1200, 1) }, approval.FailureOperator},
		"gone":           {func(b *bench) { b.people.say(isabel, approval.ErrGone) }, approval.FailureGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil)
			b.work()
			b.account("isabel")
			before, _ := b.api.Password(cluster, "isabel")
			test.before(b)
			asked := b.reset(isabel, "isabel")
			story := b.reach(asked.ID, approval.Failed)
			require.Equal(t, test.want, story.Failure, story.FailureDetail)
			b.eventually(func() bool { return len(b.told.said(fmt.Sprintf("notify %d failed", asked.ID))) == 1 }, func() string { return "nobody is told" })
			require.Empty(t, b.told.said("scrub"), "the former password stays in sight")
			if test.want == approval.FailureMissing || test.want == approval.FailureReplaced || test.want == approval.FailureGone {
				return
			}
			after, _ := b.api.Password(cluster, "isabel")
			require.Equal(t, name == "refused after an unknown outcome" || name == "changed on the cluster", before != after)

			// Retry goes on with the same password, unless a later one holds by then.
			b.api.LimitResets(0)
			if name == "changed on the cluster" {
				return
			}
			_, err := b.service.Retry(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.requireReset(b.reach(asked.ID, approval.Delivered))
			b.requireSound()
		})
	}
	t.Run("a later one holds", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), nil)
		b.work()
		b.account("isabel")
		b.api.Answer(ehpctest.ActionModifyUser, 1640, 1)
		asked := b.reset(isabel, "isabel")
		b.reach(asked.ID, approval.Failed)
		later := b.reset(isabel, "isabel")
		b.requireCredentials(b.reach(later.ID, approval.Delivered))
		_, err := b.service.Retry(t.Context(), b.target(asked.ID), anna)
		require.Equal(t, approval.KindActive, kindOf(t, err))
		require.Equal(t, later.ID, approval.Refused(err).Story.ID)
	})
}

// A name that may go to others is somebody else's as soon as an account may have been made for them.
func TestResetOfNameGivenAway(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Reusable = []string{"isabel"} })
	b.work()
	b.account("isabel")
	b.api.RemoveUser(cluster, "isabel")
	b.api.HangJobs(true)
	given, err := b.service.Ask(t.Context(), approval.Ask{Requester: "UNINA", Username: "isabel"})
	require.NoError(t, err)
	_, err = b.service.Approve(t.Context(), given.Target(), anna)
	require.NoError(t, err)
	b.eventually(func() bool { return b.story(given.ID).JobID != "" }, func() string { return "no job" })
	_, err = b.service.Abandon(t.Context(), given.ID, anna)
	require.NoError(t, err)
	b.api.HangJobs(false)
	_, err = b.askReset(isabel, "isabel")
	require.Equal(t, approval.KindNoAccount, kindOf(t, err))
	_, err = b.service.Retry(t.Context(), b.target(given.ID), anna)
	require.NoError(t, err)
	b.reach(given.ID, approval.Delivered)
	_, err = b.askReset(isabel, "isabel")
	require.Equal(t, approval.KindNoAccount, kindOf(t, err))
	story := b.reach(b.reset("UNINA", "isabel").ID, approval.Delivered)
	password, _ := b.api.Password(cluster, "isabel")
	require.Equal(t, password, b.told.delivered(story.ID)[0].password.Reveal())
}

// What the bot has signed with a former key, it signs again with the next.
func TestResetAfterRekey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.work()
		account := b.account("isabel")
		_, err := b.service.Clear(t.Context(), account.Target(), isabel) // so that nothing is left to do for it
		require.NoError(t, err)
		b.api.Answer(ehpctest.ActionModifyUser, 1640, 1)
		asked := b.reset(isabel, "isabel")
		b.reach(asked.ID, approval.Failed)
		b.close()

		use := func(keys ...[]byte) {
			b.keys = keys
			b.open()
		}
		use(newKey(1))
		_, err = b.askReset(isabel, "isabel")
		require.Equal(t, approval.KindUnproven, kindOf(t, err), "nothing shows whose account it is")
		b.close()
		for range 2 {
			use(newKey(1), key)
			_, err = ring(t, newKey(1), key).Rekey(t.Context(), b.db)
			require.NoError(t, err)
			b.close()
		}
		use(newKey(1))
		signed := slices.DeleteFunc(b.actions(1), func(action string) bool { return action != "sign" })
		require.Len(t, signed, 2, "that it was asked for, and approved, each once")
		b.work()
		_, err = b.service.Retry(t.Context(), b.target(asked.ID), anna)
		require.NoError(t, err)
		b.requireReset(b.reach(asked.ID, approval.Delivered))
		b.requireCredentials(b.reach(b.reset(isabel, "isabel").ID, approval.Delivered))
		b.requireSound()
	})
}

// Who can write to the database, and has no key, gets no password of anybody's account.
func TestForgedReset(t *testing.T) {
	t.Parallel()
	const insert = `INSERT INTO request (cluster, username, mod, reason, requester, state, version, required, reset_approvals, created_at, updated_at, expires_at)
		SELECT cluster, username, mod, reason, requester, 'approved', 1, 1, 0, created_at, updated_at, expires_at FROM request WHERE id = 1`
	t.Run("the request", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), nil)
		b.work()
		b.account("isabel")
		b.close()
		do(t, raw(t, b.url), insert)
		b.open()
		b.work()
		require.Equal(t, approval.FailureNotAllowed, b.reach(2, approval.Failed).Failure)
		require.Zero(t, b.api.CallCount(ehpctest.ActionModifyUser))
	})
	t.Run("the account's owner", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
			b := setup(t, url(t), nil)
			b.work()
			b.account("isabel")
			do(t, raw(t, b.url), `UPDATE request SET requester = 'UMALLORY' WHERE id = 1`)
			_, err := b.askReset("UMALLORY", "isabel")
			require.Equal(t, approval.KindUnproven, kindOf(t, err))
			require.Zero(t, b.api.CallCount(ehpctest.ActionModifyUser))
		})
	})
	t.Run("one that is over", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), nil)
		b.work()
		b.account("isabel")
		b.reach(b.reset(isabel, "isabel").ID, approval.Delivered)
		b.close()
		do(t, raw(t, b.url), `UPDATE request SET state = 'approved', version = version + 1, attempted_at = NULL WHERE id = 2`)
		b.open()
		b.work()
		require.Equal(t, approval.FailureNotAllowed, b.reach(2, approval.Failed).Failure)
		require.Equal(t, 1, b.api.CallCount(ehpctest.ActionModifyUser))
	})
	t.Run("an account for a password", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), nil)
		b.approve(cluster, "isabel")
		do(t, raw(t, b.url), `UPDATE request SET reset_approvals = 0 WHERE id = 1`)
		ring, err := keyring.New(b.keys...)
		require.NoError(t, err)
		v, err := b.reader().Verify(t.Context(), ring, nil)
		require.NoError(t, err)
		require.Equal(t, []string{"request 1 and event 1, which tells what was asked for, differ in the reset: one of them was changed"}, v.Findings)
	})
}

// An account that an approver has changed, and one that waited while the keys were changed, can be given a new password.
func TestResetOfWhatWasChanged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.work()
		asked := b.ask("isabel")
		_, err := b.service.ApproveChanged(t.Context(), b.target(asked.ID), anna, approval.Wish{Username: "isabelw", Mod: "700"})
		require.NoError(t, err)
		b.reach(asked.ID, approval.Delivered)
		b.requireCredentials(b.reach(b.reset(isabel, "isabelw").ID, approval.Delivered))

		waits := b.ask("isabel2")
		b.close()
		b.keys = [][]byte{newKey(1), key}
		b.open()
		_, err = ring(t, newKey(1), key).Rekey(t.Context(), b.db)
		require.NoError(t, err)
		b.close()
		b.keys = [][]byte{newKey(1)}
		b.open()
		b.work()
		_, err = b.service.Approve(t.Context(), b.target(waits.ID), anna)
		require.NoError(t, err)
		b.reach(waits.ID, approval.Delivered)
		b.requireCredentials(b.reach(b.reset(isabel, "isabel2").ID, approval.Delivered))
	})
}

// A new password that waits for approval keeps nobody from asking for an account.
func TestResetsAreNoActiveAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.MaxActive, c.ResetsDecided = 1, true })
	b.work()
	b.account("isabel")
	reset, err := b.askReset(isabel, "isabel")
	require.NoError(t, err)
	require.Equal(t, approval.Pending, reset.State)
	require.Equal(t, approval.Pending, b.ask("isabel2").State)
	_, err = b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel3"})
	require.Equal(t, approval.KindTooMany, kindOf(t, err))
}
