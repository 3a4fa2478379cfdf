package ehpctest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	goodPassword = "kUISjs@kkkkkk1"
	deadline     = 10 * time.Second // of whatever a test waits for
)

func noon() time.Time { return time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC) }

// bench is a server with a clock of its own and a raw HTTP client.
type bench struct {
	api    *Server
	client *http.Client
	now    time.Time
}

func setup(t *testing.T, options ...Option) *bench {
	t.Helper()
	b := &bench{now: noon(), client: &http.Client{Transport: &http.Transport{}}}
	b.api = NewServer(append([]Option{WithClock(func() time.Time { return b.now })}, options...)...)
	t.Cleanup(b.api.Close)
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// raw is a request in the making: each part can be got wrong before it is
// signed, and the signature after that.
type raw struct {
	method, path string
	query        []pair
	body         string
	contentType  string
	key          string
	encode       func(signature string) string
	rawQuery     string // empty: made of query and signature
}

func get(path string, params ...pair) raw {
	return raw{
		method: http.MethodGet, path: path, key: SecretAccessKey,
		query: append([]pair{
			{"access_key_id", AccessKeyID}, {"signature_method", "HmacSHA256"}, {"signature_version", "1"},
			{"timestamp", noon().Format(timestampLayout)}, {"version", "1"}, {"zone", Zone},
		}, params...),
		encode: func(signature string) string { return url.QueryEscape(url.QueryEscape(signature)) },
	}
}

func post(path string, fields ...pair) raw {
	r := get(path)
	r.method, r.contentType, r.body = http.MethodPost, "application/json", string(dump(fields))
	return r
}

func listUsers() raw { return get("/api/user", pair{"cluster_id", ClusterID}) }

func addUser(name string) raw {
	return post("/api/user/addUser", pair{"cluster_id", ClusterID}, pair{"password", goodPassword},
		pair{"username", name}, pair{"zone", Zone})
}

func (r raw) with(change func(*raw)) raw {
	r.query = append([]pair(nil), r.query...)
	change(&r)
	return r
}

// set changes a parameter of the query, or takes it out if there is no value.
func (r raw) set(name string, value ...string) raw {
	return r.with(func(r *raw) {
		kept := r.query[:0]
		for _, p := range r.query {
			if p.name != name {
				kept = append(kept, p)
			}
		}
		r.query = kept
		for _, v := range value {
			r.query = append(r.query, pair{name, v})
		}
	})
}

func (r raw) queryText() string {
	if r.rawQuery != "" {
		return r.rawQuery
	}
	var parts []string
	for _, p := range r.query {
		parts = append(parts, escape(p.name)+"="+escape(p.value))
	}
	signed := signature(r.key, stringToSign(r.method, r.path, r.query, []byte(r.body)))
	return strings.Join(append(parts, "signature="+r.encode(signed)), "&")
}

// reply is an answer of the API.
type reply struct {
	RetCode int              `json:"ret_code"`
	Message string           `json:"message"`
	Action  string           `json:"action"`
	JobID   string           `json:"job_id"`
	Total   int              `json:"total_count"`
	Users   []map[string]any `json:"users_set"`
	Jobs    []map[string]any `json:"job_set"`
	Cluster []map[string]any `json:"cluster_set"`

	status int
	header http.Header
	body   string
}

func (b *bench) do(t *testing.T, r raw) reply {
	t.Helper()
	answer, err := b.try(t, r)
	require.NoError(t, err)
	return answer
}

func (b *bench) try(t *testing.T, r raw) (reply, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.method, b.api.URL+r.path, strings.NewReader(r.body))
	require.NoError(t, err)
	request.URL.RawQuery = r.queryText()
	if r.contentType != "" {
		request.Header.Set("Content-Type", r.contentType)
	}
	response, err := b.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	answer := reply{status: response.StatusCode, header: response.Header, body: string(body)}
	if json.Valid(body) {
		require.NoError(t, json.Unmarshal(body, &answer))
	}
	return answer, nil
}

func usernames(answer reply) []string {
	var names []string
	for _, user := range answer.Users {
		names = append(names, user["username"].(string))
	}
	return names
}
