package ehpc_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
)

// fewCalls is a quota of some calls, which gives one more each time that it has said no.
type fewCalls struct {
	mu       sync.Mutex
	left     int
	refusals int
	answered []error
}

func (q *fewCalls) Take(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left--; q.left < 0 {
		q.left = 1
		q.refusals++
		return &ehpc.LimitedError{RetryAfter: time.Millisecond}
	}
	return nil
}

func (q *fewCalls) Answered(_ context.Context, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.answered = append(q.answered, err)
}

func withQuota(t *testing.T, calls int) (fixture, *fewCalls) {
	t.Helper()
	f := setup(t)
	quota := &fewCalls{left: calls}
	config := configFor(f.api.URL)
	config.Quota, config.Observe = quota, f.seen.observe
	f.client = newClient(t, config)
	return f, quota
}

func TestQuota(t *testing.T) {
	t.Parallel()
	f, quota := withQuota(t, 1)
	_, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)
	_, _, err = f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "isabel")
	require.ErrorIs(t, err, ehpc.ErrBusy)
	require.Equal(t, time.Millisecond, ehpc.RetryAfter(err))
	require.Len(t, f.api.Calls(), 1, "a call beyond the quota was sent")
	require.Equal(t, []string{"addUser ok", "listUsers limited"}, f.seen.all())
	require.Equal(t, []error{nil}, quota.answered)

	f.api.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Status: http.StatusTooManyRequests, Body: []byte("slow down")})
	_, _, err = f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "isabel")
	require.ErrorIs(t, err, ehpc.ErrQuota)
	require.ErrorIs(t, quota.answered[1], ehpc.ErrQuota, "the quota is not told of a refusal")
}

// TestListingWithFewCalls has the quota run out in the midst of a listing, which goes on where it stood.
func TestListingWithFewCalls(t *testing.T) {
	t.Parallel()
	f, quota := withQuota(t, 1)
	for i := range 250 {
		f.api.AddExisting(ehpctest.ClusterID, userName(i), password)
	}
	found, err := f.client.FindUsers(t.Context(), ehpctest.Zone, ehpctest.ClusterID, []string{userName(7), userName(249), "isabel"})
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, 2, quota.refusals)
	require.Equal(t, 3, f.api.CallCount(ehpctest.ActionListUsers), "pages were read again")
}
