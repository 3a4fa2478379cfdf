// Package work runs the jobs of requests. Jobs are put off rather than failed, and those of a process that has died are
// taken over: see lease.go.
package work

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ehpcbot/approval"
	"ehpcbot/approval/provision"
	"ehpcbot/approval/store"
	"ehpcbot/ehpc/backoff"
)

// Worker runs the jobs of one process.
type Worker struct {
	Service   *approval.Service
	Database  *store.Database
	Accounts  provision.Accounts
	Clusters  Clusters
	Quota     *store.Quota // of the calls that Accounts and Clusters make
	Messenger approval.Messenger
	Grace     time.Duration             // for the jobs in hand at the end
	Observe   func(kind, result string) // told of each run of a job; may be nil
	Log       *slog.Logger
}

// Failures are waited out for so long.
const firstRetry, longestRetry = 500 * time.Millisecond, time.Minute

// Run runs the jobs until ctx ends, and then waits for those in hand for up to Grace. Those that are not
// done by then are continued at the next start. Where the database is away at the start, it is tried again.
func (w *Worker) Run(ctx context.Context) error {
	defer w.recordCounts(ctx)
	for failures := 1; ; failures++ {
		running := newRunningJobs()
		client, err := river.NewClient(w.Database.Driver(), w.riverConfig(ctx, running))
		if err != nil {
			return fmt.Errorf("prepare the jobs: %w", err)
		}
		if err = w.runWith(ctx, client, running); err == nil || ctx.Err() != nil {
			return nil
		}
		pause := backoff.Delay(failures, firstRetry, longestRetry)
		w.Log.Warn("the jobs can't be started", "error", err, "again_in", pause.Round(time.Millisecond))
		if backoff.Sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// recordCounts writes down what people were refused again, which only this process knows.
func (w *Worker) recordCounts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := w.Service.RecordCounts(ctx, true); err != nil {
		w.Log.Error("some refusals are not counted", "error", err)
	}
}

// runWith ends with an error where the jobs could not be started.
func (w *Worker) runWith(ctx context.Context, client *river.Client[*sql.Tx], running *runningJobs) error {
	lease, err := takeLease(ctx, w.Database, client.ID()) // before the first job is taken in hand
	if err != nil {
		return err
	}
	defer lease.Close()
	k := &keeper{service: w.Service, db: w.Database, lease: lease, running: running, log: w.Log}
	k.takeOver(ctx)
	k.wake(ctx)
	w.Database.MayHoldErased() // from the process before
	if err := k.sweep(ctx); err != nil {
		return err
	}
	// River's own context must outlive ctx: cancelled with it, jobs would be cut off instead of finished.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the jobs: %w", err)
	}
	var doubting sync.WaitGroup
	doubting.Go(func() {
		if err := w.Service.DoubtAll(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("looking for the messages that approvers need", "error", err)
		}
	})
	k.run(ctx)
	doubting.Wait()
	w.stop(client)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := w.Quota.Release(last); err != nil {
		w.Log.Warn("some of the API's calls are lost until the hour is over", "error", err)
	}
	return nil
}

// stop waits for the jobs in hand, and then tells those that still run to end. What does not end either is
// left behind as if the process had been killed.
func (w *Worker) stop(client *river.Client[*sql.Tx]) {
	ctx, cancel := context.WithTimeout(context.Background(), w.Grace)
	defer cancel()
	if client.Stop(ctx) == nil {
		return
	}
	ctx, cancel = context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := client.StopAndCancel(ctx); err != nil {
		w.Log.Warn("jobs that did not end are continued at the next start", "error", err)
	}
}

func (w *Worker) riverConfig(stopping context.Context, running *runningJobs) *river.Config {
	r := runner{Worker: w, running: running, stopping: stopping}
	workers := river.NewWorkers()
	river.AddWorker(workers, &clusterWorker{runner: r, maker: provision.NewMaker(w.Service, w.Accounts, w.Quota, w.Log)})
	var posts, reports locks
	for kind, do := range map[approval.JobKind]func(context.Context, int64) error{
		approval.DeliverJob: r.of(r.deliver), approval.NotifyJob: r.of(r.notify), approval.DelayJob: r.of(r.delay), approval.ExpireJob: r.expire,
		approval.PromptJob: r.of(r.prompt), approval.RedrawJob: r.redraw, approval.HelpJob: reports.guard(r.of(r.help)),
		approval.ScrubJob: r.of(r.scrub), approval.AlarmJob: r.of(r.alarm), approval.RefreshJob: posts.guard(r.of(r.refresh)),
		approval.RemindJob: posts.guard(r.of(r.remind)), approval.NudgeJob: posts.guard(r.of(r.nudge)),
		approval.TellJob: posts.guard(r.of(r.Messenger.Tell)), approval.DigestJob: r.digest,
	} {
		river.AddWorkerArgs(workers, store.RequestArgs{What: kind}, &requestWorker{runner: r, kind: kind, do: do})
	}
	return &river.Config{
		ID:     clientID(w.Database),
		Logger: slog.New(riverLog{w.Log.Handler()}),
		Queues: map[string]river.QueueConfig{
			store.QueueAccounts: {MaxWorkers: 100}, // one for each cluster
			store.QueueDirect:   {MaxWorkers: 16},
			store.QueueChannel:  {MaxWorkers: 1},
			store.QueueChanges:  {MaxWorkers: 4},
			store.QueueTimers:   {MaxWorkers: 4},
		},
		Workers: workers,
		// A press of Approve passes through two jobs before the credentials arrive; at River's own 100 ms
		// for each look into the queue, waiting would be most of that way.
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 500 * time.Millisecond,
		JobTimeout:        jobTimeout,
		// The jobs of dead processes are found by their leases, and those that a living one lost as well. River
		// would go by the time of day, which can be set.
		RescueStuckJobsAfter:        never,
		CompletedJobRetentionPeriod: time.Hour,
		ReindexerIndexNames:         reindexed(w.Database.Shared()),
		Test:                        river.TestConfig{Time: store.WorkClock{Clock: w.Database.Clock()}},
	}
}

