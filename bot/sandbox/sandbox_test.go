package sandbox

import (
	"bytes"
	"context"
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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	real "ehpcbot/bot/endtoend/world"
)

func TestStories(t *testing.T) {
	t.Parallel()
	// What is done at each step, beside what the step has ready, and seen then.
	plays := [][]func(*browser){
		{
			func(b *browser) { b.sees("messages", "Request 1 is in") },
			func(b *browser) { b.press("Approve"); b.sees("messages", "the credentials were delivered") },
			func(b *browser) {
				b.sees("messages", "Password:")
				b.sees("notifications", "Your account isabel on Training")
				require.NotContains(b.t, b.plain("notifications"), "Password:")
				b.sees("accounts", "isabel")
				b.sees("requests", "delivered")
			},
			func(b *browser) {
				b.press("I have saved it")
				b.sees("messages", "You have saved the password")
				require.NotContains(b.t, b.plain("messages"), "Password:")
				b.sees("audit", "clear")
			},
		},
		{
			func(b *browser) { b.as("U0ISABEL", general); b.sees("bot", "Slack: 2") },
			func(b *browser) { b.sees("messages", "Request 1 is in") },
			func(b *browser) { b.press("Approve"); b.sees("messages", "has not pressed it yet") },
			func(b *browser) {
				b.press("Show credentials")
				b.sees("modal", "Password:")
				require.NotContains(b.t, b.plain("messages"), "Password:")
				b.sees("audit", "show")
			},
			func(b *browser) {
				b.act("close")
				b.press("I have saved it")
				b.sees("messages", "You have saved the password")
				b.press("I can't log in")
				b.sees("modal", "What do you see?")
				require.Empty(b.t, b.submit("sees", "refusal", "reason", "Permission denied"))
				b.sees("modal", "I am telling the approvers")
			},
			func(b *browser) {
				b.sees("messages", "Permission denied")
				b.sees("messages", "203.0.113.7")
			},
		},
		{
			func(b *browser) {
				require.Contains(b.t, b.submit("username", "liweiliwei").Errors, "username")
				require.Empty(b.t, b.submit("username", "liwei"))
			},
			func(b *browser) {
				b.press("Deny")
				require.Empty(b.t, b.submit("reason", "no & <never>"))
				b.sees("messages", "no & <never>")
			},
			func(b *browser) {
				b.sees("messages", "no & <never>")
				b.sees("messages", "拒绝")
				require.NotContains(b.t, b.plain("accounts"), "liwei")
			},
		},
		{
			func(b *browser) { b.sees("messages", "Request 1 is in") },
			func(b *browser) { b.press("Approve"); b.sees("messages", "taken") },
			func(b *browser) {
				b.sees("messages", "taken")
				require.NotContains(b.t, b.plain("api-calls"), "addUser")
			},
		},
		{
			func(b *browser) { b.sees("messages", "Request 1 is in") },
			func(b *browser) { b.press("Approve"); b.sees("api-calls", "addUser isabel") },
			func(b *browser) {
				b.sees("bot", "The bot does not run.")
				require.Contains(b.t, b.act("say", "text", "/ehpc-adduser list").Error, "did not respond")
			},
			func(b *browser) {
				b.sees("messages", "Password:")
				require.Equal(b.t, 1, strings.Count(b.plain("api-calls"), "addUser isabel"))
			},
		},
		{
			func(b *browser) { b.sees("messages", "Request 1 is in") },
			func(b *browser) { b.press("Approve"); b.sees("api-calls", "dropped") },
			func(b *browser) {
				b.sees("messages", "Password:")
				require.Equal(b.t, 1, strings.Count(b.plain("api-calls"), "addUser isabel"))
			},
		},
	}
	require.Len(t, plays, len(stories))
	for i, story := range stories {
		t.Run(story.title, func(t *testing.T) {
			t.Parallel()
			require.Len(t, plays[i], len(story.steps))
			b := newBrowser(t, open(t, withBot()))
			b.visit("/")
			b.sees("bot", "Slack: 2")
			for n, step := range story.steps {
				page := b.visit(viewer{lang: "en"}.at(i+1, n+1).address())
				require.Contains(t, page, string(text(step.do)))
				require.Contains(t, page, string(text(step.see)))
				if step.fault != "" {
					require.Contains(t, page, `data-fault="`+step.fault+`"`)
					b.fault(step.fault)
				}
				if step.say != "" {
					require.Contains(t, page, string(text(step.say)))
					b.say(step.say)
				}
				plays[i][n](b)
			}
		})
	}
}

