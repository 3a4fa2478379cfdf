package approval

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// The order in which an account is made is what makes it once, and with the password that is handed over:
//
//  1. wait for a turn in the API's quota, and look the username up: who has it already keeps it
//  2. seal a password and commit it, with a note that addUser is about to be called
//  3. call addUser with that password, and never with another
//  4. commit the id of the API's job
//  5. follow the job to its end
//
// A process that dies between 2 and 4 does not know whether the account is being made. Whoever continues
// looks the username up first. Now that there was an attempt, a user of that name is taken for its result,
// because there was none before; and where there is none yet, calling addUser again with the same password
// makes the account or answers 2110, "exists", when the first call made it after all.

// provisionLimit is how long the outcome of a request may stay unknown before people have to look.
const provisionLimit = 30 * time.Minute

// provision is the job that makes the account. It waits a little for the end of the API's job, and leaves a longer
// wait to the job that follows, so as not to hold up requests that have not had their turn.
func (r runner) provision(ctx context.Context, id int64) error {
	p, err := r.provisioning(ctx, id)
	if err != nil || p == nil {
		return err
	}
	if p.State == Approved && p.sealed != nil {
		if err := p.resume(ctx); err != nil {
			return err
		}
	}
	if p.jobID == "" {
		if err := p.attempt(ctx); err != nil || !p.running() {
			return err
		}
	}
	if err := p.follow(ctx); err != nil {
		return p.handOver(ctx, err)
	}
	return nil
}

// follow is the job that waits for the end of the API's job.
func (r runner) follow(ctx context.Context, id int64) error {
	p, err := r.provisioning(ctx, id)
	if err != nil || p == nil || !p.running() {
		return err
	}
	return p.follow(ctx)
}

// provisioning reads a request that an account is to be made for. It is nil where there is nothing to do: the job
// is late, or repeated, and somebody else has done it.
func (r runner) provisioning(ctx context.Context, id int64) (*provisioning, error) {
	story, err := r.service.Story(ctx, id)
	if err != nil || story.State != Approved && story.State != Provisioning {
		return nil, err
	}
	p := &provisioning{runner: r, Story: story, accounts: r.work.Accounts}
	if password, err := r.service.keys.Open(id, story.sealed); err == nil {
		p.conceal(password)
	}
	p.elapsed() // counts from here on, if it does not yet
	if story.Cluster.Zone == "" {
		return nil, p.fail(ctx, FailureCluster, "")
	}
	return p, nil
}

// provisioning is one run of a job on one request.
type provisioning struct {
	runner
	Story
	accounts Accounts
	dirty    bool // what is in hand differs from what is stored
}

// conceal keeps the password out of what the API says from now on, in logs, messages and the database: it may repeat it
// in any answer.
func (p *provisioning) conceal(password secret.Text) {
	p.accounts = discreet{p.work.Accounts, password}
}

// discreet are accounts that don't repeat a password.
type discreet struct {
	Accounts
	password secret.Text
}

func (d discreet) Turn(ctx context.Context, r ehpc.Request) (*ehpc.Turn, error) {
	turn, err := d.Accounts.Turn(ctx, r)
	return turn, ehpc.Conceal(err, d.password)
}

func (d discreet) Again(ctx context.Context, t *ehpc.Turn) error {
	return ehpc.Conceal(d.Accounts.Again(ctx, t), d.password)
}

func (d discreet) AddUser(ctx context.Context, r ehpc.AddUserRequest) (string, error) {
	job, err := d.Accounts.AddUser(ctx, r)
	return job, ehpc.Conceal(err, d.password)
}

func (d discreet) Operation(ctx context.Context, zone, jobID string) (ehpc.Job, bool, error) {
	job, listed, err := d.Accounts.Operation(ctx, zone, jobID)
	return job.Conceal(d.password), listed, ehpc.Conceal(err, d.password)
}

func (d discreet) FindUser(ctx context.Context, zone, clusterID, username string) (ehpc.User, bool, error) {
	user, found, err := d.Accounts.FindUser(ctx, zone, clusterID, username)
	return user, found, ehpc.Conceal(err, d.password)
}

