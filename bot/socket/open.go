package socket

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"
)

const (
	openTime      = 30 * time.Second // until a connection is greeted
	handshakeTime = 10 * time.Second // until it is a WebSocket
	readLimit     = 4 << 20
	// writeBuffer is above ackLimit, so that an acknowledgement is one frame: Slack does not put fragments together.
	writeBuffer = 32 << 10
)

var errNotGreeted = errors.New("no greeting comes from Slack")

// open opens a connection, and returns it when Slack has greeted it.
func (p *Pool) open(ctx context.Context, log *slog.Logger) (*connection, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTime, errNotGreeted)
	defer cancel()
	address, err := p.Address(ctx)
	if err != nil {
		return nil, err
	}
	ws, release, err := dial(ctx, p.Proxy, address)
	if err != nil {
		return nil, fmt.Errorf("connect to Slack: %w", err)
	}
	c := newConnection(p, log, ws)
	err = c.greet()
	if !release() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = ws.Close()
		return nil, err
	}
	return c, nil
}

// greet waits for hello, the first that Slack sends, if it does not send the connection away.
func (c *connection) greet() error {
	first, err := c.next()
	switch {
	case err != nil:
		return err
	case first.Type == socketmode.EventTypeDisconnect:
		return cmp.Or(c.announced(first.Request.Reason), errNotGreeted)
	case first.Type != socketmode.EventTypeHello:
		return errNotGreeted
	}
	c.log.Info("connected to Slack", "connections_of_the_app", first.Request.NumConnections)
	return nil
}

// dial opens a WebSocket, through a proxy where there is one for it. It is closed when ctx ends, until release is called,
// which reports whether it was in time. An error names neither the address, which is a secret of a kind, nor the password
// of the proxy.
func dial(ctx context.Context, proxy func(*http.Request) (*url.URL, error), address string) (ws *websocket.Conn, release func() bool, err error) {
	var via *url.URL
	defer func() {
		if p := recover(); p != nil { // the dialer does, where a proxy refuses without a reason
			err = fmt.Errorf("%v", p)
		}
		if err != nil && via != nil {
			err = fmt.Errorf("through the proxy %s: %w", via.Host, err)
		}
	}()
	dialer := websocket.Dialer{HandshakeTimeout: handshakeTime, WriteBufferSize: writeBuffer}
	dialer.Proxy = func(r *http.Request) (*url.URL, error) {
		if via, err = proxy(r); err != nil {
			return nil, errors.New("the address of the proxy can't be read")
		}
		return plain(via), nil
	}
	dialer.NetDialContext = func(dialing context.Context, network, address string) (net.Conn, error) {
		connect := (&net.Dialer{}).DialContext
		if via != nil && via.Scheme == "https" {
			connect = (&tls.Dialer{}).DialContext
		}
		conn, err := connect(dialing, network, address)
		if err == nil { // the dialer itself looks at its context no further than here
			release = context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	ws, _, err = dialer.DialContext(ctx, address, http.Header{"Origin": {"https://api.slack.com"}})
	if unread, ok := errors.AsType[*url.Error](err); ok {
		err = unread.Err
	}
	return ws, release, err
}

// plain returns a proxy in the terms of the dialer, to which TLS with a proxy and "socks5h" are unknown, and which
// leaves out a name without a password.
func plain(proxy *url.URL) *url.URL {
	if proxy == nil {
		return nil
	}
	p := *proxy
	switch p.Scheme {
	case "https":
		p.Scheme, p.Host = "http", net.JoinHostPort(p.Hostname(), cmp.Or(p.Port(), "443"))
	case "socks5h":
		p.Scheme = "socks5"
	}
	if p.User != nil {
		password, _ := p.User.Password()
		p.User = url.UserPassword(p.User.Username(), password)
	}
	return &p
}
