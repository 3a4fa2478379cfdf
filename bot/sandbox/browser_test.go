package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	real "ehpcbot/bot/endtoend/world"
)

// patience is for a machine that has a lot to do.
const patience = time.Minute

// open starts a sandbox and returns its address.
func open(t testing.TB, o Options) string {
	t.Helper()
	return printed(t, o, "ehpcbot sandbox: ")[0]
}

// printed starts a sandbox and returns what it prints behind some words.
func printed(t testing.TB, o Options, words ...string) []string {
	t.Helper()
	o.Addr = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, out, o) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	lines := bufio.NewScanner(in)
	t.Cleanup(func() { _ = in.Close() })
	var all []string
	for _, w := range words {
		for lines.Scan() {
			if _, value, found := strings.Cut(lines.Text(), w); found {
				all = append(all, value)
				break
			}
		}
	}
	require.Len(t, all, len(words))
	go func() { _, _ = io.Copy(io.Discard, in) }()
	return all
}

// openBare starts a sandbox without a bot, and returns also what one of somebody else's connects with.
func openBare(t testing.TB) (address string, bot *slack.Client) {
	t.Helper()
	said := printed(t, Options{}, "ehpcbot sandbox: ", "SLACK_API_URL=", "SLACK_APP_TOKEN=", "SLACK_BOT_TOKEN=")
	return said[0], slack.New(said[3], slack.OptionAPIURL(said[1]), slack.OptionAppLevelToken(said[2]))
}

func withBot() Options { return Options{Program: real.Binary} }

// browser is one that has a page of the sandbox open, without eyes and fingers.
type browser struct {
	t       testing.TB
	ctx     context.Context
	client  *http.Client
	base    string
	query   string
	token   string
	events  *bufio.Scanner
	leave   context.CancelFunc
	shown   map[string]string // the parts, by their ids
	outcome outcome           // of what was done last
}

func newBrowser(t testing.TB, base string) *browser {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	b := &browser{t: t, ctx: ctx, base: base, client: &http.Client{Transport: &http.Transport{}}, leave: func() {}}
	t.Cleanup(func() {
		cancel()
		b.leave()
		b.client.CloseIdleConnections()
	})
	return b
}

var tokenOf = regexp.MustCompile(`<meta name="token" content="(\w+)">`)

// visit loads a page and listens to it.
func (b *browser) visit(address string) string {
	b.t.Helper()
	b.leave()
	_, b.query, _ = strings.Cut(address, "?")
	page := b.get("/?" + b.query)
	b.token = tokenOf.FindStringSubmatch(page)[1]
	ctx, cancel := context.WithCancel(b.ctx)
	answer := b.send(ctx, http.MethodGet, "/events?"+b.query, nil, nil)
	require.Equal(b.t, http.StatusOK, answer.StatusCode)
	b.leave = func() {
		cancel()
		_ = answer.Body.Close()
	}
	b.events = bufio.NewScanner(answer.Body)
	b.events.Buffer(nil, 1<<24)
	b.shown = map[string]string{}
	return page
}

// as is a visit as somebody.
func (b *browser) as(person, place string) {
	b.t.Helper()
	b.visit("/?" + url.Values{"as": {person}, "in": {place}}.Encode())
}

func (b *browser) send(ctx context.Context, method, path string, headers map[string]string, form url.Values) *http.Response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, b.base+path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range headers {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	answer, err := b.client.Do(r)
	require.NoError(b.t, err)
	return answer
}

func (b *browser) get(path string) string {
	b.t.Helper()
	answer := b.send(b.ctx, http.MethodGet, path, nil, nil)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	require.Equal(b.t, http.StatusOK, answer.StatusCode, string(body))
	return string(body)
}

// act does something, as the page's script does, again where a slow machine did not answer in time.
func (b *browser) act(deed string, fields ...string) outcome {
	b.t.Helper()
	for range 3 {
		if !strings.Contains(b.actOnce(deed, fields...).Error, "did not respond in time") {
			break
		}
	}
	return b.outcome
}

