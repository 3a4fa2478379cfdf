package approval

import (
	"context"
	"database/sql"
	"time"
)

// SetClock replaces the service's clock, before the jobs start.
func (s *Service) SetClock(now func() time.Time) { s.now = now }

// SetClock replaces the quota's clock, before the first call.
func (q *Quota) SetClock(now func() time.Time) {
	q.now = func(context.Context, *sql.Tx) (time.Time, error) { return now(), nil }
}

// Write runs f in a transaction that is the only one writing.
func (d *Database) Write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	return d.write(ctx, f)
}

// HashOf is the hash that an event should have.
func HashOf(e Event) string {
	hash, err := e.hash()
	if err != nil {
		panic(err)
	}
	return hash
}

// LoseJobs has the jobs that wait stored as in hand of this process, which they are not, and tells how many it
// takes up again after each of so many looks.
func (s *Service) LoseJobs(ctx context.Context, looks int) (taken []int, err error) {
	alive, err := s.db.announce(ctx, s.db.clientID())
	if err != nil {
		return nil, err
	}
	defer alive.Close()
	by := `'["' || $1 || '"]'`
	if s.db.Shared() {
		by = `ARRAY[$1]`
	}
	if _, err := s.db.db.ExecContext(ctx, `UPDATE river_job SET state = 'running', attempted_by = `+by, alive.name); err != nil {
		return nil, err
	}
	h := newHands()
	for range looks {
		n, err := alive.recover(ctx, h)
		if err != nil {
			return nil, err
		}
		taken = append(taken, n)
	}
	return taken, nil
}

// MigrateTo makes the tables of a database as an older version left them.
func MigrateTo(ctx context.Context, databaseURL string, version int64) error {
	d, err := dial(databaseURL)
	if err != nil {
		return err
	}
	defer d.Close()
	provider, err := d.provider()
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}
