// Package provision makes the accounts that are approved.
//
// The accounts of a cluster are made by one job, one account at a time: two that are added at once can get the same
// uid, and read each other's files (the API document knows nothing of it; see the vendor's userctl.py). The job works
// in rounds. In each it reads the cluster's open requests from the database, asks the API once about all jobs that run
// there, and takes the next request a step further, the oldest first. What is next is told by what is stored alone, so
// that another process can go on at any moment:
//
//  1. look the username up: who has it already keeps it; and look again at what the request hangs on
//  2. seal a password and commit it, with a note that addUser is about to be called
//  3. call addUser with that password, and never with another
//  4. commit the id of the API's job
//  5. follow the job to its end
//
// A process that dies between 2 and 4 does not know whether the account is being made. Whoever continues looks the
// username up first. Now that there was an attempt, a user of that name is its result where the API says that it was made
// no earlier, and no other request can have made it: where nothing shows that, the request fails, and people have to look.
// Where there is none yet, calling addUser again with the same password makes the account, or answers 2110, "exists", when
// the first call made it after all.
//
// New passwords of accounts that are there take their turn among them, with the same care: see reset.go.
//
// When there is no account left to make, the new ones are compared with the others: two must not have one uid.
package provision

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
)

// Accounts is the user administration of the clusters; *ehpc.Client is one.
type Accounts interface {
	FindUsers(ctx context.Context, zone, clusterID string, usernames []string) (map[string]ehpc.User, error)
	AddUser(ctx context.Context, r ehpc.AddUserRequest) (jobID string, err error)
	ModifyUser(ctx context.Context, r ehpc.ModifyUserRequest) error
	Operations(ctx context.Context, zone string, jobIDs []string) (map[string]ehpc.Job, error)
	Users(ctx context.Context, r ehpc.ListUsersRequest) iter.Seq2[ehpc.User, error]
	// Now is the time by the clock of the API.
	Now() time.Time
}

// Quota is the API's quota of calls, out of which Accounts takes them.
type Quota interface {
	// Wait estimates how long it takes until so many calls can be made.
	Wait(ctx context.Context, calls int) (time.Duration, error)
}

const (
	// jobHolds is how long a job of the API keeps the next account of its cluster waiting, at the most.
	jobHolds = 5 * time.Minute
	// A call with an unknown outcome, which may have begun a job, does so for some times as long as jobs take.
	openHoldsLeast, openHoldsTimes = 5 * time.Second, 3

	// firstPoll is when a job is first asked about where it is not known how long they take.
	firstPoll, longestPoll = 100 * time.Millisecond, 15 * time.Second
	// Failures of the API, of one request and of the whole cluster, are waited out for so long.
	firstRetry, longestRetry, longestHold = 500 * time.Millisecond, time.Minute, 5 * time.Second
	// lookUpGood is how long a look-up is relied on while others are made; who takes the name meanwhile makes addUser
	// say that it exists.
	lookUpGood = 15 * time.Minute
	// newRequests is how often the database is looked at for requests that came meanwhile.
	newRequests = 250 * time.Millisecond

	// worthTelling is how long a wait for the API's quota must be for people to be told of it.
	worthTelling = 30 * time.Second
	// callsOfAccount is what an account takes of the quota, where all goes well.
	callsOfAccount = 3
	// provisionLimit is how long the outcome of a request may stay unknown before people have to look.
	provisionLimit = 30 * time.Minute
	// atWorkLimit is how long a cluster that is at work is waited for: it may be in that state for good.
	atWorkLimit = 15 * time.Minute
	// clockMargin is how much earlier than the first call an account may seem to be made: its time is to the second, as
	// is that of the API's clock.
	clockMargin = 2 * time.Second
	// stopTime is for questions that are under way when the process stops.
	stopTime = time.Second
)

// Maker makes accounts.
type Maker struct {
	service     *approval.Service
	accounts    Accounts
	quota       Quota
	log         *slog.Logger
	stopwatches *stopwatches
	usual       sync.Map // by cluster: a time.Duration, what its last job took
}

// NewMaker returns a maker.
func NewMaker(service *approval.Service, accounts Accounts, quota Quota, log *slog.Logger) *Maker {
	return &Maker{service: service, accounts: accounts, quota: quota, log: log, stopwatches: newStopwatches()}
}

// ErrStopped says that accounts are left to make, because the process stops.
var ErrStopped = errors.New("the process stops")

