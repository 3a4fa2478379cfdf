package messenger

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
			err := p.take("C", fmt.Sprint(i), false)
			calls++
			var later *approval.LaterError
			if !errors.As(err, &later) {
				require.Less(t, i, postsAtOnce)
				out <- i
				continue
			}
			go func() {
				time.Sleep(later.After) // of the bubble's clock
				require.NoError(t, p.take("C", fmt.Sprint(i), false))
				out <- i
			}()
		}
		require.NoError(t, p.take("D", "x", false), "another conversation is not concerned")
		for i := range 200 {
			require.Equal(t, i, <-out)
		}
		require.Equal(t, time.Duration(200-postsAtOnce)*postPause, time.Since(start))
	})
}

// A time that is not needed any more is free for others.
func TestPaceOfWhatIsNotSaidAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		for i := range postsAtOnce {
			require.NoError(t, p.take("C", fmt.Sprint("said ", i), false))
		}
		var later *approval.LaterError
		for i := range 100 {
			require.ErrorAs(t, p.take("C", fmt.Sprint(i), false), &later)
		}
		for i := range 100 {
			p.leave("C", fmt.Sprint(i))
		}
		p.leave("C", "said 1")
		p.leave("D", "never asked for")
		require.ErrorAs(t, p.take("C", "another", false), &later)
		require.Equal(t, postPause, later.After)
	})
}

// After a 429 nobody goes before its time, and then one a second.
func TestPaceObeysRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		start := time.Now()
		for i := range 5 {
			require.NoError(t, p.take("C", fmt.Sprint(i), false))
		}
		p.limited("C", "4", false, 30*time.Second)
		require.NoError(t, p.take("D", "x", false))
		for i := range 10 {
			var later *approval.LaterError
			require.ErrorAs(t, p.take("C", fmt.Sprint("again ", i), false), &later)
			require.Equal(t, 30*time.Second+time.Duration(i+1)*postPause*21/20, later.After)
		}
		p.limited("C", "x", false, 60*time.Second)
		var later *approval.LaterError
		require.ErrorAs(t, p.take("C", "again 0", false), &later, "those who wait are put off as well")
		require.Greater(t, later.After, 61*time.Second)
		require.Less(t, later.After, 62*time.Second)
		time.Sleep(10 * time.Minute)
		require.Less(t, time.Since(start), time.Hour)
		require.NoError(t, p.take("C", "much later", false))
		require.Empty(t, p.lanes["C"].due, "times that nobody came for are forgotten")
	})
}

// Changes of messages go out freely until Slack says that there is a limit. From then on each has its time, those
// that are urgent first, and nobody knocks in vain.
func TestPaceOfUpdates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		for i := range 200 {
			require.NoError(t, p.take(methodUpdate, fmt.Sprint(i), false))
		}
		for i := range 16 { // were under way together
			p.limited(methodUpdate, fmt.Sprint(i), false, 10*time.Second)
		}
		start, calls := time.Now(), 0
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		comes := func(what string, urgent bool) {
			wg.Go(func() {
				for {
					err := p.take(methodUpdate, what, urgent)
					mu.Lock()
					calls++
					if err == nil {
						order = append(order, what)
						mu.Unlock()
						return
					}
					mu.Unlock()
					var later *approval.LaterError
					require.ErrorAs(t, err, &later)
					time.Sleep(later.After)
				}
			})
			synctest.Wait()
		}
		for i := range 16 {
			comes(fmt.Sprint(i), false)
		}
		for i := range 16 {
			comes(fmt.Sprint("urgent ", i), true)
		}
		wg.Wait()
		for i := range 16 {
			require.Equal(t, fmt.Sprint("urgent ", i), order[i])
		}
		require.Equal(t, 10*time.Second+31*updatePause, time.Since(start))
		require.LessOrEqual(t, calls, 32*3)
		time.Sleep(10 * time.Minute)
		require.NoError(t, p.take(methodUpdate, "a", false))
		require.NoError(t, p.take(methodUpdate, "b", false), "the limit is forgotten")
	})
}

// What is urgent takes a time that has come and that nobody has used yet, and the one whose time it was comes later.
func TestPaceOfUrgentUpdates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		var later *approval.LaterError
		p.limited(methodUpdate, "first", false, time.Second)
		require.ErrorAs(t, p.take(methodUpdate, "second", false), &later)
		time.Sleep(time.Second + updatePause/2)
		require.NoError(t, p.take(methodUpdate, "urgent", true))
		require.ErrorAs(t, p.take(methodUpdate, "first", false), &later)
		require.Positive(t, later.After)
	})
}
