package slacktest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

// command has somebody type a command; the Reply comes on the channel.
func command(t *testing.T, s *slacktest.Server, words string) <-chan slacktest.Reply {
	t.Helper()
	done := make(chan slacktest.Reply, 1)
	go func() { done <- s.Person("U1").Command(t.Context(), "/ask", words) }()
	return done
}

func ackOf(id string, payload any) map[string]any {
	return map[string]any{"envelope_id": id, "payload": payload}
}

func TestHelloAndTurns(t *testing.T) {
	t.Parallel()
	s := start(t)
	var links []*link
	for i := range 3 {
		l := dial(t, s)
		hello := l.next(t, "hello")
		require.Equal(t, i+1, hello.NumConnections)
		require.Equal(t, slacktest.AppID, hello.ConnectionInfo.AppID)
		require.Positive(t, hello.DebugInfo.ApproximateConnectionTime)
		links = append(links, l)
	}
	seen := map[string]bool{}
	serveOne := func(l *link) {
		done := command(t, s, "x")
		r := l.next(t, "slash_commands")
		require.True(t, r.AcceptsResponsePayload)
		require.False(t, seen[r.EnvelopeID])
		seen[r.EnvelopeID] = true
		l.send(t, ackOf(r.EnvelopeID, nil))
		require.NoError(t, (<-done).Err)
	}
	for i := range 6 {
		serveOne(links[i%3])
	}
	s.SetRouting(func(n int) int { return n - 1 })
	serveOne(links[2])
	serveOne(links[2])
	require.Empty(t, s.Violations())
	require.Zero(t, s.CrossAcks())
}

func TestTickets(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, address, err := client(t, s).StartSocketModeContext(t.Context())
	require.NoError(t, err)
	ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), address, nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	defer ws.Close()
	_, resp, err = websocket.DefaultDialer.DialContext(t.Context(), address, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake, "a ticket is good for one connection")
	require.Equal(t, 403, resp.StatusCode)
	_ = resp.Body.Close()
}

func TestTenConnections(t *testing.T) {
	t.Parallel()
	s := start(t)
	for range 10 {
		dial(t, s).next(t, "hello")
	}
	eleventh := dial(t, s)
	require.Equal(t, "too_many_websockets", eleventh.next(t, "disconnect").Reason)
	<-eleventh.gone
	require.Equal(t, 10, s.Connections())
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	s := start(t, slacktest.WithAckDeadline(50*time.Millisecond))
	r := s.Person("U1").Command(t.Context(), "/ask", "")
	require.ErrorIs(t, r.Err, slacktest.ErrNotConnected)
	require.ErrorIs(t, r.Err, slacktest.ErrNoAck)

	l := dial(t, s)
	l.next(t, "hello")
	done := command(t, s, "")
	late := l.next(t, "slash_commands")
	got := <-done
	require.ErrorIs(t, got.Err, slacktest.ErrNoAck)
	require.False(t, got.Acked)
	require.GreaterOrEqual(t, got.Took, 50*time.Millisecond)
	l.send(t, ackOf(late.EnvelopeID, nil))
	l.send(t, ackOf("no such envelope", nil))
	l.send(t, "not JSON")
	require.NoError(t, s.Wait(patient(t), func() bool { return len(s.Violations()) == 3 }))
	require.Regexp(t, `^acknowledgement of /ask: late, after \d+ms$`, s.Violations()[0])
	require.Equal(t, `acknowledgement: unknown envelope "no such envelope"`, s.Violations()[1])
	require.Equal(t, "acknowledgement: not JSON", s.Violations()[2])
	select {
	case r := <-l.envelopes:
		require.Fail(t, "delivered again", r.EnvelopeID)
	default:
	}
	events := s.Transcript()
	require.Equal(t, slacktest.ErrorShown, events[len(events)-1].Kind)
}

func TestOversizeAck(t *testing.T) {
	t.Parallel()
	s := start(t, slacktest.WithAckDeadline(time.Second))
	l := dial(t, s)
	l.next(t, "hello")
	send := func(size int) slacktest.Reply {
		done := command(t, s, "")
		r := l.next(t, "slash_commands")
		frame := func(filler string) string {
			data, err := json.Marshal(ackOf(r.EnvelopeID, map[string]string{"text": filler}))
			require.NoError(t, err)
			return string(data)
		}
		l.send(t, frame(strings.Repeat("x", size-len(frame("")))))
		return <-done
	}
	got := send(20_479)
	require.NoError(t, got.Err)
	require.True(t, got.Ephemeral)
	got = send(20_480)
	require.ErrorIs(t, got.Err, slacktest.ErrNoAck)
	require.Equal(t, []string{"acknowledgement of /ask: 20480 bytes, and Slack drops those of 20480 and more"}, s.Violations())
	require.Len(t, s.Person("U1").Ephemerals(), 1)
}