// cluster is the making of a cluster's accounts. What it keeps between the rounds only saves calls and time.
type cluster struct {
	*Maker
	id       string
	zone     string              // empty where the cluster is no longer configured
	memory   map[int64]*progress // by request
	failed   int                 // calls in a row that were not answered as they should be
	paused   time.Time           // until then no account is asked for, after such a call
	stopped  context.Context     // ends soon after the process was told to stop
	compared time.Time           // when the new accounts are compared with the others next, while there are any
	unlisted int                 // how often in a row they could not be
}

// progress is what is known of a request beside what is stored.
type progress struct {
	failures  int
	notBefore time.Time  // nothing is tried with the request before
	lookedUp  time.Time  // when the username was, since the last call of addUser; zero: not yet
	user      *ehpc.User // that it found; nil: none
	atWork    time.Time  // since when the API says that the cluster is at work; zero: it does not
	looksLeft int        // to make before addUser is called again, because the API says that the user exists

	job   string    // that is followed
	begun time.Time // when it was
	wait  time.Duration
	due   time.Time // when the API is asked about it next
}

// isLookedUp tells whether the username need not be looked up now.
func (p *progress) isLookedUp() bool { return time.Since(p.lookedUp) < lookUpGood }

// Run makes the accounts of a cluster until end, which is called when there is none left to make, says that it is over.
// When stopping ends, so does Run, with [ErrStopped].
func (m *Maker) Run(ctx, stopping context.Context, clusterID string, end func(context.Context) (over bool, err error)) error {
	configured, _ := m.service.Config().Cluster(clusterID)
	stopped, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(stopping, func() { time.AfterFunc(stopTime, cancel) })()
	c := &cluster{Maker: m, id: clusterID, zone: configured.Zone, memory: map[int64]*progress{}, stopped: stopped}
	for failures := 0; ; {
		next, over, err := c.work(ctx, end)
		switch {
		case over:
			return nil
		case ctx.Err() != nil:
			return err
		case err != nil && stopped.Err() == nil: // the database is away, or somebody else was faster
			failures++
			next = time.Now().Add(backoff.Delay(failures, firstRetry, longestHold))
			m.log.Warn("the accounts of a cluster have to wait", "cluster", clusterID, "error", err)
		default:
			failures = 0
		}
		if backoff.Sleep(stopping, time.Until(next)) != nil {
			return ErrStopped
		}
	}
}

// work does a round, or asks for the end where there is nothing left to do. It returns when there is more.
func (c *cluster) work(ctx context.Context, end func(context.Context) (over bool, err error)) (next time.Time, over bool, err error) {
	open, err := c.service.ToMake(ctx, c.id)
	if err != nil {
		return next, false, err
	}
	left, err := c.compare(ctx, len(open) == 0)
	switch {
	case err != nil:
		return next, false, err
	case len(open) == 0 && left:
		return time.Now().Add(newRequests), false, nil
	case len(open) == 0:
		over, err = end(ctx)
		return next, over && err == nil, err
	}
	next, err = c.round(ctx, open)
	return next, false, err
}

// round takes each request as far as it can be taken now, and returns when there is more to do.
func (c *cluster) round(ctx context.Context, open []approval.Request) (next time.Time, err error) {
	accounts := make([]*account, len(open))
	for i, r := range open {
		accounts[i] = c.account(r)
	}
	for _, a := range accounts {
		if err := a.contained(func() error { return a.prepare(ctx) }); err != nil {
			return next, err
		}
	}
	if err := c.follow(ctx, accounts); err != nil {
		return next, err
	}
	if err := c.begin(ctx, accounts); err != nil {
		return next, err
	}
	return c.nextRound(accounts), nil
}

// nextRound is when a job is to be asked about, or to look for new requests; at once where there is none left.
func (c *cluster) nextRound(accounts []*account) time.Time {
	open := slices.DeleteFunc(accounts, func(a *account) bool { return !a.running() && !a.waiting() })
	if len(open) == 0 {
		return time.Now()
	}
	next := time.Now().Add(newRequests)
	for _, a := range open {
		if a.running() && a.known.due.Before(next) {
			next = a.known.due
		}
	}
	return next
}

