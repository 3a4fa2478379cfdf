package store

import (
	"context"
	"time"
)

// IsMounted is isMounted.
var IsMounted = isMounted

// SetClock replaces the quota's clock, before the first call.
func (q *Quota) SetClock(now func() time.Time) {
	q.now = func(context.Context, *Tx) (time.Time, error) { return now(), nil }
}
