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
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
)

// eventsOfOne is how many events a request of the past has: asked for, approved, made in two steps, delivered.
const eventsOfOne = 5

// past fills a new SQLite database with so many requests that were delivered long ago, and all their events.
func past(t testing.TB, url string, keys *keyring.Keyring, requests int) {
	t.Helper()
	d, err := store.Open(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	db := raw(t, url)
	db.SetMaxOpenConns(1)
	do(t, db, `PRAGMA synchronous = OFF`, `PRAGMA journal_mode = OFF`, `DROP TRIGGER event_appended`, `DROP TRIGGER event_moves_head`)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	w := pastWriter{ctx: t.Context(), tx: tx, keys: keys}
	for id := int64(1); id <= int64(requests); id++ {
		require.NoError(t, w.request(id))
	}
	require.NoError(t, tx.Commit())
	do(t, db, `PRAGMA journal_mode = WAL`, `DROP TRIGGER event_head_step`, fmt.Sprintf(`UPDATE event_head SET seq = %d, hash = '%s'`, w.last.Seq, w.last.Hash))
	require.NoError(t, db.Close())
}

type pastWriter struct {
	ctx  context.Context
	tx   *sql.Tx
	keys *keyring.Keyring
	last approval.Event

	ask, decide, append *sql.Stmt
}

// request writes all that there is of a request.
func (w *pastWriter) request(id int64) error {
	at := pastTime(id)
	r := approval.Request{ID: id, ClusterID: cluster, Username: fmt.Sprint("u", id), Mod: "700", Required: 1, Reason: "thesis project", Requester: fmt.Sprint("U", id%5000)}
	err := w.exec(&w.ask, `INSERT INTO request (id, envelope, cluster, username, mod, reason, requester, state, version, required,
		created_at, updated_at, expires_at, until_at, cleared_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'delivered', 5, 1, ?, ?, ?, 1, 1)`,
		id, fmt.Sprint("envelope ", id), r.ClusterID, r.Username, r.Mod, r.Reason, r.Requester, at.UnixMilli(), at.UnixMilli(), at.UnixMilli())
	if err != nil {
		return err
	}
	if err := w.exec(&w.decide, `INSERT INTO decision VALUES (?, ?, 'approve', '', ?)`, id, anna, at.UnixMilli()); err != nil {
		return err
	}
	for _, e := range [eventsOfOne]approval.Event{
		{Actor: r.Requester, Action: "ask", To: approval.Pending, Detail: approval.AskedFor(r).String()},
		{Actor: anna, Action: "approve", From: approval.Pending, To: approval.Approved},
		{Actor: approval.System, Action: "provision", From: approval.Approved, To: approval.Provisioning},
		{Actor: approval.System, Action: "provisioned", From: approval.Provisioning, To: approval.Provisioned},
		{Actor: approval.System, Action: "deliver", From: approval.Provisioned, To: approval.Delivered},
	} {
		e.Seq, e.At, e.RequestID, e.PrevHash = w.last.Seq+1, at, id, w.last.Hash
		e.Hash = hashOf(e)
		w.last = e
		err := w.exec(&w.append, `INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, string(e.From), string(e.To), e.Detail, e.PrevHash, e.Hash, w.keys.Sign(e.Hash))
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *pastWriter) exec(prepared **sql.Stmt, statement string, args ...any) (err error) {
	if *prepared == nil {
		if *prepared, err = w.tx.PrepareContext(w.ctx, statement); err != nil {
			return err
		}
	}
	_, err = (*prepared).ExecContext(w.ctx, args...)
	return err
}

// BenchmarkPast measures what is done on a database with b.N events: -benchtime 5000000x has five million, of a million
// requests.
func BenchmarkPast(b *testing.B) {
	url := storetest.SQLite(b)
	keys, err := keyring.New(key)
	require.NoError(b, err)
	past(b, url, keys, max(1, b.N/eventsOfOne))
	measure := func(what string, do func()) {
		start := time.Now()
		do()
		b.ReportMetric(float64(time.Since(start))/float64(time.Millisecond), what+"-ms")
	}
	b.ReportMetric(0, "ns/op")
	measure("start", func() {
		o := bench{t: b, url: url, conf: policy(), keys: [][]byte{key}, people: &directory{}, told: &messenger{}, log: testLog(b)}
		o.open()
		_, err := o.service.Sweep(b.Context())
		require.NoError(b, err)
		o.close()
	})
	r, err := store.OpenReader(b.Context(), url)
	require.NoError(b, err)
	defer r.Close()
	measure("since", func() {
		last := pastTime(int64(max(1, b.N/eventsOfOne)))
		n := 0
		for _, err := range r.Events(b.Context(), audit.Filter{Since: last}) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, eventsOfOne, n)
	})
	measure("verify", func() {
		v, err := r.Verify(b.Context(), keys, nil)
		require.NoError(b, err)
		require.Empty(b, v.Findings)
		require.EqualValues(b, max(1, b.N/eventsOfOne)*eventsOfOne, v.Whole)
		require.Equal(b, v.Whole, v.Signed)
	})
}

// pastTime is when the events of a request of the past were.
func pastTime(id int64) time.Time { return time.UnixMilli(1_600_000_000_000 + id*10_000) }