func TestSecondAckAndRepeat(t *testing.T) {
	t.Parallel()
	s := start(t)
	l := dial(t, s)
	l.next(t, "hello")
	done := command(t, s, "hi")
	first := l.next(t, "slash_commands")
	l.send(t, ackOf(first.EnvelopeID, nil))
	id := (<-done).EnvelopeID
	require.Equal(t, first.EnvelopeID, id)

	second := make(chan slacktest.Reply, 1)
	go func() { second <- s.Repeat(t.Context(), id) }()
	repeated := l.next(t, "slash_commands")
	require.Equal(t, first, repeated)
	l.send(t, ackOf(id, map[string]string{"text": "already done"}))
	got := <-second
	require.NoError(t, got.Err)
	require.JSONEq(t, `{"text":"already done"}`, string(got.Payload))
	require.Empty(t, s.Person("U1").Ephemerals())
	require.Empty(t, s.Violations())
	l.send(t, ackOf(id, nil))
	require.NoError(t, s.Wait(patient(t), func() bool { return len(s.Violations()) == 1 }))
	require.Equal(t, "acknowledgement of /ask: a second one", s.Violations()[0])
	require.Error(t, s.Repeat(t.Context(), "none").Err)
}

func TestCrossAck(t *testing.T) {
	t.Parallel()
	s := start(t, slacktest.WithAckDeadline(time.Second))
	s.SetRouting(func(int) int { return 0 })
	one, two := dial(t, s), dial(t, s)
	one.next(t, "hello")
	two.next(t, "hello")
	for _, accepted := range []bool{true, false} {
		s.SetCrossAck(accepted)
		done := command(t, s, "")
		e := one.next(t, "slash_commands")
		two.send(t, ackOf(e.EnvelopeID, nil))
		require.Equal(t, accepted, (<-done).Acked)
	}
	require.Equal(t, 2, s.CrossAcks())
	require.Equal(t, []string{"acknowledgement of /ask: on another connection"}, s.Violations())
}

func TestReconnecting(t *testing.T) {
	t.Parallel()
	s := start(t, slacktest.WithPingInterval(20*time.Millisecond))
	var served atomic.Int32
	count := func(_ socketmode.Event, ack func(any)) {
		served.Add(1)
		ack(nil)
	}
	connect(t, s, count)
	connect(t, s, count)
	for name, disturb := range map[string]struct {
		do   func()
		more int // connections that are made because of it
	}{
		"one is asked to go": {func() { s.DisconnectOne(1, "refresh_requested") }, 1},
		"all are warned":     {func() { s.Disconnect("warning") }, 2},
		"all break":          {s.DropConnections, 2},
	} {
		want := s.ConnectionsMade() + disturb.more
		disturb.do()
		require.NoError(t, s.Wait(patient(t), func() bool { return s.ConnectionsMade() == want && s.Connections() == 2 }), name)
		require.NoError(t, s.Person("U1").Command(t.Context(), "/ask", name).Err, name)
	}
	require.EqualValues(t, 3, served.Load())
}

func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	s := start(t)
	connect(t, s, ackAll)
	s.RefuseConnections(true)
	s.DropConnections()
	require.NoError(t, s.Wait(patient(t), func() bool { return len(s.Calls("apps.connections.open")) >= 2 && s.Connections() == 0 }))
	require.ErrorIs(t, s.Person("U1").Command(t.Context(), "/ask", "").Err, slacktest.ErrNotConnected)
	s.RefuseConnections(false)
	require.NoError(t, s.WaitConnections(patient(t), 1))
	require.NoError(t, s.Person("U1").Command(t.Context(), "/ask", "").Err)
}

func TestHalfOpenConnections(t *testing.T) {
	t.Parallel()
	s := start(t, slacktest.WithPingInterval(10*time.Millisecond), slacktest.WithAckDeadline(time.Second))
	connect(t, s, ackAll, socketmode.OptionPingInterval(time.Second))
	s.StopPings(true)
	require.ErrorIs(t, s.Person("U1").Command(t.Context(), "/ask", "").Err, slacktest.ErrNoAck, "it swallows its share")
	require.NoError(t, s.Wait(patient(t), func() bool { return s.ConnectionsMade() > 1 && s.Connections() == 1 }),
		"the client misses the pings and connects anew")
	require.NoError(t, s.Person("U1").Command(t.Context(), "/ask", "").Err, "the new connection is sound")
}

func TestRevokedAppToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Revoke("app", "account_inactive")
	sock := socketmode.New(client(t, s))
	require.EqualError(t, sock.RunContext(t.Context()), "account_inactive")
	require.Equal(t, "account_inactive", s.Calls("apps.connections.open")[0].Answer)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		go func() {
			c := e.Data.(slack.SlashCommand)
			_, _, _ = api.PostMessage("C1", text(c.Text))
			ack(map[string]string{"text": c.Text})
		}()
	})
	done := make(chan error, 50)
	for i := range 50 {
		go func() {
			want := fmt.Sprint("n", i)
			r := s.Person("U2").Command(t.Context(), "/ask", want)
			if r.Err == nil && r.Text != want {
				r.Err = fmt.Errorf("%q for %q", r.Text, want)
			}
			done <- r.Err
		}()
	}
	for range 50 {
		require.NoError(t, <-done)
	}
	require.Len(t, s.Messages("C1"), 50)
	ids := map[string]bool{}
	for _, m := range s.Messages("C1") {
		ids[m.TS] = true
	}
	require.Len(t, ids, 50)
}
