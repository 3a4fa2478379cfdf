// Package slackapi calls Slack's Web API. All calls pass one place, where Slack's limits are obeyed; what is known of
// people is remembered for a while.
package slackapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// API is a client of Slack's Web API with the bot's two tokens. All calls pass one place, where Slack's limits
// are obeyed, and where an answer that says that a token is no longer valid ends the bot.
type API struct {
	*slack.Client
	// Dead ends, with a *FatalError as its cause, when Slack does not take a token any more.
	Dead context.Context

	app      string     // id of the app whose SLACK_APP_TOKEN it has; empty where the token does not tell
	door     *transport // which all calls pass
	http     *http.Client
	botToken secret.Text
}

// Ready returns an error as long as Slack refuses what the bot asks for because the app lacks a scope.
func (a *API) Ready() error { return a.door.lacking() }

// CloseIdleConnections closes the connections that no call is using.
func (a *API) CloseIdleConnections() { a.door.next.CloseIdleConnections() }

// Config is what a client needs to know.
type Config struct {
	URL      string      // base of the Web API, ends in a slash
	BotToken secret.Text // xoxb-…
	AppToken secret.Text // xapp-…, which opens Socket Mode connections
}

// New returns a client. observe is told of each call; it may be nil.
func New(conf Config, observe func(method, result string)) *API {
	if observe == nil {
		observe = func(string, string) {}
	}
	dead, kill := context.WithCancelCause(context.Background())
	door := &transport{next: newTransport(), base: conf.URL, observe: observe, kill: kill, closed: map[string]time.Time{}, lacks: map[string]scopes{}}
	client := &http.Client{
		Timeout:       callTime,
		Transport:     door,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &API{
		Dead: dead, app: appOf(conf.AppToken), door: door, http: client, botToken: conf.BotToken,
		Client: slack.New(conf.BotToken.Reveal(),
			slack.OptionAPIURL(conf.URL),
			slack.OptionAppLevelToken(conf.AppToken.Reveal()),
			slack.OptionHTTPClient(client),
		),
	}
}

// What [API.Validate] takes.
const (
	KindBlocks = "blocks"
	KindView   = "view"
)

// Invalid are Slack's codes of what it does not take.
var Invalid = []string{"invalid_blocks", "invalid_message", "invalid_view"}

// Validate has Slack look at blocks or a view without showing them to anybody. The error of what Slack does not take
// holds what it says of it. (docs.slack.dev/reference/methods/blocks.validate)
func (a *API) Validate(ctx context.Context, kind string, payload any) error {
	const doing = "have blocks validated"
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	form := url.Values{kind: {string(text)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.door.base+"blocks.validate", strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+a.botToken.Reveal())
	resp, err := a.http.Do(req)
	if err != nil {
		return CallError(doing, err)
	}
	defer resp.Body.Close()
	var answer struct {
		OK     bool            `json:"ok"`
		Error  string          `json:"error"`
		Errors json.RawMessage `json:"errors"`
	}
	err = json.NewDecoder(resp.Body).Decode(&answer)
	switch {
	case resp.StatusCode != http.StatusOK:
		return CallError(doing, slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status})
	case err != nil:
		return CallError(doing, err)
	case answer.OK:
		return nil
	case len(answer.Errors) == 0:
		return CallError(doing, slack.SlackErrorResponse{Err: answer.Error})
	}
	return CallError(doing, fmt.Errorf("%w %s", slack.SlackErrorResponse{Err: answer.Error}, answer.Errors))
}

// appOf reads the id of the app in an app-level token, xapp-1-A…-….
func appOf(token secret.Text) string {
	parts := strings.Split(token.Reveal(), "-")
	if len(parts) < 4 || !strings.HasPrefix(parts[2], "A") {
		return ""
	}
	return parts[2]
}

// OfWorkspace returns a *FatalError where a token is that of a whole organisation, as Slack told of it: nobody is a person of the
// bot's workspace then.
func OfWorkspace(self *slack.AuthTestResponse) error {
	if !strings.HasPrefix(self.TeamID, "E") {
		return nil
	}
	return &FatalError{Variable: "SLACK_BOT_TOKEN", Why: fmt.Sprintf("is that of the whole organisation %s (%s), not of a workspace: "+
		"install the app in the one workspace whose people ask and approve, and take the token from there", self.Team, self.TeamID)}
}

// SameApp asks Slack whether the two tokens are of one app, and returns a *FatalError where they are not: each works by
// itself then, but commands come in by one app, and the buttons' presses go to the other. self is Slack's answer to
// auth.test.
func (a *API) SameApp(ctx context.Context, self *slack.AuthTestResponse) error {
	bot, err := a.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: self.BotID})
	if err != nil {
		return CallError("ask Slack which app the bot is of", err)
	}
	if a.app == "" || bot.AppID == "" || a.app == bot.AppID {
		return nil
	}
	return &FatalError{Variable: "SLACK_APP_TOKEN", Why: fmt.Sprintf(
		"is of the app %s, and SLACK_BOT_TOKEN of the app %s: copy both tokens from the settings of one app", a.app, bot.AppID)}
}

