package ehpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// answer is what came back over HTTP, before anybody has looked into it.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	bodyErr error // why the body is not complete
}

var (
	errEmptyAnswer    = errors.New("the answer is empty")
	errUnreadable     = errors.New("the answer is not readable")
	errRedirect       = errors.New("the server answered a redirect; is EHPC_ENDPOINT right?")
	errNotTheAPI      = errors.New("the answer is not one of the EHPC API")
	errAnswerTooLarge = fmt.Errorf("the answer is larger than %d MiB", answerMaxBytes>>20)
)

// decodeAnswer reads an answer into the given value. It returns nil only for a complete answer of the API with ret_code
// 0; any other one gives an [*Error].
func decodeAnswer(a answer, into content) *Error {
	envelope, err := decodeEnvelope(a)
	failure := &Error{Status: a.status, Code: int(envelope.RetCode.value), Message: plainWords(string(envelope.Message))}
	switch {
	case a.status >= 500:
		failure.Err = err
	case a.bodyErr != nil:
		failure.Err = a.bodyErr
	case err != nil:
		failure.Class, failure.Err = classOfForeign(a, err)
	case failure.Code == codeDenied && atWork.MatchString(string(envelope.Message)):
		failure.Class = ClassBusy
	case failure.Code != 0:
		failure.Class = codes[failure.Code].class
	case a.status >= 300 && a.status < 400:
		failure.Class, failure.Err = ClassOperator, errRedirect
	case a.status < 200 || a.status >= 300:
		// ret_code says success and the status does not: believe neither.
		failure.Err = errUnreadable
	default:
		return decodeContent(a, into)
	}
	return failure
}

// atWork finds in the message of a 1400 that it is about a state that passes: a cluster that works on something else
// denies other work meanwhile, with words such as "is in transition status".
var atWork = regexp.MustCompile(`(?i)\bstatus\b|transition|in progress|under way|is being|(not|still) running|busy`)

// content is what an answer holds beside the envelope. Its check tells whether the one thing that was asked for is
// there.
type content interface{ check() error }

// decodeContent reads an answer whose ret_code is 0.
func decodeContent(a answer, into content) *Error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return &Error{Status: a.status, Err: errUnreadable}
	}
	if err := into.check(); err != nil {
		return &Error{Status: a.status, Err: err}
	}
	return nil
}

// envelope is what all answers have in common.
type envelope struct {
	RetCode looseInt  `json:"ret_code"`
	Message looseText `json:"message"`
}

func decodeEnvelope(a answer) (envelope, error) {
	if a.bodyErr != nil {
		return envelope{}, a.bodyErr
	}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return envelope{}, errEmptyAnswer
	}
	var e envelope
	// Syntax errors quote bytes of the answer, so they are not passed on.
	if err := json.Unmarshal(a.body, &e); err != nil || !e.RetCode.known {
		return envelope{}, errUnreadable
	}
	return e, nil
}

// classOfForeign classes an answer below 500 without an envelope. What begins like an answer of the API but cannot be
// read is a broken one, and nothing is known about it.
func classOfForeign(a answer, cause error) (Class, error) {
	class := classOfStatus(a.status)
	switch {
	case a.status >= 300 && a.status < 400:
		return class, errRedirect
	case class != ClassUnknown && bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("{")) && !json.Valid(a.body):
		return ClassUnknown, cause
	case class != ClassUnknown:
		return class, errNotTheAPI
	default:
		return ClassUnknown, cause
	}
}

// looseInt is a number that may also come as a text or as null.
type looseInt struct {
	value int64
	known bool
}

// isZero tells whether the number is known to be 0.
func (n looseInt) isZero() bool { return n.known && n.value == 0 }

// UnmarshalJSON takes any JSON value; what is no whole number stays unknown.
func (n *looseInt) UnmarshalJSON(data []byte) error {
	*n = looseInt{}
	text := strings.TrimSpace(strings.Trim(string(data), `"`))
	if value, err := strconv.ParseInt(text, 10, 64); err == nil {
		*n = looseInt{value: value, known: true}
		return nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err == nil && value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		*n = looseInt{value: int64(value), known: true}
	}
	return nil
}

// looseText is a text that may also come as a number, a boolean, null, or a list of such, which is joined by spaces.
type looseText string

// UnmarshalJSON takes any JSON value; what has no plain text is empty.
func (t *looseText) UnmarshalJSON(data []byte) error {
	*t = ""
	if len(data) == 0 || data[0] != '[' {
		*t = looseText(scalarText(data))
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		if text := scalarText(item); text != "" {
			texts = append(texts, text)
		}
	}
	*t = looseText(strings.Join(texts, " "))
	return nil
}

func scalarText(data []byte) string {
	if len(data) == 0 || bytes.ContainsAny(data[:1], "[{n") {
		return ""
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		return text
	}
	return string(data)
}
