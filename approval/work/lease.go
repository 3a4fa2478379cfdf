package work

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"ehpcbot/approval/rows"
	"ehpcbot/approval/store"
)

// A process that is killed leaves the jobs it had in hand behind as running, and River's leadership too. River
// itself waits for time-outs before it takes them over. Here the dead are found at once: a SQLite file has
// one process, so at its start all that runs was left behind; on PostgreSQL each process holds an advisory
// lock on its name, which ends with its connection.

// lockLease is the class of the locks by which living processes are known.
const lockLease = 0x65687063

// lease is the sign that this process lives.
type lease struct {
	db      *store.Database
	name    string
	conn    *sql.Conn      // holds the lock on PostgreSQL; nil on SQLite
	missing misses[string] // of processes with jobs in hand
}

// clientID names this process to River. On SQLite it is always the same, as there is never a second one.
func clientID(d *store.Database) string {
	if !d.Shared() {
		return "ehpcbot"
	}
	return "ehpcbot-" + rand.Text()
}

// takeLease takes the lease, before the first job is taken in hand.
func takeLease(ctx context.Context, d *store.Database, name string) (*lease, error) {
	l := &lease{db: d, name: name}
	if err := l.hold(ctx); err != nil {
		return nil, fmt.Errorf("announce this process to the others: %w", err)
	}
	return l, nil
}

// hold takes the lock, or takes it again where its connection was lost.
func (l *lease) hold(ctx context.Context) error {
	if !l.db.Shared() {
		return nil
	}
	if l.conn != nil {
		if l.conn.PingContext(ctx) == nil {
			return nil
		}
		l.Close()
	}
	l.missing = nil // what has taken this sign of life may have taken those of others, who are to have their time too
	conn, err := l.db.SQL().Conn(ctx)
	if err != nil {
		return err
	}
	l.conn = conn
	// A process that hangs does not ping, and the server ends its connection: then others do its work. The lock may be
	// held still by the connection that was lost, which is as good until the server notices; the next look takes it.
	// (PostgreSQL has the time-out since version 14.)
	_, err = conn.ExecContext(ctx, `SELECT pg_try_advisory_lock($1, hashtext($2)),
		(SELECT set_config(name, $3, false) FROM pg_settings WHERE name = 'idle_session_timeout')`,
		lockLease, l.name, fmt.Sprint(hangsAfter.Milliseconds()))
	if err != nil {
		l.Close()
	}
	return err
}

// Close gives the sign of life back, with its connection.
func (l *lease) Close() {
	if l.conn == nil {
		return
	}
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // it is not to be used for anything else
	_ = l.conn.Close()
	l.conn = nil
}

// takeOverDead makes the jobs of dead processes available again. Should a process have lost its lock and live on,
// a job runs twice at the same time, which every job is made to bear.
func (l *lease) takeOverDead(ctx context.Context) (jobs int64, err error) {
	if !l.db.Shared() {
		return l.takeOver(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`, `DELETE FROM river_leader`)
	}
	if err := l.hold(ctx); err != nil {
		return 0, fmt.Errorf("show the others that this process lives: %w", err)
	}
	dead, err := l.dead(ctx)
	for _, name := range dead {
		n, err := l.takeOver(ctx,
			`UPDATE river_job SET state = 'available' WHERE state = 'running' AND attempted_by[array_length(attempted_by, 1)] = $1`,
			`DELETE FROM river_leader WHERE leader_id = $1`, name)
		if err != nil {
			return jobs, err
		}
		jobs += n
	}
	return jobs, err
}

// takeOver makes jobs available again, and lets somebody else lead.
func (l *lease) takeOver(ctx context.Context, takeJobs, endLead string, args ...any) (jobs int64, err error) {
	res, err := l.db.SQL().ExecContext(ctx, takeJobs, args...)
	if err == nil {
		jobs, _ = res.RowsAffected()
		_, err = l.db.SQL().ExecContext(ctx, endLead, args...)
	}
	if err != nil {
		return jobs, fmt.Errorf("take over the jobs of processes that ended: %w", err)
	}
	return jobs, nil
}

// dead lists the processes that jobs are in hand of, and of which several looks in a row found no sign: one may have
// lost its connection, and is about to show that it lives.
func (l *lease) dead(ctx context.Context) (dead []string, err error) {
	silent, err := l.silent(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for processes that ended: %w", err)
	}
	return l.missing.lost(silent, looksUntilDead), nil
}

// silent lists the processes that jobs are in hand of, or that lead, and that hold no lock.
func (l *lease) silent(ctx context.Context) ([]string, error) {
	return rows.Query(ctx, l.db.SQL(), "read their names", rows.Only[string], `SELECT name FROM (
			SELECT attempted_by[array_length(attempted_by, 1)] AS name FROM river_job WHERE state = 'running'
			UNION SELECT leader_id FROM river_leader) AS busy
		WHERE hashtext(name)::oid NOT IN (SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`, lockLease)
}
