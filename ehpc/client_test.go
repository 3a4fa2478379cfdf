package ehpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

const (
	password  = "kUISjs@kkkkkk1"
	deadline  = 10 * time.Second // of whatever a test waits for
	hugeBytes = 8<<20 + 1
)

// fixture is a client and the double that it talks to.
type fixture struct {
	api    *ehpctest.Server
	client *ehpc.Client
	seen   *observer
}

// observer collects what Config.Observe is told.
type observer struct {
	mu    sync.Mutex
	calls []string
}

func (o *observer) observe(action, result string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, action+" "+result)
}

func (o *observer) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

func setup(t *testing.T, options ...ehpctest.Option) fixture {
	t.Helper()
	api := ehpctest.NewServer(options...)
	t.Cleanup(api.Close)
	seen := &observer{}
	config := configFor(api.URL)
	config.Observe = seen.observe
	return fixture{api: api, client: newClient(t, config), seen: seen}
}

func configFor(endpoint string) ehpc.Config {
	return ehpc.Config{
		Endpoint:        endpoint,
		AccessKeyID:     ehpctest.AccessKeyID,
		SecretAccessKey: secret.New(ehpctest.SecretAccessKey),
	}
}

func newClient(t *testing.T, config ehpc.Config) *ehpc.Client {
	t.Helper()
	client, err := ehpc.NewClient(config)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func isabel() ehpc.AddUserRequest {
	return ehpc.AddUserRequest{
		ClusterID: ehpctest.ClusterID, Zone: ehpctest.Zone, Username: "isabel", Password: secret.New(password), Mod: "700",
	}
}

func everybody() ehpc.ListUsersRequest {
	return ehpc.ListUsersRequest{ClusterID: ehpctest.ClusterID, Zone: ehpctest.Zone}
}

func asError(t *testing.T, err error) *ehpc.Error {
	t.Helper()
	failure, ok := errors.AsType[*ehpc.Error](err)
	require.True(t, ok, "%v", err)
	return failure
}

func TestNewClientNamesAllFaults(t *testing.T) {
	t.Parallel()
	_, err := ehpc.NewClient(ehpc.Config{})
	require.EqualError(t, err, strings.Join([]string{
		"endpoint is empty",
		"access key id is empty",
		"secret access key is empty",
	}, "\n"))

	config := configFor("http://user:hunter2@example.org")
	config.AccessKeyID, config.SecretAccessKey = "QYID\n", secret.New("hunter2 ")
	_, err = ehpc.NewClient(config)
	require.EqualError(t, err, strings.Join([]string{
		"endpoint must not hold a user name or a password",
		"access key id holds spaces or other characters that no key id has",
		"secret access key holds spaces or other characters that no key has",
	}, "\n"))
}

func TestClientIsPrintedWithoutSecrets(t *testing.T) {
	t.Parallel()
	config := configFor("https://hpc.api.qingcloud.com")
	client := newClient(t, config)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		printed := fmt.Sprintf(verb+verb+verb, client, config, isabel())
		require.NotContains(t, printed, ehpctest.SecretAccessKey)
		require.NotContains(t, printed, password)
	}
}

func TestAddUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	jobID, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)

	job, known, err := operation(t.Context(), f.client, jobID)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, jobID, job.ID)
	require.Equal(t, ehpc.JobSuccessful, job.Status)
	require.Empty(t, job.ErrorCodes)

	user, found, err := f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "isabel")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "isabel", user.Username)
	require.Contains(t, string(f.api.Calls()[0].Body), `"mod": "700"`)
	got, _ := f.api.Password(ehpctest.ClusterID, "isabel")
	require.Equal(t, password, got)
	require.Equal(t, []string{"addUser ok", "operation ok", "listUsers ok"}, f.seen.all())
}

func TestAddUserWithoutMod(t *testing.T) {
	t.Parallel()
	f := setup(t)
	request := isabel()
	request.Mod = ""
	_, err := f.client.AddUser(t.Context(), request)
	require.NoError(t, err)
	require.NotContains(t, string(f.api.Calls()[0].Body), "mod")
}

func TestRequestsThatBreakARuleAreNotSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	add := func(change func(*ehpc.AddUserRequest)) error {
		request := isabel()
		change(&request)
		_, err := f.client.AddUser(t.Context(), request)
		return err
	}
	list := func(change func(*ehpc.ListUsersRequest)) error {
		request := everybody()
		change(&request)
		_, err := f.client.ListUsers(t.Context(), request)
		return err
	}
	operations := func(zone string, ids ...string) error {
		_, err := f.client.Operations(t.Context(), zone, ids)
		return err
	}
	_, _, findErr := f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "")
	tests := map[string]error{
		"username":         add(func(r *ehpc.AddUserRequest) { r.Username = "josé" }),
		"password":         add(func(r *ehpc.AddUserRequest) { r.Password = secret.New("hunter2") }),
		"mod":              add(func(r *ehpc.AddUserRequest) { r.Mod = "0700" }),
		"cluster_id":       add(func(r *ehpc.AddUserRequest) { r.ClusterID = "" }),
		"zone":             add(func(r *ehpc.AddUserRequest) { r.Zone = "jn 1" }),
		"cluster_id ":      list(func(r *ehpc.ListUsersRequest) { r.ClusterID = "x" }),
		"job_id":           operations(ehpctest.Zone, "j-1,j-2"),
		"job_id ":          operations(ehpctest.Zone, "j-1", ""),
		"zone ":            operations("", "j-1"),
		"username of find": findErr,
	}
	for name, err := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, err, ehpc.ErrRefused)
			broken, ok := errors.AsType[*ehpc.RuleError](err)
			require.True(t, ok)
			require.Equal(t, strings.Fields(name)[0], broken.Subject)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
	require.Zero(t, f.api.CallCount(ehpctest.ActionAny))
	require.Empty(t, f.seen.all())
}

func TestFindUserComparesNames(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, name := range []string{"isabel1", "xisabel"} {
		f.api.AddExisting(ehpctest.ClusterID, name, password)
	}
	f.api.AddExisting(ehpctest.OtherClusterID, "isabel", password)
	_, found, err := f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "isabel")
	require.NoError(t, err)
	require.False(t, found)
	f.api.AddExisting(ehpctest.ClusterID, "ISABEL", password)
	twin, found, err := f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "isabel")
	require.NoError(t, err)
	require.True(t, found, "the cluster's directory does not tell the two apart")
	require.Equal(t, "ISABEL", twin.Username)
	require.Positive(t, twin.UID)
	require.WithinDuration(t, f.client.Now(), twin.CreatedAt, 2*time.Second)
	require.Equal(t, "isabel", f.api.Calls()[0].Query.Get("search_word"))
}

func TestFindUserReadsAllPages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 250 {
		f.api.AddExisting(ehpctest.ClusterID, fmt.Sprintf("a%d", i), password)
	}
	f.api.AddExisting(ehpctest.ClusterID, "a", password)
	user, found, err := f.client.FindUser(t.Context(), ehpctest.Zone, ehpctest.ClusterID, "a")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "a", user.Username)
	require.Equal(t, 3, f.api.CallCount(ehpctest.ActionListUsers))
}

func TestListUsersReturnsOnePage(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 5 {
		f.api.AddExisting(ehpctest.ClusterID, fmt.Sprintf("user%d", i), password)
	}
	request := everybody()
	request.Limit, request.Offset = 2, 1
	page, err := f.client.ListUsers(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, 5, page.Total)
	require.Equal(t, []string{"user1", "user2"}, names(page.Users))
}

func TestCluster(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.api.Share(ehpctest.OtherClusterID)
	for id, want := range map[string]ehpc.Cluster{
		ehpctest.ClusterID: {Type: "ehpc", Status: "active"}, ehpctest.OtherClusterID: {Type: ehpc.TypeShared, Status: "active"}, "ehpc-nowhere": {},
	} {
		cluster, err := f.client.Cluster(t.Context(), ehpctest.Zone, id)
		require.NoError(t, err)
		require.Equal(t, want, cluster)
	}
	f.api.Fail(ehpctest.ActionListClusters, ehpctest.Fault{Status: http.StatusOK, Body: []byte(`{"ret_code": 0, "cluster_set": [{"app_cluster": {"cluster_id": "ehpc-x", "cluster_type": "hpc"}}]}`)})
	cluster, err := f.client.Cluster(t.Context(), ehpctest.Zone, "ehpc-x")
	require.NoError(t, err)
	require.Equal(t, ehpc.Cluster{Type: ehpc.TypeShared}, cluster)
	_, err = f.client.Cluster(t.Context(), ehpctest.Zone, "no id")
	require.ErrorIs(t, err, ehpc.ErrRefused)
}