// reindexed returns what River reindexes each day: its own choice on PostgreSQL, and nothing on SQLite, which has no such
// indexes.
func reindexed(shared bool) []string {
	if shared {
		return nil
	}
	return []string{}
}

const never = 100 * 365 * 24 * time.Hour

// jobTimeout is above what a job does at the most; the job that makes accounts has no such time.
const jobTimeout = 5 * time.Minute

// riverLog passes River's warnings and errors on, and leaves out its notices about itself.
type riverLog struct{ slog.Handler }

func (l riverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && l.Handler.Enabled(ctx, level)
}

func (l riverLog) WithAttrs(a []slog.Attr) slog.Handler { return riverLog{l.Handler.WithAttrs(a)} }
func (l riverLog) WithGroup(name string) slog.Handler   { return riverLog{l.Handler.WithGroup(name)} }

// runner holds the workers' common surroundings.
type runner struct {
	*Worker
	running  *runningJobs
	stopping context.Context // ends when no job is to wait any more
}

// of has a job read the request as it is now.
func (r runner) of(do func(context.Context, approval.Story) error) func(context.Context, int64) error {
	return func(ctx context.Context, id int64) error {
		story, err := r.Service.Story(ctx, id)
		if err != nil {
			return err
		}
		return do(ctx, story)
	}
}

// clusterWorker makes the accounts of a cluster.
type clusterWorker struct {
	river.WorkerDefaults[store.ClusterArgs]
	runner runner
	maker  *provision.Maker
}

// Timeout implements [river.Worker]: the job ends when there is no more to do.
func (w *clusterWorker) Timeout(*river.Job[store.ClusterArgs]) time.Duration { return -1 }

// Work implements [river.Worker].
func (w *clusterWorker) Work(ctx context.Context, job *river.Job[store.ClusterArgs]) error {
	end := func(ctx context.Context) (over bool, err error) {
		return store.CompleteIf(ctx, w.runner.Database, job, func(ctx context.Context, tx *store.Tx) (bool, error) {
			open, err := tx.ToMake(ctx, job.Args.Cluster)
			return len(open) == 0, err
		})
	}
	return w.runner.run(ctx, job.JobRow, slog.String("cluster", job.Args.Cluster), func() error {
		err := w.maker.Run(ctx, w.runner.stopping, job.Args.Cluster, end)
		if errors.Is(err, provision.ErrStopped) {
			return &approval.LaterError{Err: err}
		}
		return err
	})
}

// requestWorker does one kind of job for a request.
type requestWorker struct {
	river.WorkerDefaults[store.RequestArgs]
	runner runner
	kind   approval.JobKind
	do     func(ctx context.Context, requestID int64) error
}

// Work implements [river.Worker].
func (w *requestWorker) Work(ctx context.Context, job *river.Job[store.RequestArgs]) error {
	id := job.Args.RequestID
	return w.runner.run(ctx, job.JobRow, slog.Int64("request", id), func() error { return w.do(ctx, id) })
}

// run does a job once. A job that can't be done now is put off and never given up, because a request would be left
// without an answer; putting off also keeps River from piling up the text of each error.
func (r runner) run(ctx context.Context, job *rivertype.JobRow, about slog.Attr, do func() error) error {
	defer r.running.begin(job.ID)()
	err := contained(do)
	result, delay := judge(ctx, r.Log.With("job", job.Kind, about), job, err)
	if r.Observe != nil {
		r.Observe(job.Kind, result)
	}
	switch result {
	case "done":
		return nil
	case "stopped": // by this River knows that the process is stopping, and makes the job available again
		return errors.Join(err, context.Cause(ctx))
	}
	return river.JobSnooze(max(0, delay)) // River panics at less
}

// contained turns a panic into an error: what a worker stumbles over is that job's trouble, and may be gone in the next
// version of the program.
func contained(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

func judge(ctx context.Context, log *slog.Logger, job *rivertype.JobRow, err error) (result string, delay time.Duration) {
	var later *approval.LaterError
	switch {
	case err == nil:
		return "done", 0
	case errors.As(err, &later):
		log.Debug("job put off", "in", later.After, "why", later.Err)
		return "later", later.After
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return "stopped", 0
	}
	delay = backoff.Delay(putOff(job.Metadata)+1, firstRetry, longestRetry)
	log.Warn("job will be repeated", "in", delay, "error", err)
	return "error", delay
}

// locks are held by request. Two jobs that post of one request in the approval channel would post its message twice.
type locks struct{ held sync.Map }

// guard returns do for one job of a request at a time. Another comes again soon.
func (l *locks) guard(do func(context.Context, int64) error) func(context.Context, int64) error {
	const soon = 200 * time.Millisecond
	return func(ctx context.Context, request int64) error {
		if _, busy := l.held.LoadOrStore(request, true); busy {
			return &approval.LaterError{After: soon}
		}
		defer l.held.Delete(request)
		return do(ctx, request)
	}
}

// putOff reads how often River has put a job off.
func putOff(metadata []byte) int {
	var m struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(metadata, &m) // no count is a count of none
	return m.Snoozes
}