func TestOthersAreKeptOut(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, Options{}))
	b.visit("/")
	own := "http://" + strings.TrimPrefix(b.base, "http://")
	for name, c := range map[string]struct {
		method, path string
		headers      map[string]string
		status       int
	}{
		"page":           {http.MethodGet, "/", nil, 200},
		"localhost":      {http.MethodGet, "/", map[string]string{"Host": "localhost:8088"}, 200},
		"IPv6":           {http.MethodGet, "/", map[string]string{"Host": "[::1]:8088"}, 200},
		"other name":     {http.MethodGet, "/", map[string]string{"Host": "evil.example:8088"}, 403},
		"other address":  {http.MethodGet, "/events", map[string]string{"Host": "192.0.2.1"}, 403},
		"other origin":   {http.MethodGet, "/events", map[string]string{"Origin": "https://evil.example"}, 403},
		"no origin":      {http.MethodGet, "/events", map[string]string{"Origin": "null"}, 403},
		"no token":       {http.MethodPost, "/do/say", map[string]string{"Origin": own}, 403},
		"wrong token":    {http.MethodPost, "/do/say", map[string]string{"X-Sandbox-Token": "x"}, 403},
		"stolen token":   {http.MethodPost, "/do/say", map[string]string{"X-Sandbox-Token": b.token, "Origin": "http://evil.example"}, 403},
		"token":          {http.MethodPost, "/do/close", map[string]string{"X-Sandbox-Token": b.token, "Origin": own}, 200},
		"unknown deed":   {http.MethodPost, "/do/nothing", map[string]string{"X-Sandbox-Token": b.token}, 404},
		"deed by GET":    {http.MethodGet, "/do/reset", map[string]string{"X-Sandbox-Token": b.token}, 405},
		"style":          {http.MethodGet, "/static/page.css", nil, 200},
		"script":         {http.MethodGet, "/static/page.js", nil, 200},
		"something else": {http.MethodGet, "/etc/passwd", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := b.send(b.ctx, c.method, c.path, c.headers, nil)
			_ = answer.Body.Close()
			require.Equal(t, c.status, answer.StatusCode)
			require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
		})
	}
}

func TestNothingBecomesMarkup(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, Options{}))
	b.as("U0ISABEL", general)
	const hostile = `<img src=x onerror=alert(1)> "' </script> & &lt;`
	b.say(hostile)
	b.sees("messages", hostile)
	page := b.visit("/?lang=%22%3E%3Cscript%3E&as=%3Cscript%3E&in=%3Cscript%3E&story=9&step=-1")
	require.NotContains(t, page, "<img")
	require.Equal(t, 1, strings.Count(page, "<script"), "the page's own")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	// How a request for otto ends that is asked for after the fault, in the eyes of an approver.
	ends := map[string]string{
		"api-5000": "were delivered", "api-2500": "were delivered", "api-1400": "Retry", "api-2110": "taken", "api-lost": "were delivered",
		"job-fails": "Retry", "taken": "taken", "slack-429": "were delivered", "slack-500": "were delivered", "slack-edit": "were delivered",
		"slack-drop": "were delivered", "start": "were delivered", "hurry": "were delivered", "by-button": "were delivered", "reset": "were delivered", "well": "were delivered",
		// These need something more: stories and the tests below have them.
		"api-slow": "", "api-hang": "", "jobs-hang": "", "slack-archive": "", "kill": "",
	}
	for _, group := range faults {
		for _, f := range group.all {
			require.Contains(t, ends, f.name)
			if ends[f.name] == "" {
				continue
			}
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				b := newBrowser(t, open(t, withBot()))
				b.as("U0ISABEL", general)
				b.sees("bot", "Slack: 2")
				b.fault(f.name)
				b.as("U0ISABEL", general)
				b.sees("bot", "Slack: 2")
				b.say("/ehpc-adduser otto")
				b.as("U0ANNA", approvals)
				b.press("Approve")
				b.until(ends[f.name], func() bool {
					return strings.Contains(b.plain("messages"), ends[f.name]) || strings.Contains(b.plain("m-"), ends[f.name])
				})
			})
		}
	}
}

