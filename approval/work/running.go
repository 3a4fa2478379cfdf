package work

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"ehpcbot/approval/rows"
)

// runningJobs knows the jobs that this process has in hand. The end of a job can fail to be stored, while the database
// is away: then the job stays as running, though nobody works on it.
type runningJobs struct {
	mu      sync.Mutex
	taken   map[int64]int // by job: how often it was taken, less how often it ended
	missing misses[int64] // of jobs that are stored as running and not in hand
}

func newRunningJobs() *runningJobs { return &runningJobs{taken: map[int64]int{}} }

// begin notes that a job is in hand, until the function is called that it returns.
func (j *runningJobs) begin(job int64) (end func()) {
	j.add(job, 1)
	return func() { j.add(job, -1) }
}

func (j *runningJobs) add(job int64, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.taken[job] += n; j.taken[job] == 0 {
		delete(j.taken, job)
	}
}

// lost tells which of the jobs that are stored as running have been in nobody's hands for many looks in a row.
func (j *runningJobs) lost(running []int64, many int) []int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.missing.lost(slices.DeleteFunc(running, func(job int64) bool { return j.taken[job] > 0 }), many)
}

// misses counts in how many looks in a row a thing was missing.
type misses[K comparable] map[K]int

// lost takes what is missing now, and returns what has been so for many looks; of that counting begins anew.
func (m *misses[K]) lost(now []K, many int) (lost []K) {
	counts := misses[K]{}
	for _, k := range now {
		if counts[k] = (*m)[k] + 1; counts[k] >= many {
			lost = append(lost, k)
			delete(counts, k)
		}
	}
	*m = counts
	return lost
}

// recoverLost makes jobs available again that this process has lost.
func (l *lease) recoverLost(ctx context.Context, j *runningJobs) (jobs int, err error) {
	running, err := l.running(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for jobs that were lost: %w", err)
	}
	lost := j.lost(running, int(lostAfter/lookEvery))
	for _, job := range lost {
		_, err := l.db.SQL().ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running' AND id = $1`, job)
		if err != nil {
			return 0, fmt.Errorf("take up a job that was lost: %w", err)
		}
	}
	return len(lost), nil
}

// running lists the jobs that are stored as in hand of this process.
func (l *lease) running(ctx context.Context) ([]int64, error) {
	query, args := `SELECT id FROM river_job WHERE state = 'running'`, []any(nil)
	if l.db.Shared() {
		query, args = query+` AND attempted_by[array_length(attempted_by, 1)] = $1`, []any{l.name}
	}
	return rows.Query(ctx, l.db.SQL(), "read their numbers", rows.Only[int64], query, args...)
}