// running reports whether a job of the API is to be followed.
func (p *provisioning) running() bool { return p.State == Provisioning && p.jobID != "" }

// resume goes on with a request that is tried again, where it stood: its password is sealed already, and an
// earlier call may have made the account.
func (p *provisioning) resume(ctx context.Context) error {
	p.begin(p.service.now())
	return p.move(ctx, Provisioning, "resume", "")
}

// attempt makes the account.
func (p *provisioning) attempt(ctx context.Context) error {
	turn, err := p.turn(ctx)
	if err != nil || turn == nil {
		return err
	}
	defer turn.End()
	switch {
	case turn.Taken && p.attemptedAt.IsZero():
		return p.fail(ctx, FailureTaken, "")
	case turn.Taken:
		return p.succeed(ctx)
	case p.overdue():
		return p.fail(ctx, FailureTimeout, p.FailureDetail)
	}
	return p.addUser(ctx, turn)
}

const (
	// worthTelling is how long a wait for a turn must be for people to be told of it.
	worthTelling = 30 * time.Second
	// lineLimit is how long a job waits for its turn before it is put off, which gives other processes a chance.
	lineLimit = 30 * time.Minute
	// stopWait is for those who have their turn while the process stops.
	stopWait = time.Second
)

// turn waits for the turn of the request, the oldest first, and has its username looked up. It is nil, without an
// error, where the request has ended.
func (p *provisioning) turn(ctx context.Context) (*ehpc.Turn, error) {
	waiting, cancel := p.patience(ctx)
	defer cancel()
	var turn *ehpc.Turn
	var err error
	came := make(chan struct{})
	go func() {
		defer close(came)
		turn, err = p.accounts.Turn(waiting, ehpc.Request{
			Zone: p.Story.Cluster.Zone, ClusterID: p.ClusterID, Username: p.Username, Age: p.ID,
		})
	}()
	p.tellOfWait(ctx, came)
	<-came
	switch {
	case err == nil:
		return turn, nil
	case waiting.Err() != nil && ctx.Err() == nil:
		return nil, &LaterError{After: firstPoll, Err: err}
	}
	return nil, p.lookUpFailed(ctx, err)
}

// patience bounds the wait for a turn.
func (p *provisioning) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	waiting, cancel := context.WithTimeout(ctx, lineLimit)
	stop := context.AfterFunc(p.stopping, func() { time.AfterFunc(stopWait, cancel) })
	return waiting, func() {
		stop()
		cancel()
	}
}

// again goes on when the API takes calls again, in the request's place in the line. People are told of the wait.
func (p *provisioning) again(ctx context.Context, turn *ehpc.Turn, cause error) error {
	later := p.waitFor(ctx, cause)
	if p.dirty || ctx.Err() != nil {
		return later // it could not be stored that no call is open
	}
	p.service.log.Info("the API takes no more calls at the moment", "request", p.ID, "why", cause)
	waiting, cancel := p.patience(ctx)
	defer cancel()
	if err := p.accounts.Again(waiting, turn); err != nil {
		return &LaterError{After: firstPoll, Err: err}
	}
	return p.addUser(ctx, turn)
}

// tellOfWait tells people, once, that the request has to wait for its turn, as soon as that is to be foreseen. It
// returns when they are told, or when the turn has come.
func (p *provisioning) tellOfWait(ctx context.Context, came <-chan struct{}) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for p.Failure != WaitingAPI {
		if wait := p.accounts.Wait(p.ID); wait >= worthTelling {
			p.Failure, p.FailureDetail = WaitingAPI, sentence(&ehpc.LimitedError{RetryAfter: wait})
			if err := p.save(ctx, "wait", p.FailureDetail, kindRefresh, kindDelay); err != nil {
				p.service.log.Warn("people are not told of a wait", "request", p.ID, "error", err)
			}
			return
		}
		select {
		case <-came:
			return
		case <-look.C:
		}
	}
}

