package ehpc_test

import (
	"io"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

func fixedClock(at time.Time) func() time.Time { return func() time.Time { return at } }

func setupClocks(t *testing.T, ahead time.Duration) fixture {
	t.Helper()
	ours := time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)
	api := ehpctest.NewServer(ehpctest.WithClock(fixedClock(ours.Add(ahead))))
	t.Cleanup(api.Close)
	seen := &observer{}
	config := configFor(api.URL)
	config.Now, config.Observe = fixedClock(ours), seen.observe
	return fixture{api: api, client: newClient(t, config), seen: seen}
}

func TestWrongClockIsMendedOnce(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute, 100 * 24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			f := setupClocks(t, ahead)
			_, err := f.client.AddUser(t.Context(), isabel())
			require.NoError(t, err)
			require.Equal(t, 2, f.api.CallCount(ehpctest.ActionAddUser))
			require.Equal(t, 1, f.api.AddUserEffects(ehpctest.ClusterID, "isabel"))

			_, err = f.client.ListUsers(t.Context(), everybody())
			require.NoError(t, err)
			require.Equal(t, 1, f.api.CallCount(ehpctest.ActionListUsers), "the offset is remembered")
			require.Equal(t, []string{"addUser ok", "listUsers ok"}, f.seen.all())
		})
	}
}

func TestClockWithinTheMinuteIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := setupClocks(t, time.Minute)
	_, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)
	require.Equal(t, 1, f.api.CallCount(ehpctest.ActionAddUser))
}

func TestClockThatCannotBeMended(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault ehpctest.Fault
		calls int
		want  error
	}{
		"for ever":      {ehpctest.Fault{Code: 1300}, 2, ehpc.ErrOperator},
		"no date":       {ehpctest.Fault{Code: 1300, Header: http.Header{"Date": nil}}, 1, ehpc.ErrOperator},
		"date in words": {ehpctest.Fault{Code: 1300, Header: http.Header{"Date": {"today"}}}, 1, ehpc.ErrOperator},
		"with a 5xx":    {ehpctest.Fault{Code: 1300, Status: 503}, 1, ehpc.ErrOutcomeUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			test.fault.Times = -1
			f.api.Fail(ehpctest.ActionAddUser, test.fault)
			_, err := f.client.AddUser(t.Context(), isabel())
			require.ErrorIs(t, err, test.want)
			require.Equal(t, test.calls, f.api.CallCount(ehpctest.ActionAddUser))
			require.Len(t, f.seen.all(), 1)
		})
	}
}

func TestRepeatedRequestIsSignedAnew(t *testing.T) {
	t.Parallel()
	f := setupClocks(t, time.Hour)
	_, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)
	calls := f.api.Calls()
	require.Equal(t, "2024-02-29T23:59:59Z", calls[0].Query.Get("timestamp"))
	require.Equal(t, "2024-03-01T00:59:59Z", calls[1].Query.Get("timestamp"))
	require.NotEqual(t, calls[0].Query.Get("signature"), calls[1].Query.Get("signature"))
	require.Equal(t, calls[0].Body, calls[1].Body)
}
