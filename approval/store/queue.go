package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// This file holds the queue as far as jobs are inserted. Package work runs them.

// The queues keep those who wait for different things out of each other's way. What is new in the approval channel is
// posted there one after the other, as Slack's limit of about one message a second has it; changes of what stands there,
// direct messages, whose limits are by conversation, and the accounts don't wait for it.
const (
	QueueAccounts = "accounts"
	QueueDirect   = "direct"
	QueueChannel  = "channel"
	QueueChanges  = "changes"
	QueueTimers   = "timers"
)

var queueOf = map[approval.JobKind]string{
	approval.ProvisionJob: QueueAccounts,
	approval.DeliverJob:   QueueDirect,
	approval.NotifyJob:    QueueDirect,
	approval.ScrubJob:     QueueDirect,
	approval.DelayJob:     QueueDirect,
	approval.RefreshJob:   QueueChanges,
	approval.RemindJob:    QueueChannel,
	approval.NudgeJob:     QueueChannel,
	approval.AlarmJob:     QueueChannel,
	approval.TellJob:      QueueDirect,
	approval.DigestJob:    QueueChannel,
	approval.ExpireJob:    QueueTimers,
	approval.PromptJob:    QueueDirect,
	approval.RedrawJob:    QueueDirect,
	approval.HelpJob:      QueueDirect,
}

func queueFor(job approval.Job) string {
	if job.Kind == approval.RefreshJob && job.First {
		return QueueChannel
	}
	return queueOf[job.Kind]
}

// ClusterArgs name the cluster whose accounts a job makes. There is one such job for each, whoever inserts it.
type ClusterArgs struct {
	Cluster string `json:"cluster"`
}

// Kind implements [river.JobArgs].
func (ClusterArgs) Kind() string { return string(approval.ProvisionJob) }

// RequestArgs name the request that a job is about; 0 where it is about all, of which there is one.
type RequestArgs struct {
	What      approval.JobKind `json:"-"`
	RequestID int64            `json:"request_id"`
}

// Kind implements [river.JobArgs].
func (a RequestArgs) Kind() string { return string(a.What) }

// maxAttempts is never reached, because jobs are put off rather than failed; it stands for "until it is done".
const maxAttempts = 1000

// prepareQueue makes the client that inserts jobs.
func (d *Database) prepareQueue(ctx context.Context) (err error) {
	if d.clock, err = newClock(ctx, d); err != nil {
		return err
	}
	// River leaves out the notice of a new job when it gave one for the same queue within FetchCooldown, though
	// the job that it gave it for may be taken already; the job would then wait for the next look into the queue.
	d.queue, err = river.NewClient(d.driver, &river.Config{
		Logger: discardLogger(), FetchCooldown: time.Millisecond, Test: river.TestConfig{Time: insertClock{d.clock}},
	})
	if err != nil {
		return fmt.Errorf("prepare the job queue: %w", err)
	}
	return nil
}

func discardLogger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Enqueue implements [approval.Tx].
func (tx *Tx) Enqueue(ctx context.Context, jobs ...approval.Job) error {
	for _, job := range jobs {
		opts := &river.InsertOpts{Queue: queueFor(job), MaxAttempts: maxAttempts}
		if job.After != 0 {
			opts.ScheduledAt = tx.db.clock.Now().Add(job.After)
		}
		var args river.JobArgs = RequestArgs{What: job.Kind, RequestID: job.Request}
		if job.Kind == approval.ProvisionJob {
			args = ClusterArgs{job.Cluster}
		}
		if job.Request == 0 {
			opts.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: unfinished}
		}
		if _, err := tx.db.queue.InsertTx(ctx, tx.Tx, args, opts); err != nil {
			return fmt.Errorf("insert a job (%s, request %d%s): %w", job.Kind, job.Request, job.Cluster, err)
		}
	}
	return nil
}

var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateScheduled, rivertype.JobStateRetryable,
}

// CompleteIf marks a job as completed in a transaction in which over says that there is nothing left to do, so that a
// later change inserts the job anew.
func CompleteIf[A river.JobArgs](ctx context.Context, d *Database, job *river.Job[A], over func(context.Context, *Tx) (bool, error)) (completed bool, err error) {
	err = d.write(ctx, func(ctx context.Context, tx *Tx) error {
		if completed, err = over(ctx, tx); err != nil || !completed {
			return err
		}
		_, err := river.JobCompleteTx[riverdriver.Driver[*sql.Tx]](ctx, tx.Tx, job)
		if errors.Is(err, river.ErrNotFound) {
			return nil // another process has taken the job over, and ends it
		}
		return err
	})
	return completed && err == nil, err
}

// Unfinished implements [approval.Tx].
func (tx *Tx) Unfinished(ctx context.Context) (map[approval.Job]bool, error) {
	args := `CASE WHEN json_valid(args, 9) THEN json(args) END` // River keeps it in SQLite's binary form
	if tx.db.Shared() {
		args = `args`
	}
	jobs := map[approval.Job]bool{}
	_, err := rows.Query(ctx, tx, "read the jobs that wait or run", func(row rows.Scanner) (none struct{}, err error) {
		var job approval.Job
		var args struct {
			ClusterArgs
			RequestArgs
		}
		var text []byte
		if err := row.Scan(&job.Kind, &text); err != nil {
			return none, err
		}
		if json.Unmarshal(text, &args) != nil {
			return none, nil // whosoever it was: that one gets another
		}
		job.Cluster, job.Request = args.Cluster, args.RequestID
		jobs[job] = true
		return none, nil
	}, `SELECT kind, `+args+` FROM river_job WHERE state IN ('available', 'pending', 'running', 'scheduled', 'retryable')`)
	return jobs, err
}

// The queue's surroundings, for those who run its jobs.

// Driver returns River's way to the database.
func (d *Database) Driver() riverdriver.Driver[*sql.Tx] { return d.driver }

// SQL returns the database itself, for statements about jobs.
func (d *Database) SQL() *sql.DB { return d.db }

// Clock returns the clock of the queue.
func (d *Database) Clock() *Clock { return d.clock }
