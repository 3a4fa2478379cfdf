package ehpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Sentinels for [errors.Is]. The first four are the classes, and each error of a [Client] is of exactly one of them.
// The others tell single causes apart.
var (
	// ErrRefused says that the request is refused for good: the same request would be refused again.
	ErrRefused = errors.New("refused")
	// ErrBusy says that the request is refused for now; it may be repeated later.
	ErrBusy = errors.New("busy")
	// ErrOperator says that nothing will work before whoever runs the program mends something: the access key, the
	// balance, the clock, the endpoint.
	ErrOperator = errors.New("needs the operator")
	// ErrOutcomeUnknown says that the request may or may not have been carried out: look before it is repeated.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	ErrExists   = errors.New("already exists")         // ret_code 2110: the username is taken
	ErrNotFound = errors.New("not found")              // ret_code 2100: there is no such cluster
	ErrAuth     = errors.New("authentication failed")  // ret_code 1200: unknown key or wrong signature
	ErrQuota    = errors.New("quota exceeded")         // ret_code 2500 or HTTP status 429: too many calls, or over quota
	ErrBalance  = errors.New("balance too low")        // ret_code 2400
	ErrDenied   = errors.New("access forbidden")       // ret_code 1400
	ErrAtWork   = errors.New("the cluster is at work") // ret_code 1400 that speaks of a state that passes; an ErrBusy
	ErrNoUser   = errors.New("no such user")           // ret_code 1610
	ErrLicence  = errors.New("licence refused")        // ret_codes 4000 to 4005
	ErrTooOften = errors.New("reset too often")        // ret_code 1640: the password may be reset again later
)

// Codes that are more to this package than a row of their table.
const (
	codeExpired = 1300
	codeDenied  = 1400
)

// codes are those of the API document. One that it does not list may mean anything.
var codes = map[int]struct {
	class Class
	words string
	cause error // the sentinel of this code; nil where nobody tells it apart
}{
	1100:        {ClassRefused, "malformed request", nil},
	1101:        {ClassRefused, "malformed request", nil},
	1200:        {ClassOperator, "authentication failed", ErrAuth},
	codeExpired: {ClassOperator, "clock is off by more than a minute", nil},
	codeDenied:  {ClassRefused, "denied", ErrDenied},
	1610:        {ClassRefused, "no such user", ErrNoUser},
	1640:        {ClassRefused, "the password was reset too often", ErrTooOften},
	1662:        {ClassRefused, "the user is barred", nil},
	2000:        {ClassOperator, "session expired", ErrAuth},
	2100:        {ClassRefused, "not found", ErrNotFound},
	2110:        {ClassRefused, "already exists", ErrExists},
	2400:        {ClassOperator, "balance too low", ErrBalance},
	2500:        {ClassBusy, "quota exceeded", ErrQuota},
	4000:        {ClassOperator, "licence of the platform", ErrLicence},
	4001:        {ClassOperator, "licence of the platform", ErrLicence},
	4002:        {ClassOperator, "licence of the platform", ErrLicence},
	4003:        {ClassOperator, "licence of the platform", ErrLicence},
	4004:        {ClassOperator, "licence of the platform", ErrLicence},
	4005:        {ClassOperator, "licence of the platform", ErrLicence},
	5000:        {ClassUnknown, "internal error", nil},
	5100:        {ClassBusy, "busy", nil},
	5200:        {ClassRefused, "not enough resources", nil},
	5300:        {ClassBusy, "busy", nil},
	5400:        {ClassBusy, "busy", nil},
}

// Class is what an error means for what to do next.
type Class int

// The classes. The zero value is the careful one.
const (
	ClassUnknown  Class = iota // ErrOutcomeUnknown
	ClassRefused               // ErrRefused
	ClassBusy                  // ErrBusy
	ClassOperator              // ErrOperator
)

var (
	classNames = [...]string{"unknown", "refused", "busy", "operator"}
	sentinels  = [...]error{ErrOutcomeUnknown, ErrRefused, ErrBusy, ErrOperator}
)

// String returns "unknown", "refused", "busy" or "operator".
func (c Class) String() string { return classNames[c] }

