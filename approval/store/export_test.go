package store

import (
	"context"
	"time"
)

// SetClock replaces the quota's clock, before the first call.
func (q *Quota) SetClock(now func() time.Time) {
	q.now = func(context.Context, *Tx) (time.Time, error) { return now(), nil }
}