func TestLoginAddresses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	addresses := func() (texts []string) {
		found, err := f.client.LoginAddresses(t.Context(), ehpctest.Zone, ehpctest.ClusterID)
		require.NoError(t, err)
		for _, a := range found {
			texts = append(texts, a.String())
		}
		return texts
	}
	require.Empty(t, addresses(), "no login node")
	for i := range 120 { // more than a page
		f.api.AddNode(ehpctest.ClusterID, ehpctest.Node{Name: fmt.Sprint("node", i), Role: "compute", PrivateIP: "192.168.1.1"})
	}
	f.api.AddNode(ehpctest.ClusterID, ehpctest.Node{Name: "login1", Role: "login", PublicIP: "203.0.113.7", PrivateIP: "192.168.0.2"})
	f.api.AddNode(ehpctest.ClusterID, ehpctest.Node{Name: "login2", Role: "login", PrivateIP: "192.168.0.3"})
	require.Equal(t, []string{"203.0.113.7", "192.168.0.3"}, addresses())

	for body, want := range map[string][]string{
		`"eip": "203.0.113.8", "private_ip": "192.168.0.2"`:                            {"203.0.113.8"},
		`"eip": {"eip_id": "eip-1", "eip_addr": "203.0.113.9"}, "private_ip": ""`:      {"203.0.113.9"},
		`"eip": "", "private_ip": "192.168.0.4", "env": {"admin_password": "hunter2"}`: {"192.168.0.4"},
		`"eip": {}, "private_ip": "<!channel>"`:                                        nil,
		`"eip": null, "private_ip": 7`:                                                 nil,
	} {
		f.api.Fail(ehpctest.ActionListNodes, ehpctest.Fault{Status: http.StatusOK, Body: []byte(`{"ret_code": 0, "hpc_app_nodes_set": [{"role": "login", ` + body + `}]}`)})
		require.Equal(t, want, addresses(), body)
	}
	f.api.Fail(ehpctest.ActionListNodes, ehpctest.Fault{Status: http.StatusOK, Body: []byte(`{"ret_code": 0}`)})
	_, err := f.client.LoginAddresses(t.Context(), ehpctest.Zone, ehpctest.ClusterID)
	require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown, "an answer without the list")
	_, err = f.client.LoginAddresses(t.Context(), ehpctest.Zone, "no id")
	require.ErrorIs(t, err, ehpc.ErrRefused)
}

func names(users []ehpc.User) []string {
	var names []string
	for _, user := range users {
		names = append(names, user.Username)
	}
	return names
}

func TestUsersPages(t *testing.T) {
	t.Parallel()
	const total = 7
	for limit := range total + 2 {
		for offset := range total + 2 {
			t.Run(fmt.Sprintf("limit %d offset %d", limit, offset), func(t *testing.T) {
				t.Parallel()
				f := setup(t)
				var want []string
				for i := range total {
					name := fmt.Sprintf("user%d", i)
					f.api.AddExisting(ehpctest.ClusterID, name, password)
					if i >= offset {
						want = append(want, name)
					}
				}
				request := everybody()
				request.Limit, request.Offset = limit, offset
				var got []string
				for user, err := range f.client.Users(t.Context(), request) {
					require.NoError(t, err)
					got = append(got, user.Username)
				}
				require.Equal(t, want, got)
			})
		}
	}
}

func TestUsersEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 5 {
		f.api.AddExisting(ehpctest.ClusterID, fmt.Sprintf("user%d", i), password)
	}
	f.api.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Code: 5100, Skip: 1, Times: -1})
	request := everybody()
	request.Limit = 2
	count := 0
	var last error
	for _, err := range f.client.Users(t.Context(), request) {
		require.NoError(t, last, "nothing comes after an error")
		last = err
		count++
	}
	require.ErrorIs(t, last, ehpc.ErrBusy)
	require.Equal(t, 3, count)
}

func TestUsersCanBeLeftEarly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 5 {
		f.api.AddExisting(ehpctest.ClusterID, fmt.Sprintf("user%d", i), password)
	}
	request := everybody()
	request.Limit = 2
	for user, err := range f.client.Users(t.Context(), request) {
		require.NoError(t, err)
		if user.Username == "user1" {
			break
		}
	}
	require.Equal(t, 1, f.api.CallCount(ehpctest.ActionListUsers))
}

