package socket_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/socket"
)

// What is over leaves nothing behind. It is measured before the tests that run side by side.
func TestConnectionsAreFreed(t *testing.T) {
	w := start(t, 1, func(w *world) { w.pool.Times.Linger, w.pool.Times.Pause = 0, time.Millisecond }).connected(1)
	refresh := func(n int) {
		for range n {
			made := w.slack.ConnectionsMade()
			w.slack.DisconnectOne(0, "refresh_requested")
			w.wait(func() bool { return w.slack.ConnectionsMade() == made+1 && w.slack.Connections() == 1 })
		}
	}
	inUse := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	refresh(10)
	before := inUse()
	const rounds, each = 50, 32 << 10 // what a connection has to write with
	refresh(rounds)
	w.eventually(func() bool { return inUse()-before < rounds*each/2 }, "connections are freed")
	w.clean()
}

// The connection that Slack has warned of serves until another is there, and then what is on its way.
func TestWarningLeavesNoGap(t *testing.T) {
	t.Parallel()
	w := start(t, 1, nil).connected(1)
	w.slack.RefuseConnections(true)
	w.slack.Disconnect("warning")
	w.eventually(func() bool {
		return w.log.has("a connection to Slack is lost", "connect to Slack: websocket: bad handshake")
	}, "another connection was tried")
	w.answered("one")
	require.NoError(t, w.pool.Ready())
	w.slack.RefuseConnections(false)
	w.wait(func() bool { return w.slack.ConnectionsMade() == 2 && w.slack.Connections() == 1 })
	w.answered("two")
	require.True(t, w.log.has("Slack ends the connection", "reason=warning"))
	w.clean()
}

// What a connection that is about to end has taken is acknowledged on that connection.
func TestAckOnTheConnectionThatAsked(t *testing.T) {
	t.Parallel()
	var arrived chan struct{}
	var free func()
	w := start(t, 1, func(w *world) {
		w.pool.Times.Linger = 0 // the old connection is left at once
		arrived, free = w.block()
	}).connected(1)
	reply := w.saying("one")
	<-arrived
	w.slack.Disconnect("warning")
	w.wait(func() bool { return w.slack.ConnectionsMade() == 2 })
	free()
	require.NoError(t, (<-reply).Err)
	w.wait(func() bool { return w.slack.Connections() == 1 })
	w.clean()
}

func TestHalfOpen(t *testing.T) {
	t.Parallel()
	usual := socket.UsualTimes()
	require.Less(t, usual.Ping+usual.Pause*5/4, 30*time.Second, "in use")
	const ping = 300 * time.Millisecond
	w := start(t, 2, func(w *world) { w.pool.Times.Ping = ping }, slacktest.WithPingInterval(ping/10)).connected(2)
	w.slack.StopPings(true)
	start := time.Now()
	w.wait(func() bool { return w.slack.ConnectionsMade() == 4 })
	require.GreaterOrEqual(t, time.Since(start), ping-ping/10, "not for silence alone")
	w.wait(func() bool { return w.slack.Connections() == 2 })
	require.True(t, w.log.has("gone silent"))
	w.answered("one")
	w.clean()
}

// A quiet connection that is pinged lives.
func TestQuietConnectionStays(t *testing.T) {
	t.Parallel()
	const ping = 500 * time.Millisecond // above what a busy machine may keep a connection waiting
	w := start(t, 2, func(w *world) { w.pool.Times.Ping = ping }, slacktest.WithPingInterval(ping/25)).connected(2)
	ctx, cancel := context.WithTimeout(t.Context(), 4*ping)
	defer cancel()
	require.ErrorIs(t, w.slack.Wait(ctx, func() bool { return w.slack.ConnectionsMade() > 2 }), context.DeadlineExceeded,
		"a connection was replaced that was pinged all the time")
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	lost := make(chan struct{}, 100)
	w := start(t, 2, func(w *world) { w.pool.Lost = func() { lost <- struct{}{} } }).connected(2)
	for n := range 3 {
		w.slack.DropConnections()
		w.wait(func() bool { return w.slack.ConnectionsMade() == 2*(n+2) && w.slack.Connections() == 2 })
		w.answered("again")
	}
	require.Len(t, w.opened, 8, "nothing is dialled twice")
	require.Len(t, lost, 6)
	w.connected(2)
	require.Equal(t, 2, w.seen.last())
	w.eventually(func() bool { return w.seen.count("slash_commands") == 3 }, "all acknowledgements are seen")
	w.clean()
}

