package approval_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
)

// Nobody can fill the audit log with what they are refused: of each kind it holds the first in an hour, and how many more
// there were.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		b := setup(t, url(t), nil)
		at := func(passed time.Duration) {
			now := noon.Add(passed)
			b.stands.Store(&now)
			require.NoError(t, b.service.RecordCounts(t.Context(), false))
		}
		at(0)
		b.ask("isabel")
		flood := func(times int) {
			var people sync.WaitGroup
			for i := range times {
				people.Go(func() {
					for do, err := range map[string]error{
						"approve": second(b.service.Approve(t.Context(), b.target(1), "USTRANGER")),
						"status":  second(b.service.StoryFor(t.Context(), int64(100+i), "USTRANGER")),
						"ask":     second(b.service.Ask(t.Context(), approval.Ask{Requester: "USTRANGER", Username: "root", Reason: fmt.Sprint(i)})),
					} {
						if approval.Refused(err) == nil {
							t.Error(do, err)
						}
					}
					if err := b.service.TurnAway(t.Context(), 0, "UFAY", "command", "a guest"); err != nil {
						t.Error(err)
					}
				})
			}
			people.Wait()
		}
		flood(1)
		first := []string{"1 approve: not_approver", "0 status: unknown_request (request 100)", "0 ask: reserved (username=root)", "0 command: a guest"}
		require.ElementsMatch(t, first, b.refusals())
		flood(20)
		at(59 * time.Minute)
		flood(20)
		require.ElementsMatch(t, first, b.refusals())

		_, err := b.service.Deny(t.Context(), b.target(1), "USTRANGER", "")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		_, err = b.service.Approve(t.Context(), b.target(1), "UOTHER")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		others := append(first, "1 deny: not_approver", "1 approve: not_approver")
		require.ElementsMatch(t, others, b.refusals(), "other things and other people are counted by themselves")

		at(time.Hour)
		const since = " (40 more since 2026-11-23T12:00:00Z)"
		counted := append(others, "0 approve: not_approver"+since, "0 status: unknown_request"+since, "0 ask: reserved"+since, "0 command: a guest"+since)
		require.ElementsMatch(t, counted, b.refusals())
		at(3 * time.Hour)
		require.ElementsMatch(t, counted, b.refusals())
		flood(1)
		require.ElementsMatch(t, append(counted, first...), b.refusals(), "a new hour begins")

		v, err := b.reader().Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
	})
}

func second[T any](_ T, err error) error { return err }

// What the program has counted when it stops is written then; and a refusal that could not be written was none.
func TestRefusalsAreCountedAtTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b.stands.Store(&now)
	b.work()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.service.TurnAway(ended, 7, "UFAY", "approve", "a guest"), context.Canceled)
	require.Empty(t, b.refusals())
	for range 3 {
		require.NoError(t, b.service.TurnAway(t.Context(), 7, "UFAY", "approve", "a guest"))
	}
	b.stop()
	require.Equal(t, []string{"0 approve: a guest (request 7)", "0 approve: a guest (2 more since 2026-11-23T12:00:00Z)"}, b.refusals())
}
