package sandbox

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// child is the bot, as a process of its own.
type child struct {
	cmd  *exec.Cmd
	life io.Closer     // its standard input
	over chan struct{} // closed when it has ended
	log  tail
}

// start starts the bot with an environment of nothing but env. It ends when its standard input does, and that is with
// this process at the latest, however this ends.
func start(program, dir string, env map[string]string, changed func()) (*child, error) {
	c := &child{cmd: exec.Command(program, "serve", "--while-stdin"), over: make(chan struct{}), log: tail{changed: changed}}
	c.cmd.Dir = dir
	for name, value := range env {
		c.cmd.Env = append(c.cmd.Env, name+"="+value)
	}
	c.cmd.Stderr = &c.log
	life, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the bot: %w", err)
	}
	c.life = life
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the bot: %w", err)
	}
	go func() {
		_ = c.cmd.Wait() // how it ended is in its ProcessState
		close(c.over)
		changed()
	}()
	return c, nil
}

// kill ends the bot as a power cut would.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.over
}

// stop ends the bot in order, as an administrator would.
func (c *child) stop() {
	_ = c.life.Close()
	<-c.over
}

func (c *child) runs() bool {
	select {
	case <-c.over:
		return false
	default:
		return true
	}
}

// tail keeps the last lines of a log.
type tail struct {
	changed func()

	mu    sync.Mutex
	lines []string
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.lines = newest(append(t.lines, strings.Split(strings.TrimSpace(string(p)), "\n")...))
	t.mu.Unlock()
	t.changed()
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
