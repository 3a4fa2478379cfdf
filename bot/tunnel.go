package bot

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/proxy"
)

// minTLS is what is spoken with Slack and with proxies.
var minTLS = tls.Config{MinVersion: tls.VersionTLS12}

// reach connects to a host, through a proxy where there is one for it. The WebSocket dialer could do that too, but
// then nothing could be read along on the connection.
func reach(ctx context.Context, through proxies, target *url.URL) (net.Conn, error) {
	via, err := through(&http.Request{URL: target})
	switch {
	case err != nil:
		return nil, fmt.Errorf("find the proxy: %w", err)
	case via == nil:
		return dial(ctx, target)
	case via.Scheme == "socks5" || via.Scheme == "socks5h":
		return socks(ctx, via, target)
	case via.Scheme == "http" || via.Scheme == "https":
		return tunnel(ctx, via, target)
	}
	return nil, fmt.Errorf("a proxy of the kind %q is not known", via.Scheme)
}

// address is host and port, the usual one where none is named.
func address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	case u.Scheme == "http":
		port = "80"
	default:
		port = "1080"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func dial(ctx context.Context, to *url.URL) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address(to))
}

func socks(ctx context.Context, via, target *url.URL) (net.Conn, error) {
	d, err := proxy.FromURL(via, &net.Dialer{})
	if err != nil {
		return nil, fmt.Errorf("use the proxy: %w", err)
	}
	return d.(proxy.ContextDialer).DialContext(ctx, "tcp", address(target))
}

// tunnel asks an HTTP proxy for a connection (RFC 9110, 9.3.6).
func tunnel(ctx context.Context, via, target *url.URL) (net.Conn, error) {
	conn, err := dial(ctx, via)
	if err == nil && via.Scheme == "https" {
		conn, err = secure(ctx, conn, via.Hostname())
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the proxy: %w", err)
	}
	// A proxy that says nothing must not hold the session up.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = askForTunnel(conn, via, address(target))
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("ask the proxy for a connection: %w", err)
	}
	return conn, nil
}

func askForTunnel(conn net.Conn, via *url.URL, target string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{}}
	if user := via.User; user != nil {
		password, _ := user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	if err := request.Write(conn); err != nil {
		return err
	}
	// Nothing follows the answer before the bot has spoken, so nothing is left in the reader.
	answer, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// secure speaks TLS from here on.
func secure(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	conf := minTLS.Clone()
	conf.ServerName = host
	secured := tls.Client(conn, conf)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}
