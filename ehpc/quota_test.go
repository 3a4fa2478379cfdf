package ehpc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

// TestBurstWithAPassingRefusal has the API refuse all calls for some seconds, as
// no limit of ours would have it: that does not make the rest wait for long.
func TestBurstWithAPassingRefusal(t *testing.T) {
	t.Parallel()
	for _, ours := range []int{2000, 0} {
		t.Run(fmt.Sprintf("%d calls an hour", ours), func(t *testing.T) {
			t.Parallel()
			inBubble(t, ours, nil, func(t *testing.T, b *burst) {
				b.api.Fail(ehpctest.ActionAny, ehpctest.Fault{Skip: 50, Times: -1, Code: 2500})
				time.AfterFunc(5*time.Second, b.api.ClearFaults)
				calls, took := b.run(200)
				t.Logf("figures: %d accounts: %.3f calls for each, in %s, for 5 s of which the API refused all", len(b.order), calls, took.Round(time.Second))
				require.Less(t, took, 30*time.Second)
			})
		})
	}
}

// TestBurstAfterAnotherBeyondTheAPIsLimit has the API's quota filled up again after
// the API's refusals have told of it: it is made use of at once, and no call more.
func TestBurstAfterAnotherBeyondTheAPIsLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, 0, []ehpctest.Option{ehpctest.WithQuota(2000)}, func(t *testing.T, b *burst) {
		b.api.UseQuota()
		b.run(300)
		time.Sleep(time.Hour)
		start, before := time.Now(), len(b.api.Calls())
		b.drain(1500)
		require.Less(t, time.Since(start), time.Minute)
		require.Len(t, b.api.Calls(), before+1500)
	})
}

// TestBurstAfterAnOutage has the API refuse calls for two hours, but for two seconds
// of each minute, which tells of a quota that it does not have.
func TestBurstAfterAnOutage(t *testing.T) {
	t.Parallel()
	inBubble(t, 0, nil, func(t *testing.T, b *burst) {
		const outage = 2 * time.Hour
		go func() {
			for range int(outage.Minutes()) {
				b.api.Fail(ehpctest.ActionAny, ehpctest.Fault{Times: -1, Code: 2500})
				time.Sleep(58 * time.Second)
				b.api.ClearFaults()
				time.Sleep(2 * time.Second)
			}
		}()
		_, took := b.run(1000)
		t.Logf("figures: %d accounts, %s after an outage of two hours", len(b.order), (took - outage).Round(time.Second))
		require.Greater(t, took, outage)
		require.Less(t, took, outage+15*time.Minute)
	})
}

// burst is a number of requests that are approved at the same time, in a bubble
// of time of their own, so that hours of waiting take a moment.
type burst struct {
	t      *testing.T
	api    *ehpctest.Server
	shared *ehpc.Shared
	rate   float64 // calls a second that the quota allows in the long run
	began  time.Time

	mu    sync.Mutex
	order []int64 // ages, in the order of the calls of AddUser that were accepted
	taken []string
	last  time.Time // of these calls
}

// inBubble runs a test with an API that is called without a network.
func inBubble(t *testing.T, callsPerHour int, options []ehpctest.Option, test func(t *testing.T, b *burst)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		api := ehpctest.NewHandler(append([]ehpctest.Option{ehpctest.WithJobTime(5 * time.Second)}, options...)...)
		client, err := ehpc.NewClient(ehpc.Config{
			Endpoint: "http://localhost", AccessKeyID: ehpctest.AccessKeyID, SecretAccessKey: secret.New(ehpctest.SecretAccessKey),
			CallsPerHour: callsPerHour, MaxWait: 20 * time.Second,
			HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				time.Sleep(50 * time.Millisecond) // the way there and back
				answer := httptest.NewRecorder()
				api.ServeHTTP(answer, r)
				return answer.Result(), nil
			})},
		})
		require.NoError(t, err)
		test(t, &burst{t: t, api: api, shared: ehpc.NewShared(client), rate: float64(callsPerHour) / 3600, began: time.Now()})
	})
}

