package provision

import (
	"context"
	"slices"
	"time"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
)

// lookUp looks the usernames up of all who wait for that.
func (c *cluster) lookUp(ctx context.Context, waiting []*account) (goOn bool, err error) {
	waiting = slices.DeleteFunc(slices.Clone(waiting), func(a *account) bool { return a.known.isLookedUp() })
	names := make([]string, len(waiting))
	for i, a := range waiting {
		names[i] = a.Username
	}
	users, cause := c.accounts.FindUsers(c.stopped, c.zone, c.id, names)
	if cause != nil {
		return false, c.lookUpFailed(ctx, waiting, cause)
	}
	c.failed = 0
	for _, a := range waiting {
		a.known.user, a.known.lookedUp = nil, time.Now()
		if user, found := users[a.Username]; found {
			a.known.user = &user
		}
	}
	return true, nil
}

// lookUpFailed judges a look-up of several: a clear no ends each request, all else is tried again.
func (c *cluster) lookUpFailed(ctx context.Context, waiting []*account, cause error) error {
	c.pause(cause)
	for _, a := range waiting {
		if err := a.refused(ctx, cause); err != nil {
			return err
		}
	}
	return nil
}

// pause has the cluster left alone for a while, after a call that was not answered as it should be.
func (c *cluster) pause(cause error) {
	c.failed++
	wait := backoff.Delay(c.failed, firstRetry, longestHold)
	if asked := ehpc.RetryAfter(cause); asked > 0 {
		wait = min(asked, longestRetry)
	}
	c.paused = time.Now().Add(wait)
}
