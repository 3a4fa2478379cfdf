package socket_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/socket"
)

// httpProxy is a proxy that makes connections for those who know the password.
type httpProxy struct {
	*httptest.Server
	made atomic.Int32
}

func newHTTPProxy(t *testing.T) *httpProxy {
	p := &httpProxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(p.connect))
	t.Cleanup(p.Close)
	return p
}

func (p *httpProxy) connect(w http.ResponseWriter, r *http.Request) {
	user, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
	if !ok || user != "ehpcbot" || password != "p@ss" && password != "" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	there, err := net.Dial("tcp", r.Host)
	if r.Method != http.MethodConnect || err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.made.Add(1)
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}
	both.Go(func() { pass(there, here) })
	both.Go(func() { pass(here, there) })
	both.Wait()
}

func (p *httpProxy) as(user *url.Userinfo) *url.URL {
	u, _ := url.Parse(p.URL)
	u.User = user
	return u
}

func through(proxy *url.URL) func(*world) {
	return func(w *world) { w.pool.Proxy = func(*http.Request) (*url.URL, error) { return proxy, nil } }
}

// Behind a proxy all is as it is without one: what Slack announces is seen, and nothing falls into a gap.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	proxy := newHTTPProxy(t)
	w := start(t, 2, through(proxy.as(url.UserPassword("ehpcbot", "p@ss")))).connected(2)
	require.EqualValues(t, 2, proxy.made.Load())
	for _, reason := range []string{"warning", "refresh_requested"} {
		made := w.slack.ConnectionsMade()
		w.slack.DisconnectOne(0, reason)
		w.answered(reason)
		w.eventually(func() bool { return w.log.has("Slack ends the connection", "reason="+reason) }, "the reason is seen")
		w.wait(func() bool { return w.slack.ConnectionsMade() > made && w.slack.Connections() == 2 })
	}
	w.answered("one")
	require.False(t, w.log.has("level=WARN"), w.log)
	w.slack.Disconnect("link_disabled")
	require.ErrorIs(t, w.end(), socket.ErrDisabled)
	w.clean()
}

// A proxy may want a name alone.
func TestProxyWithoutPassword(t *testing.T) {
	t.Parallel()
	start(t, 1, through(newHTTPProxy(t).as(url.User("ehpcbot")))).connected(1).answered("one")
}

// A proxy is asked for by the address of Slack, in the schemes that the settings know.
func TestProxyIsChosen(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	w := start(t, 1, func(w *world) {
		w.pool.Proxy = func(r *http.Request) (*url.URL, error) {
			asked <- r.URL.Scheme + "://" + r.URL.Host
			return nil, nil
		}
	}).connected(1)
	require.Equal(t, w.slack.URL(), <-asked)
}

// A proxy that does not let the pool through is named as the cause, without its password.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	proxy := newHTTPProxy(t)
	terse := listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 407\r\n\r\n") })
	for name, c := range map[string]struct {
		proxy *url.URL
		says  string
	}{
		"wrong password": {proxy.as(url.UserPassword("ehpcbot", "secret!")), ": Proxy Authentication Required"},
		"no password":    {proxy.as(nil), ": Proxy Authentication Required"},
		"no reason":      {&url.URL{Scheme: "http", Host: terse}, ": "},
		"not there":      {&url.URL{Scheme: "http", Host: "127.0.0.1:1"}, "connection refused"},
		"another kind":   {&url.URL{Scheme: "gopher", Host: "127.0.0.1:1"}, "unknown scheme: gopher"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, 1, through(c.proxy))
			w.eventually(func() bool {
				return w.log.has("a connection to Slack is lost", "connect to Slack: through the proxy "+c.proxy.Host+": ", c.says)
			}, "the log says so")
			require.ErrorContains(t, w.pool.Ready(), "no connection to Slack")
			require.NotContains(t, w.log.String(), "secret!")
			require.ErrorIs(t, w.say("one").Err, slacktest.ErrNotConnected)
		})
	}
	t.Run("unreadable", func(t *testing.T) {
		t.Parallel()
		w := start(t, 1, func(w *world) {
			w.pool.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("invalid: http://ehpcbot:secret!@[") }
		})
		w.eventually(func() bool {
			return w.log.has("a connection to Slack is lost", "the address of the proxy can't be read")
		}, "the log says so")
		require.NotContains(t, w.log.String(), "secret!")
	})
}

// Proxies that are spoken to in other ways are known, too.
func TestKindsOfProxies(t *testing.T) {
	t.Parallel()
	for scheme, first := range map[string]byte{"https": 0x16, "socks5": 5, "socks5h": 5} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			spoken := make(chan byte, 1)
			address := listen(t, func(conn net.Conn) {
				word := make([]byte, 1)
				_, _ = conn.Read(word)
				select {
				case spoken <- word[0]:
				default:
				}
			})
			start(t, 1, through(&url.URL{Scheme: scheme, Host: address}))
			require.Equal(t, first, <-spoken)
		})
	}
}

// A proxy that says nothing does not hold up the end.
func TestSilentProxy(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}, 10), make(chan struct{})
	address := listen(t, func(conn net.Conn) {
		asked <- struct{}{}
		<-over
	})
	t.Cleanup(func() { close(over) })
	w := start(t, 1, through(&url.URL{Scheme: "http", Host: address}))
	<-asked
	before := time.Now()
	w.cancel()
	require.NoError(t, w.end())
	require.Less(t, time.Since(before), 5*time.Second)
	require.False(t, w.log.has("level=WARN"), w.log)
}

// listen serves each connection to an address until the test ends.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}
