package provision

import (
	"sync"
	"time"
)

// stopwatches measure how long ago things were that are stored with a time of day, by a clock that nobody can set: the
// time of day tells only how long ago they were when this process came to know of them.
type stopwatches struct {
	mu      sync.Mutex
	running map[int64]map[int64]stopwatch // by request, and by the stored time in milliseconds
}

type stopwatch struct {
	before time.Duration // until this process came to know of it
	known  time.Time     // when that was, with a monotonic reading
}

func newStopwatches() *stopwatches { return &stopwatches{running: map[int64]map[int64]stopwatch{}} }

// elapsed returns how long ago at was, something of a request. now is the time of day.
func (s *stopwatches) elapsed(request int64, at, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.running[request]
	if of == nil {
		of = map[int64]stopwatch{}
		s.running[request] = of
	}
	w, ok := of[at.UnixMilli()]
	if !ok {
		w = stopwatch{before: max(0, now.Sub(at)), known: time.Now()}
		of[at.UnixMilli()] = w
	}
	return w.before + time.Since(w.known)
}

// stop forgets a request.
func (s *stopwatches) stop(request int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, request)
}
