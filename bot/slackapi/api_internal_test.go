package slackapi

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// path is a way to a server on which connections can die without a word, as they do when a router forgets them.
type path struct {
	net.Listener
	mu   sync.Mutex
	dead map[net.Conn]bool // by connection: whether nothing passes any more
}

func newPath(t *testing.T, to string) *path {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &path{Listener: listener, dead: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				_ = here.Close()
				continue
			}
			p.mu.Lock()
			p.dead[here] = false
			p.mu.Unlock()
			running.Go(func() { p.carry(here, here, there) })
			running.Go(func() { p.carry(here, there, here) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for here := range p.dead {
			_ = here.Close()
		}
		p.mu.Unlock()
		running.Wait()
	})
	return p
}

// carry passes on what comes from one side, while the connection lives.
func (p *path) carry(here, to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		dead := p.dead[here]
		p.mu.Unlock()
		if !dead {
			_, _ = to.Write(buf[:n])
		}
	}
}

// lose lets all connections die that there are.
func (p *path) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for here := range p.dead {
		p.dead[here] = true
	}
}

// A connection to the Web API that died without a word is left, and the calls after that are answered.
func TestConnectionThatDied(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	way := newPath(t, server.Listener.Addr().String())

	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	require.LessOrEqual(t, transport.HTTP2.SendPingTimeout+transport.HTTP2.PingTimeout, callTime, "found within a call")
	transport.HTTP2.SendPingTimeout /= 50
	transport.HTTP2.PingTimeout /= 50
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	call := func() (string, error) {
		resp, err := client.Get("https://" + way.Addr().String())
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	proto, err := call()
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", proto)
	way.lose()
	start := time.Now()
	if _, err := call(); err != nil { // Go may have begun anew already
		_, err = call()
		require.NoError(t, err)
	}
	require.Less(t, time.Since(start), client.Timeout)
}
