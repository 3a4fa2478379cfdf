package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ehpcbot/bot/cause"
)

// Check is one thing that must be so for the bot to be ready.
type Check struct {
	Name    string
	Setting string // the variable that says where it is
	// Try returns a few words on how things are, and an error where they are not ready.
	Try func(ctx context.Context) (string, error)
}

// Checks are all that /readyz asks, which is not known before the program has come up. Without any it is not ready.
type Checks struct{ now atomic.Pointer[[]Check] }

// Set sets what is asked from now on.
func (c *Checks) Set(checks ...Check) { c.now.Store(&checks) }

// Result is how the thing is that a check is about.
type Result struct {
	Name  string
	Words string
	Err   error // with what to do about it; nil: it is ready
}

// Look tries all of them. Before they are set there is nothing to tell.
func (c *Checks) Look(ctx context.Context) (results []Result) {
	now := c.now.Load()
	if now == nil {
		return nil
	}
	for _, check := range *now {
		words, err := check.Try(ctx)
		if err != nil {
			err = cause.Advice(err, check.Setting)
		}
		results = append(results, Result{check.Name, words, err})
	}
	return results
}

// Handler serves /healthz, /readyz and /metrics.
func Handler(m *Metrics, checks *Checks) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, checks) })
	// What can't be counted now is left out rather than taking all the rest along.
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// ready writes a line for each check; the status is 503 if any of them fails.
func ready(w http.ResponseWriter, r *http.Request, checks *Checks) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	status := http.StatusOK
	var lines strings.Builder
	results := checks.Look(ctx)
	if results == nil {
		http.Error(w, "not ready: the program is starting", http.StatusServiceUnavailable)
		return
	}
	for _, r := range results {
		if r.Err != nil {
			status = http.StatusServiceUnavailable
			r.Words = "not ready: " + r.Err.Error()
		}
		fmt.Fprintf(&lines, "%s: %s\n", r.Name, r.Words)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(lines.String()))
}

// Listen opens the address of HTTP_ADDR.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("HTTP_ADDR: %w", err)
	}
	return l, nil
}

// Serve answers on a listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(closing) != nil {
			_ = server.Close()
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve /healthz, /readyz and /metrics: %w", err)
	}
	return nil
}

// Ask asks the bot that answers at an address of HTTP_ADDR whether it runs.
func Ask(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("ask /healthz: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask /healthz: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask /healthz: it answers %s", resp.Status)
	}
	return nil
}