// TestUsersOfServersThatCountBadly lists from servers whose pages and totals do
// not fit together.
func TestUsersOfServersThatCountBadly(t *testing.T) {
	t.Parallel()
	page := func(total string, size int) string {
		users := strings.TrimSuffix(strings.Repeat(`{"username": "a"}, `, size), ", ")
		return `{"ret_code": 0, "users_set": [` + users + `]` + total + `}`
	}
	tests := map[string]struct {
		answer func(offset string) string
		users  int
		err    error
	}{
		"no total, a short page":       {func(string) string { return page("", 7) }, 7, nil},
		"no total, a full page first":  {func(offset string) string { return page("", map[string]int{"0": 100, "100": 7}[offset]) }, 107, nil},
		"total counts more than there": {func(offset string) string { return page(`, "total_count": 500`, map[string]int{"0": 3}[offset]) }, 3, nil},
		"smaller pages than asked for": {func(string) string { return page(`, "total_count": 30`, 10) }, 30, nil},
		"a page for ever":              {func(string) string { return page("", 100) }, 100_100, ehpc.ErrOutcomeUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := configFor("http://localhost")
			config.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				return response(http.StatusOK, test.answer(r.URL.Query().Get("offset"))), nil
			})}
			users := 0
			var last error
			for _, err := range newClient(t, config).Users(t.Context(), everybody()) {
				if last = err; err == nil {
					users++
				}
			}
			require.ErrorIs(t, last, test.err)
			require.Equal(t, test.users, users)
		})
	}
}

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
	}
}

func operation(ctx context.Context, c *ehpc.Client, jobID string) (ehpc.Job, bool, error) {
	jobs, err := c.Operations(ctx, ehpctest.Zone, []string{jobID})
	job, known := jobs[jobID]
	return job, known, err
}

func TestOperationThatIsNotListed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.api.LoseJobs(1)
	jobID, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)
	_, known, err := operation(t.Context(), f.client, jobID)
	require.NoError(t, err)
	require.False(t, known)
	require.Equal(t, []string{"isabel"}, f.api.Users(ehpctest.ClusterID))
}

func TestOperationOfAServerThatListsOtherJobs(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.api.Fail(ehpctest.ActionOperation, ehpctest.Fault{
		Body: []byte(`{"ret_code": 0, "total_count": 1, "job_set": [{"job_id": "j-10", "status": "successful"}]}`),
	})
	_, known, err := operation(t.Context(), f.client, "j-1")
	require.NoError(t, err)
	require.False(t, known)
}

func TestOperationsAsksForAHundredAtATime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var ids []string
	for i := range 205 {
		request := isabel()
		request.Username = fmt.Sprintf("u%d", i)
		id, err := f.client.AddUser(t.Context(), request)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	jobs, err := f.client.Operations(t.Context(), ehpctest.Zone, append(ids, ids[0], "j-unknown"))
	require.NoError(t, err)
	require.Len(t, jobs, 205)
	for _, id := range ids {
		require.Equal(t, id, jobs[id].ID)
		require.Equal(t, ehpc.JobSuccessful, jobs[id].Status)
	}
	require.Equal(t, 3, f.api.CallCount(ehpctest.ActionOperation))

	jobs, err = f.client.Operations(t.Context(), ehpctest.Zone, nil)
	require.NoError(t, err)
	require.Empty(t, jobs)
	require.Equal(t, 3, f.api.CallCount(ehpctest.ActionOperation))
}

func TestOperationsKeepsWhatItFoundBeforeAnError(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)
	ids := []string{id}
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("j-z%d", i))
	}
	f.api.Fail(ehpctest.ActionOperation, ehpctest.Fault{Code: 5100, Skip: 1})
	jobs, err := f.client.Operations(t.Context(), ehpctest.Zone, ids)
	require.ErrorIs(t, err, ehpc.ErrBusy)
	require.Contains(t, jobs, id)
}

func TestFailedJob(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.api.FailJobs(1)
	jobID, err := f.client.AddUser(t.Context(), isabel())
	require.NoError(t, err)
	job, known, err := operation(t.Context(), f.client, jobID)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, ehpc.JobFailed, job.Status)
	require.Equal(t, "ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED (the user could not be added)", job.ErrorCodes)
}

