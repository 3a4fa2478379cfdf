package provision

import (
	"context"
	"errors"
	"time"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

// This file gives accounts that are there a new password. The answer of modifyUser is the outcome, and no job follows: after
// one that is unknown the call is repeated with the same password.

// resetLimit is how long the outcome of a new password may stay unknown before people have to look: nobody can log in
// meanwhile.
const resetLimit = 10 * time.Minute

// resetPassword does what the look-up of the username calls for. It tells whether others can have their step in this round.
func (a *account) resetPassword(ctx context.Context) (goOn bool, err error) {
	made, _, err := a.service.Account(ctx, a.ClusterID, a.Username)
	switch {
	case err != nil:
		return false, err
	case a.known.user == nil:
		return true, a.fail(ctx, approval.FailureMissing, "")
	case !isTheOne(*a.known.user, made):
		return true, a.fail(ctx, approval.FailureReplaced, "")
	case a.overdue():
		return true, a.fail(ctx, approval.FailureTimeout, a.FailureDetail)
	}
	before := a.AttemptedAt // zero: no earlier call of ours is open
	password, goOn, err := a.attempt(ctx)
	if password.IsZero() {
		return goOn, err
	}
	cause := a.accounts.ModifyUser(ctx, ehpc.ModifyUserRequest{
		ClusterID: a.ClusterID, Zone: a.zone, Username: a.Username, Password: password,
	})
	if cause == nil {
		a.cluster.failed = 0
		return true, a.succeed(ctx)
	}
	return a.notReset(ctx, cause, before)
}

// isTheOne tells whether an account that is there is the one that was made, and not another of its name.
func isTheOne(user ehpc.User, made approval.Request) bool {
	const clocksDiffer = time.Hour // that of the API and ours, at the time
	switch {
	case user.Username != made.Username:
		return false
	case user.UID != 0 && made.UID != 0 && user.UID != made.UID:
		return false
	}
	return !user.CreatedAt.After(made.DeliveredAt.Add(clocksDiffer))
}

// notReset judges a call of modifyUser. A no tells nothing of an earlier call whose outcome is open: then the account may
// have either password.
func (a *account) notReset(ctx context.Context, cause error, before time.Time) (goOn bool, err error) {
	if !errors.Is(cause, ehpc.ErrRefused) {
		return a.notAsked(ctx, cause, before)
	}
	a.AttemptedAt = before
	why := approval.FailureRefused
	switch {
	case !before.IsZero():
		why = approval.FailureTimeout
	case errors.Is(cause, ehpc.ErrNoUser):
		why = approval.FailureMissing
	case errors.Is(cause, ehpc.ErrTooOften):
		why = approval.FailureTooOften
	}
	return true, a.fail(ctx, why, cause.Error())
}
