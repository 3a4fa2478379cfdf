package approval

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ehpcbot/ehpc/backoff"
	"ehpcbot/ehpc/secret"
)

// Messenger tells people what became of requests. Each method may be called again for the same story, after a
// crash or by another process, and must do no harm then. An error means: again, later; an [*LaterError] says when.
type Messenger interface {
	// Refresh makes the approval message show the story, and remembers that with [Service.Sent], unless the
	// request has ended and there is nobody to whom it could be shown.
	Refresh(ctx context.Context, s Story) error
	// Remind reminds the approvers of a pending request.
	Remind(ctx context.Context, s Story) error
	// Deliver shows the requester the credentials, in a way that no preview shows the password.
	Deliver(ctx context.Context, s Story, password secret.Text) error
	// Scrub takes the credentials out of sight.
	Scrub(ctx context.Context, s Story) error
	// Notify tells the requester how the request ended without an account, or, while it is active, that the
	// account takes longer than usual.
	Notify(ctx context.Context, s Story) error
}

// LaterError asks for a job to be tried again after a while, which is no fault: a limit of others, or a thing
// that takes its time.
type LaterError struct {
	After time.Duration
	Err   error // why, for the log; may be nil
}

func (e *LaterError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("again in %s", e.After)
	}
	return fmt.Sprintf("again in %s: %v", e.After, e.Err)
}

func (e *LaterError) Unwrap() error { return e.Err }

// jobKind is what a job does. Its arguments are the id of a request, or of a cluster: a job reads the state as it is
// when it runs, so that a late or repeated one does no harm, and no secret is ever in a job.
type jobKind string

const (
	kindProvision jobKind = "provision" // of a cluster
	kindDeliver   jobKind = "deliver"
	kindRefresh   jobKind = "refresh"
	kindNotify    jobKind = "notify"
	kindRemind    jobKind = "remind"
	kindExpire    jobKind = "expire"
	kindScrub     jobKind = "scrub"
	kindDelay     jobKind = "delay"
)

// The queues keep those who wait for different things out of each other's way. What is new in the approval channel is
// posted there one after the other, as Slack's limit of about one message a second has it; changes of what stands there,
// direct messages, whose limits are by conversation, and the accounts don't wait for it.
var queues = map[string]river.QueueConfig{
	"accounts": {MaxWorkers: 100}, // one for each cluster
	"direct":   {MaxWorkers: 16},
	"channel":  {MaxWorkers: 1},
	"changes":  {MaxWorkers: 4},
	"timers":   {MaxWorkers: 4},
}

var queueOf = map[jobKind]string{
	kindProvision: "accounts",
	kindDeliver:   "direct", kindNotify: "direct", kindScrub: "direct", kindDelay: "direct",
	kindRefresh: "channel", kindRemind: "channel",
	kindExpire: "timers",
}

// queueFor returns the queue of a job. The first refresh of a request posts its message, all others change it.
func queueFor(r Request, kind jobKind) string {
	if kind == kindRefresh && r.Version > 1 {
		return "changes"
	}
	return queueOf[kind]
}

// provisionArgs name the cluster whose accounts a job makes. There is one such job for each, whoever inserts it.
type provisionArgs struct {
	Cluster string `json:"cluster"`
}

func (provisionArgs) Kind() string { return string(kindProvision) }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (provisionArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueOf[kindProvision], MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateScheduled, rivertype.JobStateRetryable,
	}}}
}

// requestArgs name the request that a job is about.
type requestArgs struct {
	kind      jobKind
	RequestID int64 `json:"request_id"`
}

func (a requestArgs) Kind() string { return string(a.kind) }

// enqueue inserts jobs for a request in the transaction of the change that asks for them. Timers that the
// configuration switches off are left out.
func (s *Service) enqueue(ctx context.Context, tx *sql.Tx, r Request, kinds ...jobKind) error {
	for _, kind := range kinds {
		if kind == kindProvision {
			if err := s.enqueueProvision(ctx, tx, r.ClusterID); err != nil {
				return err
			}
			continue
		}
		at, wanted := s.dueAt(r, kind)
		if !wanted {
			continue
		}
		if !at.IsZero() {
			at = s.clock.Now().Add(at.Sub(s.now()))
		}
		opts := &river.InsertOpts{Queue: queueFor(r, kind), MaxAttempts: maxAttempts, ScheduledAt: at}
		if _, err := s.queue.InsertTx(ctx, tx, requestArgs{kind, r.ID}, opts); err != nil {
			return fmt.Errorf("insert a job (%s, request %d): %w", kind, r.ID, err)
		}
	}
	return nil
}

func (s *Service) enqueueProvision(ctx context.Context, tx *sql.Tx, clusterID string) error {
	if _, err := s.queue.InsertTx(ctx, tx, provisionArgs{clusterID}, nil); err != nil {
		return fmt.Errorf("insert a job (%s, cluster %s): %w", kindProvision, clusterID, err)
	}
	return nil
}

