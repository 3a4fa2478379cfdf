package ehpctest

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

const timestampLayout = "2006-01-02T15:04:05Z"

// tolerance is how far a timestamp may be off.
const tolerance = 60 * time.Second

// commonParams stand in every query.
func commonParams() []string {
	return []string{"access_key_id", "signature_method", "signature_version", "timestamp", "version", "zone", "signature"}
}

// pair is a parameter of a query or a field of a body.
type pair struct{ name, value string }

// input is a request that has passed verification: the parameters of its
// action, from the query or from the body.
type input struct {
	zone   string
	values map[string]string
}

// get returns a parameter, or what it is when absent.
func (in input) get(name, absent string) string {
	if value, ok := in.values[name]; ok {
		return value
	}
	return absent
}

// verify checks all that does not depend on clusters and accounts, in the order
// in which a server comes to it.
func (s *Server) verify(r *http.Request, entry action, body []byte) (input, *refusal) {
	if r.Method != entry.method {
		return input{}, &refusal{codeMalformed, "wrong method: use " + entry.method}
	}
	query, err := splitQuery(r.URL.RawQuery)
	if err != nil {
		return input{}, &refusal{codeMalformed, err.Error()}
	}
	if refused := checkCommon(query, entry.params); refused != nil {
		return input{}, refused
	}
	if refused := s.checkSignature(r, query, body); refused != nil {
		return input{}, refused
	}
	return readInput(r, entry, query, body)
}

// splitQuery takes a query apart in its order. The value of the signature is
// decoded twice, as it was encoded twice.
func splitQuery(raw string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, nameErr := url.PathUnescape(name)
		value, valueErr := url.PathUnescape(value)
		var signatureErr error
		if name == "signature" {
			value, signatureErr = decodeAgain(value)
		}
		if err := errors.Join(nameErr, valueErr, signatureErr); err != nil {
			return nil, errors.New("the query is not properly encoded")
		}
		pairs = append(pairs, pair{name, value})
	}
	return pairs, nil
}

// decodeAgain decodes the second encoding of a signature. In base64 only "+",
// "/" and "=" are touched by it, so one of them as it is means that the
// signature was encoded once only.
func decodeAgain(value string) (string, error) {
	if strings.ContainsAny(value, "+/=") {
		return "", nil
	}
	return url.PathUnescape(value)
}