// drain uses calls of the quota up, at once.
func (b *burst) drain(calls int) {
	b.t.Helper()
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			_, err := b.shared.ListUsers(b.t.Context(), ehpc.ListUsersRequest{ClusterID: sharedCluster, Zone: sharedZone, SearchWord: "none"})
			if err != nil {
				b.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// run makes the accounts of so many requests, of which every tenth is for a
// name that is taken, and returns how many calls each account took, and how long
// it was from the first to the last call of AddUser.
func (b *burst) run(n int) (calls float64, took time.Duration) {
	b.t.Helper()
	for i := range n / 10 {
		b.api.AddExisting(sharedCluster, name(10*i), sharedPassword)
	}
	start, before := time.Now(), len(b.api.Calls())
	var wg sync.WaitGroup
	for _, i := range shuffled(n) {
		wg.Go(func() { b.one(i) })
	}
	wg.Wait()
	require.Len(b.t, b.order, n-n/10)
	require.Len(b.t, b.taken, n/10)
	return float64(len(b.api.Calls())-before) / float64(len(b.order)), b.last.Sub(start)
}

func name(i int) string { return fmt.Sprintf("u%d", i) }

// shuffled returns the numbers below n in an order that is not theirs.
func shuffled(n int) (numbers []int) {
	for i := range n {
		numbers = append(numbers, i*7919%n)
	}
	return numbers
}

// one does what the jobs do for a request.
func (b *burst) one(i int) {
	for {
		done, err := b.attempt(i)
		if done {
			return
		}
		if err != nil {
			time.Sleep(max(ehpc.RetryAfter(err), time.Second))
		}
	}
}

func (b *burst) attempt(i int) (done bool, err error) {
	ctx := b.t.Context()
	waiting, cancel := context.WithTimeout(ctx, 30*time.Minute) // as long as the jobs wait
	defer cancel()
	turn, err := b.shared.Turn(waiting, ehpc.Request{Zone: sharedZone, ClusterID: sharedCluster, Username: name(i), Age: int64(i)})
	if err != nil {
		return false, err
	}
	defer turn.End()
	if turn.Taken {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.taken = append(b.taken, name(i))
		return true, nil
	}
	request := ehpc.AddUserRequest{
		ClusterID: sharedCluster, Zone: sharedZone, Username: name(i), Password: secret.New(sharedPassword), Turn: turn,
	}
	job, err := b.shared.AddUser(ctx, request)
	for errors.Is(err, ehpc.ErrQuota) {
		if err := b.shared.Again(ctx, turn); err != nil {
			return false, err
		}
		job, err = b.shared.AddUser(ctx, request)
	}
	if err != nil {
		return false, err
	}
	turn.End()
	b.mu.Lock()
	b.order, b.last = append(b.order, int64(i)), time.Now()
	b.mu.Unlock()
	b.follow(ctx, job)
	return true, nil
}

func (b *burst) follow(ctx context.Context, job string) {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 15*time.Second) {
		time.Sleep(wait)
		if state, _, err := b.shared.Operation(ctx, sharedZone, job); err == nil && state.Status.Done() {
			return
		}
	}
}

// TestBurstUnderQuota holds what a burst costs and how fast it drains, while
// there is room in the quota and when it is used up.
func TestBurstUnderQuota(t *testing.T) {
	t.Parallel()
	const quota = 2000
	// To look up and to follow the jobs takes calls of the same quota, some ten each
	// for a thousand accounts, and a call for each hundred users that there are. So
	// 95 % can't be had of a few requests, nor of the half that have no room: the
	// calls for all of them stand against that half.
	for name, c := range map[string]struct {
		users, used, requests int
		cost, speed           float64 // calls for an account at the most, part of the allowed speed at the least
		options               []ehpctest.Option
	}{
		"room for all":                     {requests: 1000, cost: 1.07},
		"room for half":                    {used: 1500, requests: 1000, cost: 1.05, speed: 0.93},
		"no room":                          {used: quota, requests: 1000, cost: 1.05, speed: 0.96},
		"no room, large cluster":           {users: 900, used: quota, requests: 1000, cost: 1.07, speed: 0.95},
		"no room, large cluster, a few":    {users: 900, used: quota, requests: 300, cost: 1.09, speed: 0.94},
		"no room, no lists":                {used: quota, requests: 300, cost: 1.05, speed: 0.97, options: []ehpctest.Option{ehpctest.WithSingleJobIDs()}},
		"few requests, no room":            {used: quota, requests: 10, cost: 1.7, speed: 0.75},
		"few requests, room, much to list": {users: 900, requests: 10, cost: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, quota, append(c.options, ehpctest.WithQuota(quota)), func(t *testing.T, b *burst) {
				for i := range c.users {
					b.api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
				}
				b.drain(c.used)
				room := min(quota, float64(quota-c.used)+b.rate*time.Since(b.began).Seconds())
				calls, took := b.run(c.requests)
				t.Logf("figures: %d accounts: %.3f calls for each", len(b.order), calls)
				for _, call := range b.api.Calls() {
					require.NotEqual(t, 2500, call.Code, "more calls than the quota allows")
				}
				require.LessOrEqual(t, calls, c.cost)
				if short := float64(len(b.order)) - room; short > 0 {
					least := time.Duration(short / b.rate * float64(time.Second))
					t.Logf("figures: drained at %.1f%% of what the quota allows, in %s", 100*float64(least)/float64(took), took.Round(time.Second))
					require.GreaterOrEqual(t, float64(least)/float64(took), c.speed)
					if c.used == quota {
						require.True(t, slices.IsSorted(b.order), "not the oldest first: %v", b.order)
					}
				}
			})
		})
	}
}