func (p *provisioning) addUser(ctx context.Context, turn *ehpc.Turn) error {
	before := p.attemptedAt // zero: no earlier call of ours is open
	password, err := p.password()
	switch {
	case err != nil && p.sealed != nil: // it is not called, so nothing is noted as open
		return p.fail(ctx, FailureKey, "")
	case err != nil:
		return err
	}
	p.conceal(password)
	if err := p.seal(ctx); err != nil {
		return err
	}
	job, err := p.accounts.AddUser(ctx, ehpc.AddUserRequest{
		ClusterID: p.ClusterID, Zone: p.Story.Cluster.Zone, Username: p.Username, Password: password, Mod: p.Mod, Turn: turn,
	})
	switch {
	case err == nil:
		// The job tells from now on what becomes of this call. An earlier one stays as open as it was.
		p.attemptedAt, p.jobID, p.Failure, p.FailureDetail = before, job, "", ""
		return p.save(ctx, "add_user", "job "+job)
	case errors.Is(err, ehpc.ErrExists) && before.IsZero():
		p.attemptedAt = before // somebody was faster by the blink of an eye
		return p.fail(ctx, FailureTaken, "")
	case errors.Is(err, ehpc.ErrExists):
		// An earlier call of ours is making the account; it is ours once it is listed.
		turn.End()
		return p.awaitListing(ctx, err)
	case errors.Is(err, ehpc.ErrOutcomeUnknown):
		return p.waitFor(ctx, err)
	}
	// The API has said no, so this call leaves nothing open.
	p.attemptedAt, p.dirty = before, true
	if errors.Is(err, ehpc.ErrQuota) && before.IsZero() {
		p.startedAt = time.Time{} // however long the limit lasts, nothing has begun
		return p.again(ctx, turn, err)
	}
	return p.refused(ctx, err)
}

// password returns the sealed password, or seals a new one, which is not stored yet.
func (p *provisioning) password() (secret.Text, error) {
	if p.sealed != nil {
		return p.service.keys.Open(p.ID, p.sealed)
	}
	password, err := ehpc.NewPassword(p.service.conf.PasswordLength)
	if err != nil {
		return secret.Text{}, fmt.Errorf("make a password: %w", err)
	}
	p.sealed = p.service.keys.Seal(p.ID, password)
	return password, nil
}

// awaitListing looks for an account that is being made, a few times before addUser is called again.
func (p *provisioning) awaitListing(ctx context.Context, exists error) error {
	for wait := listingPoll; wait <= pollInHand; wait *= 2 {
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		if over, err := p.isMade(ctx); over {
			return err
		}
	}
	return &LaterError{After: p.pause(), Err: exists}
}

// isMade looks whether the account is there. That ends the run, and so does a look-up that fails.
func (p *provisioning) isMade(ctx context.Context) (over bool, err error) {
	_, found, err := p.accounts.FindUser(ctx, p.Story.Cluster.Zone, p.ClusterID, p.Username)
	switch {
	case err != nil && p.overdue() && ctx.Err() == nil:
		return true, p.fail(ctx, FailureTimeout, sentence(err))
	case err != nil:
		return true, p.waitFor(ctx, err)
	case found:
		return true, p.succeed(ctx)
	}
	return false, nil
}

// seal commits the password before the first call that uses it, and that it is about to be called.
func (p *provisioning) seal(ctx context.Context) error {
	p.attemptedAt = p.service.now()
	if p.startedAt.IsZero() {
		p.begin(p.attemptedAt)
	}
	if p.State == Provisioning {
		return p.save(ctx, "attempt", "addUser is called again, with the same password")
	}
	return p.move(ctx, Provisioning, "provision", "")
}

// handOver leaves what could not be seen to its end to the job that follows.
func (p *provisioning) handOver(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	p.service.log.Debug("the job that made the call leaves its end to another", "request", p.ID, "why", cause)
	err := p.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return p.service.enqueue(ctx, tx, p.Request, kindFollow) })
	if err != nil {
		return errors.Join(cause, err)
	}
	return nil
}

