package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"ehpcbot/ehpc/backoff"
)

// Health is that of the EHPC API. It opens a connection now and then, which costs nothing of
// the API's quota, and listens to how the real calls fare.
type Health struct {
	address string
	log     *slog.Logger
	wake    chan struct{}

	mu   sync.Mutex
	dial error // of the last attempt to connect
	call error // of the last call
}

// NewHealth returns the health of an endpoint such as https://hpc.api.qingcloud.com.
func NewHealth(endpoint string, log *slog.Logger) (*Health, error) {
	address, err := addressOf(endpoint)
	if err != nil {
		return nil, fmt.Errorf("EHPC_ENDPOINT: %w", err)
	}
	return &Health{address: address, log: log, wake: make(chan struct{}, 1), dial: errors.New("not tried yet")}, nil
}

// addressOf returns the host and port that calls go to first: the endpoint's, or its proxy's.
func addressOf(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		u = proxy
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// Called is told of each call: the action, and how it ended.
func (h *Health) Called(action, result string) {
	var err error
	switch result {
	case "unknown":
		err = fmt.Errorf("the last call (%s) got no answer that could be read; it is tried again", action)
	case "operator":
		err = fmt.Errorf("the last call (%s) was refused: `ehpcbot check` tells what to do", action)
	case "limited":
		return
	}
	h.mu.Lock()
	h.call = err
	h.mu.Unlock()
	if result == "unknown" {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// Try reports how things are, for [Check].
func (h *Health) Try(context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return "reached", errors.Join(h.dial, h.call)
}

// How often a connection is tried: seldom while it works, soon while it does not.
const (
	whileFine   = 5 * time.Minute
	whileBroken = time.Second
	atMost      = 30 * time.Second
)

// Run tries the connection until ctx ends, and says so in the log when things change.
func (h *Health) Run(ctx context.Context) {
	for failures := 0; ; {
		pause := whileFine
		if h.try(ctx) == nil {
			failures = 0
		} else {
			failures++
			pause = backoff.Delay(failures, whileBroken, atMost)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		case <-h.wake:
		}
	}
}

func (h *Health) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", h.address)
	if err == nil {
		err = conn.Close()
	}
	h.mu.Lock()
	before := h.dial
	h.dial = err
	h.mu.Unlock()
	switch {
	case err != nil && ctx.Err() == nil:
		h.log.Warn("the EHPC API can't be reached, trying again", "error", err)
	case err == nil && before != nil:
		h.log.Info("the EHPC API is reached")
	}
	return err
}
