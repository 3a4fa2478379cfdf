package ehpc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// What a server writes may hold anything that it was sent: the password, the key, the signature, as they are or in some
// other form. So its own words are shown to nobody, and the log has only those that can be no part of such a thing.

// plainWord is too short and too plain to be a password (12 characters or more, of four classes), a key, or either in
// another form.
var plainWord = regexp.MustCompile(`^[("'\[]?[A-Za-z]{1,10}[)"'\].,:;!?]?$`)

// plainWords keeps the first words of a text, and puts "…" in place of others.
func plainWords(text string) string {
	const most = 30
	var words []string
	for _, word := range strings.Fields(text) {
		if !plainWord.MatchString(word) {
			word = "…"
			if len(words) > 0 && words[len(words)-1] == word {
				continue
			}
		}
		if words = append(words, word); len(words) == most {
			break
		}
	}
	return strings.Join(words, " ")
}

// knownJobErrors are what may stand in the error_codes of a job: the API's name for a failed addUser, and the exit
// codes of the vendor's program on the cluster.
var knownJobErrors = map[string]string{
	"ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED": "the user could not be added",
	"1":  "internal error on the cluster",
	"40": "wrong parameters",
	"41": "user and password do not match",
	"44": "no such user",
	"45": "the user exists",
	"46": "the admin can't be deleted",
	"47": "the same password again",
}

// jobErrors tells the known ones of a job's error codes, and that there are others.
func jobErrors(codes string) string {
	var texts []string
	for _, code := range strings.FieldsFunc(codes, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }) {
		text := "an error that is not documented"
		if known, ok := knownJobErrors[code]; ok {
			text = code + " (" + known + ")"
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

// ErrNoAnswer says that the connection broke, or brought something else than an answer.
var ErrNoAnswer = errors.New("the connection broke, or brought no answer of HTTP")

// timeoutError stands for the time-out of the client, whose own text names methods of Go's.
type timeoutError struct{}

func (timeoutError) Error() string        { return "no answer in time" }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// transportError returns what may be shown of an error of net/http. Its own texts may quote the URL, with key id and
// signature, or what the server sent; those of the network and of TLS beneath it don't.
func transportError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if proxy, ok := errors.AsType[*ProxyError](err); ok {
		return proxy
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	if waited, ok := errors.AsType[net.Error](err); ok && waited.Timeout() { // that of the client, or of TLS
		return timeoutError{}
	}
	for _, plain := range []error{io.EOF, io.ErrUnexpectedEOF, errAnswerTooLarge, http.ErrSchemeMismatch} {
		if errors.Is(err, plain) {
			return plain
		}
	}
	return ErrNoAnswer
}
