package bot

import (
	"context"
	"sync"
	"time"
)

// pulse notices when the process was stopped for a while, with its machine or by a signal. What has waited in its
// connections meanwhile is no longer what people want: they have seen Slack's error, and gone on elsewhere.
type pulse struct {
	mu     sync.Mutex
	beat   time.Time // the last one; zero: it does not beat yet
	thawed time.Time // when the process was last found to run again
}

const (
	// beatEvery is how often the pulse beats.
	beatEvery = 250 * time.Millisecond
	// frozenTime is how long it must have stood still. Slack waits three seconds for an acknowledgement.
	frozenTime = 3 * time.Second
	// thawTime is how long it takes after that to read what has waited.
	thawTime = time.Second
)

// run beats until ctx ends.
func (p *pulse) run(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		p.feel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// feel beats, and reports whether the process has just come back.
func (p *pulse) feel() (back bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.beat.IsZero() && now.Sub(p.beat) > frozenTime {
		p.thawed = now
	}
	p.beat = now
	return !p.thawed.IsZero() && now.Sub(p.thawed) < thawTime
}
