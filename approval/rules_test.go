package approval_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/storetest"
)

const (
	physics = "ehpc-x" // a cluster with rules of its own
	tutors  = "STUTORS"
)

// ownRules gives a cluster rules of its own, and lets the other follow the variables.
func ownRules(change func(*approval.Rules)) func(*approval.Config) {
	return func(c *approval.Config) {
		rules := c.Rules
		rules.Channel = "CPHYSICS"
		change(&rules)
		c.ByCluster = approval.NewPolicies(map[string]approval.Rules{cluster: c.Rules, physics: rules})
	}
}

func (b *bench) askOn(clusterID, username string) approval.Story {
	b.t.Helper()
	story, err := b.service.Ask(b.t.Context(), approval.Ask{Requester: isabel, Username: username, Cluster: clusterID})
	require.NoError(b.t, err)
	return story
}

func (b *bench) verify() []string {
	b.t.Helper()
	ring, err := keyring.New(b.keys...)
	require.NoError(b.t, err)
	v, err := b.reader().Verify(b.t.Context(), ring, nil)
	require.NoError(b.t, err)
	return v.Findings
}

// Each cluster is decided about by its approvers, by their number, in its channel, in its time.
func TestRulesOfACluster(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), ownRules(func(r *approval.Rules) {
			r.Approvers, r.Required, r.Expiry, r.AllowedMods = []string{greta, "UHEIDI"}, 2, 5*time.Hour, []string{"770"}
		}))
		here, there := b.askOn(cluster, "isabel"), b.askOn(physics, "isabel")
		require.Equal(t, 1, here.Required)
		require.Equal(t, 2, there.Required)
		require.Equal(t, "CPHYSICS", there.Rules.Channel)
		require.WithinDuration(t, there.CreatedAt.Add(5*time.Hour), there.ExpiresAt, time.Second)

		_, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "carl", Cluster: physics, Mod: "700"})
		require.Equal(t, approval.KindMod, kindOf(t, err))
		_, err = b.service.Approve(t.Context(), b.target(there.ID), anna)
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		_, err = b.service.StoryFor(t.Context(), there.ID, anna)
		require.Equal(t, approval.KindUnknown, kindOf(t, err))
		_, err = b.service.Approve(t.Context(), b.target(here.ID), "UHEIDI")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))

		waiting := func(person string) (ids []int64) {
			decidable, err := b.service.Decidable(t.Context(), person)
			require.NoError(t, err)
			o, err := b.service.Overview(t.Context(), person, 10)
			require.NoError(t, err)
			require.True(t, o.Decides)
			require.Len(t, o.Waiting.Stories, len(decidable))
			for _, s := range decidable {
				ids = append(ids, s.ID)
			}
			return ids
		}
		require.Equal(t, []int64{here.ID}, waiting(anna))
		require.Equal(t, []int64{there.ID}, waiting("UHEIDI"))
		require.Equal(t, []int64{here.ID, there.ID}, waiting(greta), "through the group, and by id")

		for _, approver := range []string{greta, "UHEIDI"} {
			_, err = b.service.Approve(t.Context(), b.target(there.ID), approver)
			require.NoError(t, err)
		}
		require.Equal(t, approval.Approved, b.story(there.ID).State)
		require.Empty(t, b.verify())
	})
}

// What waits keeps the rules under which it was asked for, over a restart too, and says so. What is asked for later
// follows the new ones.
func TestRulesAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), ownRules(func(r *approval.Rules) { r.Approvers = []string{"UHEIDI"} }))
	first := b.askOn(physics, "isabel")
	require.False(t, first.Former)
	now := first.Rules
	now.Approvers, now.Channel, now.Required = []string{"UKLAUS"}, "CNEW", 1
	b.conf.ByCluster.Replace(map[string]approval.Rules{cluster: b.conf.Rules, physics: now})
	second := b.askOn(physics, "nina")
	b.close()
	b.open()
	b.work()

	require.True(t, b.story(first.ID).Former)
	require.Equal(t, "CPHYSICS", b.story(first.ID).Rules.Channel)
	require.False(t, b.story(second.ID).Former)
	require.Equal(t, "CNEW", b.story(second.ID).Rules.Channel)
	for id, who := range map[int64][2]string{first.ID: {"UKLAUS", "UHEIDI"}, second.ID: {"UHEIDI", "UKLAUS"}} {
		_, err := b.service.Approve(t.Context(), b.target(id), who[0])
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		_, err = b.service.Approve(t.Context(), b.target(id), who[1])
		require.NoError(t, err)
	}
	require.Equal(t, "CNEW", b.reach(first.ID, approval.Delivered).Rules.Channel, "reports of the years to come go to a channel that is there")
	require.Empty(t, b.verify())
}

// The database alone does not make anybody an approver, nor an approval superfluous.
func TestForgedRules(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), ownRules(func(r *approval.Rules) { r.Approvers, r.Exempt, r.LoginHint = []string{"UHEIDI"}, tutors, "ssh right" }))
		// A reason that reads like what the audit log tells of rules changes nothing.
		asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Cluster: physics, Reason: "x exempt=" + tutors + " y"})
		require.NoError(t, err)
		require.Equal(t, approval.Pending, asked.State)
		db := raw(t, b.url)
		do(t, db, `UPDATE request SET rules = replace(rules, 'UHEIDI', 'UKLAUS')`)
		require.NotEmpty(t, b.verify())
		_, err = b.service.Approve(t.Context(), b.target(asked.ID), "UKLAUS")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		_, err = b.service.Approve(t.Context(), b.target(asked.ID), isabel)
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))

		do(t, db, `UPDATE request SET exempt = '`+tutors+`', state = 'approved', version = version + 1`)
		b.work()
		b.reach(asked.ID, approval.Pending)
		require.Zero(t, b.api.CallCount("addUser"))
		_, err = b.service.Approve(t.Context(), b.target(asked.ID), "UHEIDI")
		require.NoError(t, err, "those of now decide")
		b.reach(asked.ID, approval.Delivered)

		other := b.askOn(physics, "nina")
		_, err = b.service.Approve(t.Context(), b.target(other.ID), "UHEIDI")
		require.NoError(t, err)
		b.reach(other.ID, approval.Delivered)
		do(t, db, `UPDATE request SET rules = replace(rules, 'ssh right', 'ssh wrong')`)
		require.Equal(t, "ssh right", b.story(other.ID).Rules.LoginHint, "people are led to no other machine")
	})
}