func TestRefusalsOfTheAPI(t *testing.T) {
	t.Parallel()
	t.Run("taken", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		f.api.AddExisting(ehpctest.ClusterID, "isabel", password)
		_, err := f.client.AddUser(t.Context(), isabel())
		require.ErrorIs(t, err, ehpc.ErrExists)
		require.ErrorIs(t, err, ehpc.ErrRefused)
		require.EqualError(t, err, "addUser: ret_code 2110 (already exists)")
		require.Equal(t, []string{"addUser refused"}, f.seen.all())
	})
	t.Run("no such cluster", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		request := isabel()
		request.ClusterID = "ehpc-other"
		_, err := f.client.AddUser(t.Context(), request)
		require.ErrorIs(t, err, ehpc.ErrNotFound)
	})
	t.Run("wrong secret", func(t *testing.T) {
		t.Parallel()
		f := setup(t, ehpctest.WithCredentials(ehpctest.AccessKeyID, "another"))
		_, err := f.client.AddUser(t.Context(), isabel())
		require.ErrorIs(t, err, ehpc.ErrAuth)
		require.ErrorIs(t, err, ehpc.ErrOperator)
		require.Equal(t, []string{"addUser operator"}, f.seen.all())
	})
}

func TestHTTPStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		301: ehpc.ErrOperator, 302: ehpc.ErrOperator, 304: ehpc.ErrOperator, 307: ehpc.ErrOperator, 400: ehpc.ErrRefused,
		401: ehpc.ErrOperator, 403: ehpc.ErrOperator, 404: ehpc.ErrRefused, 408: ehpc.ErrOutcomeUnknown, 429: ehpc.ErrBusy,
		500: ehpc.ErrOutcomeUnknown, 502: ehpc.ErrOutcomeUnknown, 503: ehpc.ErrOutcomeUnknown, 504: ehpc.ErrOutcomeUnknown,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			config := configFor("http://localhost")
			config.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				return response(status, "<html>"+password), nil
			})}
			_, err := newClient(t, config).AddUser(t.Context(), isabel())
			require.ErrorIs(t, err, want)
			require.Equal(t, status, asError(t, err).Status)
			require.NotContains(t, err.Error(), password)
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.api.Fail(ehpctest.ActionAny, ehpctest.Fault{
		Status: http.StatusTemporaryRedirect, Body: []byte{}, Header: http.Header{"Location": {f.api.URL + "/api/user/addUser"}}, Times: -1,
	})
	_, err := f.client.AddUser(t.Context(), isabel())
	require.EqualError(t, err, "addUser: http status 307: the server answered a redirect; is EHPC_ENDPOINT right?")
	require.ErrorIs(t, err, ehpc.ErrOperator)
	require.Equal(t, 1, f.api.CallCount(ehpctest.ActionAny))
}

func TestGivenHTTPClientIsMadeSafe(t *testing.T) {
	t.Parallel()
	api := ehpctest.NewServer()
	t.Cleanup(api.Close)
	api.Fail(ehpctest.ActionAny, ehpctest.Fault{
		Status: http.StatusFound, Body: []byte{}, Header: http.Header{"Location": {api.URL}, "Set-Cookie": {"a=b"}}, Times: -1,
	})
	given := &http.Client{Transport: &http.Transport{}, Jar: panickingJar{}}
	config := configFor(api.URL)
	config.HTTPClient = given
	client := newClient(t, config)
	_, err := client.AddUser(t.Context(), isabel())
	require.ErrorIs(t, err, ehpc.ErrOperator)
	require.Equal(t, 1, api.CallCount(ehpctest.ActionAny))
	require.Nil(t, given.CheckRedirect, "the given client stays as it is")
	require.Zero(t, given.Timeout)
}

type panickingJar struct{}

