package socket_test

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/socket"
)

// What can't be read is not acknowledged, so that the person sees an error. It ends nothing, and what was in it is in
// no log.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	w := startLinked(t, func(l *link) {
		l.send(hello)
		l.send(
			"s3cret", "", `"s3cret"`, `[]`, `{"type":`, `{"type":7}`,
			`{"type":"something_new","envelope_id":"1","payload":{"text":"s3cret"}}`,
			`{"type":"slash_commands","envelope_id":"2","payload":"s3cret"}`,
			`{"type":"slash_commands","envelope_id":"3"}`,
			`{"type":"interactive","envelope_id":"4","payload":{"type":"block_actions","team":"s3cret"}}`,
		)
		for range 20 {
			l.send("s3cret")
		}
		_ = l.ws.WriteMessage(websocket.BinaryMessage, []byte("s3cret"))
		l.send(ask("5", "one"))
		l.expect(ack("5", "one"))
		l.receive()
	}, nil)
	w.eventually(func() bool { _, after := w.told(); return len(after) == 1 }, "what can be read is answered")
	w.cancel()
	require.NoError(t, w.end())
	for _, kind := range []string{`type=""`, "type=something_new", "type=slash_commands", "type=interactive"} {
		require.True(t, w.log.has("a message that can't be read", kind), w.log)
	}
	require.NotContains(t, w.log.String(), "s3cret")
}

// A field that nobody needs is no reason not to read the others. Of the Events API one event is read.
func TestReadable(t *testing.T) {
	t.Parallel()
	var seen []any
	read := make(chan struct{})
	w := startLinked(t, func(l *link) {
		l.send(hello)
		for _, value := range []string{`"false"`, `"true"`, `false`, `true`, `0`, `null`, `{}`} {
			l.send(`{"type":"slash_commands","envelope_id":"1","payload":{"text":"one","is_enterprise_install":` + value + `}}`)
			l.expect(ack("1", "one"))
			l.send(`{"type":"interactive","envelope_id":"2","payload":{"type":"block_actions","team":null,"user":{"id":"U1"},` +
				`"actions":[{"action_id":"approve","block_id":"b","type":"button","value":"1"}],"is_enterprise_install":` + value + `}}`)
			l.expect(ack("2", "a press"))
		}
		for _, payload := range []string{`"anything"`, `{"event":{"type":"app_uninstalled"}}`, `{"event":{"type":"app_home_opened","user":"U1","tab":"messages"}}`,
			`{"team_id":"T1","event":{"type":"app_home_opened","user":"U1","tab":"home","view":{"hash":"h1","state":{"values":[]}}}}`} {
			l.send(`{"type":"events_api","envelope_id":"3","retry_attempt":1,"payload":` + payload + `}`)
			l.expect(ack("3", "a press"))
		}
		close(read)
		l.receive()
	}, func(w *world) {
		next := w.pool.Handle
		w.pool.Handle = func(ctx context.Context, event socketmode.Event) socket.Reply {
			seen = append(seen, event.Data) // one after the other
			return next(ctx, event)
		}
	})
	select {
	case <-read:
	case <-time.After(patience):
		t.Fatal("not all is answered")
	}
	w.cancel()
	require.NoError(t, w.end())
	press, ok := seen[1].(slack.InteractionCallback)
	require.True(t, ok)
	require.Equal(t, "U1", press.User.ID)
	require.Equal(t, "approve", press.ActionCallback.BlockActions[0].ActionID)
	require.Equal(t, []any{nil, nil, nil, socket.HomeOpened{Team: "T1", Person: "U1", Hash: "h1"}}, seen[14:])
	require.False(t, w.log.has("level=WARN"), w.log)
}

// A message may come in fragments, and be large, but not endless.
func TestSizes(t *testing.T) {
	t.Parallel()
	w := startLinked(t, func(l *link) {
		l.send(hello)
		raw := l.ws.NetConn()
		words := ask("1", "one")
		for i, b := range []byte(words) {
			head := []byte{0, 1} // a frame that goes on, and is followed by others
			if i == 0 {
				head[0] = 1
			}
			if i == len(words)-1 {
				head[0] |= 0x80
			}
			_, _ = raw.Write(append(head, b))
			if i == 10 {
				_ = l.ws.WriteControl(websocket.PingMessage, []byte("between"), time.Now().Add(time.Second))
			}
		}
		l.expect(ack("1", "one"))
		padded := func(id string, size int) string {
			return strings.Replace(ask(id, "two"), "{", `{"padding":"`+strings.Repeat("x", size)+`",`, 1)
		}
		l.send(padded("2", 4<<20-200))
		l.expect(ack("2", "two"))
		_ = l.ws.WriteMessage(websocket.TextMessage, []byte(padded("3", 4<<20))) // may break off
		l.expect("")
	}, nil)
	w.eventually(func() bool { return w.log.has("a connection to Slack is lost", "the connection broke", "limit") }, "it ends the connection")
	w.eventually(func() bool { _, after := w.told(); return len(after) >= 4 }, "and another is opened")
}

