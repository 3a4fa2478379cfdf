package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	real "ehpcbot/bot/endtoend/world"
)

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

// The Home tab is a conversation of its own, whose buttons work, and the shortcut is a button below all of them.
func TestHomeTab(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, withBot()))
	b.as("U0ISABEL", general)
	b.sees("bot", "Slack: 2")
	require.Empty(t, b.act("shortcut", "name", "ask").Error)
	require.Empty(t, b.submit("username", "isabel"))
	require.Empty(t, b.act("close").Error)
	b.as("U0ISABEL", homeOf("U0ISABEL"))
	b.sees("messages", "Request 1: waiting for approval")
	b.as("U0BEN", homeOf("U0BEN"))
	b.sees("messages", "The database: in order")
	b.press("Approve")
	b.sees("messages", "Nothing waits")
	b.as("U0ISABEL", homeOf("U0ISABEL"))
	b.sees("messages", "Your accounts")
	b.press("Ask for an account")
	require.Empty(t, b.submit("username", "isabel2"))
	b.sees("messages", "isabel2")
	require.Contains(t, b.act("press", "message", homeOf("U0ISABEL"), "action", "approve", "value", "1").Error, "button is not there")
	b.say("/ehpc-adduser list")
	b.as("U0ISABEL", directWith("U0ISABEL"))
	b.sees("messages", "Your requests")
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

func TestBrowserIsOpened(t *testing.T) {
	t.Parallel()
	for name, opener := range map[string]string{
		"there is one": `echo "$1" >&2`, "there is none": "exit 3", "nothing knows": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if opener != "" {
				script := "#!/bin/sh\nexec 2>" + filepath.Join(dir, "opened") + "\n" + opener + "\n"
				require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o755))
			}
			cmd := exec.Command(real.Binary, "sandbox", "--addr", "127.0.0.1:0", "--open", "--no-bot")
			cmd.Env = []string{"PATH=" + dir, "TMPDIR=" + dir}
			out, err := os.Create(filepath.Join(dir, "out"))
			require.NoError(t, err)
			defer out.Close()
			cmd.Stdout = out
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool {
				said, _ := os.ReadFile(out.Name())
				opened, _ := os.ReadFile(filepath.Join(dir, "opened"))
				if name == "there is one" {
					return len(opened) > 0 && strings.Contains(string(said), string(opened))
				}
				return strings.Contains(string(said), "No browser could be started: open the address yourself.")
			}, patience, 20*time.Millisecond)
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.NoError(t, cmd.Wait())
		})
	}
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
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
		})
	}
}

// BenchmarkRequests measures how long it takes to load the page, and to see on it what one says, after a thousand
// requests.
func BenchmarkRequests(b *testing.B) {
	s, err := newSite(withBot())
	require.NoError(b, err)
	defer s.close()
	w := s.now()
	w.kill()
	w.env["MAX_ACTIVE_REQUESTS"], w.env["REQUESTS_PER_MINUTE"] = "1000", "0"
	require.NoError(b, w.start())
	server := httptest.NewServer(s.handler())
	defer server.Close()
	page := newBrowser(b, server.URL)
	defer func() { page.leave() }()
	page.as("U0ISABEL", general)
	page.sees("bot", "Slack: 2")
	page.leave()
	for i := range 1000 {
		page.say(fmt.Sprintf("/ehpc-adduser u%d reason=\"thesis project\"", i))
	}
	var took []time.Duration
	b.ResetTimer()
	for i := range max(b.N, 20) {
		text := fmt.Sprintf("message number %d.", i)
		begin := time.Now()
		page.as("U0ISABEL", general)
		page.say(text)
		page.until("it is shown", func() bool {
			return slices.ContainsFunc(slices.Collect(maps.Values(page.shown)), func(part string) bool { return strings.Contains(part, text) })
		})
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
}