func valueOf(pairs []pair, name string) string {
	for _, p := range pairs {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

func checkCommon(query []pair, params []string) *refusal {
	seen := make(map[string]bool)
	for _, p := range query {
		switch {
		case seen[p.name]:
			return &refusal{codeParameter, "parameter given twice: " + p.name}
		case !slices.Contains(commonParams(), p.name) && !slices.Contains(params, p.name):
			return &refusal{codeParameter, "unknown parameter: " + p.name}
		}
		seen[p.name] = true
	}
	for _, name := range commonParams() {
		if valueOf(query, name) == "" && name != "signature" {
			return &refusal{codeParameter, "missing parameter: " + name}
		}
	}
	switch {
	case query[len(query)-1].name != "signature":
		return &refusal{codeParameter, "the signature must be the last parameter"}
	case valueOf(query, "signature_method") != "HmacSHA256":
		return &refusal{codeParameter, "signature_method must be HmacSHA256"}
	case valueOf(query, "signature_version") != "1" || valueOf(query, "version") != "1":
		return &refusal{codeParameter, "version and signature_version must be 1"}
	}
	return nil
}

func (s *Server) checkSignature(r *http.Request, query []pair, body []byte) *refusal {
	at, err := time.Parse(timestampLayout, valueOf(query, "timestamp"))
	if err != nil {
		return &refusal{codeParameter, "timestamp must look like " + timestampLayout}
	}
	if valueOf(query, "access_key_id") != s.accessKeyID {
		return &refusal{codeAuth, "authentication failed: unknown access key"}
	}
	want := signature(s.secretKey, stringToSign(r.Method, r.URL.Path, query, body))
	if !hmac.Equal([]byte(want), []byte(valueOf(query, "signature"))) {
		return &refusal{codeAuth, "authentication failed: wrong signature"}
	}
	if off := s.now().Sub(at); off.Abs() > tolerance {
		return &refusal{codeExpired, "message expired"}
	}
	return nil
}

// stringToSign builds what the signature covers from the parameters as they
// were understood, not from the bytes of the query, as a server does.
func stringToSign(method, path string, query []pair, body []byte) string {
	sorted := slices.SortedFunc(slices.Values(query), func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	var parts []string
	for _, p := range sorted {
		if p.name != "signature" {
			parts = append(parts, escape(p.name)+"="+escape(p.value))
		}
	}
	return fmt.Sprintf("%s\n%s/\n%s\n%x", method, strings.TrimSuffix(path, "/"), strings.Join(parts, "&"), md5.Sum(body))
}

func signature(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text)) // a hash never returns an error
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape percent-encodes each byte that is no letter, digit or one of -_.~
func escape(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("-_.~", b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

// readInput collects the parameters of the action.
func readInput(r *http.Request, entry action, query []pair, body []byte) (input, *refusal) {
	in := input{zone: valueOf(query, "zone"), values: make(map[string]string)}
	given := query
	if entry.method == http.MethodPost {
		fields, refused := readBody(r, entry.fields, body)
		if refused != nil {
			return input{}, refused
		}
		given = fields
	} else if len(body) > 0 {
		return input{}, &refusal{codeMalformed, "a GET has no body"}
	}
	for _, p := range given {
		in.values[p.name] = p.value
	}
	for _, name := range entry.required {
		if in.values[name] == "" {
			return input{}, &refusal{codeParameter, "missing parameter: " + name}
		}
	}
	if in.values["zone"] != in.zone {
		return input{}, &refusal{codeParameter, "the zone in the query and the one in the body differ"}
	}
	return in, nil
}

// readBody reads an object of texts. The API document's client sends the form of
// Python's json.dumps, and a server may sign a form of its own making instead
// of the bytes that came; this one demands that both are the same.
func readBody(r *http.Request, known []string, body []byte) ([]pair, *refusal) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{codeMalformed, "Content-Type must be application/json"}
	}
	fields, err := decodeFields(body)
	if err != nil {
		return nil, &refusal{codeMalformed, err.Error()}
	}
	seen := make(map[string]bool)
	for _, f := range fields {
		switch {
		case !slices.Contains(known, f.name):
			return nil, &refusal{codeParameter, "unknown field: " + f.name}
		case seen[f.name]:
			return nil, &refusal{codeParameter, "field given twice: " + f.name}
		}
		seen[f.name] = true
	}
	if !bytes.Equal(body, dump(fields)) {
		return nil, &refusal{codeAuth, "authentication failed: the body is not in the form of json.dumps, over which it is signed"}
	}
	return fields, nil
}

// decodeFields reads the fields of an object of texts in their order.
func decodeFields(body []byte) ([]pair, error) {
	notText := errors.New("the body must be a JSON object of texts")
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, notText
	}
	var fields []pair
	for decoder.More() {
		name, nameErr := decoder.Token()
		value, valueErr := decoder.Token()
		if nameErr != nil || valueErr != nil {
			return nil, notText
		}
		nameText, _ := name.(string)
		valueText, ok := value.(string)
		if !ok {
			return nil, notText
		}
		fields = append(fields, pair{nameText, valueText})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, notText
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, notText
	}
	return fields, nil
}

// dump writes fields as Python's json.dumps does.
func dump(fields []pair) []byte {
	parts := make([]string, 0, len(fields))
	for _, f := range fields {
		parts = append(parts, quote(f.name)+": "+quote(f.value))
	}
	return []byte("{" + strings.Join(parts, ", ") + "}")
}

func quote(text string) string {
	short := strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, "\b", `\b`)
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		switch {
		case unit >= 0x20 && unit < 0x7f, unit < 0x20 && strings.ContainsRune("\n\r\t\f\b", rune(unit)):
			out.WriteString(short.Replace(string(rune(unit))))
		default:
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return `"` + out.String() + `"`
}
