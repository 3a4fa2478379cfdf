package bot

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l := limit{perMinute: 10, now: func() time.Time { return now }, persons: map[string]*rate.Limiter{}}
	for range 10 {
		require.Zero(t, l.take("U0ISABEL"))
	}
	for range 3 { // who is refused does not wait the longer for it
		require.Equal(t, 6*time.Second, l.take("U0ISABEL").Round(time.Millisecond))
	}
	require.Zero(t, l.take("U0ANNA"))
	now = now.Add(6*time.Second + time.Millisecond)
	require.Zero(t, l.take("U0ISABEL"))
	require.NotZero(t, l.take("U0ISABEL"))
}

// People are forgotten as soon as there is nothing to remember of them.
func TestLimitForgets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l := limit{perMinute: 10, now: func() time.Time { return now }, persons: map[string]*rate.Limiter{}}
	for minute := range 20 {
		for i := range 100 {
			l.take(fmt.Sprint("U0", minute, "X", i))
		}
		require.LessOrEqual(t, len(l.persons), 200)
		now = now.Add(time.Minute + time.Second)
	}
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	l := limit{}
	require.Zero(t, l.take("U0ISABEL"))
	require.Empty(t, l.persons)
}