func (b *browser) actOnce(deed string, fields ...string) outcome {
	b.t.Helper()
	form := url.Values{}
	for pair := range slices.Chunk(fields, 2) {
		form.Add(pair[0], pair[1])
	}
	answer := b.send(b.ctx, http.MethodPost, "/do/"+deed+"?"+b.query, map[string]string{"X-Sandbox-Token": b.token}, form)
	defer answer.Body.Close()
	require.Equal(b.t, http.StatusOK, answer.StatusCode)
	b.outcome = outcome{}
	require.NoError(b.t, json.NewDecoder(answer.Body).Decode(&b.outcome))
	return b.outcome
}

// say types something, and nothing goes wrong.
func (b *browser) say(text string) {
	b.t.Helper()
	require.Empty(b.t, b.act("say", "text", text).Error)
}

// until waits until the page is as it should be.
func (b *browser) until(what string, is func() bool) {
	b.t.Helper()
	for !is() {
		if !b.events.Scan() {
			require.Failf(b.t, "not so: "+what, "%v\n%s", b.events.Err(), b.plain(""))
		}
		data, isData := strings.CutPrefix(b.events.Text(), "data: {")
		if !isData {
			continue
		}
		var p part
		require.NoError(b.t, json.Unmarshal([]byte("{"+data), &p))
		if p.Mark == "" {
			delete(b.shown, p.ID)
		} else {
			b.shown[p.ID] = string(p.HTML)
		}
	}
}

// sees waits until part of the page, such as messages, shows some words.
func (b *browser) sees(where, text string) {
	b.t.Helper()
	b.until(where+" shows "+text, func() bool { return strings.Contains(b.plain(where), text) })
}

var markup = regexp.MustCompile(`<[^>]*>`)

// plain is what can be read: in all messages, in a part, or, of "", in all parts.
func (b *browser) plain(where string) string {
	var all strings.Builder
	for id, drawn := range b.shown {
		if where == "" || id == where || where == "messages" && strings.HasPrefix(id, "m-") {
			all.WriteString("\n-- " + id + ": " + html.UnescapeString(markup.ReplaceAllString(drawn, " ")))
		}
	}
	return strings.ReplaceAll(all.String(), "  ", " ")
}

var (
	messageOf = regexp.MustCompile(`data-message="([^"]*)"`)
	buttonsOf = regexp.MustCompile(`<button[^>]*>[^<]*</button>`)
	attribute = regexp.MustCompile(`data-(\w+)="([^"]*)"`)
)

// press presses the button with this text in a message or in the form, once it is there.
func (b *browser) press(text string) {
	b.t.Helper()
	var fields []string
	b.until("a button "+text, func() bool {
		for id, drawn := range b.shown {
			for _, button := range buttonsOf.FindAllString(drawn, -1) {
				if html.UnescapeString(markup.ReplaceAllString(button, "")) != text || id != "modal" && !strings.HasPrefix(id, "m-") {
					continue
				}
				if m := messageOf.FindStringSubmatch(drawn); m != nil {
					fields = append(fields, "message", m[1])
				}
				for _, a := range attribute.FindAllStringSubmatch(button, -1) {
					fields = append(fields, a[1], html.UnescapeString(a[2]))
				}
				return true
			}
		}
		return false
	})
	require.Empty(b.t, b.act("press", fields...).Error)
}

var viewOf = regexp.MustCompile(`data-view="([^"]*)"`)

// submit fills in the form, once it is there: blocks and what is typed into them, in turn.
func (b *browser) submit(fields ...string) outcome {
	b.t.Helper()
	b.until("a form", func() bool { return b.shown["modal"] != "" })
	form := []string{"view", viewOf.FindStringSubmatch(b.shown["modal"])[1]}
	for i, f := range fields {
		if i%2 == 0 {
			f = "in:" + f
		}
		form = append(form, f)
	}
	return b.act("submit", form...)
}
