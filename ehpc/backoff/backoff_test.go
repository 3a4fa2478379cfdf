package backoff_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"ehpcbot/ehpc/backoff"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "first"))
		longest := first * time.Duration(rapid.Int64Range(1, 1000).Draw(t, "longest"))
		failures := rapid.IntRange(0, 1_000_000).Draw(t, "failures")
		want := longest
		if n := max(failures-1, 0); n < 20 {
			want = min(first<<n, longest)
		}
		if got := backoff.Delay(failures, first, longest); got < want*3/4 || got > want*5/4+1 {
			t.Fatalf("%s after %d failures, which is not about %s", got, failures, want)
		}
	})
}