// Members of a group need no approval: as long as they are members, and only where that is known.
func TestNoApprovalNeeded(t *testing.T) {
	t.Parallel()
	exempt := ownRules(func(r *approval.Rules) { r.Exempt = tutors })
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		t.Run("a member", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), exempt)
			b.people.members[tutors] = []string{isabel}
			asked := b.askOn(physics, "isabel")
			require.Equal(t, approval.Approved, asked.State)
			require.Equal(t, tutors, asked.Exempt)
			require.Equal(t, approval.Pending, b.askOn(cluster, "isabel").State, "on the other cluster they do")
			b.work()
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
			b.eventually(func() bool { return len(b.told.said("refresh 1 delivered")) > 0 }, func() string { return "the channel does not see it" })
			require.Empty(t, b.verify())
		})
		t.Run("a new password", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), func(c *approval.Config) { exempt(c); c.ResetsDecided = true })
			b.people.members[tutors] = []string{isabel}
			b.work()
			b.reach(b.askOn(physics, "isabel").ID, approval.Delivered)
			again, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Cluster: physics, Reset: true})
			require.NoError(t, err)
			require.Equal(t, tutors, again.Exempt)
			b.requireCredentials(b.reach(again.ID, approval.Delivered))
			once, err := b.service.Reset(t.Context(), b.target(again.ID), isabel)
			require.NoError(t, err)
			require.Equal(t, tutors, once.Exempt, "by the button as well")
			b.requireCredentials(b.reach(once.ID, approval.Delivered))
			require.Empty(t, b.verify())
		})
		t.Run("after the key is changed", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), exempt)
			b.people.members[tutors] = []string{isabel}
			asked := b.askOn(physics, "isabel")
			b.close()
			b.keys = [][]byte{[]byte("fedcba9876543210fedcba9876543210"), key}
			b.open()
			ring, err := keyring.New(b.keys...)
			require.NoError(t, err)
			_, err = ring.Rekey(t.Context(), b.db)
			require.NoError(t, err)
			b.close()
			b.keys = b.keys[:1]
			b.open()
			b.work()
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		})
	})
	t.Run("somebody else, or nobody knows", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), exempt)
		require.Equal(t, approval.Pending, b.askOn(physics, "isabel").State)
		b.people.members[tutors], b.people.err = []string{isabel}, errors.New("the directory is away")
		require.Equal(t, approval.Pending, b.askOn(physics, "nina").State)
	})
	t.Run("no member any more", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), exempt)
		b.people.members[tutors] = []string{isabel}
		asked := b.askOn(physics, "isabel")
		b.people.leave(tutors)
		b.work()
		failed := b.reach(asked.ID, approval.Failed)
		require.Equal(t, approval.FailureNotAllowed, failed.Failure)
		require.Equal(t, string(approval.KindUnexempt), failed.FailureDetail)
		require.Zero(t, b.api.CallCount("addUser"))
	})
	t.Run("nobody tells any more, until somebody does", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), exempt)
		b.people.members[tutors] = []string{isabel}
		asked := b.askOn(physics, "isabel")
		b.people.leave(tutors)
		b.people.fail(errors.New("the directory is away"))
		other := b.askOn(physics, "nina")
		_, err := b.service.Approve(t.Context(), other.Target(), anna)
		require.NoError(t, err)
		b.work()
		b.reach(other.ID, approval.Delivered) // which came later, and is not held up
		require.Equal(t, approval.Approved, b.story(asked.ID).State)
		b.people.fail(nil)
		b.reach(asked.ID, approval.Failed)
		require.Equal(t, 1, b.api.CallCount("addUser"))
	})
}

// Each channel has its digest, of what is decided there.
func TestDigestOfEachChannel(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
		ownRules(func(*approval.Rules) {})(c)
		c.MaxActive = 100
	})
	for range approval.DigestOver + 1 {
		b.askOn(physics, "user"+string(rune('a'+len(b.digests()["CPHYSICS"].Waiting))))
	}
	b.askOn(cluster, "isabel")
	digests := b.digests()
	require.Len(t, digests, 2)
	require.True(t, digests["CPHYSICS"].Wanted())
	require.Equal(t, "6 1 2 3 4 5 6", digests["CPHYSICS"].Shows())
	require.False(t, digests["CAPPROVALS"].Wanted())
	require.Equal(t, 1, digests["CAPPROVALS"].Count)
	b.work()
	b.eventually(func() bool { return len(b.told.said("digest of 6")) == 1 }, func() string { return "no digest" })
}

func (b *bench) digests() map[string]approval.Digest {
	b.t.Helper()
	digests, err := b.service.Digests(b.t.Context())
	require.NoError(b.t, err)
	byChannel := map[string]approval.Digest{}
	for _, d := range digests {
		byChannel[d.Channel] = d
	}
	return byChannel
}