func (panickingJar) SetCookies(*url.URL, []*http.Cookie) { panic("a cookie was kept") }
func (panickingJar) Cookies(*url.URL) []*http.Cookie     { panic("a cookie was sent") }

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault   ehpctest.Fault
		effects int
	}{
		"dropped before":       {ehpctest.Fault{Before: true}, 0},
		"dropped after":        {ehpctest.Fault{After: true}, 1},
		"cut off":              {ehpctest.Fault{Truncate: true}, 1},
		"5000":                 {ehpctest.Fault{Code: 5000}, 0},
		"5000 with the effect": {ehpctest.Fault{Code: 5000, Effect: true}, 1},
		"unknown code":         {ehpctest.Fault{Code: 7777, Effect: true}, 1},
		"502 with the effect":  {ehpctest.Fault{Status: 502, Body: []byte("<html>"), Effect: true}, 1},
		"empty":                {ehpctest.Fault{Body: []byte{}, Effect: true}, 1},
		"huge":                 {ehpctest.Fault{Body: []byte(`{"ret_code": 0, "job_id": "` + strings.Repeat("j", hugeBytes) + `"}`)}, 0},
		"no job id":            {ehpctest.Fault{Body: []byte(`{"ret_code": 0}`)}, 0},
		"shorter than said":    {ehpctest.Fault{Header: http.Header{"Content-Length": {"1000"}}}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.api.Fail(ehpctest.ActionAddUser, test.fault)
			jobID, err := f.client.AddUser(t.Context(), isabel())
			require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
			require.Empty(t, jobID)
			require.Equal(t, 1, f.api.CallCount(ehpctest.ActionAddUser), "nothing is repeated")
			require.Equal(t, test.effects, f.api.AddUserEffects(ehpctest.ClusterID, "isabel"))
			require.Equal(t, []string{"addUser unknown"}, f.seen.all())
		})
	}
}

// TestBrokenListingIsNotRepeated: net/http repeats a GET by itself where a
// kept-alive connection breaks; the double breaks it so that this shows.
func TestBrokenListingIsNotRepeated(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.client.ListUsers(t.Context(), everybody())
	require.NoError(t, err)
	f.api.DropBefore(ehpctest.ActionListUsers, 1)
	_, err = f.client.ListUsers(t.Context(), everybody())
	require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
	require.Equal(t, 2, f.api.CallCount(ehpctest.ActionListUsers))
}

func TestContext(t *testing.T) {
	t.Parallel()
	t.Run("cancelled before", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.client.AddUser(ctx, isabel())
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
		require.Zero(t, f.api.CallCount(ehpctest.ActionAny))
	})
	t.Run("cancelled while the server works", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		f.api.OnCall(func(ehpctest.Call, string) { cancel() })
		f.api.Fail(ehpctest.ActionAddUser, ehpctest.Fault{DelayAnswer: deadline})
		_, err := f.client.AddUser(ctx, isabel())
		require.EqualError(t, err, "addUser: context canceled")
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
	})
	t.Run("time-out", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		f.api.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Delay: deadline})
		_, err := f.client.AddUser(ctx, isabel())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
	})
	t.Run("time-out of the HTTP client", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		f.api.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Delay: deadline})
		config := configFor(f.api.URL)
		config.HTTPClient = &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Millisecond}
		_, err := newClient(t, config).AddUser(t.Context(), isabel())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
		require.NotContains(t, err.Error(), "signature")
	})
}

func TestConnectionErrorsAreClear(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		_, err = newClient(t, configFor("http://"+listener.Addr().String())).AddUser(t.Context(), isabel())
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
		require.EqualError(t, err, "addUser: dial tcp "+listener.Addr().String()+": connect: connection refused")
	})
	t.Run("unknown certificate", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = quietLog()
		server.StartTLS()
		defer server.Close()
		_, err := newClient(t, configFor(server.URL)).AddUser(t.Context(), isabel())
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "addUser: tls: failed to verify certificate: x509: ")
	})
	t.Run("no TLS there", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		_, err := newClient(t, configFor("https://"+server.Listener.Addr().String())).AddUser(t.Context(), isabel())
		require.EqualError(t, err, "addUser: http: server gave HTTP response to HTTPS client")
	})
}

