package approval

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
)

// A process that is killed leaves the jobs it had in hand behind as running, and River's leadership too. River
// itself waits for time-outs before it takes them over. Here the dead are found at once: a SQLite file has
// one process, so at its start all that runs was left behind; on PostgreSQL each process holds an advisory
// lock on its name, which ends with its connection.

// lockAlive is the class of the locks by which living processes are known.
const lockAlive = 0x65687063

// alive is the sign that this process lives.
type alive struct {
	db      *Database
	name    string
	conn    *sql.Conn      // holds the lock on PostgreSQL; nil on SQLite
	missing map[string]int // by process with jobs in hand: how many looks in a row found no sign of it
	wakes   int            // in how many of the next looks to wake jobs
}

// clientID names this process to River. On SQLite it is always the same, as there is never a second one.
func (d *Database) clientID() string {
	if !d.Shared() {
		return "ehpcbot"
	}
	return "ehpcbot-" + rand.Text()
}

// announce takes the sign of life, before the first job is taken in hand.
func (d *Database) announce(ctx context.Context, name string) (*alive, error) {
	a := &alive{db: d, name: name}
	if err := a.hold(ctx); err != nil {
		return nil, fmt.Errorf("announce this process to the others: %w", err)
	}
	return a, nil
}

// hold takes the lock, or takes it again where its connection was lost.
func (a *alive) hold(ctx context.Context) error {
	if a.db.dialect == goose.DialectSQLite3 {
		return nil
	}
	if a.conn != nil {
		if a.conn.PingContext(ctx) == nil {
			return nil
		}
		a.Close()
	}
	a.missing = nil // what has taken this sign of life may have taken those of others, who are to have their time too
	conn, err := a.db.db.Conn(ctx)
	if err != nil {
		return err
	}
	a.conn = conn
	// A process that hangs does not ping, and the server ends its connection: then others do its work. The lock may be
	// held still by the connection that was lost, which is as good until the server notices; the next look takes it.
	// (PostgreSQL has the time-out since version 14.)
	_, err = conn.ExecContext(ctx, `SELECT pg_try_advisory_lock($1, hashtext($2)),
		(SELECT set_config(name, $3, false) FROM pg_settings WHERE name = 'idle_session_timeout')`,
		lockAlive, a.name, fmt.Sprint(hangsAfter.Milliseconds()))
	if err != nil {
		a.Close()
	}
	return err
}

// Close gives the sign of life back, with its connection.
func (a *alive) Close() {
	if a.conn == nil {
		return
	}
	_ = a.conn.Raw(func(any) error { return driver.ErrBadConn }) // it is not to be used for anything else
	_ = a.conn.Close()
	a.conn = nil
}