func TestHoursPass(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, withBot()))
	b.as("U0ISABEL", general)
	b.sees("bot", "Slack: 2")
	b.fault("hurry")
	b.as("U0ISABEL", general)
	b.sees("bot", "Slack: 2")
	b.say("/ehpc-adduser otto")
	b.as("U0ANNA", approvals)
	b.sees("messages", "Reminder")
	b.sees("messages", "expired")
}

func TestArchivedChannelComesBack(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, withBot()))
	b.as("U0LIWEI", general)
	b.sees("bot", "Slack: 2")
	b.fault("slack-archive")
	b.say("/ehpc-adduser liwei")
	b.sees("slack-calls", "is_archived")
	b.fault("well")
	b.as("U0ANNA", approvals)
	b.sees("messages", "Request 1")
}

func TestReset(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, withBot()))
	b.as("U0ISABEL", general)
	b.sees("bot", "Slack: 2")
	b.say("hello")
	b.sees("messages", "hello")
	b.fault("reset")
	for b.events.Scan() { // the stream of the world that was ends
	}
	require.NoError(t, b.events.Err())
	b.as("U0ISABEL", general)
	b.sees("bot", "Slack: 2")
	require.Empty(t, b.plain("messages"))
}

func TestUnreadMessages(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, Options{}))
	b.as("U0ISABEL", general)
	b.say("hello")
	b.as("U0ANNA", approvals)
	b.sees("people", "#general 1")
	b.as("U0ANNA", general)
	b.until("it is read", func() bool {
		return strings.Contains(b.plain("people"), "general") && !strings.Contains(b.plain("people"), "general 1")
	})
}

func TestWrongDeeds(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, Options{}))
	b.as("U0ISABEL", general)
	require.Contains(t, b.act("say", "text", "/ehpc-adduser").Error, "no connection")
	require.Contains(t, b.act("press", "message", "1.2", "action", "approve").Error, "button is not there")
	require.Contains(t, b.act("press", "action", "approve").Error, "form is not open")
	require.Contains(t, b.act("submit", "view", "V1").Error, "form is not open")
	require.Contains(t, b.act("fault", "name", "nonsense").Error, "nonsense")
	b.visit("/?lang=zh")
	require.Contains(t, b.act("say", "text", "/ehpc-adduser").Error, "没有连接")
}

func TestChinese(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{([^=}][^}]*)\}`).FindAllStringSubmatch(readStatic(t, "page.html"), -1) {
		said[m[1]] = true
	}
	for _, group := range faults {
		said[group.name] = true
		for _, f := range group.all {
			said[f.label], said[f.watch] = true, true
		}
	}
	for _, story := range stories {
		said[story.title] = true
		for _, s := range story.steps {
			said[s.do], said[s.see] = true, true
		}
	}
	for _, p := range people() {
		said[p.role] = true
	}
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range sources {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`\.t\("([^"]+)"\)|slacktest\.Err\w+, "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
			said[m[1]+m[2]] = true
		}
		for _, m := range regexp.MustCompile(`table\(v, \[\]string\{([^}]+)\}`).FindAllStringSubmatch(string(source), -1) {
			for _, head := range strings.Split(m[1], ", ") {
				said[strings.Trim(head, `"`)] = true
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(said)), slices.Collect(maps.Keys(inChinese)))
	b := newBrowser(t, open(t, Options{Locale: "zh"}))
	page := b.visit("/")
	require.Contains(t, page, `<html lang="zh">`)
	require.Contains(t, page, "你现在是")
	require.Contains(t, b.visit("/?lang=en"), "You are")
}

