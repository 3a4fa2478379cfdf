package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clock is the clock that jobs are put off by. On PostgreSQL it is the server's, which all replicas share: their
// own clocks may differ from it and from each other, and be set, and no job is early or late for that. A SQLite file
// has one process, whose clock it is.
type Clock struct {
	db *Database

	mu   sync.Mutex
	said time.Time // what the clock said when it was last read
	at   time.Time // when that was, with a monotonic reading
}

// newClock reads the clock for the first time.
func newClock(ctx context.Context, db *Database) (*Clock, error) {
	c := &Clock{db: db}
	_, err := c.Read(ctx)
	return c, err
}

// Read reads the clock anew, and tells whether it was set back since it was last read.
func (c *Clock) Read(ctx context.Context) (setBack bool, err error) {
	said := time.Now().Round(0)
	if c.db.Shared() {
		if err := c.db.db.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&said); err != nil {
			return false, fmt.Errorf("read the database's clock: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now()
	// An answer may take its time, by which it seems to be earlier.
	setBack = !c.at.IsZero() && said.Before(c.said.Add(at.Sub(c.at)-time.Second))
	c.said, c.at = said, at
	return setBack, nil
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time {
	if !c.db.Shared() {
		return time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Add(time.Since(c.at))
}

// WorkClock and insertClock are what River takes for a clock that tests can set; there is no other way to give it
// one. Where NowOrNil returns nil, the database takes its own time.
type (
	WorkClock   struct{ *Clock } // for the client that runs jobs
	insertClock struct{ *Clock } // for the one that inserts them
)

// NowOrNil implements the part of rivertype.TimeGenerator that is for statements.
func (c WorkClock) NowOrNil() *time.Time {
	if c.db.Shared() {
		return nil
	}
	now := c.Now()
	return &now
}

// insertedEarly is more than two replicas differ in what they take for the time of the database. A job that is for
// at once must not look to any of them as if it were for a moment later.
const insertedEarly = 100 * time.Millisecond

// NowOrNil implements the part of rivertype.TimeGenerator that is for statements. River's driver for PostgreSQL would
// insert jobs with the time of the process.
func (c insertClock) NowOrNil() *time.Time {
	now := c.Now().Add(-insertedEarly)
	return &now
}

// RiverTime is a time as River stores it.
func (d *Database) RiverTime(t time.Time) any {
	if d.Shared() {
		return t
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}
