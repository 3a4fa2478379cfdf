package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"ehpcbot/approval/rows"
	"ehpcbot/ehpc"
)

// Quota is the EHPC API's quota of calls: a bucket of an hour's calls, refilled evenly. It is one row of the database,
// which all processes share and which outlives them. Each takes some calls out of it at a time, so that not every call
// costs a transaction.
//
// When the API says that there were too many calls, it is asked again after the time that it names, else after a pause
// that grows from call to call: so the bot goes on soon where the API counts by the hour, and asks seldom where it
// counts by the day.
type Quota struct {
	db      *Database
	log     *slog.Logger
	perHour int // 0: no limit but the API's
	now     func(context.Context, *Tx) (time.Time, error)

	mu   sync.Mutex
	hand int       // calls that are taken out of the bucket and not made yet
	last bucket    // as it was last seen
	seen time.Time // when that was, with a monotonic reading; zero: never
}

// bucket is what the database holds.
type bucket struct {
	calls  float64       // that are left
	at     time.Time     // when they were
	closed time.Time     // until then the API takes no calls
	pause  time.Duration // after the API's last refusal; 0: a call went well since
}

const (
	firstPause   = time.Second
	longestPause = 15 * time.Minute
	// longestClosed bounds what a server, or a clock that was wrong, can keep the API closed for.
	longestClosed = time.Hour
)

// NewQuota returns the quota of a database, of so many calls in an hour; 0 means no limit but the API's.
func NewQuota(db *Database, callsPerHour int, log *slog.Logger) *Quota {
	return &Quota{db: db, log: log, perHour: callsPerHour, now: db.now}
}

// Take implements [ehpc.Quota].
func (q *Quota) Take(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hand > 0 && q.closedFor() == 0 {
		q.hand--
		return nil
	}
	err := q.change(ctx, func(b *bucket) error {
		if left := b.closed.Sub(b.at); left > 0 {
			return &ehpc.LimitedError{RetryAfter: left}
		}
		if q.hand > 0 {
			return nil // the API was closed meanwhile
		}
		taken := max(1, q.perHour/100)
		if q.perHour > 0 {
			if b.calls < 1 {
				return &ehpc.LimitedError{RetryAfter: q.refillTime(1 - b.calls)}
			}
			taken = min(taken, int(b.calls))
			b.calls -= float64(taken)
		}
		q.hand = taken
		return nil
	})
	if err == nil {
		q.hand--
	}
	return err
}

// Answered implements [ehpc.Quota].
func (q *Quota) Answered(ctx context.Context, err error) {
	refused := errors.Is(err, ehpc.ErrQuota)
	q.mu.Lock()
	defer q.mu.Unlock()
	if !refused && (err != nil || q.last.pause == 0) {
		return
	}
	fault := q.change(context.WithoutCancel(ctx), func(b *bucket) error {
		if !refused {
			b.pause = 0
			return nil
		}
		b.pause = min(max(2*b.pause, firstPause), longestPause)
		wait := ehpc.RetryAfter(err)
		if wait == 0 {
			wait = b.pause
		}
		b.closed = b.at.Add(min(wait, longestClosed))
		return nil
	})
	if fault != nil {
		q.log.Warn("that the API takes no more calls could not be stored", "error", fault)
	}
}

// Wait estimates how long it takes until so many calls can be made, by what was last seen of the bucket.
func (q *Quota) Wait(ctx context.Context, calls int) (time.Duration, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen.IsZero() {
		if err := q.change(ctx, func(*bucket) error { return nil }); err != nil {
			return 0, err
		}
	}
	wait := q.closedFor()
	if q.perHour > 0 {
		missing := float64(calls-q.hand) - q.last.calls
		wait = max(wait, q.refillTime(missing)-time.Since(q.seen))
	}
	return wait, nil
}

// Release puts back what was taken out of the bucket and is not used.
func (q *Quota) Release(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hand == 0 || q.perHour == 0 {
		return nil
	}
	return q.change(ctx, func(b *bucket) error {
		b.calls += float64(q.hand)
		q.hand = 0
		return nil
	})
}

// closedFor is how long the API takes no calls, by what was last seen.
func (q *Quota) closedFor() time.Duration {
	return max(0, q.last.closed.Sub(q.last.at)-time.Since(q.seen))
}

func (q *Quota) refillTime(calls float64) time.Duration {
	return time.Duration(math.Ceil(max(0, calls) * float64(time.Hour) / float64(q.perHour)))
}

// change reads the row, lets f change it as of now, and stores it. What f returns ends it, and stores nothing.
func (q *Quota) change(ctx context.Context, f func(*bucket) error) error {
	var b bucket
	var answer error
	hand := q.hand
	err := q.db.write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		if b, err = q.read(ctx, tx); err != nil {
			return err
		}
		if answer = f(&b); answer != nil {
			return nil
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO quota (one, calls, at, closed_until, pause) VALUES (1, $1, $2, $3, $4)
			ON CONFLICT (one) DO UPDATE SET calls = excluded.calls, at = excluded.at,
			closed_until = excluded.closed_until, pause = excluded.pause`,
			b.calls, b.at.UnixMilli(), b.closed.UnixMilli(), b.pause.Milliseconds())
		return err
	})
	if err != nil {
		q.hand = hand
		return fmt.Errorf("take from the quota of calls: %w", err)
	}
	q.last, q.seen = b, time.Now()
	return answer
}

// read reads the row, and refills the bucket up to now.
func (q *Quota) read(ctx context.Context, tx *Tx) (bucket, error) {
	now, err := q.now(ctx, tx)
	if err != nil {
		return bucket{}, err
	}
	full := bucket{calls: float64(q.perHour), at: now, closed: now}
	var calls float64
	var at, closed, pause int64
	err = tx.QueryRowContext(ctx, `SELECT calls, at, closed_until, pause FROM quota`).Scan(&calls, &at, &closed, &pause)
	if errors.Is(err, sql.ErrNoRows) {
		return full, nil
	}
	if err != nil {
		return bucket{}, err
	}
	// What has passed since then; nothing where the clock was set back.
	passed := max(0, now.Sub(rows.Moment(at)))
	left := time.Duration(closed-at)*time.Millisecond - passed
	return bucket{
		calls: min(calls+float64(q.perHour)*passed.Hours(), full.calls), at: now,
		closed: now.Add(max(0, min(left, longestClosed))), pause: time.Duration(pause) * time.Millisecond,
	}, nil
}
