package crashtest

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is the program at work.
type process struct {
	cmd  *exec.Cmd
	log  *journal
	over chan struct{} // closed when it has ended
}

// start starts the program with an environment of nothing but env. wrap are a program and its arguments that
// start it in turn, for limits; usually there are none.
func start(t testing.TB, log *journal, env map[string]string, wrap ...string) *process {
	t.Helper()
	built := &program
	if env[steppedClock] != "" {
		built = &stepped
	}
	args := append(wrap, built.binary(t), "serve")
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: log, over: make(chan struct{})}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	endWithTests(p.cmd.SysProcAttr)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.over)
		_ = p.cmd.Wait() // how it ended is in its ProcessState
	}()
	return p
}

// kill ends the program with SIGKILL and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.over
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// stop ends the program in order, and returns its exit code.
func (p *process) stop() int {
	p.signal(syscall.SIGTERM)
	<-p.over
	return p.cmd.ProcessState.ExitCode()
}

// journal keeps what the program's processes write.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
