package ehpc_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// limited is a client with a limit of calls and a transport that counts them.
type limited struct {
	client *ehpc.Client
	sent   *atomic.Int64
	seen   *observer
}

func setupLimit(t *testing.T, change func(*ehpc.Config)) limited {
	t.Helper()
	l := limited{sent: &atomic.Int64{}, seen: &observer{}}
	config := configFor("http://localhost")
	config.Observe = l.seen.observe
	config.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		l.sent.Add(1)
		return response(http.StatusOK, `{"ret_code": 0, "total_count": 0}`), nil
	})}
	change(&config)
	l.client = newClient(t, config)
	return l
}

func (l limited) call(ctx context.Context) error {
	_, err := l.client.ListUsers(ctx, everybody())
	return err
}

func TestLimitIsABucketOfAnHour(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	l := setupLimit(t, func(config *ehpc.Config) {
		config.CallsPerHour = 2
		config.Now = func() time.Time { return now }
	})
	require.NoError(t, l.call(t.Context()))
	require.NoError(t, l.call(t.Context()))
	for range 5 { // calls that are turned away must not make the next one wait longer
		err := l.call(t.Context())
		turnedAway, ok := errors.AsType[*ehpc.LimitedError](err)
		require.True(t, ok, "%v", err)
		require.InDelta(t, 30*time.Minute, turnedAway.RetryAfter, float64(time.Millisecond))
		require.ErrorIs(t, err, ehpc.ErrBusy)
	}
	require.Equal(t, int64(2), l.sent.Load())

	now = now.Add(30 * time.Minute)
	require.NoError(t, l.call(t.Context()))
	require.ErrorIs(t, l.call(t.Context()), ehpc.ErrBusy)
	now = now.Add(24 * time.Hour)
	require.NoError(t, l.call(t.Context()))
	require.NoError(t, l.call(t.Context()))
	require.ErrorIs(t, l.call(t.Context()), ehpc.ErrBusy, "the bucket holds no more than an hour's calls")
	require.Equal(t, "listUsers limited", l.seen.all()[2])
}

// oneASecond is a limit under which a drained bucket has a call a second.
func oneASecond(t *testing.T, change func(*ehpc.Config)) limited {
	t.Helper()
	l := setupLimit(t, func(config *ehpc.Config) {
		config.CallsPerHour = 3600
		change(config)
	})
	for range 3600 {
		require.NoError(t, l.call(t.Context()))
	}
	return l
}

func TestLimitMakesACallWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := oneASecond(t, func(*ehpc.Config) {})
		start := time.Now()
		require.NoError(t, l.call(t.Context()))
		require.InDelta(t, time.Second, time.Since(start), float64(time.Millisecond))
	})
}

func TestLimitWaitsNoLongerThanMaxWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := oneASecond(t, func(config *ehpc.Config) { config.MaxWait = 500 * time.Millisecond })
		start := time.Now()
		err := l.call(t.Context())
		require.ErrorIs(t, err, ehpc.ErrBusy)
		require.InDelta(t, time.Second, ehpc.RetryAfter(err), float64(time.Millisecond))
		require.Zero(t, time.Since(start))
	})
}

func TestLimitDoesNotWaitBeyondTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := oneASecond(t, func(*ehpc.Config) {})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, l.call(ctx), ehpc.ErrBusy)
		require.NoError(t, ctx.Err())
	})
}

func TestLimitStopsWaitingWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := oneASecond(t, func(*ehpc.Config) {})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		err := l.call(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
		require.Equal(t, int64(3600), l.sent.Load())

		start := time.Now()
		require.NoError(t, l.call(t.Context()))
		require.InDelta(t, 700*time.Millisecond, time.Since(start), float64(time.Millisecond), "the turn was given back")
	})
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	l := setupLimit(t, func(*ehpc.Config) {})
	for range 5000 {
		require.NoError(t, l.call(t.Context()))
	}
}

// TestResume goes on with what an earlier client has left of its hour.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit int
		left  float64
		ago   time.Duration
		want  float64
	}{
		"at once":            {100, 40, 0, 40},
		"refilled meanwhile": {100, 40, 18 * time.Minute, 70},
		"full again":         {100, 40, 2 * time.Hour, 100},
		"a smaller limit":    {100, 1500, 0, 100},
		"more than was left": {100, -3, 0, 0},
		"no limit":           {0, 40, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
			client, err := ehpc.NewClient(ehpc.Config{
				Endpoint: "http://localhost", AccessKeyID: "K", SecretAccessKey: secret.New("S"), CallsPerHour: c.limit,
				Now: func() time.Time { return now },
			})
			require.NoError(t, err)
			client.Resume(c.left, c.ago)
			left, made := client.Left()
			require.InDelta(t, c.want, left, 1)
			require.LessOrEqual(t, left, c.want+0.001, "never more")
			require.Zero(t, made)
		})
	}
}
