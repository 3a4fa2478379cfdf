package approval

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
)

// The accounts of a cluster are made by one job, one account at a time: two that are added at once can get the same
// uid, and read each other's files (the API document knows nothing of it; see the vendor's userctl.py). The job works
// in rounds. In each it reads the cluster's open requests from the database, asks the API once about all jobs that run
// there, and takes the next request a step further, the oldest first. What is next is told by what is stored alone, so
// that another process can go on at any moment:
//
//  1. look the username up: who has it already keeps it
//  2. seal a password and commit it, with a note that addUser is about to be called
//  3. call addUser with that password, and never with another
//  4. commit the id of the API's job
//  5. follow the job to its end
//
// A process that dies between 2 and 4 does not know whether the account is being made. Whoever continues looks the
// username up first. Now that there was an attempt, a user of that name is taken for its result, because there was
// none before; and where there is none yet, calling addUser again with the same password makes the account or answers
// 2110, "exists", when the first call made it after all.

// Accounts is the user administration of the clusters; *ehpc.Client is one.
type Accounts interface {
	FindUsers(ctx context.Context, zone, clusterID string, usernames []string) (map[string]ehpc.User, error)
	AddUser(ctx context.Context, r ehpc.AddUserRequest) (jobID string, err error)
	Operations(ctx context.Context, zone string, jobIDs []string) (map[string]ehpc.Job, error)
}

const (
	// jobHolds is how long a job of the API keeps the next account of its cluster waiting, at the most.
	jobHolds = 5 * time.Minute
	// A call with an unknown outcome, which may have begun a job, does so for some times as long as jobs take.
	openHoldsLeast, openHoldsTimes = 2 * time.Second, 3

	// firstPoll is when a job is first asked about where it is not known how long they take.
	firstPoll, longestPoll = 100 * time.Millisecond, 15 * time.Second
	// Failures of the API, of one request and of the whole cluster, are waited out for so long.
	firstRetry, longestRetry, longestHold = 500 * time.Millisecond, time.Minute, 5 * time.Second
	// newRequests is how often the database is looked at for requests that came meanwhile.
	newRequests = 250 * time.Millisecond

	// worthTelling is how long a wait for the API's quota must be for people to be told of it.
	worthTelling = 30 * time.Second
	// callsOfAccount is what an account takes of the quota, where all goes well.
	callsOfAccount = 3
	// provisionLimit is how long the outcome of a request may stay unknown before people have to look.
	provisionLimit = 30 * time.Minute
	// stopTime is for questions that are under way when the process stops.
	stopTime = time.Second
)

// provisioning makes the accounts of one cluster. What it keeps between the rounds only saves calls and time.
type provisioning struct {
	runner
	id      string
	zone    string              // empty where the cluster is no longer configured
	memory  map[int64]*progress // by request
	usual   time.Duration       // what the last job took; 0: not known
	failed  int                 // calls in a row that were not answered as they should be
	paused  time.Time           // until then no account is asked for, after such a call
	stopped context.Context     // ends soon after the process was told to stop
}

// progress is what is known of a request beside what is stored.
type progress struct {
	failures  int
	notBefore time.Time // nothing is tried with the request before
	lookedUp  bool      // since the last call of addUser
	found     bool      // by that look-up
	looksLeft int       // to make before addUser is called again, because the API says that the user exists

	job   string    // that is followed
	begun time.Time // when it was
	wait  time.Duration
	due   time.Time // when the API is asked about it next
}

// provision is the job that makes the accounts of a cluster. It ends when there is none left to make.
func (r runner) provision(ctx context.Context, job *river.Job[provisionArgs]) error {
	cluster, _ := r.service.conf.Cluster(job.Args.Cluster)
	stopped, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.stopping, func() { time.AfterFunc(stopTime, cancel) })()
	p := &provisioning{runner: r, id: job.Args.Cluster, zone: cluster.Zone, memory: map[int64]*progress{}, stopped: stopped}
	for {
		open, err := r.service.openRequests(ctx, p.id)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			if over, err := p.end(ctx, job); over || err != nil {
				return err
			}
			continue
		}
		next, err := p.round(ctx, open)
		if err == nil || stopped.Err() != nil {
			err = sleep(r.stopping, time.Until(next))
		}
		if r.stopping.Err() != nil {
			return &LaterError{Err: errors.New("the process stops")}
		}
		if err != nil {
			return err
		}
	}
}

// end completes the job in a transaction that sees no open request: one that is approved later inserts the job anew.
func (p *provisioning) end(ctx context.Context, job *river.Job[provisionArgs]) (over bool, err error) {
	err = p.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		open, err := openRequests(ctx, tx, p.id)
		if err != nil || len(open) > 0 {
			return err
		}
		over = true
		if _, err := river.JobCompleteTx[riverdriver.Driver[*sql.Tx]](ctx, tx, job); !errors.Is(err, river.ErrNotFound) {
			return err
		}
		return nil // another process has taken the job over, and ends it
	})
	return over && err == nil, err
}

// round takes each request as far as it can be taken now, and returns when there is more to do.
func (p *provisioning) round(ctx context.Context, open []Request) (next time.Time, err error) {
	accounts := make([]*account, len(open))
	for i, r := range open {
		accounts[i] = p.account(r)
	}
	for _, a := range accounts {
		if err := a.prepare(ctx); err != nil {
			return next, err
		}
	}
	if err := p.follow(ctx, accounts); err != nil {
		return next, err
	}
	if err := p.begin(ctx, accounts); err != nil {
		return next, err
	}
	return p.nextRound(accounts), nil
}

