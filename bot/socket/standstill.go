package socket

import (
	"context"
	"sync"
	"time"

	"ehpcbot/ehpc/backoff"
)

// standstill notices when the process was stopped for a while, with its machine or by a signal. What has waited in its
// connections meanwhile is no longer what people want: they have seen Slack's error, and gone on elsewhere.
type standstill struct {
	mu   sync.Mutex
	beat time.Time // when the process was last seen running
	back time.Time // when it was last found to run again
}

// watch looks until ctx ends.
func (s *standstill) watch(ctx context.Context) {
	for backoff.Sleep(ctx, 250*time.Millisecond) == nil {
		s.justOver()
	}
}

// justOver reports whether the process has come back from a standstill within the last second, in which it reads what
// has waited. A standstill is longer than Slack waits for an acknowledgement.
func (s *standstill) justOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.beat.IsZero() && now.Sub(s.beat) > slackTime {
		s.back = now
	}
	s.beat = now
	return now.Sub(s.back) < time.Second
}
