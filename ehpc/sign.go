package ehpc

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
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
	return query + "&signature=" + url.QueryEscape(url.QueryEscape(signature)), signature
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

// canonicalQuery writes the parameters sorted by name. All but letters, digits and -_.~ is encoded with upper-case hex
// digits, and a space as %20, where package url writes "+".
func canonicalQuery(params map[string]string) string {
	query := url.Values{}
	for name, value := range params {
		query.Set(name, value)
	}
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}
