package approval_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
)

// numbers are those of the requests in an excerpt.
func numbers(e approval.Excerpt) (ids []int64) {
	for _, s := range e.Stories {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestOverview(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		const most = 2
		b := setup(t, url(t), func(c *approval.Config) { c.Required, c.Administrators = 2, []string{staff, "UADA"} })
		overview := func(person string) approval.Overview {
			o, err := b.service.Overview(t.Context(), person, most)
			require.NoError(t, err)
			return o
		}
		before, err := b.service.Changes(t.Context())
		require.NoError(t, err)
		require.Zero(t, before)
		for _, username := range []string{"isabel1", "isabel2", "isabel3"} {
			b.ask(username)
		}
		after, err := b.service.Changes(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(3), after)
		annas, err := b.service.Ask(t.Context(), approval.Ask{Requester: anna, Username: "anna"})
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), b.target(1), anna)
		require.NoError(t, err)

		own := overview(isabel)
		require.Equal(t, []int64{3, 2}, numbers(own.Requests))
		require.Equal(t, 1, own.Requests.More)
		require.Equal(t, approval.Overview{Requests: own.Requests}, own, "who is neither sees nothing of others")

		o := overview(anna)
		require.True(t, o.Decides && !o.Administrator)
		require.Equal(t, []int64{annas.ID}, numbers(o.Requests))
		require.Equal(t, []int64{1, 2}, numbers(o.Waiting), "the oldest first")
		require.Equal(t, 2, o.Waiting.More)
		require.Equal(t, map[int64]approval.Kind{1: approval.KindVoted}, o.Barred)

		_, err = b.service.Approve(t.Context(), b.target(1), greta)
		require.NoError(t, err)
		_, err = b.service.Deny(t.Context(), b.target(2), greta, "")
		require.NoError(t, err)
		require.Equal(t, map[int64]approval.Kind{annas.ID: approval.KindSelf}, overview(anna).Barred)
		o = overview(greta)
		require.True(t, o.Decides && o.Administrator, "by the group")
		require.Equal(t, approval.Counts{Waiting: 2, UnderWay: 1}, o.Counts)
		o = overview("UADA")
		require.True(t, !o.Decides && o.Administrator)
		require.Empty(t, o.Waiting)

		b.people.err = errors.New("away")
		require.Error(t, overview(isabel).Unsure)
		o = overview(anna)
		require.True(t, o.Decides, "who is listed by name needs no group")
	})
}

func TestOverviewOfAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.work()
	first := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), first.Target(), anna)
	require.NoError(t, err)
	b.reach(first.ID, approval.Delivered)
	second := b.ask("isabel2")
	o, err := b.service.Overview(t.Context(), isabel, 10)
	require.NoError(t, err)
	require.Equal(t, []int64{second.ID}, numbers(o.Requests))
	require.Equal(t, []int64{first.ID}, numbers(o.Accounts))

	_, err = b.service.TakeBack(t.Context(), first.Target(), isabel)
	require.Equal(t, approval.KindDecided, kindOf(t, err))
	_, err = b.service.TakeBack(t.Context(), approval.Target{ID: second.ID, Seen: "forged"}, isabel)
	require.Equal(t, approval.KindStale, kindOf(t, err))
	_, err = b.service.TakeBack(t.Context(), second.Target(), "USTRANGER")
	require.Equal(t, approval.KindUnknown, kindOf(t, err), "of others there is nothing to learn")
	story, err := b.service.TakeBack(t.Context(), second.Target(), isabel)
	require.NoError(t, err)
	require.Equal(t, approval.Cancelled, story.State)
}
