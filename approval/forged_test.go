package approval_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// forge adds an event behind the last one, with its hashes right, as somebody can who writes to the database.
func forge(t *testing.T, db *sql.DB, b *bench, e approval.Event) {
	t.Helper()
	for last, err := range b.reader().Events(t.Context(), audit.Filter{}) {
		require.NoError(t, err)
		e.Seq, e.PrevHash = last.Seq+1, last.Hash
	}
	e.At = time.UnixMilli(time.Now().UnixMilli()).UTC()
	e.Hash = hashOf(e)
	_, err := db.ExecContext(t.Context(), `INSERT INTO event (seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, string(e.From), string(e.To), e.Detail, e.PrevHash, e.Hash)
	require.NoError(t, err)
}

// The database alone, without the key, does not suffice to have an account made; and audit verify tells of it.
func TestForgedApproval(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"approved":               `state = 'approved'`,
		"approved and asked for": `state = 'approved', asked_at = 1, attempted_at = 1, started_at = updated_at`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, url func(t testing.TB) string) { forgedApproval(t, url(t), change) })
		})
	}
}

func forgedApproval(t *testing.T, url, change string) {
	b := setup(t, url, nil)
	asked := b.ask("isabel")
	ring, err := keyring.New(b.keys...)
	require.NoError(t, err)
	before, err := b.reader().Verify(t.Context(), ring, nil)
	require.NoError(t, err)
	require.Empty(t, before.Findings)
	require.Equal(t, before.Events, before.Signed)

	db := raw(t, b.url)
	detail := `requester=UISABEL username=isabel cluster=` + cluster
	forge(t, db, b, approval.Event{RequestID: 1, Actor: anna, Action: "approve", From: approval.Pending, To: approval.Approved, Detail: detail})
	do(t, db, fmt.Sprintf(`INSERT INTO decision VALUES (1, '%s', 'approve', '', 1)`, anna),
		`UPDATE request SET version = version + 1, `+change+` WHERE id = 1`)
	v, err := b.reader().Verify(t.Context(), ring, &before.Last)
	require.NoError(t, err)
	require.Equal(t, []string{"event 2 is not signed by ehpcbot: it was added by somebody else, or changed with its hash"}, v.Findings)

	b.work()
	b.reach(asked.ID, approval.Pending)
	require.Zero(t, b.api.CallCount(ehpctest.ActionAddUser))
	// A real approval counts, also of the person in whose name one was forged.
	_, err = b.service.Approve(t.Context(), b.target(1), anna)
	require.NoError(t, err)
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	require.Contains(t, detail, "requester="+isabel)
}

// What a request asks for, and for whom, can't be changed between its approval and its account, or between the account
// and the credentials.
func TestRequestTurnedRound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"requester": `UPDATE request SET requester = 'UMALLORY' WHERE id = 1`,
		"username":  `UPDATE request SET username = 'mallory' WHERE id = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("before the decision", func(t *testing.T) {
				t.Parallel()
				b := setup(t, storetest.SQLite(t), nil)
				seen := b.ask("isabel").Target()
				do(t, raw(t, b.url), change)
				_, err := b.service.Approve(t.Context(), seen, anna)
				require.Equal(t, approval.KindStale, kindOf(t, err))
			})
			t.Run("before the account", func(t *testing.T) {
				t.Parallel()
				b := setup(t, storetest.SQLite(t), nil)
				_, err := b.service.Approve(t.Context(), b.ask("isabel").Target(), anna)
				require.NoError(t, err)
				do(t, raw(t, b.url), change)
				b.work()
				b.reach(1, approval.Pending)
				require.Zero(t, b.api.CallCount(ehpctest.ActionAddUser))
			})
			t.Run("before the credentials", func(t *testing.T) {
				t.Parallel()
				b := setup(t, storetest.SQLite(t), nil)
				b.api.HangJobs(true)
				b.work()
				_, err := b.service.Approve(t.Context(), b.ask("isabel").Target(), anna)
				require.NoError(t, err)
				b.reach(1, approval.Provisioning)
				b.close()
				do(t, raw(t, b.url), change)
				b.api.HangJobs(false)
				b.restart()
				require.Equal(t, approval.FailureDamaged, b.reach(1, approval.Failed).Failure)
				require.Empty(t, b.told.credentials)
			})
		})
	}
}

// One sealed password that is damaged harms its request alone; so does a panic.
func TestDamageHarmsOneRequest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.api.HangJobs(true)
		b.work()
		damaged := b.approve(cluster, "damaged")
		b.reach(damaged.ID, approval.Provisioning)
		b.close()
		do(t, raw(t, b.url), `UPDATE request SET sealed = substr(sealed, 1, 30) WHERE id = 1`)
		b.api.HangJobs(false)
		b.open()
		ring, err := keyring.For(t.Context(), b.db, b.keys)
		require.NoError(t, err, "the program starts")
		lost, err := ring.Check(t.Context(), b.db)
		require.NoError(t, err)
		require.Equal(t, []int64{1}, lost)
		b.work()
		require.Equal(t, approval.FailureDamaged, b.reach(1, approval.Failed).Failure)
		well := b.approve(cluster, "well")
		b.requireCredentials(b.reach(well.ID, approval.Delivered))
		done, err := ring.Rekey(context.Background(), b.db)
		require.NoError(t, err)
		require.Equal(t, []int64{1}, done.Damaged)
	})
}

// A job whose worker panics is not given up, however often.
func TestPanicIsNotGivenUp(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.told.panics.Store(3)
		asked := b.approve(cluster, "isabel")
		do(t, raw(t, b.url), `UPDATE river_job SET attempt = 999 WHERE kind <> 'expire'`)
		b.work()
		b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		require.Zero(t, b.told.panics.Load())
	})
}

// The approvals of a request that is over suffice for nothing any more.
func TestReplayedApproval(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.work()
	b.approve(cluster, "isabel")
	b.reach(1, approval.Delivered)
	b.api.RemoveUser(cluster, "isabel")
	b.close()
	do(t, raw(t, b.url), `UPDATE request SET state = 'approved', version = version + 1, job_id = '', attempted_at = NULL, started_at = NULL, until_at = NULL`)
	b.open()
	b.work()
	b.reach(1, approval.Pending)
	require.Equal(t, 1, b.api.CallCount(ehpctest.ActionAddUser))
}
