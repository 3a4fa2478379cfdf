package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/pgtest"
)

// TestRequestsAreKept brings a database up to date in which there are requests, with what refers to them.
func TestRequestsAreKept(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ehpcbot.db") },
		"postgres": pgtest.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			d, err := dial(url(t))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			require.NoError(t, d.migrateJobs(ctx))
			provider, err := d.provider()
			require.NoError(t, err)
			_, err = provider.UpTo(ctx, 10)
			require.NoError(t, err)
			id := ""
			if d.Shared() {
				id = "OVERRIDING SYSTEM VALUE"
			}
			const head = `INSERT INTO request (id, envelope, cluster, username, mod, reason, requester, state, version, required, created_at, updated_at, expires_at, sealed, until_at, cleared_at, nonce, uid, twin) `
			for _, statement := range []string{
				head + id + ` VALUES (1, 'one', 'ehpc-x', 'isabel', '700', 'why', 'U1', 'delivered', 5, 1, 100, 900, 200, NULL, 300, 800, 'n', 7, 'nina')`,
				head + id + ` VALUES (2, NULL, 'ehpc-x', 'otto', '', '', 'U2', 'provisioned', 4, 1, 100, 150, 200, 'sealed', NULL, NULL, '', NULL, '')`,
				head + id + ` VALUES (5, NULL, 'ehpc-x', 'nina', '', '', 'U2', 'denied', 2, 1, 100, 150, 200, NULL, NULL, NULL, '', NULL, '')`,
				`INSERT INTO decision VALUES (1, 'U3', 'approve', '', 120)`,
				`INSERT INTO message VALUES (1, 'approval', 'C1', '1.2', 5, 110)`,
				`INSERT INTO event (seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash)
					VALUES (1, 400, 1, 'ehpcbot', 'deliver', 'provisioned', 'delivered', '', '', 'h')`,
			} {
				_, err := d.db.ExecContext(ctx, statement)
				require.NoError(t, err, statement)
			}
			require.NoError(t, d.migrateTables(ctx))

			require.NoError(t, d.Read(ctx, func(_ context.Context, tx approval.Tx) error {
				one, err := tx.Request(ctx, 1)
				require.NoError(t, err)
				story, err := tx.Story(ctx, one)
				require.NoError(t, err)
				require.Equal(t, "one isabel 700 why U1 n nina", one.Envelope+" "+one.Username+" "+one.Mod+" "+one.Reason+" "+one.Requester+" "+one.Nonce+" "+one.Twin)
				require.EqualValues(t, []int64{300, 800, 400, 400, 7}, []int64{one.CredentialsUntil.UnixMilli(), one.ClearedAt.UnixMilli(), one.DeliveredAt.UnixMilli(), one.ShownAt.UnixMilli(), one.UID})
				require.Len(t, story.Decisions, 1)
				require.Len(t, story.Messages, 1)
				two, err := tx.Request(ctx, 2)
				require.NoError(t, err)
				require.Equal(t, "sealed", string(two.Sealed))
				require.True(t, two.DeliveredAt.IsZero() && two.ShownAt.IsZero() && two.Envelope == "")
				return nil
			}))
			_, err = d.db.ExecContext(ctx, `UPDATE request SET state = 'delivered' WHERE id = 2`)
			require.NoError(t, err, "a delivered request may hold a password")
			_, err = d.db.ExecContext(ctx, `UPDATE request SET sealed = NULL, state = 'provisioned' WHERE id = 2`)
			require.Error(t, err, "what held before holds")
			if d.Shared() {
				return
			}
			_, err = d.db.ExecContext(ctx, `INSERT INTO decision VALUES (3, 'U3', 'approve', '', 120)`)
			require.Error(t, err, "what refers to a request refers to one that is there")
			var next int64
			require.NoError(t, d.db.QueryRowContext(ctx, `INSERT INTO request (cluster, username, mod, reason, requester, state, version, required,
				created_at, updated_at, expires_at) VALUES ('ehpc-x', 'new', '', '', 'U1', 'pending', 1, 1, 1, 1, 1) RETURNING id`).Scan(&next))
			require.EqualValues(t, 6, next, "no number is given twice")
		})
	}
}
