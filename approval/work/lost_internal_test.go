package work

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
)

// strangers is a directory that knows people by their ids alone.
type strangers struct{ approval.Directory }

func (strangers) Identify(_ context.Context, id string) approval.Person {
	return approval.Person{ID: id, Also: id}
}

// TestLostJobsAreTakenUp has the jobs that wait stored as in hand of this process, which they are not, as happens when
// the database goes away at their end.
func TestLostJobsAreTakenUp(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "ehpcbot.db"), "postgres": pgtest.URL(t),
	} {
		db, err := store.Open(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		conf := approval.Config{Rules: approval.Rules{Required: 1, Expiry: time.Hour}, Clusters: []approval.Cluster{{ID: "ehpc-x", Zone: "jn1a"}}, MaxActive: 1}
		service := approval.NewService(conf, db, nil, strangers{}, slog.New(slog.DiscardHandler), time.Now)
		_, err = service.Ask(t.Context(), approval.Ask{Requester: "U1", Username: "isabel"})
		require.NoError(t, err)

		lease, err := takeLease(t.Context(), db, clientID(db))
		require.NoError(t, err)
		t.Cleanup(lease.Close)
		by := `'["' || $1 || '"]'`
		if db.Shared() {
			by = `ARRAY[$1]`
		}
		_, err = db.SQL().ExecContext(t.Context(), `UPDATE river_job SET state = 'running', attempted_by = `+by, lease.name)
		require.NoError(t, err)
		const looks = 40 // of a second each
		running := newRunningJobs()
		for range looks - 1 {
			taken, err := lease.recoverLost(t.Context(), running)
			require.NoError(t, err)
			require.Zero(t, taken, "%s: their ends may still be on the way", name)
		}
		taken, err := lease.recoverLost(t.Context(), running)
		require.NoError(t, err)
		require.Positive(t, taken, name)
	}
}
