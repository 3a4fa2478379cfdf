package approval_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc"
)

// A requester has the approvers reminded once a day, of a request that waits and is theirs.
func TestRemind(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.work()
	ctx := t.Context()
	id := b.ask("isabel").ID
	on := b.target(id)
	nudges := func() int { return len(b.told.said("nudge")) }
	kind := func(on approval.Target, person string) approval.Kind {
		_, err := b.service.Nudge(ctx, on, person)
		require.Error(t, err)
		return approval.Refused(err).Kind
	}
	require.Equal(t, approval.KindUnknown, kind(on, "UMALLORY"))
	require.Equal(t, approval.KindNotYours, kind(on, anna))
	require.Equal(t, approval.KindStale, kind(approval.Target{ID: id}, isabel))
	for day := range 2 {
		story, err := b.service.Nudge(ctx, on, isabel)
		require.NoError(t, err)
		require.False(t, story.RemindedAt.IsZero())
		b.eventually(func() bool { return nudges() == day+1 }, func() string { return "the approvers are not reminded" })
		require.Equal(t, approval.KindReminded, kind(on, isabel))
		b.later(approval.RemindEvery)
	}
	require.Equal(t, 2, nudges())
	_, err := b.service.Approve(ctx, on, anna)
	require.NoError(t, err)
	require.Equal(t, approval.KindDecided, kind(on, isabel))
	require.Equal(t, 2, len(slices.DeleteFunc(b.actions(id), func(action string) bool { return action != "remind" })))
}

// clusterOf answers a look at a cluster.
type clusterOf func(ctx context.Context) (ehpc.UserPage, error)

func (c clusterOf) ListUsers(ctx context.Context, _ ehpc.ListUsersRequest) (ehpc.UserPage, error) {
	return c(ctx)
}

// having is a cluster that has some users, of so many that match.
func having(total int, names ...string) clusterOf {
	page := ehpc.UserPage{Total: total}
	for _, name := range names {
		page.Users = append(page.Users, ehpc.User{Username: name})
	}
	return func(context.Context) (ehpc.UserPage, error) { return page, nil }
}

// What can't be had is refused at the ask, with what can; what is not known is no reason to refuse.
func TestLookAtTheAsk(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("a%d", i)
	}
	for name, c := range map[string]struct {
		cluster  clusterOf
		username string
		pattern  string
		kind     approval.Kind // empty: it is stored
		free     string
		unseen   bool
	}{
		"nobody like it":              {cluster: having(0), username: "isabel"},
		"others like it":              {cluster: having(2, "isabela", "xisabel"), username: "isabel"},
		"taken":                       {having(1, "isabel"), "isabel", "", approval.KindTaken, "isabel2", false},
		"taken, in another case":      {having(1, "Isabel"), "isabel", "", approval.KindTaken, "isabel2", false},
		"taken, and the next as well": {having(3, "isabel", "isabel2", "ISABEL3"), "isabel", "", approval.KindTaken, "isabel4", false},
		"taken, of the longest":       {having(2, "isabella", "isabell2"), "isabella", "", approval.KindTaken, "isabell3", false},
		"none that may be had":        {having(1, "isabel"), "isabel", "[a-z]+", approval.KindTaken, "", false},
		"reserved":                    {having(1, "root2"), "root", "", approval.KindReserved, "root3", false},
		"more than a page":            {cluster: having(300, many...), username: "a", unseen: true},
		"more than a page, and taken": {having(300, many...), "a7", "", approval.KindTaken, "a710", false},
		"no answer": {cluster: func(ctx context.Context) (ehpc.UserPage, error) {
			return ehpc.UserPage{}, errors.New("away")
		}, username: "isabel", unseen: true},
		"a panic": {cluster: func(context.Context) (ehpc.UserPage, error) { panic("the look stumbles") }, username: "isabel", unseen: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), func(conf *approval.Config) {
				if c.pattern != "" {
					conf.Usernames = regexp.MustCompile("^(?:" + c.pattern + ")$")
				}
			})
			b.service.LookAt(c.cluster)
			story, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: c.username})
			if c.kind == "" {
				require.NoError(t, err)
				require.Equal(t, c.unseen, story.Unseen)
				return
			}
			require.Equal(t, c.kind, approval.Refused(err).Kind)
			require.Equal(t, c.free, approval.Refused(err).Free)
			stories, err := b.service.StoriesOf(t.Context(), isabel)
			require.NoError(t, err)
			require.Empty(t, stories)
		})
	}
}

// Who asks waits for the cluster for as long as there is time, and no longer.
func TestLookThatHangs(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	b.service.LookAt(clusterOf(func(context.Context) (ehpc.UserPage, error) {
		<-over
		return ehpc.UserPage{}, errors.New("at last")
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	story, err := b.service.Ask(ctx, approval.Ask{Requester: isabel, Username: "isabel"})
	require.NoError(t, err, "there is time for the request")
	require.True(t, story.Unseen)
	require.Equal(t, "isabel2", b.service.Suggest(t.Context(), otto, []string{"isabel"}), "without the cluster")
}

// An approval is of the day that was shown with it.
func TestUntilTurnedRound(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	day := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	story, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Until: day})
	require.NoError(t, err)
	require.Equal(t, day, b.story(story.ID).Until)
	do(t, raw(t, b.url), `UPDATE request SET until_date = '2099-12-31'`)
	_, err = b.service.Approve(t.Context(), story.Target(), anna)
	require.Equal(t, approval.KindStale, kindOf(t, err))
}

// All that is wrong is told at once.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(conf *approval.Config) { conf.Use = approval.UsePolicy{URL: "https://example.org", Version: "2"} })
	b.service.LookAt(having(1, "isabel"))
	ask := approval.Ask{Requester: isabel, Username: "isabel", Mod: "777", Until: "2026-01-01", Reason: strings.Repeat("x", 501), Policy: "2"}
	kinds := func() (kinds []approval.Kind) {
		_, err := b.service.Ask(t.Context(), ask)
		for _, r := range approval.AllRefused(err) {
			kinds = append(kinds, r.Kind)
		}
		return kinds
	}
	all := []approval.Kind{approval.KindMod, approval.KindReasonTooLong, approval.KindUntil, approval.KindTaken}
	require.Equal(t, all, kinds())
	for _, other := range []string{"", "1"} {
		ask.Policy = other
		require.Equal(t, []approval.Kind{approval.KindPolicy}, kinds(), "what was refused has accepted nothing")
	}
	_, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "maria", Policy: "2"})
	require.NoError(t, err)
	require.Equal(t, all, kinds(), "it is accepted")
}
