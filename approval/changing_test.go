package approval_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
)

// TestApprovingWithChanges has approvers change what they approve: approvals of what was there before lapse, the rules
// of an ask hold, and the account that is made is the changed one.
func TestApprovingWithChanges(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), func(c *approval.Config) { c.Required = 2 })
		asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabelle", Mod: "755", Reason: "thesis"})
		require.NoError(t, err)
		b.ask("nina")
		on := asked.Target()
		change := func(on approval.Target, person, username, mod string) (approval.Story, error) {
			return b.service.ApproveChanged(t.Context(), on, person, approval.Wish{Username: username, Mod: mod})
		}
		for username, kind := range map[string]approval.Kind{"root": approval.KindReserved, "a b": approval.KindUsername, "": approval.KindUsername} {
			_, err := change(on, anna, username, "700")
			require.Equal(t, approval.KindNotAllowed, kindOf(t, err))
			require.Equal(t, kind, approval.Refused(err).Why.Kind)
		}
		_, err = change(on, anna, "isabel", "777")
		require.Equal(t, approval.KindMod, approval.Refused(err).Why.Kind)
		_, err = change(on, anna, "nina", "700")
		require.Equal(t, approval.KindActive, kindOf(t, err))
		_, err = change(on, anna, "Nina", "700")
		require.Equal(t, approval.KindTwin, kindOf(t, err))
		_, err = change(on, isabel, "isabel", "700")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		require.Empty(t, b.story(asked.ID).Changes)

		_, err = b.service.Approve(t.Context(), on, greta)
		require.NoError(t, err)
		story, err := change(on, anna, "isabel", "700")
		require.NoError(t, err)
		require.Equal(t, approval.Pending, story.State)
		require.Equal(t, []string{anna}, story.Approvals(), "an approval of what was there before lapses")
		require.Equal(t, approval.Wish{Username: "isabel", Mod: "700"}, story.Wish())
		_, err = change(on, anna, "isabel", "700")
		require.Equal(t, approval.KindVoted, kindOf(t, err), "the acknowledgement got lost")
		_, err = b.service.Approve(t.Context(), on, otto)
		require.Equal(t, approval.KindStale, kindOf(t, err), "an old button is of what was there before")

		// Changed back, it is what greta has approved; but others have changed it since.
		story, err = change(story.Target(), otto, "isabelle", "755")
		require.NoError(t, err)
		require.Equal(t, []string{otto}, story.Approvals())
		story, err = change(story.Target(), greta, "isabel", "700")
		require.NoError(t, err, "whose approval has lapsed may approve again")
		require.Equal(t, []string{greta}, story.Approvals())
		b.work()
		_, err = change(story.Target(), anna, "isabel", "700")
		require.NoError(t, err, "without a change it is an approval")
		story = b.reach(asked.ID, approval.Delivered)
		require.ElementsMatch(t, []string{anna, greta}, story.Approvals())
		require.Len(t, story.Changes, 3)
		b.requireCredentials(story)
		require.Zero(t, b.api.AddUserEffects(cluster, "isabelle"))
		b.eventually(func() bool { return len(b.told.said("tell 1")) > 0 }, func() string { return "the requester is not told of the changes" })
		b.requireLog(asked.ID, "change", "username=isabel cluster="+cluster+" mod=700 approvals=2 reason=thesis")

		verify := func() []string {
			v, err := b.reader().Verify(t.Context(), nil, nil)
			require.NoError(t, err)
			return v.Findings
		}
		require.Empty(t, verify())
		do(t, raw(t, b.url), `UPDATE request SET username = 'isabelle' WHERE id = 1`)
		require.Len(t, verify(), 1)
		require.Contains(t, verify()[0], "differ in the username")
	})
}

// TestChangedToAFormerName has a request changed to a username that was somebody else's.
func TestChangedToAFormerName(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.work()
	first := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), first.Target(), anna)
	require.NoError(t, err)
	b.reach(first.ID, approval.Delivered)
	asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: "UNINA", Username: "nina"})
	require.NoError(t, err)
	_, err = b.service.ApproveChanged(t.Context(), asked.Target(), anna, approval.Wish{Username: "Isabel"})
	require.Equal(t, approval.KindNotAllowed, kindOf(t, err))
	require.Equal(t, approval.KindFormer, approval.Refused(err).Why.Kind)
}
