package ehpc

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// newLimiter makes a bucket of an hour's calls that is full at the start and
// refilled evenly, or nil for no limit.
func newLimiter(callsPerHour int) *rate.Limiter {
	if callsPerHour == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(float64(callsPerHour)/time.Hour.Seconds()), callsPerHour)
}

// waitForTurn takes a call out of the bucket. Where that would take longer than
// maxWait, or than the context lives, it takes none and returns a
// [*LimitedError] at once, so that the caller's worker is free for other work.
func (c *Client) waitForTurn(ctx context.Context) error {
	if err := ctx.Err(); err != nil || c.limiter == nil {
		return err
	}
	now := c.now()
	turn := c.limiter.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay > c.maxWait || outlives(ctx, delay) {
		turn.CancelAt(now)
		return &LimitedError{RetryAfter: delay}
	}
	if err := pause(ctx, delay); err != nil {
		turn.CancelAt(c.now())
		return err
	}
	return nil
}

// Reserve takes the room for one call out of the bucket ahead of it, waiting as
// the call itself would. A request with Reserved set then does not wait any
// more, so that nothing comes between what was looked up and what is done.
func (c *Client) Reserve(ctx context.Context) error {
	err := c.waitForTurn(ctx)
	if err == nil {
		return nil
	}
	return notSent(call{action: "reserve"}, err)
}

func outlives(ctx context.Context, delay time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && delay > time.Until(deadline)
}

func pause(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
