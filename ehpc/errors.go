package ehpc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Sentinels for [errors.Is]. The first four are the classes, and each error of
// a [Client] is of exactly one of them. The others tell single causes apart.
var (
	// ErrRefused says that the request is refused for good: the same request
	// would be refused again.
	ErrRefused = errors.New("refused")
	// ErrBusy says that the request is refused for now; it may be repeated
	// later.
	ErrBusy = errors.New("busy")
	// ErrOperator says that nothing will work before whoever runs the program
	// mends something: the access key, the balance, the clock, the endpoint.
	ErrOperator = errors.New("needs the operator")
	// ErrOutcomeUnknown says that the request may or may not have been carried
	// out: look before it is repeated.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	ErrExists   = errors.New("already exists")         // ret_code 2110: the username is taken
	ErrNotFound = errors.New("not found")              // ret_code 2100: there is no such cluster
	ErrAuth     = errors.New("authentication failed")  // ret_code 1200: unknown key or wrong signature
	ErrQuota    = errors.New("quota exceeded")         // ret_code 2500 or HTTP status 429: too many calls, or over quota
	ErrBalance  = errors.New("balance too low")        // ret_code 2400
	ErrDenied   = errors.New("access forbidden")       // ret_code 1400
	ErrAtWork   = errors.New("the cluster is at work") // ret_code 1400 that speaks of a state that passes; an ErrBusy
)

// The codes of the API document.
const (
	codeMalformed    = 1100
	codeParameter    = 1101
	codeAuth         = 1200
	codeExpired      = 1300
	codeDenied       = 1400
	codeNotFound     = 2100
	codeExists       = 2110
	codeBalance      = 2400
	codeQuota        = 2500
	codeInternal     = 5000
	codeServerBusy   = 5100
	codeNoResources  = 5200
	codeBeingUpdated = 5300
	codeDependency   = 5400
)

// Class is what an error means for what to do next.
type Class int

// The classes. The zero value is the careful one.
const (
	ClassUnknown  Class = iota // ErrOutcomeUnknown
	ClassRefused               // ErrRefused
	ClassBusy                  // ErrBusy
	ClassOperator              // ErrOperator
)

// String returns "unknown", "refused", "busy" or "operator".
func (c Class) String() string {
	switch c {
	case ClassRefused:
		return "refused"
	case ClassBusy:
		return "busy"
	case ClassOperator:
		return "operator"
	default:
		return "unknown"
	}
}

func (c Class) sentinel() error {
	switch c {
	case ClassRefused:
		return ErrRefused
	case ClassBusy:
		return ErrBusy
	case ClassOperator:
		return ErrOperator
	default:
		return ErrOutcomeUnknown
	}
}

// classOfCode follows the table of codes in the API document. A code that the
// document does not know may mean anything.
func classOfCode(code int) Class {
	switch code {
	case codeMalformed, codeParameter, codeDenied, codeNotFound, codeExists, codeNoResources:
		return ClassRefused
	case codeQuota, codeServerBusy, codeBeingUpdated, codeDependency:
		return ClassBusy
	case codeAuth, codeExpired, codeBalance:
		return ClassOperator
	default:
		return ClassUnknown
	}
}

// classOfStatus classes an answer that is no JSON of the API: a proxy or a web
// server in between has spoken. 408 is its time-out, and so says nothing about
// what the API did.
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

// Error is a call that did not succeed. Nothing of it holds a secret, even where
// the server or the transport repeated one: what they say is told by its code.
type Error struct {
	Action     string        // what was asked for: addUser, listUsers or operation
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
		text := codeText(e.Code)
		if errors.Is(e, ErrAtWork) {
			text = "(the cluster is busy with something else)"
		}
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("ret_code %d %s", e.Code, text)))
	}
	if e.Status != 0 && e.Status != http.StatusOK {
		parts = append(parts, fmt.Sprintf("http status %d", e.Status))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

func codeText(code int) string {
	switch code {
	case codeMalformed, codeParameter:
		return "(malformed request)"
	case codeAuth:
		return "(authentication failed)"
	case codeExpired:
		return "(clock is off by more than a minute)"
	case codeDenied:
		return "(denied)"
	case codeNotFound:
		return "(not found)"
	case codeExists:
		return "(already exists)"
	case codeBalance:
		return "(balance too low)"
	case codeQuota:
		return "(quota exceeded)"
	case codeInternal:
		return "(internal error)"
	case codeServerBusy, codeBeingUpdated, codeDependency:
		return "(busy)"
	case codeNoResources:
		return "(not enough resources)"
	default:
		return ""
	}
}

// Unwrap returns the cause on this side.
func (e *Error) Unwrap() error { return e.Err }

// Is makes the sentinels of this package work with [errors.Is].
func (e *Error) Is(target error) bool {
	return target == e.Class.sentinel() || target == e.cause()
}

// cause returns the sentinel of a single code. Where the class is another than
// that of the code, which a 5xx status brings about, the code does not count.
func (e *Error) cause() error {
	switch {
	case e.Class == ClassBusy && e.Status == http.StatusTooManyRequests:
		return ErrQuota
	case e.Class == ClassBusy && e.Code == codeDenied:
		return ErrAtWork
	case e.Class != classOfCode(e.Code):
		return nil
	}
	switch e.Code {
	case codeExists:
		return ErrExists
	case codeNotFound:
		return ErrNotFound
	case codeAuth:
		return ErrAuth
	case codeQuota:
		return ErrQuota
	case codeBalance:
		return ErrBalance
	case codeDenied:
		return ErrDenied
	default:
		return nil
	}
}

// LimitedError says that the [Quota] allows this call only after RetryAfter.
// Nothing was sent. It is an [ErrBusy].
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

// RetryAfter returns how long an error of a [Client] asks to wait, or 0 where
// it does not say.
func RetryAfter(err error) time.Duration {
	if limited, ok := errors.AsType[*LimitedError](err); ok {
		return limited.RetryAfter
	}
	if failed, ok := errors.AsType[*Error](err); ok {
		return failed.RetryAfter
	}
	return 0
}
