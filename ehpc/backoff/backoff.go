// Package backoff tells how long to wait before something that failed is tried again.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Delay returns the wait after a number of failures in a row: first after one failure, twice as long after each
// further one, and never more than longest. It is spread by a quarter to both sides, so that what failed together
// does not come back together.
func Delay(failures int, first, longest time.Duration) time.Duration {
	delay := first
	for n := 1; n < failures && delay < longest; n++ {
		delay *= 2
	}
	delay = min(delay, longest)
	return delay*3/4 + rand.N(delay/2+1)
}
