package ehpc

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestErrorIs(t *testing.T) {
	t.Parallel()
	classes := []error{ErrRefused, ErrBusy, ErrOperator, ErrOutcomeUnknown}
	causes := []error{ErrExists, ErrNotFound, ErrAuth, ErrQuota, ErrBalance, ErrDenied, ErrNoUser, ErrTooOften, ErrLicence}
	tests := map[int]struct{ class, cause error }{
		0:    {ErrOutcomeUnknown, nil},
		1100: {ErrRefused, nil},
		1101: {ErrRefused, nil},
		1200: {ErrOperator, ErrAuth},
		1300: {ErrOperator, nil},
		1400: {ErrRefused, ErrDenied},
		1610: {ErrRefused, ErrNoUser},
		1640: {ErrRefused, ErrTooOften},
		1662: {ErrRefused, nil},
		2000: {ErrOperator, ErrAuth},
		2100: {ErrRefused, ErrNotFound},
		2110: {ErrRefused, ErrExists},
		2400: {ErrOperator, ErrBalance},
		2500: {ErrBusy, ErrQuota},
		4000: {ErrOperator, ErrLicence},
		4005: {ErrOperator, ErrLicence},
		4006: {ErrOutcomeUnknown, nil},
		5000: {ErrOutcomeUnknown, nil},
		5100: {ErrBusy, nil},
		5200: {ErrRefused, nil},
		5300: {ErrBusy, nil},
		5400: {ErrBusy, nil},
		9999: {ErrOutcomeUnknown, nil},
	}
	for code, test := range tests {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("wrapped: %w", &Error{Action: "addUser", Code: code, Class: codes[code].class})
			for _, sentinel := range append(classes, causes...) {
				want := sentinel == test.class || sentinel == test.cause
				require.Equal(t, want, errors.Is(err, sentinel), "%v", sentinel)
			}
		})
	}
}

func TestErrorOfAnOverruledCode(t *testing.T) {
	t.Parallel()
	err := &Error{Action: "addUser", Code: 2110, Status: 503}
	require.ErrorIs(t, err, ErrOutcomeUnknown)
	require.NotErrorIs(t, err, ErrExists, "whoever asks for this first must not take the outcome as known")
	require.NotErrorIs(t, err, ErrRefused)
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	tests := map[string]*Error{
		"addUser: ret_code 2110 (already exists)":                     {Action: "addUser", Code: 2110, Status: 200, Message: "taken"},
		"listUsers: http status 502: the answer is not readable":      {Action: "listUsers", Status: 502, Err: errUnreadable},
		"operation: context deadline exceeded":                        {Action: "operation", Err: context.DeadlineExceeded},
		"addUser: ret_code 7":                                         {Action: "addUser", Code: 7},
		"addUser: ret_code 1300 (clock is off by more than a minute)": {Action: "addUser", Code: 1300},
		"addUser: username is empty":                                  {Action: "addUser", Class: ClassRefused, Err: ValidateUsername("")},
		"addUser: ret_code 5000 (internal error): http status 500":    {Action: "addUser", Code: 5000, Status: 500, Message: "try again?"},
	}
	for want, err := range tests {
		require.EqualError(t, err, want)
	}
	for code := range 6000 {
		text := (&Error{Action: "addUser", Code: code}).Error()
		require.NotContains(t, text, ": :")
		require.NotRegexp(t, `\s$`, text)
	}
}

func TestErrorUnwrap(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, &Error{Action: "addUser", Err: context.Canceled}, context.Canceled)
	broken, ok := errors.AsType[*RuleError](&Error{Action: "addUser", Err: ValidateUsername("é")})
	require.True(t, ok)
	require.Equal(t, 'é', broken.Rune)
}

func TestLimitedError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("addUser: %w", &LimitedError{RetryAfter: 1800*time.Second + time.Nanosecond})
	require.ErrorIs(t, err, ErrBusy)
	require.NotErrorIs(t, err, ErrOutcomeUnknown)
	require.EqualError(t, err, "addUser: limit of calls per hour reached: next call in 30m0s")
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Second, RetryAfter(fmt.Errorf("x: %w", &LimitedError{RetryAfter: time.Second})))
	require.Equal(t, time.Minute, RetryAfter(fmt.Errorf("x: %w", &Error{RetryAfter: time.Minute})))
	require.Zero(t, RetryAfter(errors.New("x")))
	require.Zero(t, RetryAfter(nil))
}

func TestClassString(t *testing.T) {
	t.Parallel()
	for class, want := range map[Class]string{
		ClassUnknown: "unknown", ClassRefused: "refused", ClassBusy: "busy", ClassOperator: "operator",
	} {
		require.Equal(t, want, class.String())
	}
}
