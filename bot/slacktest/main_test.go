package slacktest_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/bot/slacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func start(t *testing.T, opts ...slacktest.Option) *slacktest.Server {
	t.Helper()
	s := slacktest.NewServer(opts...)
	t.Cleanup(s.Close)
	s.AddUser(slacktest.User{ID: "U1", Name: "isabel"})
	s.AddUser(slacktest.User{ID: "U2", Name: "omar", Locale: "zh-CN"})
	s.AddChannel(slacktest.Channel{ID: "C1", Name: "approvals", BotIsMember: true})
	return s
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func client(t *testing.T, s *slacktest.Server) *slack.Client {
	t.Helper()
	return slack.New(slacktest.BotToken, slack.OptionAPIURL(s.APIURL()), slack.OptionAppLevelToken(slacktest.AppToken))
}

// clock is a time that moves when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// handler is a bot: it is given an envelope's event and the function that acknowledges it.
type handler func(e socketmode.Event, ack func(payload any))

// connect runs a bot on slack-go's Socket Mode client, one connection, until the test ends.
func connect(t *testing.T, s *slacktest.Server, h handler, opts ...socketmode.Option) {
	t.Helper()
	before := s.Connections()
	opts = append(opts, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	sock := socketmode.New(client(t, s), opts...)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = sock.RunContext(ctx) })
	running.Go(func() { serve(ctx, sock, h) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	require.NoError(t, s.WaitConnections(patient(t), before+1))
}

func serve(ctx context.Context, sock *socketmode.Client, h handler) {
	for {
		select {
		case e := <-sock.Events:
			if e.Request == nil || e.Request.EnvelopeID == "" {
				continue
			}
			h(e, func(payload any) { _ = sock.AckCtx(ctx, e.Request.EnvelopeID, payload) })
		case <-ctx.Done():
			return
		}
	}
}

func ackAll(_ socketmode.Event, ack func(any)) { ack(nil) }

// link is one Socket Mode connection by hand, for what slack-go would not do.
type link struct {
	ws        *websocket.Conn
	envelopes chan socketmode.Request
	gone      chan struct{}
}

func dial(t *testing.T, s *slacktest.Server) *link {
	t.Helper()
	_, address, err := client(t, s).StartSocketModeContext(patient(t))
	require.NoError(t, err)
	ws, resp, err := websocket.DefaultDialer.DialContext(patient(t), address, nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	l := &link{ws: ws, envelopes: make(chan socketmode.Request, 20), gone: make(chan struct{})}
	go l.read()
	t.Cleanup(func() {
		_ = ws.Close()
		<-l.gone
	})
	return l
}

func (l *link) read() {
	defer close(l.gone)
	for {
		var r socketmode.Request
		if l.ws.ReadJSON(&r) != nil {
			return
		}
		l.envelopes <- r
	}
}

// next returns the next message of any of the types, or of any type at all.
func (l *link) next(t *testing.T, want string) socketmode.Request {
	t.Helper()
	select {
	case r := <-l.envelopes:
		require.Equal(t, want, r.Type)
		return r
	case <-time.After(patience):
		require.FailNow(t, "no message", "of type %s", want)
	}
	return socketmode.Request{}
}

func (l *link) send(t *testing.T, message any) {
	t.Helper()
	data, isText := message.(string)
	if !isText {
		encoded, err := json.Marshal(message)
		require.NoError(t, err)
		data = string(encoded)
	}
	require.NoError(t, l.ws.WriteMessage(websocket.TextMessage, []byte(data)))
}

func text(s string) slack.MsgOption { return slack.MsgOptionText(s, false) }

func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject("plain_text", s, false, false)
}

func section(s string) slack.Block { return slack.NewSectionBlock(plain(s), nil, nil) }

func rich(s string) slack.Block {
	return slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(s, nil)))
}

func approval() slack.MsgOption {
	approve := slack.NewButtonBlockElement("approve", "7", plain("Approve")).WithStyle(slack.StylePrimary)
	deny := slack.NewButtonBlockElement("deny", "7", plain("Deny")).WithConfirm(
		slack.NewConfirmationBlockObject(plain("Deny?"), plain("It ends here."), plain("Deny"), plain("Back")))
	return slack.MsgOptionBlocks(section("isabel asks"), slack.NewActionBlock("decide", approve, deny))
}

func form() slack.ModalViewRequest {
	username := slack.NewPlainTextInputBlockElement(nil, "username").WithMaxLength(30)
	mods := slack.NewOptionsSelectBlockElement("static_select", nil, "mod",
		slack.NewOptionBlockObject("700", plain("only me"), nil), slack.NewOptionBlockObject("750", plain("my group"), nil))
	mods.InitialOption = mods.Options[0]
	reason := slack.NewInputBlock("reason", plain("Reason"), nil, slack.NewPlainTextInputBlockElement(nil, "reason"))
	reason.Optional = true
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain("Ask"), Submit: plain("Send"), Close: plain("Cancel"),
		CallbackID: "ask", PrivateMetadata: "C1",
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("username", plain("Username"), nil, username),
			slack.NewInputBlock("mod", plain("Permissions"), nil, mods), reason,
		}},
	}
}
