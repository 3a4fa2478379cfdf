package slacktest_test

import (
	"context"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	post := func(api *slack.Client) error {
		_, _, err := api.PostMessage("C1", text("x"))
		return err
	}
	for name, c := range map[string]struct {
		fault  slacktest.Fault
		want   string // part of the error
		posted int    // messages after the faulty call
		answer string
	}{
		"error":        {slacktest.Fault{Error: "fatal_error"}, "fatal_error", 0, "fatal_error"},
		"status":       {slacktest.Fault{Status: 503}, "503", 0, "http 503"},
		"limit":        {slacktest.Fault{RetryAfter: 1500 * time.Millisecond}, "retry after 2s", 0, "ratelimited"},
		"body":         {slacktest.Fault{Body: []byte("<html>")}, "invalid character", 0, "ok"},
		"drop before":  {slacktest.Fault{DropBefore: true}, "EOF", 0, "dropped"},
		"drop after":   {slacktest.Fault{DropAfter: true}, "EOF", 1, "dropped"},
		"error after":  {slacktest.Fault{AfterEffect: true, Error: "internal_error"}, "internal_error", 1, "internal_error"},
		"status after": {slacktest.Fault{AfterEffect: true, Status: 500}, "500", 1, "http 500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			api := client(t, s)
			s.Fail("chat.postMessage", c.fault)
			require.ErrorContains(t, post(api), c.want)
			require.Len(t, s.Messages("C1"), c.posted)
			require.Equal(t, c.answer, s.Calls("chat.postMessage")[0].Answer)
			require.NoError(t, post(api), "a fault comes once unless it says otherwise")
			require.Empty(t, s.Violations())
		})
	}
}

func TestFaultsThatWait(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	s.Fail("*", slacktest.Fault{Error: "service_unavailable", Skip: 1, Times: 2, Match: func(c slacktest.Call) bool {
		return c.Params.Get("text") == "bad"
	}})
	for i, want := range []string{"", "service_unavailable", "service_unavailable", ""} {
		_, _, err := api.PostMessage("C1", text("good"))
		require.NoError(t, err)
		_, _, err = api.PostMessage("C1", text("bad"))
		if want == "" {
			require.NoError(t, err, "call %d", i)
		} else {
			require.EqualError(t, err, want, "call %d", i)
		}
	}
	s.Fail("auth.test", slacktest.Fault{Error: "fatal_error", Times: -1})
	for range 3 {
		_, err := api.AuthTest()
		require.EqualError(t, err, "fatal_error")
	}
	s.ClearFaults()
	_, err := api.AuthTest()
	require.NoError(t, err)

	s.Fail("auth.test", slacktest.Fault{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = api.AuthTestContext(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	var seen []string
	cancel := s.OnCall(func(c slacktest.Call, phase string) {
		seen = append(seen, c.Method+" "+phase+" "+c.Params.Get("text")+" "+c.Answer)
		require.Len(t, s.Messages("C1"), map[string]int{slacktest.Before: 0, slacktest.After: 1}[phase])
	})
	_, _, err := api.PostMessage("C1", text("hi"))
	require.NoError(t, err)
	cancel()
	_, _, err = api.PostMessage("C1", text("hi"))
	require.NoError(t, err)
	require.Equal(t, []string{"chat.postMessage before hi ", "chat.postMessage after hi ok"}, seen)
	require.Positive(t, s.Calls("chat.postMessage")[0].Took)
}

func TestCloseEndsWaits(t *testing.T) {
	t.Parallel()
	s := slacktest.NewServer()
	s.Fail("auth.test", slacktest.Fault{Delay: time.Hour})
	failed := make(chan error, 1)
	go func() {
		_, err := client(t, s).AuthTest()
		failed <- err
	}()
	require.NoError(t, s.Wait(patient(t), func() bool { return len(s.Calls("auth.test")) == 1 }))
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(context.Background(), func() bool { return false }) }()
	s.Close()
	s.Close()
	require.Error(t, <-failed)
	require.ErrorIs(t, <-waited, slacktest.ErrClosed)
}
