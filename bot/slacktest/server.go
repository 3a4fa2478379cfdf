package slacktest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What a Server is unless its options say otherwise.
const (
	AppToken   = "xapp-1-A0EHPCBOT-1-abcdef"
	BotToken   = "xoxb-0-1-abcdef"
	TeamID     = "T0EHPC"
	TeamDomain = "ehpc-test"
	BotUserID  = "U0EHPCBOT"
	BotID      = "B0EHPCBOT"
	AppID      = "A0EHPCBOT"
)

// Slack's time limits: docs.slack.dev/interactivity/handling-user-interaction.
const (
	defaultAckDeadline  = 3 * time.Second
	defaultPingInterval = 5 * time.Second
	triggerLife         = 3 * time.Second
	responseURLLife     = 30 * time.Minute
	responseURLUses     = 5
)

// Server is a Slack workspace with one app installed in it. Make one with [NewServer].
type Server struct {
	config
	listener net.Listener
	http     *http.Server
	done     chan struct{}
	running  sync.WaitGroup // handlers, connections, dispatcher, timers
	closing  sync.Once

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced at every change of what follows

	serial  int
	lastTS  int64
	scopes  []string
	revoked map[string]string // token kind to error
	users   map[string]User
	order   []string // user ids in the order in which they were added
	groups  []*userGroup
	free    bool // plan without user groups

	channels    map[string]*channel
	messagesTab bool
	homeTab     bool
	editWindow  time.Duration
	commands    map[string]bool // nil: every command is the app's
	calls       []*Call
	violations  []string
	onCall      map[int]func(Call, string)
	faults      []*activeFault
	limits      map[string]*bucket
	channelRate channelRate
	limited     map[string]int

	triggers     map[string]*trigger
	responseURLs map[string]*responseURL
	scheduled    map[string]string   // channel by id
	modals       map[string][]*modal // by user, root first
	homes        map[string]*modal   // by user

	tickets    map[string]bool
	conns      []*conn
	made       int
	turn       int
	routing    func(n int) int
	refusing   bool
	closeDelay time.Duration
	crossAck   bool
	crossAcks  int
	envelopes  map[string]*envelope

	ephemerals    []*Message
	notifications map[string][]Notification
	events        []Event
	delivered     int // events given to subscribers
	onEvent       map[int]func(Event)
	onEnvelope    map[int]func(Envelope)
}

// Option changes what [NewServer] makes.
type Option func(*config)

type config struct {
	addr         string
	now          func() time.Time
	appToken     string
	botToken     string
	teamID       string
	teamDomain   string
	botUserID    string
	botID        string
	appID        string
	ackDeadline  time.Duration
	pingInterval time.Duration
}

// WithAddr sets the address to listen on. Default: a free port of 127.0.0.1.
func WithAddr(addr string) Option { return func(c *config) { c.addr = addr } }

// WithClock sets the clock that trigger ids, response URLs, rate limits, the edit window and the timestamps of
// messages go by. The deadline of acknowledgements and the pings go by real time. Default: time.Now.
func WithClock(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithTokens sets the tokens that are valid. Default: [AppToken] and [BotToken].
func WithTokens(app, bot string) Option {
	return func(c *config) { c.appToken, c.botToken = app, bot }
}

// WithTeam sets the workspace. Default: [TeamID] and [TeamDomain].
func WithTeam(id, domain string) Option {
	return func(c *config) { c.teamID, c.teamDomain = id, domain }
}

// WithBot sets the app and its bot user. Default: [BotUserID], [BotID] and [AppID].
func WithBot(userID, botID, appID string) Option {
	return func(c *config) { c.botUserID, c.botID, c.appID = userID, botID, appID }
}

// WithAckDeadline sets how long Slack waits for an acknowledgement. Default: 3 s, as Slack does.
func WithAckDeadline(d time.Duration) Option { return func(c *config) { c.ackDeadline = d } }

// WithPingInterval sets the time between two pings on a connection. Default: 5 s.
func WithPingInterval(d time.Duration) Option { return func(c *config) { c.pingInterval = d } }

// NewServer starts a workspace that has nobody in it but the bot. It panics when it cannot listen, as
// [net/http/httptest.NewServer] does.
func NewServer(opts ...Option) *Server {
	s := newServer(opts)
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		panic(fmt.Sprintf("slacktest: listen on %s: %v", s.addr, err))
	}
	s.listener = listener
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() { _ = s.http.Serve(listener) })
	s.running.Go(s.dispatch)
	return s
}

