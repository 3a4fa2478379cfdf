package work

import (
	"context"
	"log/slog"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/store"
)

const (
	// lookEvery is how often the living look for the dead, and show that they live.
	lookEvery = time.Second
	// looksUntilDead is how many of these have to find no sign of a process.
	looksUntilDead = 3
	// looksToWake is in how many looks jobs are woken after the clock was set back.
	looksToWake = 5
	// looksToSweep is after how many looks jobs are looked for that are not there.
	looksToSweep = 60
	// lookTime is the longest that such a look may take.
	lookTime = 10 * time.Second
	// hangsAfter is how long a process may be silent before others take it for dead.
	hangsAfter = 15 * time.Second
	// lostAfter is about what River takes at the most to store the end of a job, and far above the usual.
	lostAfter = 40 * time.Second
)

// keeper sees to it that no job is left behind: those of processes that have died, those that this one has lost, those
// that a wrong clock has put off, and those that are not there.
type keeper struct {
	service *approval.Service
	db      *store.Database
	lease   *lease
	running *runningJobs
	log     *slog.Logger
	wakes   int // in how many of the next looks to wake jobs
}

// run looks every second until ctx ends. On SQLite there are no dead processes but those before the start.
func (k *keeper) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for looks := 1; ; looks++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		k.look(ctx)
		if looks%looksToSweep == 0 {
			if err := k.sweep(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn("looking for requests without their job", "error", err)
			}
			if err := k.service.RecordCounts(ctx, false); err != nil && ctx.Err() == nil {
				k.log.Error("some refusals are not counted", "error", err)
			}
		}
	}
}

func (k *keeper) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if setBack, err := k.db.Clock().Read(ctx); err == nil && setBack {
		k.wakes = looksToWake
	}
	if k.wakes > 0 { // more than once: a job may have been put off by the old time meanwhile
		k.wakes--
		k.wake(ctx)
	}
	if k.db.Shared() {
		k.takeOver(ctx)
	}
	k.recover(ctx)
	if err := k.db.EmptyLog(ctx); err != nil && ctx.Err() == nil {
		k.log.Debug("the write-ahead log is not emptied yet", "error", err)
	}
}

// sweep puts jobs back that are called for and not there.
func (k *keeper) sweep(ctx context.Context) error {
	put, err := k.service.Sweep(ctx)
	if err == nil && put > 0 {
		k.log.Warn("put jobs back that were not there", "jobs", put)
	}
	return err
}

func (k *keeper) takeOver(ctx context.Context) {
	jobs, err := k.lease.takeOverDead(ctx)
	k.tell(ctx, jobs, err, "took over the jobs of a process that ended", "looking for processes that ended")
}

func (k *keeper) recover(ctx context.Context) {
	jobs, err := k.lease.recoverLost(ctx, k.running)
	k.tell(ctx, int64(jobs), err, "took up jobs whose end could not be stored", "looking for jobs that were lost")
}

func (k *keeper) tell(ctx context.Context, jobs int64, err error, done, doing string) {
	switch {
	case err != nil && ctx.Err() == nil:
		k.log.Warn(doing, "error", err)
	case jobs > 0:
		k.log.Info(done, "jobs", jobs)
	}
}

// wake makes jobs available that are put off for longer than a failure puts them off. A clock that was set
// back by an hour leaves them an hour away; the few that wait for a limit of others are put off again. Timers
// go by the time of day, and stay.
func (k *keeper) wake(ctx context.Context) {
	now := k.db.Clock().Now()
	_, err := k.db.SQL().ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = $1
		WHERE state IN ('available', 'scheduled', 'retryable') AND scheduled_at > $2
		AND kind IN ('provision', 'deliver', 'refresh', 'notify', 'tell', 'nudge', 'digest', 'alarm', 'scrub', 'redraw', 'help')`,
		k.db.RiverTime(now), k.db.RiverTime(now.Add(time.Minute)))
	if err != nil && ctx.Err() == nil {
		k.log.Warn("looking for jobs that were put off by a clock that was wrong", "error", err)
	}
}
