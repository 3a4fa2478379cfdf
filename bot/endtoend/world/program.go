package world

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/approval/pgtest"
	"ehpcbot/bot/slacktest"
)

// Binary is the built program, once [Main] has been called.
var Binary string

// Main runs the tests of a package, with a program that is built for them.
func Main(m *testing.M) {
	_ = flag.Set("test.parallel", "12") // they wait more than they work
	dir, err := os.MkdirTemp("", "ehpcbot-test-")
	if err == nil {
		Binary = filepath.Join(dir, "ehpcbot")
		var out []byte
		if out, err = exec.Command("go", "build", "-ldflags", "-s -w", "-o", Binary, "ehpcbot").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	pgtest.UseMemory() // but for the program, as programs may not be run everywhere in memory
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		pgtest.Stop()
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// Launch starts the program.
func (w *World) Launch(changes ...string) *Process {
	w.T.Helper()
	p := &Process{w: w, Cmd: exec.Command(Binary), done: make(chan struct{})}
	p.Cmd.Dir = w.Dir
	p.Cmd.Env = w.Environ(changes)
	p.Cmd.Stdout, p.Cmd.Stderr = &p.Out, &p.Err
	require.NoError(w.T, p.Cmd.Start())
	go func() {
		_ = p.Cmd.Wait()
		close(p.done)
	}()
	w.mu.Lock()
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	w.T.Cleanup(p.Kill)
	return p
}

// Start starts the program and waits until it is connected.
func (w *World) Start(changes ...string) *Process {
	w.T.Helper()
	made := w.Slack.ConnectionsMade()
	p := w.Launch(changes...)
	w.WaitFor("the connections", func() bool { return w.Slack.ConnectionsMade() >= made+2 && w.Slack.Connections() == 2 })
	return p
}

// WaitConnections waits until the program is connected.
func (w *World) WaitConnections() {
	w.T.Helper()
	w.WaitFor("the connections", func() bool { return w.Slack.Connections() == 2 })
}

// Stop ends a process as an administrator does.
func (w *World) Stop(p *Process) {
	w.T.Helper()
	begin := time.Now()
	require.NoError(w.T, p.Cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(w.T, p.Wait(), p.Err.String())
	require.Less(w.T, time.Since(begin), 10*time.Second)
}

// Run runs a command to its end.
func (w *World) Run(args []string, changes ...string) (out string, code int) {
	w.T.Helper()
	return Run(w.T, w.Dir, w.Environ(changes), args...)
}

// Environ returns the environment of the program, with changes such as LOCALE=zh.
func (w *World) Environ(changes []string) []string {
	env := maps.Clone(w.Env)
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		env[name] = value
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// Run runs the program with a command, to its end.
func Run(t *testing.T, dir string, env []string, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary, args...)
	cmd.Dir, cmd.Env = dir, append([]string{"TMPDIR=" + os.TempDir()}, env...)
	text, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "%q does not end:\n%s", args, text)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// Survive brings a request to its end with a process that will be killed on the way.
func (w *World) Survive(p *Process) {
	w.T.Helper()
	// The kill may come between the commit and the acknowledgement: what is stored counts.
	if r := w.Slack.Person(Isabel).Command(w.Ctx, "/ehpc-adduser", "isabel"); r.Err != nil && !p.Ended() {
		w.T.Errorf("the command: %v", r.Err)
	}
	var restarted bool
	again := func() {
		if !restarted && p.Ended() {
			restarted = true
			w.Start()
		}
	}
	pressed := false
	w.WaitFor("the end of the request", func() bool {
		again()
		if !pressed {
			// A kill may have left two messages; both change with a press on either.
			for _, m := range w.Requests() {
				if !pressed && slices.Contains(Names(m.Buttons()), "Approve") {
					r, err := w.Slack.Person(Anna).Press(w.Ctx, m, "Approve")
					pressed = err == nil && r.Err == nil
				}
			}
			return false
		}
		return restarted && strings.Contains(w.Requests()[0].Plain(), "delivered")
	})
	w.Credentials(Isabel, "isabel")
	w.WaitFor("no message with an older state stays", func() bool {
		return !slices.ContainsFunc(w.Requests(), func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), "delivered") })
	})
}

// Process is the program, running.
type Process struct {
	w        *World
	Cmd      *exec.Cmd
	Out, Err screen
	done     chan struct{} // closed when it has ended
	metrics  string        // as they were seen last
}

// Kill ends the process without a warning.
func (p *Process) Kill() {
	_ = p.Cmd.Process.Kill()
	<-p.done
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait waits until the process has ended by itself.
func (p *Process) Wait() int {
	p.w.T.Helper()
	select {
	case <-p.done:
	case <-p.w.Ctx.Done():
		p.w.T.Fatalf("it does not end\n%s", p.Err.String())
	}
	return p.Cmd.ProcessState.ExitCode()
}

var listening = regexp.MustCompile(`answering /healthz.*?(127\.0\.0\.1:\d+)`)

// Addr is where the process answers HTTP.
func (p *Process) Addr() string {
	p.w.T.Helper()
	var found []string
	p.w.WaitFor("an address", func() bool {
		found = listening.FindStringSubmatch(p.Err.String())
		return found != nil
	})
	return found[1]
}

// Status asks for a path and returns the status and what is answered.
func (p *Process) Status(path string) string {
	p.w.T.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}}
	resp, err := client.Get("http://" + p.Addr() + path)
	require.NoError(p.w.T, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.w.T, err)
	if path == "/metrics" {
		p.metrics = string(body)
	}
	return resp.Status + "\n" + string(body)
}

// Get asks for a path and returns what is answered.
func (p *Process) Get(path string) string {
	p.w.T.Helper()
	_, body, _ := strings.Cut(p.Status(path), "\n")
	return body
}

// WaitReady waits until a line of /readyz says that something is ready, or is not.
func (p *Process) WaitReady(ready bool, what string) {
	p.w.T.Helper()
	p.w.WaitFor(fmt.Sprintf("%s is ready: %v", what, ready), func() bool {
		answer := p.Status("/readyz")
		is := !strings.Contains(answer, what+": not ready: ")
		if !is {
			require.True(p.w.T, strings.HasPrefix(answer, "503"), answer)
		}
		return is == ready
	})
}

// screen collects what a process writes.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
