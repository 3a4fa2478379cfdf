package approval_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// The cluster's directory takes names that differ by case alone for one.
func TestTwinsByCase(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, databaseURL func(t testing.TB) string) {
		b := setup(t, databaseURL(t), nil)
		first := b.ask("isabel")
		for _, who := range []string{isabel, "UOTHER"} {
			_, err := b.service.Ask(t.Context(), approval.Ask{Requester: who, Username: "Isabel"})
			require.Equal(t, approval.KindTwin, kindOf(t, err))
			require.Equal(t, first.ID, approval.Refused(err).Story.ID)
			require.Equal(t, "Isabel", approval.Refused(err).Value)
		}
		_, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "Isabel", Cluster: "ehpc-x"})
		require.NoError(t, err, "another cluster has another directory")
	})
}

// A twin that is on the cluster already takes the name, one that waits for a retry no less.
func TestTwinOnTheCluster(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.AddExisting(cluster, "ISABEL", "Old-pass&word1A")
	b.work()
	b.fails("isabel", approval.FailureTaken)
	require.Zero(t, b.api.CallCount("addUser"))
}

func TestFormerOwner(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, databaseURL func(t testing.TB) string) {
		b := setup(t, databaseURL(t), func(c *approval.Config) { c.Reusable = []string{"Nina"} })
		b.work()
		for _, name := range []string{"isabel", "nina"} {
			asked := b.ask(name)
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.reach(asked.ID, approval.Delivered)
			b.api.RemoveUser(cluster, name)
		}
		ask := func(who, name, cluster string) error {
			_, err := b.service.Ask(t.Context(), approval.Ask{Requester: who, Username: name, Cluster: cluster})
			return err
		}
		require.Equal(t, approval.KindFormer, kindOf(t, ask("UOTHER", "isabel", "")))
		require.Equal(t, approval.KindFormer, kindOf(t, ask("UOTHER", "ISABEL", "")))
		require.NoError(t, ask("UOTHER", "isabel", "ehpc-x"), "no home of that name is there")
		require.NoError(t, ask("UOTHER", "nina", ""), "it is listed")
		require.NoError(t, ask(isabel, "isabel", ""), "it was theirs")
	})
}

func TestPattern(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Usernames = regexp.MustCompile(`^(?:[a-z]+)$`) })
	b.ask("isabel")
	for name, kind := range map[string]approval.Kind{"isabel2": approval.KindPattern, "0": approval.KindDigits, "1000": approval.KindDigits} {
		_, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: name})
		require.Equal(t, kind, kindOf(t, err), name)
	}
}

// An account counts as ours only where something shows it. Somebody else makes one of the name, and what became of
// our call is not known.
func TestAccountOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		older time.Duration
		code  int
	}{
		"it was made before the call, which says that it exists": {10 * time.Second, 2110},
		"it was there long before, listed late":                  {24 * time.Hour, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil)
			b.api.OnCall(func(call ehpctest.Call, phase string) {
				if call.Action == "addUser" && phase == ehpctest.PhaseBefore {
					b.api.AddExisting(cluster, "isabel", "Old-pass&word1A")
					b.api.Backdate(cluster, "isabel", c.older)
				}
			})
			if c.code == 2110 {
				b.api.DropAfter("addUser", 1) // its answer is lost with the process
			} else {
				b.api.Answer("addUser", c.code, 1)
			}
			b.work()
			asked := b.fails("isabel", approval.FailureUnclear)
			require.Empty(t, b.told.delivered(asked.ID))
			require.Equal(t, approval.FailureUnclear, b.retry(asked.ID, approval.Failed).Failure)
			b.api.OnCall(nil)
			b.api.RemoveUser(cluster, "isabel")
			b.requireCredentials(b.retry(asked.ID, approval.Delivered))
		})
	}
}