func readStatic(t *testing.T, name string) string {
	t.Helper()
	data, err := static.ReadFile("static/" + name)
	require.NoError(t, err)
	return string(data)
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	mute := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = mute.Serve(other) }()
	defer mute.Close()
	for addr, wrong := range map[string]string{
		"8088":                  "no address",
		"0.0.0.0:0":             "reached from elsewhere",
		":0":                    "reached from elsewhere",
		"example.org:0":         "reached from elsewhere",
		other.Addr().String():   "taken by another program",
		"127.0.0.1:notanumber":  "--addr",
		openHost(t):             "a sandbox is open",
		"[2001:db8::1]:8088":    "reached from elsewhere",
		"localhost.example:443": "reached from elsewhere",
	} {
		err := Run(t.Context(), io.Discard, Options{Addr: addr})
		require.ErrorContains(t, err, wrong)
	}
}

func openHost(t *testing.T) string { return strings.TrimPrefix(open(t, Options{}), "http://") }

// The bot ends with whoever holds the other end of its standard input.
func TestBotEndsWithItsParent(t *testing.T) {
	t.Parallel()
	w := real.New(t)
	cmd := exec.Command(real.Binary, "serve", "--while-stdin")
	cmd.Dir, cmd.Env = w.Dir, w.Environ(nil)
	var log bytes.Buffer
	cmd.Stderr = &log
	life, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	w.WaitConnections()
	require.NoError(t, life.Close())
	require.NoError(t, cmd.Wait(), log.String())
	require.Contains(t, log.String(), "ehpcbot has stopped")
}

func TestBotThatDoesNotStart(t *testing.T) {
	t.Parallel()
	err := Run(context.Background(), io.Discard, Options{Addr: "127.0.0.1:0", Program: "/nonexistent/ehpcbot"})
	require.ErrorContains(t, err, "start the bot")
}

// BenchmarkStream measures how long a message of a bot takes to the page, over the network both ways, with a past of
// so many messages.
func BenchmarkStream(b *testing.B) {
	for _, past := range []int{0, 1000} {
		b.Run(strconv.Itoa(past), func(b *testing.B) {
			address, bot := openBare(b)
			page := newBrowser(b, address)
			page.as("U0ANNA", approvals)
			for range past {
				page.say("an older message")
			}
			var took []time.Duration
			b.ResetTimer()
			for i := range max(b.N, 20) {
				text := fmt.Sprintf("message number %d.", i)
				begin := time.Now()
				_, _, err := bot.PostMessage(approvals, slack.MsgOptionText(text, false))
				require.NoError(b, err)
				page.sees("messages", text)
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			median := took[len(took)/2]
			b.ReportMetric(float64(median.Microseconds())/1000, "ms/median")
			require.Less(b, median, 100*time.Millisecond)
		})
	}
}

// A bot that nobody here has written has a command, a button and a form.
func TestBotOfSomebodyElse(t *testing.T) {
	t.Parallel()
	address, api := openBare(t)
	sock := socketmode.New(api)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
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
	b := newBrowser(t, address)
	b.as("U0FAY", general)
	b.sees("bot", "Slack: 1")
	b.say("/greet")
	b.press("Who are you?")
	require.Equal(t, "no number", b.submit("name", "7").Errors["name"])
	require.Empty(t, b.submit("name", "Fay"))
	b.as("U0FAY", directWith("U0FAY"))
	b.sees("messages", "Hello Fay")
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