// classOfStatus classes an answer that is no JSON of the API: a proxy or a web server in between has spoken. 408 is its
// time-out, and so says nothing about what the API did.
func classOfStatus(status int) Class {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return ClassOperator
	case status == http.StatusTooManyRequests:
		return ClassBusy
	case status == http.StatusRequestTimeout:
		return ClassUnknown
	case status >= 400 && status < 500:
		return ClassRefused
	case status >= 300 && status < 400:
		return ClassOperator
	default:
		return ClassUnknown
	}
}

// Error is a call that did not succeed. Nothing of it holds a secret, even where the server or the transport repeated
// one: what they say is told by its code.
type Error struct {
	Action     string        // what was asked for: addUser, modifyUser, listUsers, listClusters, listNodes or operation
	Code       int           // ret_code; 0 where the answer has none
	Status     int           // HTTP status; 0 where there was no answer
	Message    string        // the API's own words, for a log; see [plainWords]
	Class      Class         // what it means for what to do next
	RetryAfter time.Duration // how long the server asks to wait; 0 where it does not say
	Err        error         // a cause on this side, such as context.DeadlineExceeded or a *RuleError; may be nil

	serverDate string // the header Date of the answer
}

// Error returns "action: cause" with the codes, in words of this package alone.
func (e *Error) Error() string {
	parts := []string{e.Action}
	if e.Code != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("ret_code %d %s", e.Code, e.words())))
	}
	if e.Status != 0 && e.Status != http.StatusOK {
		parts = append(parts, fmt.Sprintf("http status %d", e.Status))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

func (e *Error) words() string {
	switch known, ok := codes[e.Code]; {
	case errors.Is(e, ErrAtWork):
		return "(the cluster is busy with something else)"
	case ok:
		return "(" + known.words + ")"
	}
	return ""
}

// Unwrap returns the cause on this side.
func (e *Error) Unwrap() error { return e.Err }

// Is makes the sentinels of this package work with [errors.Is].
func (e *Error) Is(target error) bool {
	return target == sentinels[e.Class] || target == e.cause()
}

// cause returns the sentinel of a single code. Where the class is another than that of the code, which a 5xx status
// brings about, the code does not count.
func (e *Error) cause() error {
	switch {
	case e.Class == ClassBusy && e.Status == http.StatusTooManyRequests:
		return ErrQuota
	case e.Class == ClassBusy && e.Code == codeDenied:
		return ErrAtWork
	case e.Class != codes[e.Code].class:
		return nil
	}
	return codes[e.Code].cause
}

// ProxyError says that a proxy did not make the connection.
type ProxyError struct {
	Status int // that it answered
}

// Error holds nothing that the proxy has written but the status.
func (e *ProxyError) Error() string {
	if e.Status == http.StatusProxyAuthRequired {
		return "the proxy asks for a user and a password (http status 407)"
	}
	return fmt.Sprintf("the proxy refuses to connect (http status %d)", e.Status)
}

// ProxyAnswer returns a [*ProxyError] unless a proxy has made a connection. It is for [http.Transport], whose own error
// has a text alone.
func ProxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Status: answer.StatusCode}
}

// LimitedError says that the [Quota] allows this call only after RetryAfter. Nothing was sent. It is an [ErrBusy].
type LimitedError struct {
	RetryAfter time.Duration
}

// Error says how long to wait.
func (e *LimitedError) Error() string {
	unit := time.Second
	if e.RetryAfter < unit {
		unit = time.Millisecond
	}
	return "limit of calls per hour reached: next call in " + e.RetryAfter.Round(unit).String()
}

// Is tells that the error is an [ErrBusy].
func (e *LimitedError) Is(target error) bool { return target == ErrBusy }

// RetryAfter returns how long an error of a [Client] asks to wait, or 0 where it does not say.
func RetryAfter(err error) time.Duration {
	if limited, ok := errors.AsType[*LimitedError](err); ok {
		return limited.RetryAfter
	}
	if failed, ok := errors.AsType[*Error](err); ok {
		return failed.RetryAfter
	}
	return 0
}
