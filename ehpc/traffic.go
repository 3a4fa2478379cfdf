package ehpc

import (
	"maps"
	"sync"
	"time"
)

// traffic knows how fast accounts are asked for while others are being made, be
// it all at once or one after the other: then questions wait a little for others,
// with which they are asked in one call. An account that comes alone, however
// soon after the one before, is never held up.
type traffic struct {
	mu       sync.Mutex
	turns    int                  // that are waited for or used
	jobs     map[string]time.Time // whose end is not known: since when
	arrivals []time.Time          // of accounts that met others under way, the last ones
}

const (
	// trafficTime is the time over which arrivals are counted.
	trafficTime = 3 * time.Second
	// trafficLeast is how many arrivals in that time make a burst.
	trafficLeast = 4
	// jobMemory is how long a job counts whose end nobody asks for.
	jobMemory = time.Minute
)

func newTraffic() *traffic { return &traffic{jobs: map[string]time.Time{}} }

// arrive counts an account until leave is called.
func (t *traffic) arrive() (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(t.jobs, func(_ string, since time.Time) bool { return now.Sub(since) > jobMemory })
	if t.turns+len(t.jobs) > 0 {
		t.arrivals = append(t.since(now), now)
	}
	t.turns++
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.turns--
	})
}

// begun notes a job.
func (t *traffic) begun(job string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.jobs[job] = time.Now()
}

// ended forgets it.
func (t *traffic) ended(job string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.jobs, job)
}

// since returns the arrivals that still count.
func (t *traffic) since(now time.Time) []time.Time {
	for i, at := range t.arrivals {
		if now.Sub(at) < trafficTime {
			return t.arrivals[i:]
		}
	}
	return nil
}

// takes tells in which time so many accounts come, 0 where there is no burst.
func (t *traffic) takes(accounts int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arrivals = t.since(time.Now())
	if len(t.arrivals) < trafficLeast {
		return 0
	}
	return time.Duration(accounts) * trafficTime / time.Duration(len(t.arrivals))
}