// provisionAll sees to it that each cluster with open requests has its job, whatever became of it.
func (s *Service) provisionAll(ctx context.Context) error {
	return s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		clusters, err := openClusters(ctx, tx)
		for _, id := range clusters {
			err = errors.Join(err, s.enqueueProvision(ctx, tx, id))
		}
		return err
	})
}

// maxAttempts is never reached, because jobs are put off rather than failed; it stands for "until it is done".
const maxAttempts = 1000

// dueAt tells when a job is due by the service's clock, the zero time for at once, and whether it is wanted at all.
func (s *Service) dueAt(r Request, kind jobKind) (at time.Time, wanted bool) {
	switch kind {
	case kindRemind:
		return r.CreatedAt.Add(s.conf.Reminder), s.conf.Reminder > 0
	case kindExpire:
		return r.ExpiresAt, true
	case kindScrub:
		return s.scrubAt(r)
	case kindDelay:
		if r.Failure == WaitingAPI {
			return time.Time{}, true // it is known already
		}
		return r.UpdatedAt.Add(usualTime), true
	}
	return time.Time{}, true
}

// usualTime is what an account takes at the most when nobody has to wait for anything. Whoever waits longer
// is told so.
const usualTime = 2 * time.Minute

// scrubAt tells when something of a request is to be taken away: the credentials of a delivered one, the
// sealed password of one that failed and that nobody retried in the time in which they could have decided.
func (s *Service) scrubAt(r Request) (at time.Time, wanted bool) {
	switch {
	case r.State == Failed:
		return r.UpdatedAt.Add(s.conf.Expiry), r.sealed != nil
	case !r.ClearedAt.IsZero():
		return time.Time{}, true
	}
	return r.CredentialsUntil, !r.CredentialsUntil.IsZero()
}

// Work runs the jobs until ctx ends, and then waits for those in hand for up to grace. Those that are not
// done by then are continued at the next start. Where the database is away at the start, it is tried again.
func (s *Service) Work(ctx context.Context, w Work) error {
	for failures := 0; ; failures++ {
		hands := newHands()
		client, err := river.NewClient(s.db.driver, s.riverConfig(ctx, w, hands))
		if err != nil {
			return fmt.Errorf("prepare the jobs: %w", err)
		}
		if err = s.workWith(ctx, client, hands, w); err == nil || ctx.Err() != nil {
			return nil
		}
		pause := backoff.Delay(failures+1, firstRetry, longestRetry)
		s.log.Warn("the jobs can't be started", "error", err, "again_in", pause.Round(time.Millisecond))
		if sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// workWith ends with an error where the jobs could not be started.
func (s *Service) workWith(ctx context.Context, client *river.Client[*sql.Tx], h *hands, w Work) error {
	alive, err := s.db.announce(ctx, client.ID()) // before the first job is taken in hand
	if err != nil {
		return err
	}
	defer alive.Close()
	s.rescueOnce(ctx, alive)
	s.wake(ctx)
	s.db.erased.Store(true) // maybe, by the process before
	if err := s.provisionAll(ctx); err != nil {
		return err
	}
	// River's own context must outlive ctx: cancelled with it, jobs would be cut off instead of finished.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the jobs: %w", err)
	}
	s.keepRescuing(ctx, alive, h)
	s.stop(client, w.Grace)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := w.Quota.Release(last); err != nil {
		s.log.Warn("some of the API's calls are lost until the hour is over", "error", err)
	}
	return nil
}

// Work is what the jobs work with.
type Work struct {
	Accounts  Accounts
	Quota     *Quota // of the calls that Accounts makes
	Messenger Messenger
	Grace     time.Duration                                 // for the jobs in hand at the end
	Observe   func(kind, result string, took time.Duration) // told of each run of a job; may be nil
}

// stop waits for the jobs in hand, and then tells those that still run to end. What does not end either is
// left behind as if the process had been killed.
func (s *Service) stop(client *river.Client[*sql.Tx], grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if client.Stop(ctx) == nil {
		return
	}
	ctx, cancel = context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := client.StopAndCancel(ctx); err != nil {
		s.log.Warn("jobs that did not end are continued at the next start", "error", err)
	}
}

func (s *Service) riverConfig(stopping context.Context, w Work, h *hands) *river.Config {
	workers := river.NewWorkers()
	r := runner{
		service: s, work: w, line: make(chan struct{}, jobsInLine), hands: h, watches: newStopwatches(),
		shows: &shows{busy: map[int64]bool{}}, stopping: stopping,
	}
	river.AddWorker(workers, &provisionWorker{runner: r})
	for kind, do := range map[jobKind]func(context.Context, int64) error{
		kindDeliver: r.deliver, kindRefresh: r.refresh, kindNotify: r.notify, kindRemind: r.remind,
		kindExpire: r.expire, kindScrub: r.scrub, kindDelay: r.delay,
	} {
		river.AddWorkerArgs(workers, requestArgs{kind: kind}, &requestWorker{runner: r, kind: kind, do: do})
	}
	return &river.Config{
		ID:      s.db.clientID(),
		Logger:  slog.New(riverLog{s.log.Handler()}),
		Queues:  queues,
		Workers: workers,
		// A press of Approve passes through two jobs before the credentials arrive; at River's own 100 ms
		// for each look into the queue, waiting would be most of that way.
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 500 * time.Millisecond,
		JobTimeout:        jobTimeout,
		// The jobs of dead processes are found by their locks, and those that a living one lost as well. River
		// would go by the time of day, which can be set.
		RescueStuckJobsAfter:        never,
		CompletedJobRetentionPeriod: time.Hour,
		RetryPolicy:                 panicked{},
		Test:                        river.TestConfig{Time: workClock{s.clock}},
	}
}

const never = 100 * 365 * 24 * time.Hour

// jobTimeout is above what a job does at the most; the job that makes accounts has no such time.
const jobTimeout = 5 * time.Minute

// panicked is when a job runs again whose worker panicked; all other errors are put off by the worker itself.
type panicked struct{}

func (panicked) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(30 * time.Second) }