// nextRound is when a job is to be asked about, or to look for new requests; at once where there is none left.
func (p *provisioning) nextRound(accounts []*account) time.Time {
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
func (p *provisioning) account(r Request) *account {
	known, ok := p.memory[r.ID]
	if !ok {
		known = &progress{}
		p.memory[r.ID] = known
	}
	if r.jobID != known.job {
		*known = progress{job: r.jobID, begun: time.Now(), due: time.Now()}
	}
	return &account{Request: r, provisioning: p, known: known}
}

// follow asks the API about all running jobs with one call, as soon as it is time for one of them.
func (p *provisioning) follow(ctx context.Context, accounts []*account) error {
	var ids []string
	due := false
	for _, a := range accounts {
		if a.running() {
			ids = append(ids, a.jobID)
			due = due || !time.Now().Before(a.known.due)
		}
	}
	if !due {
		return nil
	}
	jobs, cause := p.work.Accounts.Operations(p.stopped, p.zone, ids)
	for _, a := range accounts {
		if !a.running() {
			continue
		}
		job, listed := jobs[a.jobID]
		var err error
		switch {
		case job.Status == ehpc.JobSuccessful:
			p.learn(a)
			err = a.succeed(ctx)
		case job.Status == ehpc.JobFailed:
			p.learn(a)
			err = a.jobFailed(ctx, job)
		case cause != nil:
			err = a.untold(ctx, cause)
		default:
			err = a.stillRunning(ctx, listed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// learn notes how long a job took, as far as it was seen. Where the first question found it ended it may have been
// shorter, so the next is asked about a little earlier.
func (p *provisioning) learn(a *account) {
	p.usual = time.Since(a.known.begun)
	if a.known.wait == 0 {
		p.usual -= p.usual / 20
	}
}

// begin asks for the accounts of those who wait, as many as there is room for. Those who were in trouble come after the
// others, each by age.
func (p *provisioning) begin(ctx context.Context, accounts []*account) error {
	waiting := slices.DeleteFunc(slices.Clone(accounts), func(a *account) bool { return !a.waiting() })
	if err := p.tellOfWait(ctx, waiting); err != nil {
		return err
	}
	now := time.Now()
	if now.Before(p.paused) {
		return nil
	}
	waiting = slices.DeleteFunc(waiting, func(a *account) bool { return now.Before(a.known.notBefore) })
	slices.SortStableFunc(waiting, func(a, b *account) int { return cmp.Compare(min(a.known.failures, 1), min(b.known.failures, 1)) })
	if len(waiting) == 0 || !p.hasRoom(open(accounts), waiting[0].Request) {
		return nil
	}
	if goOn, err := p.lookUp(ctx, waiting); err != nil || !goOn {
		return err
	}
	for _, a := range waiting {
		if goOn, err := a.step(ctx); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// tellOfWait tells people, once, that a request has to wait for the API's quota, as soon as that is to be foreseen.
func (p *provisioning) tellOfWait(ctx context.Context, waiting []*account) error {
	for i, a := range waiting {
		wait, err := p.work.Quota.Wait(ctx, (i+1)*callsOfAccount)
		if err != nil {
			return err
		}
		if wait < worthTelling || a.Failure == WaitingAPI {
			continue
		}
		if err := a.tellWaiting(ctx, &ehpc.LimitedError{RetryAfter: wait}); err != nil {
			return err
		}
	}
	return nil
}

// lookUp looks the usernames up of all who wait, if the first of them needs it.
func (p *provisioning) lookUp(ctx context.Context, waiting []*account) (goOn bool, err error) {
	if waiting[0].known.lookedUp {
		return true, nil
	}
	var names []string
	for _, a := range waiting {
		if !a.known.lookedUp {
			names = append(names, a.Username)
		}
	}
	users, cause := p.work.Accounts.FindUsers(p.stopped, p.zone, p.id, names)
	if cause != nil {
		return false, p.lookUpFailed(ctx, waiting, cause)
	}
	p.failed = 0
	for _, a := range waiting {
		if !a.known.lookedUp {
			_, a.known.found = users[a.Username]
			a.known.lookedUp = true
		}
	}
	return true, nil
}

// lookUpFailed judges a look-up of several: a clear no ends each request, all else is tried again.
func (p *provisioning) lookUpFailed(ctx context.Context, waiting []*account, cause error) error {
	p.pause(cause)
	for _, a := range waiting {
		if a.known.lookedUp {
			continue
		}
		if err := a.refused(ctx, cause); err != nil {
			return err
		}
	}
	return nil
}

// pause has the cluster left alone for a while, after a call that was not answered as it should be.
func (p *provisioning) pause(cause error) {
	p.failed++
	wait := backoff.Delay(p.failed, firstRetry, longestHold)
	if asked := ehpc.RetryAfter(cause); asked > 0 {
		wait = min(asked, longestRetry)
	}
	p.paused = time.Now().Add(wait)
}

// hasRoom tells whether another account can be asked for beside those that are being made.
func (p *provisioning) hasRoom(open []Request, next Request) bool {
	room := max(1, p.service.conf.AccountsAtOnce)
	for _, r := range open {
		if r.ID != next.ID && p.holds(r) {
			room--
		}
	}
	return room > 0
}

// holds tells whether a job of the API makes an account for the request, or may do so, as far as others wait for it.
func (p *provisioning) holds(r Request) bool {
	switch {
	case r.State != Provisioning:
		return false
	case r.jobID != "":
		return p.watches.elapsed(r.ID, r.UpdatedAt, p.service.now()) < jobHolds
	case !r.attemptedAt.IsZero():
		return p.watches.elapsed(r.ID, r.attemptedAt, p.service.now()) < max(openHoldsTimes*p.usual, openHoldsLeast)
	}
	return false
}

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
