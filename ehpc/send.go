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

	"ehpcbot/ehpc/secret"
)

// call is one request to the API, before it is signed.
type call struct {
	action string
	method string
	path   string
	zone   string
	params map[string]string // beside the common ones
	body   []byte            // nil for a GET
	hidden secret.Text       // a password in the body, kept out of error texts
	turn   *Turn             // taken already; nil: the call waits for one
}

// send makes a call and decodes the answer into the given value. Every call of
// the client goes through here. It repeats nothing but what the server refused
// without an effect: a request for its timestamp, and in the midst of a batch of
// questions one too many. Whether anything else may be repeated is for the caller
// to decide.
func (c *Client) send(ctx context.Context, call call, into content) error {
	start := c.now()
	err := c.attempt(ctx, call, into)
	if failure, ok := errors.AsType[*Error](err); ok && c.mendClock(failure) {
		call.turn = nil
		err = c.attempt(ctx, call, into)
	}
	for c.patience.bears(err) {
		err = c.attempt(ctx, call, into)
	}
	c.observe(call.action, resultOf(err), c.now().Sub(start))
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

// attempt waits for its turn, signs, sends and decodes, once.
func (c *Client) attempt(ctx context.Context, call call, into content) error {
	if call.turn == nil {
		turn, err := c.takeTurn(ctx)
		if err != nil {
			return notSent(call, err)
		}
		call.turn = turn
	}
	err := c.exchangeCall(ctx, call, into)
	call.turn.done(err)
	return err
}

func (c *Client) takeTurn(ctx context.Context) (*Turn, error) {
	most := c.maxWait
	if p := c.patience; p != nil {
		p.calls++
		if turn := p.turn; turn != nil {
			p.turn = nil
			return turn, nil
		}
		most = forEver
	}
	if err := c.line.take(ctx, rank{}, most); err != nil {
		return nil, err
	}
	return &Turn{line: c.line}, nil
}

// patience is that of the client which answers one batch of questions. Its calls
// wait for their turns as long as their context lives: a listing that is given up
// at one of its pages has used up calls for nothing, and begins anew.
type patience struct {
	turn    *Turn // of the first call, which has been waited for already; nil: it is used
	calls   int   // so far
	refused int   // of these, because there were too many
}

// bears tells whether a call that ended with err is made again: one of the API's
// limit, unless it is the first of the batch, of which nothing is lost then. The
// line holds it back.
func (p *patience) bears(err error) bool {
	const most = 10
	if p == nil || !tooMany(err) || p.calls == 1 {
		return false
	}
	p.refused++
	return p.refused <= most
}

// patient returns a client for one goroutine.
func (c *Client) patient(turn *Turn) *Client {
	p := *c
	p.patience = &patience{turn: turn}
	return &p
}

func (c *Client) exchangeCall(ctx context.Context, call call, into content) error {
	request, signature, err := c.newRequest(ctx, call)
	if err != nil {
		return &Error{Action: call.action, Class: ClassRefused, Err: err}
	}
	scrub := newScrubber(c.secretKey.Reveal(), c.accessKeyID, signature, call.hidden.Reveal())
	answer, err := c.exchange(request)
	if err != nil {
		return &Error{Action: call.action, Err: scrub.transportError(ctx, err)}
	}
	if failure := decodeAnswer(answer, into); failure != nil {
		return c.finish(ctx, failure, call, answer, scrub)
	}
	return nil
}

// finish adds to a failure what the answer around it says, and makes its texts
// fit to be shown.
func (c *Client) finish(ctx context.Context, failure *Error, call call, answer answer, scrub scrubber) *Error {
	failure.Action = call.action
	failure.Message = scrub.text(failure.Message)
	failure.RetryAfter = retryAfter(answer.header, c.serverNow())
	failure.serverDate = answer.header.Get("Date")
	if answer.bodyErr != nil {
		failure.Err = scrub.transportError(ctx, failure.Err)
	}
	return failure
}

// notSent wraps the reason for which a call did not get its turn.
func notSent(call call, err error) error {
	if _, ok := errors.AsType[*LimitedError](err); ok {
		return fmt.Errorf("%s: %w", call.action, err)
	}
	return &Error{Action: call.action, Err: err}
}

// newRequest signs a call as of now and returns the signature as well.
func (c *Client) newRequest(ctx context.Context, call call) (*http.Request, string, error) {
	params := commonParams(c.accessKeyID, call.zone, c.serverNow())
	maps.Copy(params, call.params)
	query, signature := signedQuery(c.secretKey.Reveal(), call.method, call.path, params, call.body)

	request, err := http.NewRequestWithContext(ctx, call.method, c.endpoint+call.path, bytes.NewReader(call.body))
	if err != nil {
		return nil, "", errUnsendable
	}
	request.URL.RawQuery = query
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "ehpcbot")
	if call.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, signature, nil
}

var errUnsendable = errors.New("the request cannot be built")

// exchange sends a request and reads the answer. An error means that there was
// no answer; one that broke off is in the answer.
func (c *Client) exchange(request *http.Request) (answer, error) {
	response, err := c.http.Do(request)
	if err != nil {
		c.http.CloseIdleConnections() // what broke this one may have broken them all
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMaxBytes+1))
	if err == nil && len(body) > answerMaxBytes {
		err = errAnswerTooLarge
	}
	return answer{status: response.StatusCode, header: response.Header, body: body, bodyErr: err}, nil
}

// serverNow returns the time by the server's clock, as far as it is known.
func (c *Client) serverNow() time.Time {
	return c.now().Add(time.Duration(c.skew.Load()))
}

// mendClock takes over the server's clock from an answer 1300 and tells whether
// that was possible.
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
