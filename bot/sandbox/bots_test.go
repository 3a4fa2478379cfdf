package sandbox

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"
)

// Bots that nobody here has written have a command, a button and a form. One is on the client that the bot here uses, one
// on Slack's own for Node.
func TestBotsOfOthers(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T, env []string){"slack-go": runGo, "bolt": runNode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := printed(t, Options{}, "ehpcbot sandbox: ", "SLACK_API_URL=", "SLACK_APP_TOKEN=", "SLACK_BOT_TOKEN=")
			run(t, said[1:])
			b := newBrowser(t, said[0])
			b.as("U0FAY", general)
			b.sees("bot", "Slack: 1")
			b.say("/greet")
			b.press("Who are you?")
			require.Equal(t, "no number", b.submit("name", "7").Errors["name"])
			require.Empty(t, b.submit("name", "Fay"))
			b.as("U0FAY", directWith("U0FAY"))
			b.sees("messages", "Hello Fay")
			b.sees("violations", "None yet.")
		})
	}
}

func runGo(t *testing.T, env []string) {
	api := slack.New(env[2], slack.OptionAPIURL(env[0]), slack.OptionAppLevelToken(env[1]))
	sock := socketmode.New(api)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = sock.RunContext(ctx) })
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-sock.Events:
				greet(api, sock, e)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func runNode(t *testing.T, env []string) {
	node, err := exec.LookPath("node")
	if err != nil && !inCI() {
		t.Skip("Node is not installed (no node in PATH)")
	}
	require.NoError(t, err)
	modules := nodeModules(t)
	cmd := exec.Command(node, filepath.Join("testdata", "bolt.js"))
	cmd.Env = []string{"NODE_PATH=" + modules, "SLACK_API_URL=" + env[0], "SLACK_APP_TOKEN=" + env[1], "SLACK_BOT_TOKEN=" + env[2]}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// nodeModules is the folder with what the tests need of npm. Without it they are skipped, but fail in CI (CI=true).
func nodeModules(t *testing.T) string {
	t.Helper()
	modules := os.Getenv("EHPCBOT_NODE_MODULES")
	if modules == "" && !inCI() {
		t.Skip("EHPCBOT_NODE_MODULES is not set to the node_modules of `npm install axe-core @slack/bolt`")
	}
	require.NotEmpty(t, modules, "EHPCBOT_NODE_MODULES")
	return modules
}

func greet(api *slack.Client, sock *socketmode.Client, e socketmode.Event) {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	switch data := e.Data.(type) {
	case slack.SlashCommand:
		_ = sock.Ack(*e.Request, map[string]any{"blocks": []slack.Block{
			slack.NewActionBlock("a", slack.NewButtonBlockElement("ask", "", plain("Who are you?"))),
		}})
	case slack.InteractionCallback:
		switch data.Type {
		case slack.InteractionTypeBlockActions:
			_ = sock.Ack(*e.Request)
			name := slack.NewInputBlock("name", plain("Name"), nil, slack.NewPlainTextInputBlockElement(nil, "n"))
			_, _ = api.OpenView(data.TriggerID, slack.ModalViewRequest{
				Type: slack.VTModal, Title: plain("Who"), Submit: plain("Send"), Close: plain("Cancel"),
				Blocks: slack.Blocks{BlockSet: []slack.Block{name}},
			})
		case slack.InteractionTypeViewSubmission:
			name := data.View.State.Values["name"]["n"].Value
			if name == "7" {
				_ = sock.Ack(*e.Request, slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "no number"}))
				return
			}
			_ = sock.Ack(*e.Request)
			_, _, _ = api.PostMessage(data.User.ID, slack.MsgOptionText("Hello "+name, false))
		}
	}
}
