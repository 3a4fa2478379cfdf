package backoff_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc/backoff"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	const first, longest = 250 * time.Millisecond, 15 * time.Second
	for failures, middle := range map[int]time.Duration{
		0: first, 1: first, 2: 2 * first, 3: 4 * first, 6: 32 * first, 7: longest, 8: longest, 100: longest, math.MaxInt: longest,
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := backoff.Delay(failures, first, longest)
			require.GreaterOrEqual(t, d, middle*3/4, failures)
			require.LessOrEqual(t, d, middle*5/4, failures)
			seen[d] = true
		}
		require.Greater(t, len(seen), 50, "it is spread")
	}
	require.Zero(t, backoff.Delay(3, 0, 0))
	require.LessOrEqual(t, backoff.Delay(1, time.Hour, time.Second), time.Second*5/4, "first is cut as well")
}
