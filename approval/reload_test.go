package approval_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/storetest"
)

// interrupted does something once, while it is asked who belongs to a group.
type interrupted struct {
	*directory
	once sync.Once
	do   func()
}

func (i *interrupted) Members(ctx context.Context, group string, within time.Duration) ([]string, error) {
	i.once.Do(i.do)
	return i.directory.Members(ctx, group, within)
}

// TestReloadWhileAsking replaces the rules between the question who needs no approval and the request: it is by one of them.
func TestReloadWhileAsking(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{false, true} {
		b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
			ownRules(func(r *approval.Rules) { r.Exempt = staff })(c)
			c.ResetsDecided = true
		})
		next := b.conf.Rules
		next.Required = 2
		keys, err := keyring.New(b.keys...)
		require.NoError(t, err)
		people := &interrupted{directory: b.people, do: func() {
			b.conf.ByCluster.Replace(map[string]approval.Rules{cluster: b.conf.Rules, physics: next})
		}}
		var story approval.Story
		if reset {
			story, err = b.service.Ask(t.Context(), approval.Ask{Requester: greta, Username: "greta", Cluster: physics})
			require.NoError(t, err)
			b.work()
			b.reach(story.ID, approval.Delivered)
		}
		service := approval.NewService(b.conf, b.db, keys, people, b.log, b.now)
		if reset {
			story, err = service.Reset(t.Context(), b.story(story.ID).Target(), greta)
		} else {
			story, err = service.Ask(t.Context(), approval.Ask{Requester: greta, Username: "greta", Cluster: physics})
		}
		require.NoError(t, err)
		require.Equal(t, approval.Pending, story.State)
		require.Equal(t, 2, story.Required)
		require.Empty(t, story.Exempt)
		require.False(t, story.Former)
	}
}
