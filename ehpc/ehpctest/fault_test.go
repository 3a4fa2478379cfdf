package ehpctest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDropBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.DropBefore(ActionAddUser, 1)
	_, err := b.try(t, addUser("isabel"))
	require.Error(t, err)
	require.Empty(t, b.api.Users(ClusterID))
	require.Empty(t, b.api.Calls()[0].Effect)
	require.Zero(t, b.do(t, addUser("isabel")).RetCode)
}

func TestDropAfter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.DropAfter(ActionAddUser, 1)
	_, err := b.try(t, addUser("isabel"))
	require.Error(t, err)
	require.Equal(t, []string{"isabel"}, b.api.Users(ClusterID))
	require.Equal(t, 2110, b.do(t, addUser("isabel")).RetCode)
	require.Equal(t, 1, b.api.AddUserEffects(ClusterID, "isabel"))
}

func TestDropOfAKeptConnectionIsSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Zero(t, b.do(t, listUsers()).RetCode)
	b.api.DropBefore(ActionListUsers, 1)
	_, err := b.try(t, listUsers())
	require.Error(t, err)
	require.Equal(t, 2, b.api.CallCount(ActionListUsers), "net/http has not repeated it")
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.Answer(ActionAddUser, 5100, 2)
	for range 2 {
		answer := b.do(t, addUser("isabel"))
		require.Equal(t, 5100, answer.RetCode)
		require.Equal(t, http.StatusOK, answer.status)
	}
	require.Zero(t, b.do(t, addUser("isabel")).RetCode)
}

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault   Fault
		check   func(t *testing.T, answer reply)
		effects int
	}{
		"code and message": {Fault{Code: 1400, Message: "suspended"}, func(t *testing.T, answer reply) {
			require.Equal(t, 1400, answer.RetCode)
			require.Equal(t, "suspended", answer.Message)
		}, 0},
		"code with the effect": {Fault{Code: 5000, Effect: true}, func(t *testing.T, answer reply) {
			require.Equal(t, 5000, answer.RetCode)
			require.Empty(t, answer.JobID)
		}, 1},
		"status": {Fault{Status: 503}, func(t *testing.T, answer reply) {
			require.Equal(t, 503, answer.status)
		}, 0},
		"status and code": {Fault{Status: 400, Code: 1100}, func(t *testing.T, answer reply) {
			require.Equal(t, 400, answer.status)
			require.Equal(t, 1100, answer.RetCode)
		}, 0},
		"body": {Fault{Body: []byte("<html>"), Header: http.Header{"Content-Type": {"text/html"}}}, func(t *testing.T, answer reply) {
			require.Equal(t, "<html>", answer.body)
			require.Equal(t, "text/html", answer.header.Get("Content-Type"))
			require.Equal(t, 200, answer.status)
		}, 0},
		"empty body": {Fault{Body: []byte{}}, func(t *testing.T, answer reply) {
			require.Empty(t, answer.body)
		}, 0},
		"header": {Fault{Header: http.Header{"retry-after": {"7"}}}, func(t *testing.T, answer reply) {
			require.Equal(t, "7", answer.header.Get("Retry-After"))
			require.NotEmpty(t, answer.JobID)
		}, 1},
		"truncated": {Fault{Truncate: true}, func(t *testing.T, answer reply) {
			require.True(t, strings.HasPrefix(answer.body, `{"action":"HpcUserAddUserRes`), answer.body)
			require.False(t, strings.HasSuffix(answer.body, "}"))
		}, 1},
		"nothing": {Fault{}, func(t *testing.T, answer reply) {
			require.Zero(t, answer.RetCode)
		}, 1},
		"short delays": {Fault{Delay: time.Millisecond, DelayAnswer: time.Millisecond}, func(t *testing.T, answer reply) {
			require.Zero(t, answer.RetCode)
		}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.api.Fail(ActionAddUser, test.fault)
			test.check(t, b.do(t, addUser("isabel")))
			require.Equal(t, test.effects, b.api.AddUserEffects(ClusterID, "isabel"))
		})
	}
}

