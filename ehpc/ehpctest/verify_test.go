package ehpctest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestVectors checks the double's own signature, which shares no code with the
// client's, against the requests of a third implementation.
func TestVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../testdata/vectors.json")
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var vectors []struct {
		Name            string            `json:"name"`
		Method          string            `json:"method"`
		Path            string            `json:"path"`
		SecretAccessKey string            `json:"secret_access_key"`
		Params          map[string]string `json:"params"`
		Body            string            `json:"body"`
		StringToSign    string            `json:"string_to_sign"`
		SignatureBase64 string            `json:"signature_base64"`
		Query           string            `json:"query"`
	}
	require.NoError(t, decoder.Decode(&vectors))
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			query, err := splitQuery(v.Query)
			require.NoError(t, err)
			for name, value := range v.Params {
				require.Equal(t, value, valueOf(query, name))
			}
			require.Equal(t, v.SignatureBase64, valueOf(query, "signature"))
			require.Equal(t, v.StringToSign, stringToSign(v.Method, v.Path, query, []byte(v.Body)))
			require.Equal(t, v.SignatureBase64, signature(v.SecretAccessKey, v.StringToSign))
			if v.Body != "" {
				fields, err := decodeFields([]byte(v.Body))
				require.NoError(t, err)
				require.Equal(t, v.Body, string(dump(fields)))
			}
		})
	}
}

func TestGoodRequestsAreAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := map[string]struct {
		request raw
		action  string
	}{
		"HpcUserAddUserResponse":            {addUser("isabel"), ActionAddUser},
		"HpcUserListUsersResponse":          {listUsers(), ActionListUsers},
		"HpcOperationListOperationResponse": {get("/api/operation"), ActionOperation},
		"HpcClusterListClusterResponse":     {get("/api/cluster/list"), ActionListClusters},
		"HpcClusterGetClusterNodesResponse": {get("/api/cluster/listNodes").set("cluster_id", ClusterID), ActionListNodes},
	}
	for name, test := range tests {
		answer := b.do(t, test.request)
		require.Zero(t, answer.RetCode, answer.Message)
		require.Equal(t, name, answer.Action)
		require.Equal(t, http.StatusOK, answer.status)
		require.Equal(t, 1, b.api.CallCount(test.action))
	}
	require.Equal(t, len(tests), b.api.CallCount(ActionAny))
}

func TestWrongRequestsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request raw
		code    int
		message string
	}{
		"unknown path":         {get("/api/nothing"), 1100, "there is no such path"},
		"path with a slash":    {get("/api/user/"), 1100, "there is no such path"},
		"GET instead of POST":  {get("/api/user/addUser"), 1100, "wrong method: use POST"},
		"POST instead of GET":  {post("/api/user"), 1100, "wrong method: use GET"},
		"query not encoded":    {listUsers().with(func(r *raw) { r.rawQuery = "a=%zz" }), 1100, "the query is not properly encoded"},
		"parameter twice":      {listUsers().set("zone", Zone, Zone), 1101, "parameter given twice: zone"},
		"unknown parameter":    {listUsers().set("colour", "red"), 1101, "unknown parameter: colour"},
		"time_stamp":           {listUsers().set("timestamp").set("time_stamp", "x"), 1101, "unknown parameter: time_stamp"},
		"no zone":              {listUsers().set("zone"), 1101, "missing parameter: zone"},
		"no version":           {listUsers().set("version"), 1101, "missing parameter: version"},
		"no key":               {listUsers().set("access_key_id"), 1101, "missing parameter: access_key_id"},
		"other method":         {listUsers().set("signature_method", "HmacSHA1"), 1101, "signature_method must be HmacSHA256"},
		"other version":        {listUsers().set("version", "2"), 1101, "version and signature_version must be 1"},
		"no signature":         {listUsers().with(func(r *raw) { r.rawQuery = strings.Split(r.queryText(), "&signature=")[0] }), 1101, "the signature must be the last parameter"},
		"signature first":      {listUsers().with(signatureFirst), 1101, "the signature must be the last parameter"},
		"timestamp in words":   {listUsers().set("timestamp", "now"), 1101, "timestamp must look like 2006-01-02T15:04:05Z"},
		"unknown key":          {listUsers().set("access_key_id", "QYOTHER"), 1200, "authentication failed: unknown access key"},
		"other secret":         {listUsers().with(func(r *raw) { r.key = "OTHER" }), 1200, "authentication failed: wrong signature"},
		"signature once":       {listUsers().with(func(r *raw) { r.encode = url.QueryEscape }), 1200, "authentication failed: wrong signature"},
		"signature plain":      {listUsers().with(func(r *raw) { r.encode = func(s string) string { return s } }), 1200, "authentication failed: wrong signature"},
		"signature empty":      {listUsers().with(func(r *raw) { r.encode = func(string) string { return "" } }), 1200, "authentication failed: wrong signature"},
		"changed afterwards":   {listUsers().with(func(r *raw) { r.rawQuery = strings.Replace(r.queryText(), ClusterID, OtherClusterID, 1) }), 1200, "authentication failed: wrong signature"},
		"too old":              {listUsers().set("timestamp", noon().Add(-61*time.Second).Format(timestampLayout)), 1300, "message expired"},
		"too new":              {listUsers().set("timestamp", noon().Add(61*time.Second).Format(timestampLayout)), 1300, "message expired"},
		"GET with a body":      {listUsers().with(func(r *raw) { r.body = "{}" }), 1100, "a GET has no body"},
		"no cluster":           {get("/api/user"), 1101, "missing parameter: cluster_id"},
		"unknown cluster":      {get("/api/user", pair{"cluster_id", "ehpc-other"}), 2100, "resource not found: there is no such cluster"},
		"other zone":           {listUsers().set("zone", "pek3"), 2100, "resource not found: there is no such cluster"},
		"limit 0":              {listUsers().set("limit", "0"), 1101, "limit must be 1 to 100"},
		"limit 101":            {listUsers().set("limit", "101"), 1101, "limit must be 1 to 100"},
		"offset -1":            {listUsers().set("offset", "-1"), 1101, "offset must be 0 or more"},
		"reverse 2":            {get("/api/operation", pair{"reverse", "2"}), 1101, "reverse must be 0 or 1"},
		"form":                 {addUser("isabel").with(func(r *raw) { r.contentType = "text/plain" }), 1100, "Content-Type must be application/json"},
		"no content type":      {addUser("isabel").with(func(r *raw) { r.contentType = "" }), 1100, "Content-Type must be application/json"},
		"query with a field":   {addUser("isabel").set("username", "isabel"), 1101, "unknown parameter: username"},
		"no body":              {addUser("isabel").with(func(r *raw) { r.body = "" }), 1100, "the body must be a JSON object of texts"},
		"body cut off":         {addUser("isabel").with(func(r *raw) { r.body = r.body[:20] }), 1100, "the body must be a JSON object of texts"},
		"two bodies":           {addUser("isabel").with(func(r *raw) { r.body += "{}" }), 1100, "the body must be a JSON object of texts"},
		"a number":             {addUser("isabel").with(func(r *raw) { r.body = `{"username": 5}` }), 1100, "the body must be a JSON object of texts"},
		"compact body":         {addUser("isabel").with(compact), 1200, "authentication failed: the body is not in the form of json.dumps, over which it is signed"},
		"mode":                 {addUserWith(pair{"mode", "700"}), 1101, "unknown field: mode"},
		"field twice":          {addUserWith(pair{"zone", Zone}), 1101, "field given twice: zone"},
		"mod of four digits":   {addUserWith(pair{"mod", "0700"}), 1101, "mod must be three octal digits"},
		"mod empty":            {addUserWith(pair{"mod", ""}), 1101, "mod must be three octal digits"},
		"no username":          {addUser(""), 1101, "missing parameter: username"},
		"long username":        {addUser("isabelle_"), 1101, "username must be 1 to 8 letters, digits or underscores"},
		"username with accent": {addUser("josé"), 1101, "username must be 1 to 8 letters, digits or underscores"},
		"short password":       {addUser("isabel").with(replacePassword("Aa0!aaaaaaa")), 1101, "password must be 12 to 30 characters of four classes"},
		"plain password":       {addUser("isabel").with(replacePassword("Aa0aaaaaaaaa")), 1101, "password must be 12 to 30 characters of four classes"},
		"zones differ":         {addUser("isabel").set("zone", "pek3"), 1101, "the zone in the query and the one in the body differ"},
		"modify nobody":        {modifyUser("nobody"), 1610, "there is no such user"},
		"delete nobody":        {deleteUser("nobody"), 2100, "resource not found: there is no such user"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			answer := b.do(t, test.request)
			require.Equal(t, test.code, answer.RetCode, answer.Message)
			require.Equal(t, test.message, answer.Message)
			require.Empty(t, b.api.Users(ClusterID))
			call := b.api.Calls()[0]
			require.Equal(t, test.code, call.Code)
			require.Empty(t, call.Effect)
		})
	}
}

func signatureFirst(r *raw) {
	rest, signature, _ := strings.Cut(r.queryText(), "&signature=")
	r.rawQuery = "signature=" + signature + "&" + rest
}

func compact(r *raw) {
	r.body = strings.NewReplacer(`", "`, `","`, `": "`, `":"`).Replace(r.body)
}

func addUserWith(extra pair) raw {
	return post("/api/user/addUser", pair{"cluster_id", ClusterID}, pair{"password", goodPassword},
		pair{"username", "isabel"}, pair{"zone", Zone}, extra)
}

func replacePassword(password string) func(*raw) {
	return func(r *raw) { r.body = strings.Replace(r.body, goodPassword, password, 1) }
}

func modifyUser(name string) raw {
	return post("/api/user/modifyUser", pair{"cluster_id", ClusterID}, pair{"new_password", goodPassword + "2"},
		pair{"username", name}, pair{"zone", Zone})
}

func deleteUser(name string) raw {
	return post("/api/user/deleteUser", pair{"cluster_id", ClusterID}, pair{"username", name}, pair{"zone", Zone})
}

func TestExpiredAnswerHasTheServersDate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.now = noon().Add(time.Hour)
	answer := b.do(t, listUsers())
	require.Equal(t, 1300, answer.RetCode)
	require.Equal(t, "Thu, 29 Feb 2024 13:00:00 GMT", answer.header.Get("Date"))
}

func TestSixtySecondsAreAllowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, off := range []time.Duration{time.Minute, -time.Minute} {
		answer := b.do(t, listUsers().set("timestamp", noon().Add(off).Format(timestampLayout)))
		require.Zero(t, answer.RetCode)
	}
}

func TestOrderOfParametersDoesNotMatter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := listUsers().set("access_key_id", AccessKeyID) // moved to the end
	require.Equal(t, "access_key_id", request.query[len(request.query)-1].name)
	require.Zero(t, b.do(t, request).RetCode)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t, WithCredentials("QYOTHER", "OTHER"))
	require.Equal(t, 1200, b.do(t, listUsers()).RetCode)
	request := listUsers().set("access_key_id", "QYOTHER").with(func(r *raw) { r.key = "OTHER" })
	require.Zero(t, b.do(t, request).RetCode)
}
