package ehpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// call is one request to the API, before it is signed.
type call struct {
	action string
	method string
	path   string
	zone   string
	params map[string]string // beside the common ones
	body   []byte            // nil for a GET
}

// send makes a call and decodes the answer into the given value. Every call of the client goes through here. It repeats
// nothing but what the server refused for its timestamp, which had no effect. Whether anything else may be repeated is
// for the caller to decide.
func (c *Client) send(ctx context.Context, call call, into content) error {
	err := c.attempt(ctx, call, into)
	if failure, ok := errors.AsType[*Error](err); ok && c.mendClock(failure) {
		err = c.attempt(ctx, call, into)
	}
	c.observe(call.action, resultOf(err))
	return err
}

// resultOf names the outcome of a call for [Config.Observe].
func resultOf(err error) string {
	if err == nil {
		return "ok"
	}
	if _, ok := errors.AsType[*LimitedError](err); ok {
		return "limited"
	}
	if failure, ok := errors.AsType[*Error](err); ok {
		return failure.Class.String()
	}
	return ClassUnknown.String()
}

// attempt takes a call out of the quota, signs, sends and decodes, once.
func (c *Client) attempt(ctx context.Context, call call, into content) error {
	if c.quota == nil {
		return c.exchangeCall(ctx, call, into)
	}
	if err := c.quota.Take(ctx); err != nil {
		return notSent(call, err)
	}
	err := c.exchangeCall(ctx, call, into)
	c.quota.Answered(ctx, err)
	return err
}

func (c *Client) exchangeCall(ctx context.Context, call call, into content) error {
	request, err := c.newRequest(ctx, call)
	if err != nil {
		return &Error{Action: call.action, Class: ClassRefused, Err: err}
	}
	answer, err := c.exchange(request)
	if err != nil {
		return &Error{Action: call.action, Err: transportError(ctx, err)}
	}
	failure := decodeAnswer(answer, into)
	if failure == nil {
		return nil
	}
	failure.Action = call.action
	failure.RetryAfter = retryAfter(answer.header, c.serverNow())
	failure.serverDate = answer.header.Get("Date")
	if answer.bodyErr != nil {
		failure.Err = transportError(ctx, failure.Err)
	}
	return failure
}

// notSent wraps the reason for which a call was not made.
func notSent(call call, err error) error {
	if _, ok := errors.AsType[*LimitedError](err); ok {
		return fmt.Errorf("%s: %w", call.action, err)
	}
	return &Error{Action: call.action, Class: ClassBusy, Err: err}
}

// newRequest signs a call as of now.
func (c *Client) newRequest(ctx context.Context, call call) (*http.Request, error) {
	params := commonParams(c.accessKeyID, call.zone, c.serverNow())
	maps.Copy(params, call.params)
	query, _ := signedQuery(c.secretKey.Reveal(), call.method, call.path, params, call.body)

	request, err := http.NewRequestWithContext(ctx, call.method, c.endpoint+call.path, bytes.NewReader(call.body))
	if err != nil {
		return nil, errUnsendable
	}
	request.URL.RawQuery = query
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "ehpcbot")
	if call.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

var errUnsendable = errors.New("the request cannot be built")

// exchange sends a request and reads the answer. An error means that there was no answer; one that broke off is in the
// answer.
func (c *Client) exchange(request *http.Request) (answer, error) {
	response, err := c.http.Do(request)
	if err != nil {
		c.http.CloseIdleConnections() // what broke this one may have broken them all
		return answer{}, err
	}
	defer response.Body.Close()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		c.ahead.Store(int64(date.Sub(c.now())))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMaxBytes+1))
	if err == nil && len(body) > answerMaxBytes {
		err = errAnswerTooLarge
	}
	return answer{status: response.StatusCode, header: response.Header, body: body, bodyErr: err}, nil
}

// Now returns the time by the clock of the API, to the second, as its last answer told it.
func (c *Client) Now() time.Time { return c.now().Add(time.Duration(c.ahead.Load())) }

// serverNow returns the time by the server's clock, as far as it is known.
func (c *Client) serverNow() time.Time {
	return c.now().Add(time.Duration(c.skew.Load()))
}

// mendClock takes over the server's clock from an answer 1300 and tells whether that was possible.
func (c *Client) mendClock(failure *Error) bool {
	if failure.Code != codeExpired || failure.Class != ClassOperator {
		return false
	}
	date, err := http.ParseTime(failure.serverDate)
	if err != nil {
		return false
	}
	c.skew.Store(int64(date.Sub(c.now())))
	return true
}

// retryAfter reads the header Retry-After, which holds seconds or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