// riverLog passes River's warnings and errors on, and leaves out its notices about itself.
type riverLog struct{ slog.Handler }

func (l riverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && l.Handler.Enabled(ctx, level)
}

func (l riverLog) WithAttrs(a []slog.Attr) slog.Handler { return riverLog{l.Handler.WithAttrs(a)} }
func (l riverLog) WithGroup(name string) slog.Handler   { return riverLog{l.Handler.WithGroup(name)} }

// runner holds the workers' common surroundings.
type runner struct {
	service *Service
	work    Work
	line    chan struct{} // bounds the jobs that stand in line for the database
	hands   *hands
	watches *stopwatches
	shows   *shows

	stopping context.Context // ends when no job is to wait any more
}

// jobsInLine is how many jobs wait for the database at the same time. People, who want an answer within three
// seconds, have no more than these before them, however many jobs there are.
const jobsInLine = 2

// write is [Database.write] for jobs.
func (r runner) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	select {
	case r.line <- struct{}{}:
		defer func() { <-r.line }()
	case <-ctx.Done():
		return fmt.Errorf("wait for other jobs: %w", context.Cause(ctx))
	}
	return r.service.db.write(ctx, f)
}

// provisionWorker makes the accounts of a cluster.
type provisionWorker struct {
	river.WorkerDefaults[provisionArgs]
	runner runner
}

// Timeout implements [river.Worker]: the job ends when there is no more to do.
func (w *provisionWorker) Timeout(*river.Job[provisionArgs]) time.Duration { return -1 }

// Work implements [river.Worker].
func (w *provisionWorker) Work(ctx context.Context, job *river.Job[provisionArgs]) error {
	return w.runner.run(ctx, job.JobRow, kindProvision, slog.String("cluster", job.Args.Cluster), func() error {
		return w.runner.provision(ctx, job)
	})
}

// requestWorker does one kind of job for a request.
type requestWorker struct {
	river.WorkerDefaults[requestArgs]
	runner runner
	kind   jobKind
	do     func(ctx context.Context, requestID int64) error
}

// Work implements [river.Worker].
func (w *requestWorker) Work(ctx context.Context, job *river.Job[requestArgs]) error {
	id := job.Args.RequestID
	if queueOf[w.kind] == "channel" {
		if !w.runner.shows.begin(id) {
			return river.JobSnooze(soon)
		}
		defer w.runner.shows.end(id)
	}
	return w.runner.run(ctx, job.JobRow, w.kind, slog.Int64("request", id), func() error { return w.do(ctx, id) })
}

// run does a job once. A job that can't be done now is put off and never given up, because a request would be left
// without an answer; putting off also keeps River from piling up the text of each error.
func (r runner) run(ctx context.Context, job *rivertype.JobRow, kind jobKind, about slog.Attr, do func() error) error {
	defer r.hands.take(job.ID)()
	start := time.Now()
	err := do()
	result, delay := judge(ctx, r.service.log.With("job", string(kind), about), job, err)
	if r.work.Observe != nil {
		r.work.Observe(string(kind), result, time.Since(start))
	}
	switch result {
	case "done":
		return nil
	case "stopped": // by this River knows that the process is stopping, and makes the job available again
		return errors.Join(err, context.Cause(ctx))
	}
	return river.JobSnooze(max(0, delay)) // River panics at less
}

func judge(ctx context.Context, log *slog.Logger, job *rivertype.JobRow, err error) (result string, delay time.Duration) {
	var later *LaterError
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

// soon is when a job comes again that waits for another.
const soon = 200 * time.Millisecond

// shows are the requests of which something is being shown in the approval channel. Two jobs of one would post its
// message twice.
type shows struct {
	mu   sync.Mutex
	busy map[int64]bool
}

func (s *shows) begin(request int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.busy[request]
	s.busy[request] = true
	return !before
}

func (s *shows) end(request int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, request)
}

// putOff reads how often River has put a job off.
func putOff(metadata []byte) int {
	var m struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(metadata, &m) // no count is a count of none
	return m.Snoozes
}
