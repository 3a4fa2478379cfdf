package bot_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
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
	if user, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth(); !ok || user != "ehpcbot" || password != "p@ss" {
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

// Behind a proxy all is as it is without one: what Slack announces is seen, and nothing falls into a gap.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	proxy := newHTTPProxy(t)
	o := open(t, plan{bot: func(o *office) { o.bot.UseProxy(proxy.as(url.UserPassword("ehpcbot", "p@ss"))) }}).connected()
	require.EqualValues(t, 2, proxy.made.Load())
	for i, reason := range []string{"warning", "refresh_requested"} {
		made := o.slack.ConnectionsMade()
		o.slack.DisconnectOne(0, reason)
		o.ask(username(i))
		o.eventually(func() bool { return o.log.has("Slack ends the connection", "reason="+reason) }, "the reason is seen")
		require.NoError(t, o.slack.Wait(o.patient(), func() bool { return o.slack.ConnectionsMade() > made && o.slack.Connections() == 2 }), o.log)
	}
	require.NoError(t, o.slack.Person(isabel).Command(t.Context(), command, "list").Err)
	require.False(t, o.log.has("level=WARN"), o.log)
	o.slack.Disconnect("link_disabled")
	require.ErrorContains(t, o.end(), "link_disabled")
	o.clean()
}

// A proxy that does not let the bot through is named as the cause, without its password.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	proxy := newHTTPProxy(t)
	for name, c := range map[string]struct {
		proxy *url.URL
		says  string
	}{
		"wrong password": {proxy.as(url.UserPassword("ehpcbot", "secret!")), "ask the proxy for a connection: 407"},
		"no password":    {proxy.as(nil), "ask the proxy for a connection: 407"},
		"not there":      {&url.URL{Scheme: "http", Host: "127.0.0.1:1"}, "connect to the proxy"},
		"another kind":   {&url.URL{Scheme: "gopher", Host: "127.0.0.1:1"}, `a proxy of the kind \"gopher\" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{bot: func(o *office) { o.bot.UseProxy(c.proxy) }})
			o.eventually(func() bool { return o.log.has("a connection to Slack is lost", c.says) }, "the log says so")
			require.ErrorContains(t, o.bot.Ready(), "no connection to Slack")
			require.NotContains(t, o.log.String(), "secret!")
			require.ErrorIs(t, o.slack.Person(isabel).Command(t.Context(), command, "list").Err, slacktest.ErrNotConnected)
		})
	}
}