// follow waits for the API's job: in hand for a few seconds, and then put off again and again.
func (p *provisioning) follow(ctx context.Context) error {
	wait := firstPoll
	for until := time.Now().Add(pollInHand); ; wait = min(2*max(wait, 100*time.Millisecond), longestPoll) {
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		job, listed, err := p.accounts.Operation(ctx, p.Story.Cluster.Zone, p.jobID)
		switch {
		case err != nil:
			return p.untold(ctx, err)
		case job.Status == ehpc.JobSuccessful:
			return p.succeed(ctx)
		case job.Status == ehpc.JobFailed:
			return p.jobFailed(ctx, job)
		}
		if time.Now().After(until) {
			return p.stillRunning(ctx, listed)
		}
	}
}

// The API is asked after a short wait, and then less and less often.
const (
	firstPoll   = 20 * time.Millisecond
	pollInHand  = 4 * time.Second
	longestPoll = 15 * time.Second
	listingPoll = 500 * time.Millisecond
)

// jobFailed ends a request whose job has failed: it made no account, and a user of that name who is there at a retry
// is somebody else's. But for an earlier call whose outcome is open, which may have made it: then the job failed
// because the account is there.
func (p *provisioning) jobFailed(ctx context.Context, job ehpc.Job) error {
	if !p.attemptedAt.IsZero() {
		if over, err := p.isMade(ctx); over {
			return err
		}
	}
	p.jobID = ""
	return p.fail(ctx, FailureJob, job.ErrorCodes)
}

// untold is for a question about the job that got no answer. What passes is waited for. A no, or silence for too long,
// ends the request, unless the account itself tells that it is made; the job is kept, for a retry to follow it.
func (p *provisioning) untold(ctx context.Context, cause error) error {
	saidNo := errors.Is(cause, ehpc.ErrOperator) || errors.Is(cause, ehpc.ErrRefused)
	if !saidNo && !p.overdue() || ctx.Err() != nil {
		return p.waitFor(ctx, cause)
	}
	_, found, err := p.accounts.FindUser(ctx, p.Story.Cluster.Zone, p.ClusterID, p.Username)
	switch {
	case err == nil && found:
		return p.succeed(ctx)
	case p.overdue():
		return p.fail(ctx, FailureTimeout, sentence(cause))
	case err != nil:
		return p.lookUpFailed(ctx, err)
	}
	return p.waitFor(ctx, cause)
}

// stillRunning ends a run that has not seen the job's end. A job that is not listed may be over and
// forgotten: then the account tells.
func (p *provisioning) stillRunning(ctx context.Context, listed bool) error {
	if !listed || p.overdue() {
		if over, err := p.isMade(ctx); over {
			return err
		}
		if p.overdue() {
			return p.giveUp(ctx, listed)
		}
	}
	return &LaterError{After: p.pause()}
}

// giveUp ends a request whose job did not come to an end. One that the API still lists is followed further at a
// retry. What became of one that has vanished stays open, and a retry calls addUser again.
func (p *provisioning) giveUp(ctx context.Context, listed bool) error {
	detail := "job " + p.jobID
	if !listed {
		p.attemptedAt, p.jobID = p.service.now(), ""
	}
	return p.fail(ctx, FailureTimeout, detail)
}

func (p *provisioning) overdue() bool { return p.elapsed() > provisionLimit }

// pause grows with the time that the request has taken so far.
func (p *provisioning) pause() time.Duration {
	return min(max(p.elapsed()/4, 500*time.Millisecond), longestPoll)
}

// begin starts the time that the account is in the making.
func (p *provisioning) begin(at time.Time) {
	p.startedAt = at
	p.elapsed()
}

// elapsed is how long the account has been in the making; 0 when that has not begun.
func (p *provisioning) elapsed() time.Duration {
	if p.startedAt.IsZero() {
		return 0
	}
	return p.watches.elapsed(p.ID, p.startedAt, p.service.now())
}

// watches measure how long accounts are in the making by a clock that nobody can set. The time of day, which can
// be, tells only how long it was before this process came to know of them.
type watches struct {
	mu      sync.Mutex
	running map[int64]watch
}

type watch struct {
	startedAt int64         // of the making that is measured, as it is stored
	before    time.Duration // until this process came to know of it
	known     time.Time     // when that was, with a monotonic reading
}

func newWatches() *watches { return &watches{running: map[int64]watch{}} }