// newTransport returns what Slack's Web API is called over.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16 // a burst of deliveries would open a connection for each otherwise
	t.OnProxyConnectResponse = ehpc.ProxyAnswer
	// HTTP/2 would put call after call on a connection that has died without a word, for a quarter of an hour.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

// transport obeys Slack's 429 answers: until the time that Retry-After names, a method is not called again and
// whoever would call it is told when to. Other methods go on. (docs.slack.dev/apis/web-api/rate-limits)
type transport struct {
	next    *http.Transport
	base    string // address of the Web API
	observe func(method, result string)
	kill    context.CancelCauseFunc

	mu     sync.Mutex
	closed map[string]time.Time // by method: until when
	lacks  map[string]scopes    // by method: what its last answer said was missing
}

const (
	// answerLimit is the most that is read of an answer; Slack's are far smaller.
	answerLimit = 8 << 20
	// callTime is the longest that a call may take.
	callTime = 20 * time.Second
	// openCallTime is the same for the one that opens a connection, without which nobody is answered.
	openCallTime = 8 * time.Second
)

// Methods that are treated in a way of their own.
const (
	methodOpen = "apps.connections.open" // the one that takes the app's token
	methodPost = "chat.postMessage"      // whose limit is that of a channel: package messenger keeps it
	methodHook = "response_url"          // no method: an address for one answer, and a secret of a kind
)

// methodOf names what a request calls.
func (t *transport) methodOf(req *http.Request) string {
	if method, ok := strings.CutPrefix(req.URL.String(), t.base); ok {
		method, _, _ = strings.Cut(method, "?")
		return method
	}
	return methodHook
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	method := t.methodOf(req)
	if wait := t.wait(method); wait > 0 {
		t.observe(method, "limited")
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &approval.LaterError{After: wait, Err: errors.New("Slack's limit for " + method + " is reached")}
	}
	if method == methodOpen {
		ctx, cancel := context.WithTimeout(req.Context(), openCallTime)
		defer cancel() // the answer is read by then
		req = req.WithContext(ctx)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		t.observe(method, "no_answer")
		return nil, err
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		t.limit(method, resp.Header)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	_ = resp.Body.Close()
	if err != nil {
		t.observe(method, "no_answer")
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	code, lacks := codeOf(body)
	t.noteScopes(method, code, lacks)
	t.observe(method, result(resp.StatusCode, code))
	if dead := fatal(method, code); dead != nil {
		t.kill(dead)
	}
	return resp, nil
}

func (t *transport) wait(method string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Until(t.closed[method])
}

// limit notes a 429 answer. One without a readable Retry-After gets one, for slack-go to understand.
func (t *transport) limit(method string, h http.Header) {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	seconds = min(seconds, int(time.Hour/time.Second))
	h.Set("Retry-After", strconv.Itoa(seconds))
	if method == methodPost || method == methodHook {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed[method] = time.Now().Add(time.Duration(seconds) * time.Second)
}

// scopes are those that Slack asks for, and those that the token has.
type scopes struct {
	Needed   string `json:"needed"`
	Provided string `json:"provided"`
}

// codeOf returns Slack's error code in an answer, empty where there is none, and what it says of scopes.
func codeOf(body []byte) (string, scopes) {
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
		scopes
	}
	if json.Unmarshal(body, &answer) != nil || answer.OK {
		return "", scopes{}
	}
	return answer.Error, answer.scopes
}

const codeMissingScope = "missing_scope"

// noteScopes keeps what a method's last answer said of scopes.
func (t *transport) noteScopes(method, code string, s scopes) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if code == codeMissingScope {
		t.lacks[method] = s
	} else {
		delete(t.lacks, method)
	}
}

func (t *transport) lacking() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for method, s := range t.lacks {
		return fmt.Errorf("%s: %w", method, slack.SlackErrorResponse{Err: codeMissingScope, Needed: s.Needed, Provided: s.Provided})
	}
	return nil
}