// Slack drops an acknowledgement of 20,480 bytes, and does not put fragments of one together.
func TestLargeAcks(t *testing.T) {
	t.Parallel()
	const most = 20_479
	fits := strings.Repeat("x", most-len(ack("1", "")))
	w := startLinked(t, func(l *link) {
		l.send(hello, ask("1", fits))
		frame := make([]byte, 8+most) // its head and its mask come first
		if _, err := io.ReadFull(l.ws.NetConn(), frame); err != nil || frame[0] != 0x81 || binary.BigEndian.Uint16(frame[2:]) != most {
			t.Errorf("it is no text of one frame: %x %v", frame[:4], err)
		}
		l.send(ask("1", fits+"x"))
		l.expect(`{"envelope_id":"1"}`)
		l.receive()
	}, nil)
	w.eventually(func() bool { _, after := w.told(); return len(after) == 2 }, "both are answered")
	w.cancel()
	require.NoError(t, w.end())
	instead, _ := w.told()
	require.Empty(t, instead)
	require.True(t, w.log.has("level=ERROR", "an empty one goes instead", "20480 bytes"), w.log)
}

// An answer that is no JSON is a mistake of the handler's, and the person sees no error for it.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	w := start(t, 1, func(w *world) {
		w.pool.Handle = func(context.Context, socketmode.Event) socket.Reply { return socket.Reply{Payload: func() {}} }
	}).connected(1)
	require.NoError(t, w.say("one").Err)
	require.True(t, w.log.has("level=ERROR", "an empty one goes instead"))
	w.clean()
}

// Slack may still send something over a connection whose end it has announced.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	second := make(chan struct{})
	links := 0
	w := startLinked(t, func(l *link) {
		if links++; links > 1 {
			l.send(hello)
			close(second)
			l.receive()
			return
		}
		l.send(hello, `{"type":"disconnect","reason":"warning"}`, `{"type":"disconnect","reason":"refresh_requested"}`, ask("1", "one"))
		l.expect(ack("1", "one"))
		<-second
		l.send(ask("2", "two"))
		l.expect(ack("2", "two"))
		_, _, err := l.ws.ReadMessage()
		if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			t.Errorf("it is not closed in the orderly way: %v", err)
		}
	}, func(w *world) { w.pool.Times.Linger = 300 * time.Millisecond })
	w.eventually(func() bool { _, after := w.told(); return len(after) == 2 }, "both are answered")
	w.eventually(func() bool { return w.pool.Live() == 1 }, "the old one is left")
	require.False(t, w.log.has("level=WARN"), w.log)
}

// Slack says something else than hello, or nothing.
func TestNotGreeted(t *testing.T) {
	t.Parallel()
	for says, answer := range map[string]string{
		"the connection broke":           "",
		"too_many_websockets":            `{"type":"disconnect","reason":"too_many_websockets"}`,
		"no greeting comes from Slack":   `{"type":"disconnect","reason":"warning"}`,
		"the connection has gone silent": "silence",
		"a message that can't be read":   "no JSON",
		"reason=refresh_requested":       `{"type":"disconnect","reason":"refresh_requested"}`,
		"again_in":                       ask("1", "too early"),
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			w := startLinked(t, func(l *link) {
				if answer == "silence" {
					l.receive()
				} else if answer != "" {
					_ = l.ws.WriteMessage(websocket.TextMessage, []byte(answer)) // the pool may have left
				}
			}, func(w *world) { w.pool.Times.Ping = 200 * time.Millisecond })
			w.eventually(func() bool { return w.log.has(says) }, "the log says so")
			w.eventually(func() bool { return w.log.has("a connection to Slack is lost") }, "another is tried")
			require.ErrorContains(t, w.pool.Ready(), "no connection to Slack: ")
		})
	}
	t.Run("link_disabled", func(t *testing.T) {
		t.Parallel()
		w := startLinked(t, func(l *link) { l.send(`{"type":"disconnect","reason":"link_disabled"}`) }, nil)
		require.ErrorIs(t, w.end(), socket.ErrDisabled)
	})
	t.Run("the end comes first", func(t *testing.T) {
		t.Parallel()
		there := make(chan struct{})
		w := startLinked(t, func(l *link) { close(there); l.receive() }, nil)
		<-there
		w.cancel()
		before := time.Now()
		require.NoError(t, w.end())
		require.Less(t, time.Since(before), 5*time.Second)
	})
}

// Slack does not close the connection when it is asked to.
func TestEndlessGoodbye(t *testing.T) {
	t.Parallel()
	w := start(t, 1, nil, slacktest.WithPingInterval(10*time.Millisecond)).connected(1)
	w.slack.SetCloseDelay(time.Minute)
	w.cancel()
	before := time.Now()
	require.NoError(t, w.end())
	require.Less(t, time.Since(before), 10*time.Second)
}