// account returns the request with what is known of it.
func (c *cluster) account(r approval.Request) *account {
	known, ok := c.memory[r.ID]
	if !ok {
		known = &progress{}
		c.memory[r.ID] = known
	}
	for _, at := range []time.Time{r.StartedAt, r.AttemptedAt, r.UpdatedAt} { // before somebody sets the clock
		c.stopwatches.elapsed(r.ID, at, c.service.Now())
	}
	if r.JobID != known.job {
		begun := time.Now().Add(-c.stopwatches.elapsed(r.ID, r.UpdatedAt, c.service.Now()))
		*known = progress{job: r.JobID, begun: begun, due: time.Now()}
	}
	return &account{Request: r, cluster: c, known: known}
}

// follow asks the API about all running jobs with one call, as soon as it is time for one of them.
func (c *cluster) follow(ctx context.Context, accounts []*account) error {
	var ids []string
	due := false
	for _, a := range accounts {
		if a.running() {
			ids = append(ids, a.JobID)
			due = due || !time.Now().Before(a.known.due)
		}
	}
	if !due {
		return nil
	}
	jobs, cause := c.accounts.Operations(c.stopped, c.zone, ids)
	for _, a := range accounts {
		if !a.running() {
			continue
		}
		job, listed := jobs[a.JobID]
		err := a.contained(func() error {
			switch {
			case job.Status == ehpc.JobSuccessful:
				c.learn(a)
				return a.succeed(ctx)
			case job.Status == ehpc.JobFailed:
				c.learn(a)
				return a.jobFailed(ctx, job)
			case cause != nil:
				return a.untold(ctx, cause)
			}
			return a.stillRunning(ctx, listed)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// learn notes how long a job took, as far as it was seen. Where the first question found it ended it may have been
// shorter, so the next is asked about a little earlier than this one was to be.
func (c *cluster) learn(a *account) {
	took := time.Since(a.known.begun)
	if a.known.wait == 0 {
		took = a.known.due.Sub(a.known.begun) * 19 / 20
	}
	c.usual.Store(c.id, took)
}

// jobTime is about how long a job takes.
func (c *cluster) jobTime() time.Duration {
	if took, ok := c.usual.Load(c.id); ok {
		return took.(time.Duration)
	}
	return firstPoll
}

// begin asks for the accounts of those who wait, as many as there is room for, the oldest first. Who was in trouble lets
// others pass until it is time to try again.
func (c *cluster) begin(ctx context.Context, accounts []*account) error {
	waiting := slices.DeleteFunc(slices.Clone(accounts), func(a *account) bool { return !a.waiting() })
	if err := c.tellOfWait(ctx, waiting); err != nil {
		return err
	}
	now := time.Now()
	if now.Before(c.paused) {
		return nil
	}
	waiting = slices.DeleteFunc(waiting, func(a *account) bool { return now.Before(a.known.notBefore) })
	if len(waiting) == 0 || !c.hasRoom(open(accounts), waiting[0].Request) {
		return nil
	}
	for _, a := range waiting {
		goOn, err := true, error(nil)
		if !a.known.isLookedUp() {
			goOn, err = c.lookUp(ctx, waiting)
		}
		if err == nil && goOn {
			err = a.contained(func() (err error) {
				goOn, err = a.step(ctx)
				return err
			})
		}
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}

// tellOfWait tells people, once, that a request has to wait for the API's quota, as soon as that is to be foreseen.
func (c *cluster) tellOfWait(ctx context.Context, waiting []*account) error {
	for i, a := range waiting {
		wait, err := c.quota.Wait(ctx, (i+1)*callsOfAccount)
		if err != nil {
			return err
		}
		if wait < worthTelling || a.Failure == approval.WaitingAPI {
			continue
		}
		if err := a.tellWaiting(ctx, &ehpc.LimitedError{RetryAfter: wait}); err != nil {
			return err
		}
	}
	return nil
}

// hasRoom tells whether another account can be asked for beside those that are being made.
func (c *cluster) hasRoom(open []approval.Request, next approval.Request) bool {
	room := max(1, c.service.Config().AccountsAtOnce)
	for _, r := range open {
		if r.ID != next.ID && c.holds(r) {
			room--
		}
	}
	return room > 0
}

// holds tells whether a job of the API makes an account for the request, or may do so, as far as others wait for it.
func (c *cluster) holds(r approval.Request) bool {
	switch {
	case r.State != approval.Provisioning:
		return false
	case r.JobID != "":
		return c.stopwatches.elapsed(r.ID, r.UpdatedAt, c.service.Now()) < jobHolds
	case !r.AttemptedAt.IsZero():
		return c.stopwatches.elapsed(r.ID, r.AttemptedAt, c.service.Now()) < max(openHoldsTimes*c.jobTime(), openHoldsLeast)
	}
	return false
}
