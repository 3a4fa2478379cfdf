package ehpc

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// lined is a line of 2,000 calls an hour and who had their turn in it, one at a
// time.
type lined struct {
	*line
	t      *testing.T
	mu     sync.Mutex
	order  []int64 // ages
	waited time.Duration
	wg     sync.WaitGroup
}

func newLined(t *testing.T, left int) *lined {
	l := &lined{line: newLine(2000, time.Now), t: t}
	l.most, l.wins = 1, -2000 // that many calls go well before there are two at a time
	require.True(t, l.bucket.AllowN(time.Now(), 2000-left))
	return l
}

// come has an account of an age wait for its turn, and make a call.
func (l *lined) come(age int64) {
	l.wg.Go(func() {
		start := time.Now()
		if err := l.take(l.t.Context(), rank{account: true, age: age}, forEver); err != nil {
			l.t.Error(err)
		}
		l.mu.Lock()
		l.order, l.waited = append(l.order, age), max(l.waited, time.Since(start))
		l.mu.Unlock()
		l.done(nil)
	})
}

// TestLineIsNotPutOffByThoseWhoCome has accounts come one shortly after the other
// while the bucket is nearly empty.
func TestLineIsNotPutOffByThoseWhoCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLined(t, 400)
		for age := range int64(300) {
			l.come(age)
			time.Sleep(sortTime / 4)
		}
		l.wg.Wait()
		require.LessOrEqual(t, l.waited, sortTime)
	})
}

// TestLineLetsTheOldestGoFirst has several accounts come at the same time, while
// nobody waits, or others do.
func TestLineLetsTheOldestGoFirst(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]int{"room": 100, "no room": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLined(t, left)
				for round := range int64(3) {
					for _, age := range []int64{5, 3, 8, 1, 9, 2, 7, 4, 6} {
						l.come(10*round + age)
					}
					time.Sleep(time.Minute + 17*time.Millisecond) // long enough for all
				}
				l.wg.Wait()
				require.Len(t, l.order, 27)
				require.True(t, slices.IsSorted(l.order), "%v", l.order)
			})
		})
	}
	t.Run("an alarm that nobody waits for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLined(t, 100)
			l.ring(time.Millisecond)
			l.come(2)
			time.Sleep(2 * time.Millisecond)
			l.come(1)
			l.wg.Wait()
			require.Equal(t, []int64{1, 2}, l.order)
		})
	})
}
