package provision

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
	"ehpcbot/ehpc/secret"
)

// account is a request whose account is being made, in one round.
type account struct {
	approval.Request
	*cluster
	known *progress
}

// running tells whether a job of the API makes the account.
func (a *account) running() bool { return a.State == approval.Provisioning && a.JobID != "" }

// waiting tells whether the account is to be asked for, or it is to be found out what became of that.
func (a *account) waiting() bool {
	return a.State == approval.Approved || a.State == approval.Provisioning && a.JobID == ""
}

func open(accounts []*account) []approval.Request {
	requests := make([]approval.Request, len(accounts))
	for i, a := range accounts {
		requests[i] = a.Request
	}
	return requests
}

// contained keeps a panic to the request that it happens with: the others of the cluster go on.
func (a *account) contained(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("making an account panicked", "request", a.ID, "panic", p, "stack", string(debug.Stack()))
			a.retryLater(nil)
			a.known.due = a.known.notBefore
			err = nil
		}
	}()
	return do()
}

// prepare ends a request whose cluster is no longer configured, or whose username would spoil the look-up of others. One that
// is tried again goes on where it stood, if it may still: its password is sealed already, and an earlier call may have made
// the account.
func (a *account) prepare(ctx context.Context) error {
	wrong := ehpc.ValidateUsername(a.Username)
	switch {
	case a.zone == "":
		return a.fail(ctx, approval.FailureCluster, "")
	case wrong != nil:
		return a.fail(ctx, approval.FailureRefused, wrong.Error())
	case a.State == approval.Approved && a.Sealed != nil && !time.Now().Before(a.known.notBefore):
		if opens, err := a.opens(ctx); !opens || err != nil {
			return err
		}
		if holds, err := a.recheck(ctx); !holds || err != nil {
			return err
		}
		a.StartedAt = a.service.Now()
		return a.move(ctx, approval.Provisioning, "resume", "")
	}
	return nil
}

// step does what the look-up of the username calls for. It tells whether others can have their step in this round.
func (a *account) step(ctx context.Context) (goOn bool, err error) {
	switch {
	case a.Reset:
		return a.resetPassword(ctx)
	case a.known.user != nil && a.AttemptedAt.IsZero():
		return true, a.fail(ctx, approval.FailureTaken, "")
	case a.known.user != nil:
		return true, a.claim(ctx, *a.known.user)
	case a.overdue():
		return true, a.fail(ctx, approval.FailureTimeout, a.FailureDetail)
	case a.known.looksLeft > 0:
		a.known.looksLeft--
		a.retryLater(nil)
		return true, nil
	}
	return a.ask(ctx)
}

// ask calls addUser.
func (a *account) ask(ctx context.Context) (goOn bool, err error) {
	before := a.AttemptedAt // zero: no earlier call of ours is open
	password, goOn, err := a.attempt(ctx)
	if password.IsZero() {
		return goOn, err
	}
	job, cause := a.accounts.AddUser(ctx, ehpc.AddUserRequest{
		ClusterID: a.ClusterID, Zone: a.zone, Username: a.Username, Password: password, Mod: a.Mod,
	})
	if cause == nil {
		return true, a.follows(ctx, job, before)
	}
	return a.notAsked(ctx, cause, before)
}

// attempt returns the sealed password, with which the API is to be called now, once it is committed that this is about to
// happen; none where it is not. Then goOn tells whether others can have their step in this round.
func (a *account) attempt(ctx context.Context) (password secret.Text, goOn bool, err error) {
	if wait, err := a.quota.Wait(ctx, 1); err != nil || wait > 0 {
		a.pause(&ehpc.LimitedError{RetryAfter: wait})
		return secret.Text{}, false, err
	}
	if holds, err := a.mayBeMade(ctx); !holds || err != nil {
		return secret.Text{}, true, err
	}
	if password, err = a.service.Password(&a.Request); err != nil {
		return secret.Text{}, false, err
	}
	if a.AskedAt.IsZero() {
		a.AskedAt = a.accounts.Now()
	}
	committed, err := a.service.Attempt(ctx, &a.Request, func(open []approval.Request) bool { return a.hasRoom(open, a.Request) })
	if err != nil || !committed {
		return secret.Text{}, false, err
	}
	return password, true, nil
}