// A connection that breaks as soon as it is greeted is not opened again without a pause, and never after a long one.
func TestFlappingConnections(t *testing.T) {
	t.Parallel()
	const pause = 100 * time.Millisecond
	w := start(t, 1, func(w *world) { w.pool.Times.Pause, w.pool.Times.LongestPause = pause, time.Hour }).connected(1)
	start := time.Now()
	for n := range 8 {
		w.slack.DropConnections()
		w.wait(func() bool { return w.slack.ConnectionsMade() == n+2 && w.slack.Connections() == 1 })
		w.connected(1)
	}
	require.Greater(t, time.Since(start), 8*pause, "it is not dialled again without a pause")
	require.Less(t, time.Since(start), 150*pause, "nor after ever longer ones")
	w.clean()
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	var others []*websocket.Conn
	const longest = 400 * time.Millisecond
	w := start(t, 2, func(w *world) {
		w.pool.Times.Pause, w.pool.Times.LongestPause = time.Millisecond, longest
		for range 9 {
			others = append(others, occupy(w))
			w.wait(func() bool { return w.slack.Connections() == len(others) })
		}
		w.wait(func() bool { return w.slack.Connections() == 9 }) // before the pool's own, which comes last
		w.opened = nil
	})
	w.eventually(func() bool { return w.log.has("too_many_websockets", "SLACK_CONNECTIONS") }, "the log says so")
	w.connected(1)
	require.NoError(t, w.pool.Ready(), "one connection is there")
	w.slack.SetRouting(func(n int) int { return n - 1 }) // the pool's own
	w.answered("one")
	w.slack.SetRouting(nil)
	w.eventually(func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.opened) >= 3 }, "it is tried again")
	require.GreaterOrEqual(t, w.opened[2].Sub(w.opened[1]), longest*3/4)
	for _, ws := range others {
		require.NoError(t, ws.Close())
	}
	w.connected(2).answered("two")
	w.clean()
}

// occupy is another process of the app's, which holds a connection.
func occupy(w *world) *websocket.Conn {
	w.t.Helper()
	address, err := w.address(w.t.Context())
	require.NoError(w.t, err)
	ws, resp, err := websocket.DefaultDialer.DialContext(w.t.Context(), address, nil)
	require.NoError(w.t, err)
	_ = resp.Body.Close()
	w.t.Cleanup(func() { _ = ws.Close() })
	return ws
}

// Slack is away at the start: why shows, and what it asks for is obeyed.
func TestAway(t *testing.T) {
	t.Parallel()
	const later = 300 * time.Millisecond
	w := start(t, 1, func(w *world) {
		w.slack.Fail("*", slacktest.Fault{Status: http.StatusServiceUnavailable, Times: 2})
		w.pool.RetryAfter = func(err error) time.Duration {
			if !strings.Contains(err.Error(), "503") {
				t.Errorf("asked about %v", err)
			}
			return later
		}
		require.EqualError(t, w.pool.Ready(), "no connection to Slack yet")
	})
	w.eventually(func() bool {
		return w.log.has("a connection to Slack is lost", "connection=1", "503", "again_in=300ms")
	}, "the log says so")
	require.ErrorContains(t, w.pool.Ready(), "no connection to Slack: ")
	require.ErrorContains(t, w.pool.Ready(), "503")
	w.connected(1)
	require.Len(t, w.opened, 3)
	require.GreaterOrEqual(t, w.opened[2].Sub(w.opened[0]), 2*later)
	require.NoError(t, w.pool.Ready())
	w.clean()
}

func TestDisabled(t *testing.T) {
	t.Parallel()
	w := start(t, 2, nil).connected(2)
	w.slack.DisconnectOne(1, "link_disabled")
	require.ErrorIs(t, w.end(), socket.ErrDisabled)
	require.Zero(t, w.pool.Live())
	w.clean()
}

// Shutdown answers what is in hand.
func TestShutdown(t *testing.T) {
	t.Parallel()
	var arrived chan struct{}
	var free func()
	w := start(t, 2, func(w *world) { arrived, free = w.block() }).connected(2)
	const n = 40
	var replies []<-chan slacktest.Reply
	for range n {
		replies = append(replies, w.saying("one"))
	}
	for range n {
		<-arrived
	}
	w.cancel()
	free()
	for _, r := range replies {
		require.NoError(t, (<-r).Err)
	}
	require.NoError(t, w.end())
	instead, after := w.told()
	require.Empty(t, instead)
	require.Len(t, after, n)
	w.wait(func() bool { return w.slack.Connections() == 0 })
	require.ErrorIs(t, w.say("late").Err, slacktest.ErrNotConnected)
	w.clean()
}

