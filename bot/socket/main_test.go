package socket_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/bot/slacktest"
	"ehpcbot/bot/socket"
)

func TestMain(m *testing.M) {
	if standStill() {
		return
	}
	_ = flag.Set("test.parallel", "12") // they wait more than they work
	goleak.VerifyTestMain(m)
}

const (
	isabel  = "U0ISABEL"
	command = "/ask"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// world is a pool on one side of real connections, and a Slack workspace on the other.
type world struct {
	t      *testing.T
	slack  *slacktest.Server
	pool   *socket.Pool
	log    *journal
	seen   *observer
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	opened  []time.Time // when addresses were asked for
	instead []string    // what people were told in the place of an acknowledgement
	after   []string    // and after it
}

// start has a pool of n connections run until the test ends. change is called before it runs.
func start(t *testing.T, n int, change func(*world), opts ...slacktest.Option) *world {
	t.Helper()
	w := &world{t: t, slack: slacktest.NewServer(opts...), log: &journal{}, seen: &observer{}, ended: make(chan error, 1)}
	t.Cleanup(w.slack.Close)
	w.slack.SetCrossAck(false)
	w.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel"})
	w.pool = &socket.Pool{
		Address: w.address, RetryAfter: func(error) time.Duration { return 0 }, Handle: w.handle, Refuse: w.refuse,
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
		Lost:  func() {}, Observer: w.seen, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Times: socket.Times{Ping: 10 * time.Second, Linger: 50 * time.Millisecond, Pause: 10 * time.Millisecond, LongestPause: 200 * time.Millisecond},
	}
	if change != nil {
		change(w)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() {
		w.ended <- w.pool.Run(ctx, n)
		close(w.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-w.ended
	})
	return w
}

// connected waits until n connections are greeted.
func (w *world) connected(n int) *world {
	w.t.Helper()
	w.eventually(func() bool { return w.pool.Live() == n }, "%d connections are greeted", n)
	return w
}

func (w *world) address(ctx context.Context) (string, error) {
	w.mu.Lock()
	w.opened = append(w.opened, time.Now())
	w.mu.Unlock()
	api := slack.New(slacktest.BotToken, slack.OptionAPIURL(w.slack.APIURL()), slack.OptionAppLevelToken(slacktest.AppToken))
	_, address, err := api.StartSocketModeContext(ctx)
	return address, err
}

// handle repeats what is said.
func (w *world) handle(_ context.Context, event socketmode.Event) socket.Reply {
	words := "a press"
	if c, ok := event.Data.(slack.SlashCommand); ok {
		words = c.Text
	}
	return w.reply(words)
}

func (w *world) refuse(socketmode.Event) socket.Reply { return w.reply("refused") }

func (w *world) reply(words string) socket.Reply {
	note := func(notes *[]string) func(context.Context) {
		return func(context.Context) {
			w.mu.Lock()
			defer w.mu.Unlock()
			*notes = append(*notes, words)
		}
	}
	return socket.Reply{Payload: map[string]string{"text": words}, Instead: note(&w.instead), After: note(&w.after)}
}

func (w *world) told() (instead, after []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.instead), slices.Clone(w.after)
}

// say has isabel type a command.
func (w *world) say(words string) slacktest.Reply {
	return w.slack.Person(isabel).Command(w.t.Context(), command, words)
}

// answered has isabel type a command, and looks at the answer.
func (w *world) answered(words string) {
	w.t.Helper()
	r := w.say(words)
	require.NoError(w.t, r.Err, w.log)
	require.Equal(w.t, words, r.Text)
}

// saying has isabel type a command meanwhile.
func (w *world) saying(words string) <-chan slacktest.Reply {
	done := make(chan slacktest.Reply, 1)
	go func() { done <- w.say(words) }()
	return done
}

// wait waits for what shows in the workspace.
func (w *world) wait(is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	require.NoError(w.t, w.slack.Wait(ctx, is), w.log)
}

// eventually waits for what shows in no double.
func (w *world) eventually(is func() bool, what string, args ...any) {
	w.t.Helper()
	require.Eventually(w.t, is, patience, 5*time.Millisecond, "it is not so that %s\n%s", fmt.Sprintf(what, args...), w.log)
}

// end waits until the pool ends by itself.
func (w *world) end() error {
	w.t.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(patience):
		w.t.Fatalf("the pool goes on\n%s", w.log)
		return nil
	}
}

