//go:build unix

package socket_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/socket"
)

// theWorkspace names the workspace for a process that a test starts in order to stop it.
const theWorkspace = "EHPCBOT_TEST_STANDSTILL"

// standStill keeps a connection until it is killed, where a test has started the process for that.
func standStill() bool {
	api := os.Getenv(theWorkspace)
	if api == "" {
		return false
	}
	client := slack.New(slacktest.BotToken, slack.OptionAPIURL(api), slack.OptionAppLevelToken(slacktest.AppToken))
	pool := &socket.Pool{
		Address: func(ctx context.Context) (string, error) {
			_, address, err := client.StartSocketModeContext(ctx)
			return address, err
		},
		RetryAfter: func(error) time.Duration { return 0 },
		Handle: func(context.Context, socketmode.Event) socket.Reply {
			fmt.Println("handled")
			return socket.Reply{}
		},
		Refuse: func(socketmode.Event) socket.Reply {
			return socket.Reply{Instead: func(context.Context) { fmt.Println("refused instead") }}
		},
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
		Lost:  func() {}, Observer: &observer{}, Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), Times: socket.UsualTimes(),
	}
	_ = pool.Run(context.Background(), 1)
	return true
}

// What has waited while the process stood still is refused, without an acknowledgement; what comes later is handled.
func TestStandstill(t *testing.T) {
	t.Parallel()
	w := start(t, 0, nil)
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), theWorkspace+"="+w.slack.APIURL())
	process.Stdout = w.log
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	w.wait(func() bool { return w.slack.Connections() == 1 })
	require.NoError(t, w.say("before").Err)
	require.NoError(t, process.Process.Signal(syscall.SIGSTOP))
	_, err := syscall.Wait4(process.Process.Pid, nil, syscall.WUNTRACED, nil) // until it has stopped
	require.NoError(t, err)
	require.ErrorIs(t, w.say("meanwhile").Err, slacktest.ErrNoAck)
	waited, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	<-waited.Done()
	require.NoError(t, process.Process.Signal(syscall.SIGCONT))
	w.eventually(func() bool { return w.log.has("refused instead") }, "it is refused")
	require.True(t, w.log.has("has waited while this process stood still"))
	w.eventually(func() bool { return w.say("after").Err == nil }, "the next one is handled")
	require.Empty(t, w.slack.Violations())
}