// A handler that does not end does not keep its connection open.
func TestStuckHandler(t *testing.T) {
	t.Parallel()
	var arrived chan struct{}
	var free func()
	w := start(t, 1, func(w *world) { arrived, free = w.block() }).connected(1)
	reply := w.saying("one")
	<-arrived
	w.cancel()
	w.wait(func() bool { return w.slack.Connections() == 0 })
	require.ErrorIs(t, (<-reply).Err, slacktest.ErrNoAck)
	free()
	require.NoError(t, w.end())
	instead, _ := w.told()
	require.Equal(t, []string{"one"}, instead)
}

// What crosses the close frame on the way can't be acknowledged. It is done all the same, and people are told so.
func TestCommandThatCrossesTheClose(t *testing.T) {
	t.Parallel()
	w := start(t, 1, func(w *world) { w.slack.SetCloseDelay(300 * time.Millisecond) }).connected(1)
	w.answered("one")
	w.cancel()
	var r slacktest.Reply
	crossed := 0
	for !errors.Is(r.Err, slacktest.ErrNotConnected) && !errors.Is(r.Err, slacktest.ErrNotSent) {
		reply := w.saying("two")
		select {
		case r = <-reply:
		case <-w.ended: // the reply comes when Slack has waited
			r = <-reply
		case <-time.After(50 * time.Millisecond):
			crossed++
		}
	}
	require.NoError(t, w.end())
	require.Positive(t, crossed)
	instead, after := w.told()
	require.GreaterOrEqual(t, len(instead), 1)
	require.GreaterOrEqual(t, len(after), len(instead)+1)
	require.True(t, w.log.has("closed before it was acknowledged"))
}

// The connection breaks while a command is being handled: the person, who sees Slack's error, is told what was done.
func TestConnectionBreaksWhileHandling(t *testing.T) {
	t.Parallel()
	var arrived chan struct{}
	var free func()
	w := start(t, 1, func(w *world) { arrived, free = w.block() }).connected(1)
	reply := w.saying("one")
	<-arrived
	w.slack.DropConnections()
	// Whoever has opened the next one has seen the end of this one.
	w.wait(func() bool { return w.slack.ConnectionsMade() == 2 })
	free()
	require.Error(t, (<-reply).Err)
	w.eventually(func() bool { _, after := w.told(); return len(after) == 1 }, "it is answered")
	instead, _ := w.told()
	require.Equal(t, []string{"one"}, instead)
	w.answered("two")
	w.clean()
}

// What took longer than Slack waits is not acknowledged, and the handler has less time than that.
func TestTooLate(t *testing.T) {
	t.Parallel()
	w := start(t, 1, func(w *world) {
		next := w.pool.Handle
		w.pool.Handle = func(ctx context.Context, event socketmode.Event) socket.Reply {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 2500*time.Millisecond {
				t.Error("it has no deadline in time")
			}
			over, cancel := context.WithTimeout(context.Background(), 3100*time.Millisecond)
			defer cancel()
			<-over.Done()
			return next(ctx, event)
		}
	}).connected(1)
	require.ErrorIs(t, w.say("one").Err, slacktest.ErrNoAck)
	w.eventually(func() bool { _, after := w.told(); return len(after) == 1 }, "it is answered")
	instead, _ := w.told()
	require.Equal(t, []string{"one"}, instead)
	require.True(t, w.log.has("took too long to be acknowledged"))
	w.clean()
}

// A handler that panics takes nothing else along.
func TestPanics(t *testing.T) {
	t.Parallel()
	w := start(t, 1, func(w *world) {
		next := w.pool.Handle
		w.pool.Handle = func(ctx context.Context, event socketmode.Event) socket.Reply {
			r := next(ctx, event)
			words := r.Payload.(map[string]string)["text"]
			if words == "handler" {
				panic(words)
			}
			if words == "after" {
				r.After = func(context.Context) { panic(words) }
			}
			return r
		}
	}, slacktest.WithAckDeadline(100*time.Millisecond)).connected(1)
	require.ErrorIs(t, w.say("handler").Err, slacktest.ErrNoAck)
	w.eventually(func() bool { return w.log.has("panic=handler", "stack") }, "the log says so")
	w.say("after")
	w.eventually(func() bool { return w.log.has("panic=after", "stack") }, "the log says so")
	w.slack.Disconnect("warning")
	w.wait(func() bool { return w.slack.ConnectionsMade() == 2 && w.slack.Connections() == 1 })
	w.cancel()
	require.NoError(t, w.end(), "nothing is left in hand")
}