func TestFaultsAreScopedAndCounted(t *testing.T) {
	t.Parallel()
	codes := func(b *bench, n int) []int {
		var codes []int
		for range n {
			codes = append(codes, b.do(t, listUsers()).RetCode)
		}
		return codes
	}
	t.Run("by action", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.api.Answer(ActionOperation, 5100, -1)
		require.Equal(t, []int{0}, codes(b, 1))
		require.Equal(t, 5100, b.do(t, get("/api/operation")).RetCode)
	})
	t.Run("any action", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.api.Answer(ActionAny, 5100, 2)
		require.Equal(t, 5100, b.do(t, get("/api/operation")).RetCode)
		require.Equal(t, []int{5100, 0}, codes(b, 2))
	})
	t.Run("skip and times", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.api.Fail(ActionListUsers, Fault{Code: 5100, Skip: 2, Times: 2})
		require.Equal(t, []int{0, 0, 5100, 5100, 0}, codes(b, 5))
	})
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.api.Answer(ActionListUsers, 5100, 1)
		b.api.Answer(ActionListUsers, 5300, 1)
		require.Equal(t, []int{5100, 5300, 0}, codes(b, 3))
	})
	t.Run("until cleared", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.api.Answer(ActionListUsers, 5100, -1)
		b.api.Answer(ActionListUsers, 5300, 0)
		require.Equal(t, []int{5100, 5100, 5100}, codes(b, 3))
		b.api.ClearFaults()
		require.Equal(t, []int{0}, codes(b, 1))
	})
	t.Run("jobs until cleared", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.api.HangJobs(true)
		b.api.FailJobs(5)
		b.api.LoseJobs(5)
		b.api.ClearFaults()
		b.do(t, addUser("isabel"))
		require.Equal(t, []string{"isabel"}, b.api.Users(ClusterID))
		require.Len(t, b.do(t, get("/api/operation")).Jobs, 1)
	})
}

// TestCancelledDelay: a request that is given up during Delay has no effect, one
// that is given up during DelayAnswer has had it.
func TestCancelledDelay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault   Fault
		phase   string
		effects int
	}{
		"before": {Fault{Delay: time.Hour}, PhaseBefore, 0},
		"after":  {Fault{DelayAnswer: time.Hour}, PhaseAfter, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.api.Fail(ActionAddUser, test.fault)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			b.api.OnCall(func(_ Call, phase string) {
				if phase == test.phase {
					cancel()
				}
			})
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.api.URL+"/api/user/addUser", strings.NewReader(addUser("isabel").body))
			require.NoError(t, err)
			request.URL.RawQuery = addUser("isabel").queryText()
			request.Header.Set("Content-Type", "application/json")
			_, err = b.client.Do(request)
			require.ErrorIs(t, err, context.Canceled)
			b.api.Close() // waits until the request is through
			require.Equal(t, test.effects, b.api.AddUserEffects(ClusterID, "isabel"))
		})
	}
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type step struct {
		phase, effect string
		users         int
	}
	var steps []step
	b.api.OnCall(func(call Call, phase string) {
		steps = append(steps, step{phase, call.Effect, len(b.api.Users(ClusterID))})
	})
	added := b.do(t, addUser("isabel"))
	require.Equal(t, []step{{PhaseBefore, "", 0}, {PhaseAfter, "addUser isabel " + added.JobID, 1}}, steps)

	b.api.DropBefore(ActionAny, 1)
	_, err := b.try(t, addUser("anna"))
	require.Error(t, err)
	require.Len(t, steps, 3, "no work, no second phase")

	b.api.OnCall(nil)
	b.do(t, listUsers())
	require.Len(t, steps, 3)
}

func TestOnEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault Fault
		want  string
	}{
		"none":     {Fault{}, "0"},
		"code":     {Fault{Code: 5000}, "5000"},
		"status":   {Fault{Status: 503}, "http 503"},
		"body":     {Fault{Body: []byte("<html>")}, "garbled"},
		"truncate": {Fault{Truncate: true}, "garbled"},
		"before":   {Fault{Before: true}, "dropped"},
		"after":    {Fault{After: true}, "dropped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ended := make(chan Call, 1)
			b.api.OnEnd(func(call Call) { ended <- call })
			b.api.Fail(ActionAddUser, test.fault)
			_, _ = b.try(t, addUser("isabel"))
			call := <-ended
			require.Equal(t, test.want, call.Answer)
			require.Equal(t, ActionAddUser, call.Action)
			require.Positive(t, call.Took)
			require.Equal(t, call, b.api.Calls()[0])
		})
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.AddExisting(ClusterID, "otto", "")
	added := b.do(t, addUser("isabel"))
	all := b.api.Accounts(ClusterID)
	require.Len(t, all, 2)
	require.Equal(t, "otto", all[0].Username)
	require.Empty(t, all[0].JobID)
	require.Equal(t, added.JobID, all[1].JobID)
	require.NotEqual(t, all[0].UID, all[1].UID)
	require.False(t, all[1].CreatedAt.IsZero())
}
