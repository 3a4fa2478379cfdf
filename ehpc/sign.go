package ehpc

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// timestampLayout is the form of the timestamp parameter, always in UTC.
const timestampLayout = "2006-01-02T15:04:05Z"

// commonParams returns the parameters that every request carries in its query, whatever its method. The API document
// calls the time "time_stamp" in one table; all its worked examples, signatures included, say "timestamp".
func commonParams(accessKeyID, zone string, at time.Time) map[string]string {
	return map[string]string{
		"access_key_id":     accessKeyID,
		"signature_method":  "HmacSHA256",
		"signature_version": "1",
		"timestamp":         at.UTC().Format(timestampLayout),
		"version":           "1",
		"zone":              zone,
	}
}

// signedQuery returns the query of a request with its signature at the end, and the signature itself in base64.
func signedQuery(secretKey, method, path string, params map[string]string, body []byte) (query, signature string) {
	query = canonicalQuery(params)
	signature = sign(secretKey, stringToSign(method, path, query, body))
	// The API document encodes the signature twice: "+" becomes "%252B".
	return query + "&signature=" + percentEncode(percentEncode(signature)), signature
}

// stringToSign joins what the signature covers. The path is signed with a trailing slash although the request goes to
// the path without one, and MD5 is the algorithm that the API document prescribes for the body.
func stringToSign(method, path, query string, body []byte) string {
	sum := md5.Sum(body)
	return method + "\n" + path + "/\n" + query + "\n" + hex.EncodeToString(sum[:])
}

func sign(secretKey, text string) string {
	mac := hmac.New(sha256.New, []byte(secretKey))
	mac.Write([]byte(text)) // a hash never returns an error
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// canonicalQuery writes the parameters sorted by name.
func canonicalQuery(params map[string]string) string {
	var query strings.Builder
	for i, name := range slices.Sorted(maps.Keys(params)) {
		if i > 0 {
			query.WriteByte('&')
		}
		query.WriteString(percentEncode(name) + "=" + percentEncode(params[name]))
	}
	return query.String()
}

// percentEncode encodes all but letters, digits and -_.~ with upper-case hex digits. A space becomes %20, where
// url.QueryEscape alone would write "+".
func percentEncode(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