// rescue makes the jobs of dead processes available again. Should a process have lost its lock and live on,
// a job runs twice at the same time, which every job is made to bear.
func (a *alive) rescue(ctx context.Context) (jobs int64, err error) {
	if !a.db.Shared() {
		return a.takeOver(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`, `DELETE FROM river_leader`)
	}
	if err := a.hold(ctx); err != nil {
		return 0, fmt.Errorf("show the others that this process lives: %w", err)
	}
	dead, err := a.dead(ctx)
	for _, name := range dead {
		n, err := a.takeOver(ctx,
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
func (a *alive) takeOver(ctx context.Context, takeJobs, endLead string, args ...any) (jobs int64, err error) {
	res, err := a.db.db.ExecContext(ctx, takeJobs, args...)
	if err == nil {
		jobs, _ = res.RowsAffected()
		_, err = a.db.db.ExecContext(ctx, endLead, args...)
	}
	if err != nil {
		return jobs, fmt.Errorf("take over the jobs of processes that ended: %w", err)
	}
	return jobs, nil
}

// dead lists the processes that jobs are in hand of, and of which several looks in a row found no sign: one may have
// lost its connection, and is about to show that it lives.
func (a *alive) dead(ctx context.Context) (dead []string, err error) {
	silent, err := a.silent(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for processes that ended: %w", err)
	}
	missing := map[string]int{}
	for _, name := range silent {
		if missing[name] = a.missing[name] + 1; missing[name] >= looksUntilDead {
			dead = append(dead, name)
			delete(missing, name)
		}
	}
	a.missing = missing
	return dead, nil
}

// silent lists the processes that jobs are in hand of, or that lead, and that hold no lock.
func (a *alive) silent(ctx context.Context) ([]string, error) {
	rows, err := a.db.db.QueryContext(ctx, `SELECT name FROM (
			SELECT attempted_by[array_length(attempted_by, 1)] AS name FROM river_job WHERE state = 'running'
			UNION SELECT leader_id FROM river_leader) AS busy
		WHERE hashtext(name)::oid NOT IN (SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`, lockAlive)
	if err != nil {
		return nil, err
	}
	return collect(rows, "read their names", func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	})
}

// hands knows the jobs that this process has in hand. The end of a job can fail to be stored, while the database
// is away: then the job stays as running, though nobody works on it.
type hands struct {
	mu      sync.Mutex
	full    map[int64]int // by job: how often it was taken, less how often it ended
	missing map[int64]int // by job that is stored as running and is not in hand: how often it was seen so
}

func newHands() *hands { return &hands{full: map[int64]int{}, missing: map[int64]int{}} }

// take notes that a job is in hand, until the function is called that it returns.
func (h *hands) take(job int64) (end func()) {
	h.add(job, 1)
	return func() { h.add(job, -1) }
}

func (h *hands) add(job int64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full[job] += n; h.full[job] == 0 {
		delete(h.full, job)
	}
}

// lost tells which of the jobs that are stored as running have been in nobody's hands for many looks in a row.
func (h *hands) lost(running []int64, many int) (lost []int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	missing := map[int64]int{}
	for _, job := range running {
		if h.full[job] > 0 {
			continue
		}
		if missing[job] = h.missing[job] + 1; missing[job] >= many {
			lost = append(lost, job)
			delete(missing, job)
		}
	}
	h.missing = missing
	return lost
}

// recover makes jobs available again that this process has lost.
func (a *alive) recover(ctx context.Context, h *hands) (jobs int, err error) {
	running, err := a.running(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for jobs that were lost: %w", err)
	}
	lost := h.lost(running, int(lostAfter/rescueEvery))
	for _, job := range lost {
		_, err := a.db.db.ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running' AND id = $1`, job)
		if err != nil {
			return 0, fmt.Errorf("take up a job that was lost: %w", err)
		}
	}
	return len(lost), nil
}

// running lists the jobs that are stored as in hand of this process.
func (a *alive) running(ctx context.Context) (jobs []int64, err error) {
	query, args := `SELECT id FROM river_job WHERE state = 'running'`, []any(nil)
	if a.db.Shared() {
		query, args = query+` AND attempted_by[array_length(attempted_by, 1)] = $1`, []any{a.name}
	}
	rows, err := a.db.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var job int64
		if err := rows.Scan(&job); err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, rows.Err()
}

const (
	// rescueEvery is how often the living look for the dead, and show that they live.
	rescueEvery = time.Second
	// looksUntilDead is how many of these have to find no sign of a process.
	looksUntilDead = 3
	// looksToWake is in how many looks jobs are woken after the clock was set back.
	looksToWake = 5
	// lookTime is the longest that such a look may take.
	lookTime = 10 * time.Second
	// hangsAfter is how long a process may be silent before others take it for dead.
	hangsAfter = 15 * time.Second
	// lostAfter is about what River takes at the most to store the end of a job, and far above the usual.
	lostAfter = 40 * time.Second
)

// keepRescuing looks for dead processes until ctx ends, for jobs that were lost, and for a clock that was set
// back. On SQLite there are no dead but those before the start.
func (s *Service) keepRescuing(ctx context.Context, a *alive, h *hands) {
	ticker := time.NewTicker(rescueEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.look(ctx, a, h)
	}
}

func (s *Service) look(ctx context.Context, a *alive, h *hands) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if setBack, err := s.clock.read(ctx); err == nil && setBack {
		a.wakes = looksToWake
	}
	if a.wakes > 0 { // more than once: a job may have been put off by the old time meanwhile
		a.wakes--
		s.wake(ctx)
	}
	if s.db.Shared() {
		s.rescueOnce(ctx, a)
	}
	s.recoverOnce(ctx, a, h)
	if err := s.db.emptyLog(ctx); err != nil && ctx.Err() == nil {
		s.log.Debug("the write-ahead log is not emptied yet", "error", err)
	}
}

func (s *Service) recoverOnce(ctx context.Context, a *alive, h *hands) {
	jobs, err := a.recover(ctx, h)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Warn("looking for jobs that were lost", "error", err)
	case jobs > 0:
		s.log.Info("took up jobs whose end could not be stored", "jobs", jobs)
	}
}

// wake makes jobs available that are put off for longer than a failure puts them off. A clock that was set
// back by an hour leaves them an hour away; the few that wait for a limit of others are put off again. Timers
// go by the time of day, and stay.
func (s *Service) wake(ctx context.Context) {
	now := s.clock.Now()
	_, err := s.db.db.ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = $1
		WHERE state IN ('available', 'scheduled', 'retryable') AND scheduled_at > $2
		AND kind IN ('provision', 'deliver', 'refresh', 'notify', 'scrub')`,
		s.db.riverTime(now), s.db.riverTime(now.Add(time.Minute)))
	if err != nil && ctx.Err() == nil {
		s.log.Warn("looking for jobs that were put off by a clock that was wrong", "error", err)
	}
}

func (s *Service) rescueOnce(ctx context.Context, a *alive) {
	jobs, err := a.rescue(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Warn("looking for processes that ended", "error", err)
	case jobs > 0:
		s.log.Log(ctx, slog.LevelInfo, "took over the jobs of a process that ended", "jobs", jobs)
	}
}
