package bot

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

// A burst goes out at once and the rest at one a second, the oldest first, and each comes again once.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		start, calls := time.Now(), 0
		out := make(chan int, 200)
		for i := range 200 {
			err := p.take("C", fmt.Sprint(i))
			calls++
			var later *approval.LaterError
			if !errors.As(err, &later) {
				require.Less(t, i, postsAtOnce)
				out <- i
				continue
			}
			go func() {
				time.Sleep(later.After) // of the bubble's clock
				require.NoError(t, p.take("C", fmt.Sprint(i)))
				out <- i
			}()
		}
		require.NoError(t, p.take("D", "x"), "another conversation is not concerned")
		for i := range 200 {
			require.Equal(t, i, <-out)
		}
		require.Equal(t, time.Duration(200-postsAtOnce)*postPause, time.Since(start))
	})
}

// After a 429 nobody goes before its time, and then one a second.
func TestPaceObeysRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		start := time.Now()
		for i := range 5 {
			require.NoError(t, p.take("C", fmt.Sprint(i)))
		}
		p.limited("C", "4", 30*time.Second)
		require.NoError(t, p.take("D", "x"))
		for i := range 10 {
			var later *approval.LaterError
			require.ErrorAs(t, p.take("C", fmt.Sprint("again ", i)), &later)
			require.Equal(t, 30*time.Second+time.Duration(i+1)*postPause, later.After)
		}
		p.limited("C", "x", 60*time.Second)
		var later *approval.LaterError
		require.ErrorAs(t, p.take("C", "again 0"), &later, "those who wait are put off as well")
		require.Equal(t, 91*time.Second, later.After)
		time.Sleep(10 * time.Minute)
		require.Less(t, time.Since(start), time.Hour)
		require.NoError(t, p.take("C", "much later"))
		require.Empty(t, p.lanes["C"].due, "times that nobody came for are forgotten")
	})
}

func TestPauseAfter(t *testing.T) {
	t.Parallel()
	spread := map[time.Duration]bool{}
	for failures := 1; failures < 100; failures++ {
		d := pauseAfter(usualTimes, failures, errBroke)
		require.LessOrEqual(t, d, usualTimes.longestPause*5/4, "never minutes")
		require.GreaterOrEqual(t, d, usualTimes.pause*3/4)
		spread[d] = true
	}
	require.Greater(t, len(spread), 50, "with jitter")
	require.GreaterOrEqual(t, pauseAfter(usualTimes, 1, errTooMany), usualTimes.longestPause*3/4)
	limited := callError("connect", &slack.RateLimitedError{RetryAfter: 40 * time.Second})
	require.GreaterOrEqual(t, pauseAfter(usualTimes, 1, limited), 40*time.Second, "Retry-After is obeyed")
}
