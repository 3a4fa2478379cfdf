// Package sandbox shows the bot in a browser: the program itself, as a process of its own, between the doubles of Slack
// and of the EHPC API, and a page on which one is each of the people in turn. Nothing leaves the machine.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"ehpcbot/bot/slacktest"
)

// Options say what kind of sandbox it is to be.
type Options struct {
	Addr    string // where the page is, on loopback
	Locale  string // of the bot, and of the page unless its address says otherwise: en or zh
	Program string // the bot's; empty: none runs, for one that somebody else has written
	Open    bool   // opens the browser
}

// Run shows the sandbox until ctx ends.
func Run(ctx context.Context, out io.Writer, o Options) error {
	o.Locale = cmp.Or(o.Locale, "en")
	listener, err := listen(ctx, o.Addr)
	if err != nil {
		return err
	}
	s, err := newSite(o)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer s.close()
	address := "http://" + listener.Addr().String()
	fmt.Fprintf(out, "ehpcbot sandbox: %s\nNothing leaves this machine. Ctrl-C ends it, and all that was made in it is gone.\n", address)
	if o.Program == "" {
		fmt.Fprintf(out, "\nNo bot runs. Connect your own over Socket Mode:\nSLACK_API_URL=%s\nSLACK_APP_TOKEN=%s\nSLACK_BOT_TOKEN=%s\n",
			s.now().slack.APIURL(), slacktest.AppToken, slacktest.BotToken)
	}
	if o.Open {
		// It is the person's from now on, and may run for longer than this. Only one that fails is heard of.
		go func() {
			if browse(address) != nil {
				fmt.Fprintln(out, "No browser could be started: open the address yourself.")
			}
		}()
	}
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("--addr: %q is no address; give one such as 127.0.0.1:8088", addr)
	}
	if !isLoopback(host) {
		return nil, fmt.Errorf("--addr: %q can be reached from elsewhere; give an address of this machine alone, such as 127.0.0.1:8088", addr)
	}
	listener, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && isSandbox(ctx, addr):
		return nil, fmt.Errorf("--addr: a sandbox is open at http://%s already; use that, or give another port", addr)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--addr: %s is taken by another program; give another port, such as --addr 127.0.0.1:8089", addr)
	case err != nil:
		return nil, fmt.Errorf("--addr: %w", err)
	}
	return listener, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// isSandbox asks whoever has the address.
func isSandbox(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+addr+"/", nil)
	if err != nil {
		return false
	}
	direct := http.Transport{DisableKeepAlives: true}
	answer, err := direct.RoundTrip(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.Header.Get("Server") == serverName
}

func browse(address string) error {
	command := []string{"xdg-open", address}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open", address}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler", address}
	}
	return exec.Command(command[0], command[1:]...).Run()
}