// mayBeMade tells whether the account may be asked for. While a call of ours is open that is not asked again: it was made with
// the sealed password, and nobody seals one without the key.
func (a *account) mayBeMade(ctx context.Context) (bool, error) {
	opens, err := a.opens(ctx)
	if !opens || err != nil || a.Sealed != nil && !a.AttemptedAt.IsZero() {
		return opens, err
	}
	return a.recheck(ctx)
}

// opens tells whether the sealed password opens, if there is one, and ends the request where it does not.
func (a *account) opens(ctx context.Context) (bool, error) {
	if a.Sealed == nil {
		return true, nil
	}
	if _, err := a.service.Password(&a.Request); err != nil {
		return false, a.fail(ctx, approval.SealFailure(err), "")
	}
	return true, nil
}

// recheck looks again at what the request hangs on, and ends it where that does not hold any more. Where it is not known, the
// request waits.
func (a *account) recheck(ctx context.Context) (holds bool, err error) {
	holds, err = a.service.Recheck(ctx, &a.Request)
	switch {
	case errors.Is(err, approval.ErrUntold):
		a.log.Warn("an account has to wait", "request", a.ID, "why", err)
		a.retryLater(err)
		return false, nil
	case !holds || err != nil:
		a.log.Warn("an account is not made after all", "request", a.ID, "state", a.State, "why", a.Failure, "error", err)
	}
	return holds, err
}

// follows commits the job that tells from now on what becomes of the call. An earlier call stays as open as it was.
func (a *account) follows(ctx context.Context, job string, before time.Time) error {
	a.AttemptedAt, a.JobID, a.Failure, a.FailureDetail = before, job, "", ""
	a.cluster.failed = 0
	now := time.Now()
	*a.known = progress{job: job, begun: now, due: now.Add(a.jobTime())}
	return a.service.Progress(ctx, &a.Request, "add_user", "job "+job)
}

// notAsked judges a call that did nothing, or of which it is not known. before is when an earlier call was made whose outcome is open.
func (a *account) notAsked(ctx context.Context, cause error, before time.Time) (goOn bool, err error) {
	switch {
	case errors.Is(cause, ehpc.ErrExists) && before.IsZero():
		a.AttemptedAt = before // somebody was faster by the blink of an eye
		return true, a.fail(ctx, approval.FailureTaken, "")
	case errors.Is(cause, ehpc.ErrExists):
		const looks = 3
		a.known.looksLeft = looks // an earlier call of ours is making the account; it is ours once it is listed
		a.retryLater(nil)
		return true, nil
	case errors.Is(cause, ehpc.ErrOutcomeUnknown):
		a.pause(cause)
		return false, a.waitFor(ctx, cause)
	}
	// The API has said no, so this call leaves nothing open.
	a.AttemptedAt = before
	if before.IsZero() && errors.Is(cause, ehpc.ErrBusy) {
		a.StartedAt = time.Time{} // however long that lasts, nothing has begun
	}
	if errors.Is(cause, ehpc.ErrBusy) {
		a.pause(cause)
	}
	a.Failure = "" // so that it is stored that no call is open
	return !errors.Is(cause, ehpc.ErrBusy), a.refused(ctx, cause)
}

// jobFailed ends a request whose job has failed: it made no account, and a user of that name who is there at a retry
// is somebody else's. But for an earlier call whose outcome is open, which may have made it: then the job failed
// because the account is there.
func (a *account) jobFailed(ctx context.Context, job ehpc.Job) error {
	if !a.AttemptedAt.IsZero() {
		if over, err := a.isMade(ctx); over {
			return err
		}
	}
	a.JobID = ""
	return a.fail(ctx, approval.FailureJob, job.ErrorCodes)
}