func (w *watches) elapsed(request int64, startedAt, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	running, ok := w.running[request]
	if !ok || running.startedAt != startedAt.UnixMilli() {
		running = watch{startedAt: startedAt.UnixMilli(), before: max(0, now.Sub(startedAt)), known: time.Now()}
		w.running[request] = running
	}
	return running.before + time.Since(running.known)
}

func (w *watches) stop(request int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, request)
}

// lookUpFailed judges a look-up that came before any call: a clear no ends the request, all else is tried again.
func (p *provisioning) lookUpFailed(ctx context.Context, err error) error {
	if errors.Is(err, ehpc.ErrRefused) || errors.Is(err, ehpc.ErrOperator) {
		return p.refused(ctx, err)
	}
	return p.waitFor(ctx, err)
}

// refused ends the request where the API's no is for good, and waits where it can change.
func (p *provisioning) refused(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ehpc.ErrOperator):
		return p.fail(ctx, FailureOperator, sentence(err))
	case errors.Is(err, ehpc.ErrRefused):
		return p.fail(ctx, FailureRefused, sentence(err))
	}
	return p.waitFor(ctx, err)
}

// longestWait is the longest time for which a job is put off, however long a limit will last: an administrator may
// raise it meanwhile, and to look again costs no call.
const longestWait = 5 * time.Minute

// waitFor puts the job off, and shows the approvers what it waits for.
func (p *provisioning) waitFor(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	var limited *ehpc.LimitedError
	isLimited := errors.As(cause, &limited)
	if p.Failure != WaitingAPI || p.dirty {
		p.Failure, p.FailureDetail = WaitingAPI, sentence(cause)
		tell := []jobKind{kindRefresh}
		if isLimited && limited.RetryAfter >= worthTelling {
			tell = append(tell, kindDelay)
		}
		if err := p.save(ctx, "wait", p.FailureDetail, tell...); err != nil {
			return errors.Join(cause, err)
		}
	}
	if isLimited {
		return &LaterError{After: min(limited.RetryAfter, longestWait), Err: cause}
	}
	var answer *ehpc.Error
	if errors.As(cause, &answer) && answer.RetryAfter > 0 {
		return &LaterError{After: min(answer.RetryAfter, longestWait), Err: cause}
	}
	return cause
}

// succeed commits that the account exists.
func (p *provisioning) succeed(ctx context.Context) error {
	p.Failure, p.FailureDetail = "", ""
	return p.move(ctx, Provisioned, "provisioned", "")
}

// fail ends the request without an account. The sealed password stays, for a retry must go on with it, unless
// the account is known to be somebody else's.
func (p *provisioning) fail(ctx context.Context, why Failure, detail string) error {
	p.Failure, p.FailureDetail = why, detail
	if why == FailureTaken {
		p.forget()
	}
	if detail != "" {
		detail = ": " + detail
	}
	return p.move(ctx, Failed, "fail", string(why)+detail)
}

func (p *provisioning) move(ctx context.Context, to State, action, detail string) error {
	err := p.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return p.service.move(ctx, tx, &p.Request, to, System, action, detail)
	})
	if to != Provisioning {
		p.watches.stop(p.ID)
	}
	log := p.service.log.With("request", p.ID, "cluster", p.ClusterID, "username", p.Username)
	switch {
	case err != nil: // the job is repeated, and says so
	case to == Failed:
		log.Warn("the account could not be made", "why", p.Failure, "detail", p.FailureDetail)
	case to == Provisioned:
		log.Info("the account is made")
	}
	return err
}

// save stores what is in hand, with an audit event, and inserts jobs.
func (p *provisioning) save(ctx context.Context, action, detail string, jobs ...jobKind) error {
	err := p.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		p.UpdatedAt = p.service.now()
		if err := saveRequest(ctx, tx, &p.Request, p.State); err != nil {
			return err
		}
		if err := p.service.record(ctx, tx, p.Request, System, action, p.State, detail); err != nil {
			return err
		}
		return p.service.enqueue(ctx, tx, p.Request, jobs...)
	})
	p.dirty = p.dirty && err != nil
	return err
}

// sentence is an error of the API client, which holds no secret, short enough for a message.
func sentence(err error) string {
	const most = 300
	text := []rune(err.Error())
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