func newServer(opts []Option) *Server {
	s := &Server{
		config: config{
			addr: "127.0.0.1:0", now: time.Now,
			appToken: AppToken, botToken: BotToken,
			teamID: TeamID, teamDomain: TeamDomain,
			botUserID: BotUserID, botID: BotID, appID: AppID,
			ackDeadline: defaultAckDeadline, pingInterval: defaultPingInterval,
		},
		done:          make(chan struct{}),
		changed:       make(chan struct{}),
		scopes:        leastScopes(),
		revoked:       map[string]string{},
		users:         map[string]User{},
		channels:      map[string]*channel{},
		messagesTab:   true,
		homeTab:       true,
		editWindow:    -1,
		onCall:        map[int]func(Call, string){},
		limits:        map[string]*bucket{},
		limited:       map[string]int{},
		triggers:      map[string]*trigger{},
		responseURLs:  map[string]*responseURL{},
		scheduled:     map[string]string{},
		modals:        map[string][]*modal{},
		homes:         map[string]*modal{},
		tickets:       map[string]bool{},
		crossAck:      true,
		envelopes:     map[string]*envelope{},
		notifications: map[string][]Notification{},
		onEvent:       map[int]func(Event){},
		onEnvelope:    map[int]func(Envelope){},
	}
	for _, opt := range opts {
		opt(&s.config)
	}
	s.users[s.botUserID] = User{ID: s.botUserID, Name: "ehpcbot", RealName: "ehpcbot", TeamID: s.teamID, Bot: true}
	s.order = []string{s.botUserID}
	return s
}

// URL returns the server's address, such as http://127.0.0.1:40123.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// APIURL returns the address of the Web API. It ends in /api/ and is what slack.OptionAPIURL takes.
func (s *Server) APIURL() string { return s.URL() + "/api/" }

// Close ends all connections and waits until nothing of the server runs any more. People who wait for an
// acknowledgement get [ErrClosed]. Later calls do nothing.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		conns := append([]*conn(nil), s.conns...)
		s.mu.Unlock()
		close(s.done)
		for _, c := range conns {
			_ = c.ws.NetConn().Close()
		}
		_ = s.http.Close()
	})
	s.running.Wait()
}

// ServeHTTP implements [http.Handler]: the Web API under /api/, Socket Mode under /link, and response URLs
// under /commands/ and /actions/. The addresses that Slack hands out are those of the server's own listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.running.Done()
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/api/"):
		s.serveMethod(w, r, strings.TrimPrefix(path, "/api/"))
	case path == "/link":
		s.serveLink(w, r)
	case strings.HasPrefix(path, "/commands/"), strings.HasPrefix(path, "/actions/"):
		s.serveResponseURL(w, r)
	default:
		http.NotFound(w, r)
	}
}

// enter counts a piece of work that Close waits for; false when the server is closed already.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// change tells all that wait to look again. The lock is held.
func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Wait returns nil as soon as cond is true, looking at it again whenever something in the workspace has
// changed, and an error when ctx ends or the server is closed first. cond may call the server's methods.
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the workspace: %w", ctx.Err())
		case <-s.done:
			return ErrClosed
		}
	}
}

// WaitMessage waits for a message of the channel that pred accepts, in its latest version; nil accepts any that
// is not deleted.
func (s *Server) WaitMessage(ctx context.Context, channel string, pred func(Message) bool) (Message, error) {
	return s.waitMessage(ctx, func() []Message { return s.Messages(channel) }, pred)
}

// WaitDirectMessage is [Server.WaitMessage] for the bot's conversation with a person.
func (s *Server) WaitDirectMessage(ctx context.Context, userID string, pred func(Message) bool) (Message, error) {
	return s.waitMessage(ctx, s.Person(userID).DirectMessages, pred)
}

func (s *Server) waitMessage(ctx context.Context, list func() []Message, pred func(Message) bool) (found Message, err error) {
	err = s.Wait(ctx, func() bool {
		for _, m := range list() {
			if pred == nil && !m.Deleted || pred != nil && pred(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// WaitConnections waits until exactly n Socket Mode connections are open.
func (s *Server) WaitConnections(ctx context.Context, n int) error {
	return s.Wait(ctx, func() bool { return s.Connections() == n })
}

// Violations lists, in order, all that a correct bot does not do: refusals for what a call held (a limit of
// Block Kit, a missing text, an unknown method), acknowledgements that were too large, late, twice or for
// nothing, and answers in them that Slack can't use. Faults that were asked for are not among them.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

func (s *Server) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
	s.change()
}

// next counts what needs a number of its own.
func (s *Server) next() int {
	s.serial++
	return s.serial
}

// timestamp returns a message id: seconds and microseconds, larger than any before it.
func (s *Server) timestamp() string {
	s.lastTS = max(s.now().UnixMicro(), s.lastTS+1)
	return fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}
