package bot

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const answer101 = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

// frame is a server's frame.
func frame(op byte, payload string) string {
	head := []byte{final | op}
	switch n := len(payload); {
	case n < 126:
		head = append(head, byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(n))
	}
	return string(head) + payload
}

const (
	hello    = `{"type":"hello","num_connections":1}`
	warning  = `{"type":"disconnect","reason":"warning","debug_info":{"host":"applink-1"}}`
	envelope = `{"envelope_id":"1","type":"slash_commands","payload":{"text":"warning"}}`
)

// pass sends a stream through, cut as cuts says, and returns what comes out and what was seen.
func pass(data string, cuts []byte) (out string, seen []message) {
	f := frames{tell: func(m message) {
		if m.kind != otherMessage {
			seen = append(seen, m)
		}
	}}
	var passed strings.Builder
	p := make([]byte, 7)
	give := func(piece string) {
		f.add([]byte(piece))
		for f.ready() {
			passed.Write(p[:f.take(p)])
		}
	}
	for _, cut := range cuts {
		n := min(int(cut), len(data))
		give(data[:n])
		data = data[n:]
	}
	give(data)
	f.flush()
	for f.ready() {
		passed.Write(p[:f.take(p)])
	}
	return passed.String(), seen
}

func TestFrames(t *testing.T) {
	t.Parallel()
	large := frame(opText, `{"envelope_id":"2","payload":"`+strings.Repeat("x", 70_000)+`"}`)
	medium := frame(opText, `{"envelope_id":"3","payload":"`+strings.Repeat("x", 1_000)+`"}`)
	before := answer101 + frame(opText, hello) + frame(opPing, "Ping from applink-1") + large + medium
	after := frame(opText, envelope) + frame(opText, "{not JSON")
	out, seen := pass(before+frame(opText, warning)+after+frame(opText, "Ping from applink-1")+frame(opClose, "\x03\xe8"), nil)
	require.Equal(t, before+after, out)
	require.Equal(t, []message{
		{kind: pingMessage}, {kind: envelopeMessage}, {kind: envelopeMessage},
		{disconnectMessage, "warning"}, {kind: envelopeMessage}, {kind: textMessage}, {kind: closeMessage},
	}, seen)
}

// What a server says instead of opening a WebSocket is passed on as it is.
func TestFramesOfAnotherAnswer(t *testing.T) {
	t.Parallel()
	refusal := "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 77\r\n\r\n\x81\x7f" + warning
	f := frames{tell: func(message) { t.Error("nothing is seen in it") }}
	f.add([]byte(refusal))
	require.Equal(t, refusal, string(f.out))
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(answer101+frame(opText, hello)+frame(opPing, "x")+frame(opText, warning)+frame(opText, envelope)), []byte{1, 40, 30, 3, 9})
	f.Add([]byte(answer101+frame(opText, strings.Repeat("x", 3000))+"\x81"), []byte{100, 100, 100})
	f.Add([]byte("HTTP/1.1 503 x\r\n\r\n\x81\x7f"), []byte{17})
	f.Add([]byte("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), []byte{})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		whole, seen := pass(string(data), nil)
		pieces, seenInPieces := pass(string(data), cuts)
		require.Equal(t, whole, pieces)
		require.Equal(t, seen, seenInPieces)
		removed := 0
		for _, m := range seen {
			if m.kind.takenOut() {
				removed++
			}
		}
		if removed == 0 {
			require.Equal(t, string(data), whole)
		} else {
			require.Less(t, len(whole), len(data))
		}
	})
}