// result is "ok", Slack's error code, or the HTTP status: few values, fit for a metric.
func result(status int, code string) string {
	switch {
	case status != http.StatusOK:
		return "http_" + strconv.Itoa(status)
	case code == "":
		return "ok"
	case len(code) > 50:
		return "error"
	}
	return code
}

// Code returns Slack's error code in err's chain, such as channel_not_found; empty where there is none.
func Code(err error) string {
	answer, _ := errors.AsType[slack.SlackErrorResponse](err)
	return answer.Err
}

// passing are Slack's codes of troubles that pass by themselves.
var passing = []string{"fatal_error", "internal_error", "ratelimited", "rate_limited", "request_timeout", "service_unavailable", "team_added_to_org"}

// Refused reports whether Slack has answered an error that stays until somebody does something about it.
func Refused(err error) bool {
	code := Code(err)
	return code != "" && !slices.Contains(passing, code)
}

// CallError makes an error of the Web API fit to be passed on: it says what was being done, asks for a
// repetition when Slack does, and holds no URL, as those of answers to commands are secrets of a kind.
func CallError(doing string, err error) error {
	if err == nil {
		return nil
	}
	if later, ok := errors.AsType[*approval.LaterError](err); ok {
		return &approval.LaterError{After: later.After, Err: fmt.Errorf("%s: %w", doing, later.Err)}
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &approval.LaterError{After: max(limited.RetryAfter, time.Second), Err: fmt.Errorf("%s: %w", doing, err)}
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		err = broken.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// FatalError is an answer of Slack after which nothing works until an administrator has acted.
type FatalError struct {
	Variable string // that holds the token
	Code     string // Slack's error code
	Why      string // in words, where Slack has no code for it
}

func (e *FatalError) Error() string {
	switch e.Code {
	case "":
		return e.Variable + ": " + e.Why
	case "link_disabled":
		return fmt.Sprintf("%s: Slack has switched off Socket Mode for this app (%s): switch it on again under Socket Mode in the app's settings", e.Variable, e.Code)
	case "not_allowed_token_type":
		return fmt.Sprintf("%s: Slack does not take this kind of token here (%s): look whether SLACK_APP_TOKEN and SLACK_BOT_TOKEN are swapped", e.Variable, e.Code)
	}
	return fmt.Sprintf("%s: Slack refuses the token (%s): copy it anew from the app's settings, or install the app again", e.Variable, e.Code)
}

// fatal returns the *FatalError for an answer that says that a token is not, or no longer, valid; else nil.
func fatal(method, code string) error {
	variable := "SLACK_BOT_TOKEN"
	switch method {
	case methodOpen:
		variable = "SLACK_APP_TOKEN"
	case methodHook:
		return nil
	}
	if slices.Contains(badToken, code) {
		return &FatalError{Variable: variable, Code: code}
	}
	return nil
}

// badToken are Slack's codes of a token that is not, or no longer, valid.
var badToken = []string{"invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed", "not_allowed_token_type"}

// BadToken reports whether Slack does not take the token.
func BadToken(err error) bool { return slices.Contains(badToken, Code(err)) }

// Fatal returns the *FatalError in err's chain, or nil.
func Fatal(err error) error {
	if dead, ok := errors.AsType[*FatalError](err); ok {
		return dead
	}
	return nil
}