// stillRunning waits on for a job. One that is not listed may be over and forgotten: then the account tells.
func (a *account) stillRunning(ctx context.Context, listed bool) error {
	if time.Now().Before(a.known.due) {
		return nil
	}
	const listedSoon = 5 * time.Second
	if !listed && time.Since(a.known.begun) > listedSoon || a.overdue() {
		if over, err := a.isMade(ctx); over {
			return err
		}
		if a.overdue() {
			return a.giveUp(ctx, listed)
		}
	}
	a.pollLater()
	return nil
}

// pollLater has the API asked about the job less and less often.
func (a *account) pollLater() {
	const shortest = 50 * time.Millisecond
	a.known.wait = min(max(time.Since(a.known.begun)/4, shortest), longestPoll)
	a.known.due = time.Now().Add(a.known.wait)
}

// untold is for a question about the job that got no answer. What passes is waited for. A no, or silence for too long,
// ends the request, unless the account itself tells that it is made; the job is kept, for a retry to follow it.
func (a *account) untold(ctx context.Context, cause error) error {
	a.known.failures++
	a.pollLater()
	a.known.due = time.Now().Add(max(a.known.wait, backoff.Delay(a.known.failures, firstRetry, longestPoll), min(ehpc.RetryAfter(cause), longestRetry)))
	saidNo := errors.Is(cause, ehpc.ErrOperator) || errors.Is(cause, ehpc.ErrRefused)
	if !saidNo && !a.overdue() {
		return a.tellWaiting(ctx, cause)
	}
	if over, err := a.isMade(ctx); over {
		return err
	}
	if a.overdue() {
		return a.fail(ctx, approval.FailureTimeout, cause.Error())
	}
	return a.tellWaiting(ctx, cause)
}

// isMade looks whether the account is there. If so the request is at its end, and where the look-up fails it may be.
func (a *account) isMade(ctx context.Context) (over bool, err error) {
	users, cause := a.accounts.FindUsers(a.stopped, a.zone, a.ClusterID, []string{a.Username})
	user, found := users[a.Username]
	switch {
	case found:
		return true, a.claim(ctx, user)
	case cause == nil:
		return false, nil
	case a.overdue() && a.stopped.Err() == nil:
		return true, a.fail(ctx, approval.FailureTimeout, cause.Error())
	}
	a.pollLater()
	return true, a.refused(ctx, cause)
}

// claim ends the request with an account that is there and that no job tells to be ours. It is ours where it was made
// no earlier than our first call, and can be no other request's.
func (a *account) claim(ctx context.Context, user ehpc.User) error {
	anothers, err := a.service.MayBeAnothers(ctx, a.Request)
	if err != nil {
		return err
	}
	if anothers || user.Username != a.Username || user.CreatedAt.Before(a.AskedAt.Add(-clockMargin)) {
		return a.fail(ctx, approval.FailureUnclear, "")
	}
	return a.succeed(ctx)
}

// giveUp ends a request whose job did not come to an end. One that the API still lists is followed further at a
// retry. What became of one that has vanished stays open, and a retry calls addUser again.
func (a *account) giveUp(ctx context.Context, listed bool) error {
	detail := "job " + a.JobID
	if !listed {
		a.AttemptedAt, a.JobID = a.service.Now(), ""
	}
	return a.fail(ctx, approval.FailureTimeout, detail)
}

// refused ends the request where the API's no is for good, and waits where it can change.
func (a *account) refused(ctx context.Context, cause error) error {
	switch {
	case errors.Is(cause, ehpc.ErrOperator):
		return a.fail(ctx, approval.FailureOperator, cause.Error())
	case errors.Is(cause, ehpc.ErrRefused):
		return a.fail(ctx, approval.FailureRefused, cause.Error())
	case a.atWorkForGood(cause):
		return a.fail(ctx, approval.FailureRefused, cause.Error())
	}
	return a.waitFor(ctx, cause)
}