// TestErrorsHoldNoSecret has a server, and a transport, that repeat all that
// they were sent.
func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	echo := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		once, _ := url.QueryUnescape(r.URL.Query().Get("signature"))
		return strings.Join([]string{string(body), once, r.URL.Query().Get("signature"), r.URL.RawQuery, ehpctest.SecretAccessKey}, "|")
	}
	var signature string
	remember := func(r *http.Request) { signature, _ = url.QueryUnescape(r.URL.Query().Get("signature")) }
	transports := map[string]transport{
		"message": func(r *http.Request) (*http.Response, error) {
			remember(r)
			return response(200, fmt.Sprintf(`{"ret_code": 1101, "message": %q}`, echo(r)[:200])), nil
		},
		"message, the other end": func(r *http.Request) (*http.Response, error) {
			remember(r)
			text := echo(r)
			return response(200, fmt.Sprintf(`{"ret_code": 1101, "message": %q}`, text[len(text)-250:])), nil
		},
		"page": func(r *http.Request) (*http.Response, error) {
			remember(r)
			return response(400, echo(r)), nil
		},
		"location": func(r *http.Request) (*http.Response, error) {
			remember(r)
			answer := response(302, "")
			answer.Header.Set("Location", "http://[::"+echo(r))
			return answer, nil
		},
		"transport": func(r *http.Request) (*http.Response, error) {
			remember(r)
			return nil, errors.New(echo(r))
		},
		"body": func(r *http.Request) (*http.Response, error) {
			remember(r)
			answer := response(200, "")
			answer.Body = io.NopCloser(failingReader{errors.New(echo(r))})
			return answer, nil
		},
	}
	for name, echoing := range transports {
		t.Run(name, func(t *testing.T) { // not parallel: they share the signature
			config := configFor("http://localhost")
			config.HTTPClient = &http.Client{Transport: echoing}
			_, err := newClient(t, config).AddUser(t.Context(), isabel())
			require.Error(t, err)
			for chain := err; chain != nil; chain = errors.Unwrap(chain) {
				for _, verb := range []string{"%v", "%+v", "%#v"} {
					printed := fmt.Sprintf(verb, chain)
					require.NotContains(t, printed, password)
					require.NotContains(t, printed, url.QueryEscape(password))
					require.NotContains(t, printed, ehpctest.SecretAccessKey)
					require.NotContains(t, printed, ehpctest.AccessKeyID)
					require.NotContains(t, printed, signature)
					require.NotContains(t, printed, url.QueryEscape(signature))
					require.NotContains(t, printed, url.QueryEscape(url.QueryEscape(signature)))
				}
			}
		})
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestRetryAfterOfTheServer(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 2, 29, 23, 59, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"120":                           2 * time.Minute,
		"-1":                            0,
		"soon":                          0,
		"Fri, 01 Mar 2024 00:00:00 GMT": time.Minute,
		"Fri, 01 Mar 2020 00:00:00 GMT": 0,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			config := configFor("http://localhost")
			config.Now = func() time.Time { return now }
			config.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				answer := response(http.StatusTooManyRequests, "")
				answer.Header.Set("Retry-After", header)
				return answer, nil
			})}
			_, err := newClient(t, config).AddUser(t.Context(), isabel())
			require.ErrorIs(t, err, ehpc.ErrBusy)
			require.Equal(t, want, asError(t, err).RetryAfter)
			require.Equal(t, want, ehpc.RetryAfter(err))
		})
	}
}

func TestClientIsSafeForSeveralGoroutines(t *testing.T) {
	t.Parallel()
	f := setup(t, ehpctest.WithClock(func() time.Time { return time.Now().Add(time.Hour) }))
	const goroutines = 20
	failures := make(chan error, goroutines)
	for i := range goroutines {
		go func() {
			request := isabel()
			request.Username = fmt.Sprintf("user%d", i)
			_, err := f.client.AddUser(t.Context(), request)
			failures <- err
		}()
	}
	for range goroutines {
		require.NoError(t, <-failures)
	}
	require.Len(t, f.api.Users(ehpctest.ClusterID), goroutines)
}

func userName(i int) string { return fmt.Sprintf("user%d", i) }

func TestFindUsers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		existing int
		names    []string
		found    []string
		calls    int
	}{
		"none":                    {3, nil, nil, 0},
		"one of many":             {300, []string{"user299"}, []string{"user299"}, 1},
		"several, on one page":    {50, []string{"user1", "user49", "isabel", "user"}, []string{"user1", "user49"}, 1},
		"several, on three pages": {201, []string{"user1", "user200", "isabel"}, []string{"user1", "user200"}, 3},
		"fewer names than pages":  {201, []string{"user7", "isabel"}, []string{"user7"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			for i := range test.existing {
				f.api.AddExisting(ehpctest.ClusterID, userName(i), password)
			}
			users, err := f.client.FindUsers(t.Context(), ehpctest.Zone, ehpctest.ClusterID, test.names)
			require.NoError(t, err)
			require.ElementsMatch(t, test.found, slices.Collect(maps.Keys(users)))
			for name, user := range users {
				require.Equal(t, name, user.Username)
			}
			require.Equal(t, test.calls, f.api.CallCount(ehpctest.ActionListUsers))
		})
	}
	f := setup(t)
	f.api.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Code: 5100})
	_, err := f.client.FindUsers(t.Context(), ehpctest.Zone, ehpctest.ClusterID, []string{"a", "b"})
	require.ErrorIs(t, err, ehpc.ErrBusy)
}