// TestBurstUnderASmallQuota has the calls of a listing come so slowly that nobody
// would stand the wait for one of them: all have their turn nevertheless, and no
// call is made in vain, nor is one that could be made left out.
func TestBurstUnderASmallQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		quota, users, requests int
		calls                  int // at the most, for all of them
	}{
		{quota: 10, requests: 1, calls: 3},
		{quota: 10, requests: 2, calls: 5},
		{quota: 10, requests: 3, calls: 9},
		{quota: 10, users: 250, requests: 3, calls: 11},
		{quota: 10, users: 900, requests: 8, calls: 40},
		{quota: 60, requests: 1, calls: 3},
		{quota: 60, requests: 3, calls: 6},
		{quota: 60, users: 250, requests: 3, calls: 8},
		{quota: 60, users: 250, requests: 6, calls: 12},
		{quota: 60, users: 300, requests: 110, calls: 200},
		{quota: 100, users: 250, requests: 6, calls: 11},
		{quota: 100, users: 250, requests: 40, calls: 60},
		{quota: 180, users: 900, requests: 12, calls: 24},
		{quota: 300, users: 1500, requests: 20, calls: 38},
	} {
		t.Run(fmt.Sprintf("%d of %d users at %d an hour", c.requests, c.users, c.quota), func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.quota, []ehpctest.Option{ehpctest.WithQuota(c.quota)}, func(t *testing.T, b *burst) {
				for i := range c.users {
					b.api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
				}
				b.drain(c.quota)
				start, before := time.Now(), len(b.api.Calls())
				b.run(c.requests)
				calls := len(b.api.Calls()) - before
				granted := b.rate * time.Since(start).Seconds()
				t.Logf("figures: %d accounts: %d calls, while the quota allowed %.1f", len(b.order), calls, granted)
				require.LessOrEqual(t, calls, c.calls)
				require.InDelta(t, granted, calls, 1.1, "the quota was not made use of")
			})
		})
	}
}

// TestBurstBeyondTheAPIsLimit has the quota used up by others, so that the API's
// answers alone hold the calls back, with a limit of our own and without one.
func TestBurstBeyondTheAPIsLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ours, quota, requests int
		cost, speed           float64
	}{
		"used up by others":               {2000, 2000, 1000, 1.08, 0.955},
		"no limit of ours":                {0, 2000, 1000, 1.15, 0.945},
		"no limit of ours, a large quota": {0, 36_000, 1000, 1.15, 0.94},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.ours, []ehpctest.Option{ehpctest.WithQuota(c.quota)}, func(t *testing.T, b *burst) {
				b.api.UseQuota()
				calls, took := b.run(c.requests)
				refused := 0
				for _, call := range b.api.Calls() {
					if call.Code == 2500 {
						refused++
					}
				}
				least := time.Duration(float64(len(b.order)) / float64(c.quota) * float64(time.Hour))
				t.Logf("figures: %d accounts: %.3f calls for each, %d calls refused; drained at %.1f%% of what the API allows, in %s",
					len(b.order), calls, refused, 100*float64(least)/float64(took), took.Round(time.Second))
				require.Positive(t, refused)
				require.LessOrEqual(t, calls, c.cost)
				require.GreaterOrEqual(t, float64(least)/float64(took), c.speed)
			})
		})
	}
}

// TestTrickle holds what accounts cost that don't come all at once but one after the other, faster than they are made.
func TestTrickle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gap, job time.Duration
		cost     float64
	}{
		"30 a second, quick jobs": {time.Second / 30, 60 * time.Millisecond, 1.2},
		"15 a second":             {time.Second / 15, 3 * time.Second, 1.2},
		"5 a second":              {time.Second / 5, 3 * time.Second, 1.25},
		"5 a second, long jobs":   {time.Second / 5, 20 * time.Second, 1.3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 2000, []ehpctest.Option{ehpctest.WithJobTime(c.job)}, func(t *testing.T, b *burst) {
				const n = 200
				var wg sync.WaitGroup
				for i := range n {
					wg.Go(func() { b.one(i) })
					time.Sleep(c.gap)
				}
				wg.Wait()
				calls := float64(len(b.api.Calls())) / n
				t.Logf("figures: %d accounts, %s: %.3f calls for each", n, name, calls)
				require.Len(t, b.order, n)
				require.LessOrEqual(t, calls, c.cost)
			})
		})
	}
}

// TestAlone has accounts come one after the other, each when the one before is made: none waits for others.
func TestAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, 2000, []ehpctest.Option{ehpctest.WithJobTime(60 * time.Millisecond)}, func(t *testing.T, b *burst) {
		const n = 50
		start := time.Now()
		for i := range n {
			b.one(i)
		}
		require.Less(t, time.Since(start)/n, 500*time.Millisecond)
	})
}
