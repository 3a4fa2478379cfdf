// Package backoff says how long to wait before something that failed is tried again, and waits.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Delay returns how long to wait after so many failures in a row: first after one, twice as long after each further
// one, and never longer than longest. A quarter is added or taken off at random, so that what failed together does not
// come back together.
func Delay(failures int, first, longest time.Duration) time.Duration {
	d := first
	for range failures - 1 {
		if d >= longest {
			break
		}
		d *= 2
	}
	d = min(d, longest)
	return d - d/4 + rand.N(d/2+1)
}

// Sleep waits for a time, and returns why ctx ended where that is before.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
