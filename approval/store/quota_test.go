package store_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
	"ehpcbot/ehpc"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

// opened is a quota with a clock of its own.
type opened struct {
	*store.Quota
	passed atomic.Int64
}

func quota(db *store.Database, callsPerHour int) *opened {
	q := &opened{Quota: store.NewQuota(db, callsPerHour, slog.New(slog.DiscardHandler))}
	q.SetClock(func() time.Time { return time.Now().Add(time.Duration(q.passed.Load())) })
	return q
}

// onBoth runs a test on databases of both kinds.
func onBoth(t *testing.T, test func(t *testing.T, open func(t *testing.T) *store.Database)) {
	for name, url := range map[string]func(t testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ehpcbot.db") },
		"postgres": pgtest.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(t *testing.T) *store.Database {
				db, err := store.Open(t.Context(), url(t))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, db.Close()) })
				return db
			})
		})
	}
}

func (q *opened) later(d time.Duration) { q.passed.Add(int64(d)) }

// takeAll takes calls until there is none left, and returns how many there were.
func (q *opened) takeAll(t *testing.T, most int) (calls int, wait time.Duration) {
	t.Helper()
	for ; calls < most; calls++ {
		if err := q.Take(t.Context()); err != nil {
			var limited *ehpc.LimitedError
			require.ErrorAs(t, err, &limited)
			return calls, limited.RetryAfter
		}
	}
	return calls, 0
}

func TestQuota(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func(t *testing.T) *store.Database) {
		t.Run("a bucket of an hour", func(t *testing.T) {
			t.Parallel()
			q := quota(open(t), 360)
			calls, wait := q.takeAll(t, 1000)
			require.Equal(t, 360, calls)
			require.InDelta(t, 10*time.Second, wait, float64(3*time.Second))
			q.later(time.Minute)
			calls, _ = q.takeAll(t, 1000)
			require.InDelta(t, 6, calls, 1)
			q.later(5 * time.Hour)
			calls, _ = q.takeAll(t, 1000)
			require.Equal(t, 360, calls, "it holds more than an hour's calls")
		})
		t.Run("the clock is set back", func(t *testing.T) {
			t.Parallel()
			q := quota(open(t), 1000)
			calls, _ := q.takeAll(t, 10) // all that is taken at once
			q.later(-time.Hour)
			more, wait := q.takeAll(t, 1000-calls)
			require.Zero(t, wait, "it is closed for the hour that comes again")
			require.Equal(t, 1000-calls, more)
		})
		t.Run("shared, and longer lived than a process", func(t *testing.T) {
			t.Parallel()
			db := open(t)
			one, other := quota(db, 1000), quota(db, 1000)
			calls, _ := one.takeAll(t, 395)
			more, _ := other.takeAll(t, 10_000)
			require.InDelta(t, 1000, calls+more, 10, "what one process holds is lost to the others, but not more")
			require.LessOrEqual(t, calls+more, 1000)
			require.NoError(t, one.Release(t.Context()))
			left, _ := quota(db, 1000).takeAll(t, 1000)
			require.InDelta(t, 1000, calls+more+left, 3)
		})
		t.Run("the API says that there were too many", func(t *testing.T) {
			t.Parallel()
			db := open(t)
			q := quota(db, 0)
			_, wait := q.takeAll(t, 100)
			require.Zero(t, wait)
			tooMany := &ehpc.Error{Class: ehpc.ClassBusy, Status: http.StatusTooManyRequests}
			for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
				q.Answered(t.Context(), tooMany)
				_, wait := q.takeAll(t, 1)
				require.InDelta(t, want*time.Second, wait, float64(500*time.Millisecond))
				q.later(wait + time.Millisecond)
				calls, _ := q.takeAll(t, 1)
				require.Equal(t, 1, calls)
			}
			q.Answered(t.Context(), nil)
			q.Answered(t.Context(), tooMany)
			_, wait = q.takeAll(t, 1)
			require.InDelta(t, time.Second, wait, float64(500*time.Millisecond), "the pause does not begin anew after a call that went well")

			tooMany.RetryAfter = 5 * time.Minute
			q.Answered(t.Context(), tooMany)
			_, wait = q.takeAll(t, 1)
			require.InDelta(t, 5*time.Minute, wait, float64(2*time.Second))
			tooMany.RetryAfter = 1000 * time.Hour
			q.Answered(t.Context(), tooMany)
			_, wait = q.takeAll(t, 1)
			require.InDelta(t, time.Hour, wait, float64(2*time.Second))
			q.Answered(t.Context(), errors.New("something else"))
			_, wait = q.takeAll(t, 1)
			require.NotZero(t, wait)
		})
	})
}