// atWorkForGood tells whether the API has said for too long that the cluster is at work.
func (a *account) atWorkForGood(cause error) bool {
	switch {
	case !errors.Is(cause, ehpc.ErrAtWork):
		a.known.atWork = time.Time{}
	case a.known.atWork.IsZero():
		a.known.atWork = time.Now()
	}
	return !a.known.atWork.IsZero() && time.Since(a.known.atWork) > atWorkLimit
}

// waitFor leaves the request alone for a while, and shows the approvers what it waits for.
func (a *account) waitFor(ctx context.Context, cause error) error {
	if a.stopped.Err() != nil {
		return cause
	}
	a.retryLater(cause)
	return a.tellWaiting(ctx, cause)
}

// retryLater leaves the request alone for a while, and has its username looked up anew then.
func (a *account) retryLater(cause error) {
	if _, limited := errors.AsType[*ehpc.LimitedError](cause); limited {
		return // which is for the whole cluster, and nothing was called
	}
	a.known.failures++
	a.known.lookedUp = time.Time{}
	a.known.notBefore = time.Now().Add(backoff.Delay(a.known.failures, firstRetry, longestRetry))
}

// tellWaiting shows, once, what the request waits for.
func (a *account) tellWaiting(ctx context.Context, cause error) error {
	if a.stopped.Err() != nil || a.Failure == approval.WaitingAPI {
		return nil
	}
	a.log.Warn("an account has to wait", "request", a.ID, "why", cause, "answer", answerOf(cause))
	a.Failure, a.FailureDetail = approval.WaitingAPI, cause.Error()
	tell := []approval.JobKind{approval.RefreshJob}
	if limited, ok := errors.AsType[*ehpc.LimitedError](cause); ok && limited.RetryAfter >= worthTelling {
		tell = append(tell, approval.DelayJob)
	}
	return a.service.Progress(ctx, &a.Request, "wait", a.FailureDetail, tell...)
}

// answerOf is what the API itself said, as far as it can be told.
func answerOf(err error) string {
	if failure, ok := errors.AsType[*ehpc.Error](err); ok {
		return failure.Message
	}
	return ""
}

// succeed commits that the account exists.
func (a *account) succeed(ctx context.Context) error {
	a.Failure, a.FailureDetail = "", ""
	return a.move(ctx, approval.Provisioned, "provisioned", "")
}

// fail ends the request without an account. The sealed password stays, for a retry must go on with it, unless
// the account is known to be somebody else's.
func (a *account) fail(ctx context.Context, why approval.Failure, detail string) error {
	a.Failure, a.FailureDetail = why, detail
	if why == approval.FailureTaken {
		a.Forget()
	}
	if detail != "" {
		detail = ": " + detail
	}
	return a.move(ctx, approval.Failed, "fail", string(why)+detail)
}

func (a *account) move(ctx context.Context, to approval.State, action, detail string) error {
	err := a.service.Move(ctx, &a.Request, to, action, detail)
	if to != approval.Provisioning {
		delete(a.memory, a.ID)
		a.stopwatches.stop(a.ID)
	}
	made, not := "the account is made", "the account could not be made"
	if a.Reset {
		made, not = "the account has its new password", "the account could not be given a new password"
	}
	log := a.log.With("request", a.ID, "cluster", a.ClusterID, "username", a.Username)
	switch {
	case err != nil: // the job is repeated, and says so
	case to == approval.Failed:
		log.Warn(not, "why", a.Failure, "detail", a.FailureDetail)
	case to == approval.Provisioned:
		log.Info(made)
	}
	return err
}

// overdue tells whether the outcome has been unknown for too long.
func (a *account) overdue() bool {
	limit := provisionLimit
	if a.Reset {
		limit = resetLimit
	}
	return !a.StartedAt.IsZero() && a.stopwatches.elapsed(a.ID, a.StartedAt, a.service.Now()) > limit
}