// clean looks at what the workspace has to say.
func (w *world) clean() {
	w.t.Helper()
	require.Empty(w.t, w.slack.Violations())
	require.Zero(w.t, w.slack.CrossAcks())
	for _, secret := range []string{slacktest.AppToken, slacktest.BotToken, "ticket", "ws://"} {
		require.NotContains(w.t, w.log.String(), secret)
	}
}

// block makes handlers wait: arrived gets one for each, and they go on when free is called.
func (w *world) block() (arrived chan struct{}, free func()) {
	arrived, blocked := make(chan struct{}, 100), make(chan struct{})
	next := w.pool.Handle
	w.pool.Handle = func(ctx context.Context, event socketmode.Event) socket.Reply {
		arrived <- struct{}{}
		<-blocked
		return next(ctx, event)
	}
	free = sync.OnceFunc(func() { close(blocked) })
	w.t.Cleanup(free)
	return arrived, free
}

// link is Slack's end of one connection, for what the double of Slack never does.
type link struct {
	t  *testing.T
	ws *websocket.Conn
}

const hello = `{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"}}`

// startLinked is start with one connection, to a server that does what serve does on each. The connection ends when
// serve returns.
func startLinked(t *testing.T, serve func(*link), change func(*world)) *world {
	t.Helper()
	var serving sync.WaitGroup
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		ws, err := upgrader.Upgrade(rw, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		serve(&link{t, ws})
	}))
	t.Cleanup(func() {
		serving.Wait() // the pool has ended by then
		server.Close()
	})
	return start(t, 1, func(w *world) {
		w.pool.Address = func(context.Context) (string, error) { return strings.Replace(server.URL, "http", "ws", 1), nil }
		if change != nil {
			change(w)
		}
	})
}

func (l *link) send(messages ...string) {
	for _, m := range messages {
		if err := l.ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			l.t.Errorf("send: %v", err)
		}
	}
}

// receive returns the next acknowledgement; empty when the connection is over.
func (l *link) receive() string {
	_ = l.ws.SetReadDeadline(time.Now().Add(patience))
	_, message, _ := l.ws.ReadMessage()
	return string(message)
}

// expect looks at the next acknowledgement.
func (l *link) expect(ack string) {
	if got := l.receive(); got != ack {
		l.t.Errorf("%.100q in place of %.100q", got, ack)
	}
}

// ask is a command in an envelope.
func ask(id, words string) string {
	return fmt.Sprintf(`{"type":"slash_commands","envelope_id":%q,"payload":{"text":%q}}`, id, words)
}

func ack(id, words string) string {
	return fmt.Sprintf(`{"envelope_id":%q,"payload":{"text":%q}}`, id, words)
}

// journal is a log that can be read while it is written.
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

// has reports whether one line has all words.
func (j *journal) has(words ...string) bool {
	for line := range strings.Lines(j.String()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			return true
		}
	}
	return false
}

// observer keeps what is observed.
type observer struct {
	mu   sync.Mutex
	acks map[string]int // by type
	live int
}

func (o *observer) Acknowledged(envelope string, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.acks == nil {
		o.acks = map[string]int{}
	}
	if took > 0 {
		o.acks[envelope]++
	}
}

func (o *observer) Connections(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live = n
}

func (o *observer) count(envelope string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.acks[envelope]
}

func (o *observer) last() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.live
}
