package bot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// NewAPI returns a client of Slack's Web API with the bot's two tokens. observe is told of each call; it may
// be nil.
func NewAPI(conf Config, observe func(method, result string)) *slack.Client {
	return slack.New(conf.BotToken.Reveal(),
		slack.OptionAPIURL(conf.APIURL),
		slack.OptionAppLevelToken(conf.AppToken.Reveal()),
		slack.OptionHTTPClient(newHTTPClient(conf.APIURL, observe)),
	)
}

func newHTTPClient(apiURL string, observe func(method, result string)) *http.Client {
	if observe == nil {
		observe = func(string, string) {}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16 // a burst of deliveries would open a connection for each otherwise
	return &http.Client{
		Timeout:       20 * time.Second,
		Transport:     &limits{next: transport, api: apiURL, observe: observe, closed: map[string]time.Time{}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limits obeys Slack's 429 answers: until the time that Retry-After names, a method is not called again and
// whoever would call it is told when to. Other methods go on. (docs.slack.dev/apis/web-api/rate-limits)
type limits struct {
	next    http.RoundTripper
	api     string // base of the Web API's URLs
	observe func(method, result string)

	mu     sync.Mutex
	closed map[string]time.Time // by method and, for posts, channel: until when
}

// answerLimit is the most that is read of an answer; Slack's are far smaller.
const answerLimit = 8 << 20

// RoundTrip implements http.RoundTripper.
func (l *limits) RoundTrip(req *http.Request) (*http.Response, error) {
	method := l.methodOf(req.URL)
	if wait := l.wait(method); wait > 0 {
		l.observe(method, "limited")
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &approval.LaterError{After: wait, Err: errors.New("Slack's limit for " + method + " is reached")}
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		l.observe(method, "no_answer")
		return nil, err
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		l.close(method, retryAfter(resp.Header))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	_ = resp.Body.Close()
	if err != nil {
		l.observe(method, "no_answer")
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	l.observe(method, resultOf(resp.StatusCode, body))
	return resp, nil
}

// methodOf names the method that a URL calls. The URLs that answer a press hold a token in their path, which is
// no name and must not get into a metric.
func (l *limits) methodOf(u *url.URL) string {
	method, ok := strings.CutPrefix(u.Scheme+"://"+u.Host+u.Path, l.api)
	if !ok || strings.Contains(method, "/") {
		return "response_url"
	}
	return method
}

func (l *limits) wait(method string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.closed[method])
}

func (l *limits) close(method string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed[method] = time.Now().Add(d)
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}

// resultOf is "ok", Slack's error code, or the HTTP status: few values, fit for a metric.
func resultOf(status int, body []byte) string {
	if status != http.StatusOK {
		return "http_" + strconv.Itoa(status)
	}
	var answer struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.OK == nil || *answer.OK {
		return "ok"
	}
	if len(answer.Error) > 50 {
		return "error"
	}
	return answer.Error
}

// slackCode returns Slack's error code in err's chain, such as channel_not_found; empty where there is none.
func slackCode(err error) string {
	var answer slack.SlackErrorResponse
	if errors.As(err, &answer) {
		return answer.Err
	}
	return ""
}

// callError makes an error of the Web API fit to be passed on: it says what was being done, asks for a
// repetition when Slack does, and holds no URL, as those of answers to commands are secrets of a kind.
func callError(doing string, err error) error {
	if err == nil {
		return nil
	}
	var later *approval.LaterError
	if errors.As(err, &later) {
		return &approval.LaterError{After: later.After, Err: fmt.Errorf("%s: %w", doing, later.Err)}
	}
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return &approval.LaterError{After: max(limited.RetryAfter, time.Second), Err: fmt.Errorf("%s: %w", doing, err)}
	}
	var broken *url.Error
	if errors.As(err, &broken) {
		err = broken.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// FatalError is an answer of Slack after which nothing works until an administrator has acted.
type FatalError struct {
	Variable string // that holds the token
	Code     string // Slack's error code
}

func (e *FatalError) Error() string {
	switch e.Code {
	case "link_disabled":
		return "Slack has switched off Socket Mode for this app (link_disabled): switch it on again under Socket Mode in the app's settings"
	case "not_allowed_token_type":
		return fmt.Sprintf("%s: Slack does not take this kind of token here (%s): look whether SLACK_APP_TOKEN and SLACK_BOT_TOKEN are swapped", e.Variable, e.Code)
	}
	return fmt.Sprintf("%s: Slack refuses the token (%s): copy it anew from the app's settings, or install the app again", e.Variable, e.Code)
}

// fatal returns the *FatalError for an answer that says that a token is not, or no longer, valid; else nil.
func fatal(variable string, err error) error {
	switch code := slackCode(err); code {
	case "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed", "not_allowed_token_type":
		return &FatalError{Variable: variable, Code: code}
	}
	return nil
}
