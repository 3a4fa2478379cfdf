package bot_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc/ehpctest"
)

const (
	addUser   = ehpctest.ActionAddUser
	listUsers = ehpctest.ActionListUsers
	operation = ehpctest.ActionOperation
)

// What ends a request: what the requester, the approvers and the log have of it, and that it goes on with a Retry
// when the cause is mended.
func TestEHPCSaysNo(t *testing.T) {
	t.Parallel()
	const figures = "figures: %d ways in which the EHPC API says no: told, shown, logged, and retried"
	const refused, operator = "refused", "has no access to the cluster's API"
	cases := map[string]struct {
		action    string
		fault     ehpctest.Fault
		requester string
		approvers string // and the log
	}{
		"1100 to addUser":      {addUser, ehpctest.Fault{Code: 1100}, refused, "ret_code 1100 (malformed request)"},
		"1101 to addUser":      {addUser, ehpctest.Fault{Code: 1101}, refused, "ret_code 1101 (malformed request)"},
		"1101 to the look-up":  {listUsers, ehpctest.Fault{Code: 1101}, refused, "ret_code 1101"},
		"1200 to addUser":      {addUser, ehpctest.Fault{Code: 1200}, operator, "ret_code 1200 (authentication failed)"},
		"1200 to the look-up":  {listUsers, ehpctest.Fault{Code: 1200}, operator, "ret_code 1200 (authentication failed)"},
		"1300, and again":      {addUser, ehpctest.Fault{Code: 1300, Times: 2}, operator, "ret_code 1300 (clock is off by more than a minute)"},
		"1400 to addUser":      {addUser, ehpctest.Fault{Code: 1400, Message: "the cluster is stopped"}, refused, "ret_code 1400 (denied)"},
		"2100 to the look-up":  {listUsers, ehpctest.Fault{Code: 2100}, refused, "ret_code 2100 (not found)"},
		"2110 to the first":    {addUser, ehpctest.Fault{Code: 2110}, "is taken", "is taken"},
		"2400 to addUser":      {addUser, ehpctest.Fault{Code: 2400}, operator, "ret_code 2400 (balance too low)"},
		"5200 to addUser":      {addUser, ehpctest.Fault{Code: 5200}, refused, "ret_code 5200 (not enough resources)"},
		"HTTP 400":             {addUser, ehpctest.Fault{Status: 400, Body: []byte("bad")}, refused, "http status 400"},
		"HTTP 401":             {listUsers, ehpctest.Fault{Status: 401, Body: []byte("who?")}, operator, "http status 401"},
		"HTTP 403":             {addUser, ehpctest.Fault{Status: 403, Body: []byte("no")}, operator, "http status 403"},
		"HTTP 404":             {listUsers, ehpctest.Fault{Status: 404, Body: []byte("not here")}, refused, "http status 404"},
		"a redirect":           {listUsers, ehpctest.Fault{Status: 302, Header: http.Header{"Location": {"/"}}, Body: []byte{}}, operator, "is EHPC_ENDPOINT right?"},
		"the job that fails":   {"job", ehpctest.Fault{}, "gave up", "ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED"},
		"the name, used by us": {"user", ehpctest.Fault{}, "is taken", "is taken"},
	}
	t.Cleanup(func() { t.Logf(figures, len(cases)) })
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			switch c.action {
			case "job":
				o.ehpc.FailJobs(1)
			case "user":
				o.ehpc.AddExisting(ehpctest.ClusterID, "isabel", "Old-pass&word1A")
			default:
				o.ehpc.Fail(c.action, c.fault)
			}
			o.press(anna, o.asked("isabel"), "Approve")
			require.Contains(t, o.notice("isabel", "has failed"), c.requester)
			m := o.says(channel, "isabel", "Retry")
			require.Contains(t, m.Plain(), c.approvers)
			require.True(t, o.log.has("the account could not be made", "request=1", "username=isabel"), o.log)
			if c.approvers != "is taken" {
				require.True(t, o.log.has("the account could not be made", c.approvers), o.log)
			}
			require.Zero(t, o.showing("isabel"))
			if c.action == "user" {
				o.ehpc.RemoveUser(ehpctest.ClusterID, "isabel") // as an administrator may
			}
			o.press(anna, m, "Retry")
			o.delivered("isabel")
			o.says(channel, "isabel", "got the credentials")
			require.Equal(t, 1, o.ehpc.AddUserEffects(ehpctest.ClusterID, "isabel"))
			o.clean()
		})
	}
}

// notice waits for a direct message.
func (o *office) notice(words ...string) string {
	o.t.Helper()
	return o.says("D0ISABEL", words...).Plain()
}

// What has to wait: the approvers and the log have the cause, whoever asks how the request stands is told that it
// waits, nothing is done twice, and it goes on by itself when the cause is gone.
func TestEHPCIsInTrouble(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		action string
		fault  ehpctest.Fault
		shows  string
	}{
		"2500 to addUser":              {addUser, ehpctest.Fault{Code: 2500}, "ret_code 2500 (quota exceeded)"},
		"2500 to the look-up":          {listUsers, ehpctest.Fault{Code: 2500}, "ret_code 2500 (quota exceeded)"},
		"5000 to addUser":              {addUser, ehpctest.Fault{Code: 5000, Message: "ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED"}, "ret_code 5000 (internal error)"},
		"5000, done nevertheless":      {addUser, ehpctest.Fault{Code: 5000, Effect: true, Times: 1}, "ret_code 5000 (internal error)"},
		"5000 to the look-up":          {listUsers, ehpctest.Fault{Code: 5000}, "ret_code 5000"},
		"5100 to addUser":              {addUser, ehpctest.Fault{Code: 5100}, "ret_code 5100 (busy)"},
		"5300 to addUser":              {addUser, ehpctest.Fault{Code: 5300}, "ret_code 5300 (busy)"},
		"5400 to addUser":              {addUser, ehpctest.Fault{Code: 5400}, "ret_code 5400 (busy)"},
		"5000 to the job's question":   {operation, ehpctest.Fault{Code: 5000}, "ret_code 5000"},
		"an unknown code":              {addUser, ehpctest.Fault{Code: 9999, Message: "new"}, "ret_code 9999"},
		"HTTP 408":                     {addUser, ehpctest.Fault{Status: 408, Body: []byte{}}, "http status 408"},
		"HTTP 429":                     {addUser, ehpctest.Fault{Status: 429, Body: []byte{}}, "http status 429"},
		"HTTP 500":                     {addUser, ehpctest.Fault{Status: 500, Body: []byte("oh")}, "http status 500"},
		"HTTP 503":                     {listUsers, ehpctest.Fault{Status: 503, Body: []byte("<html>")}, "http status 503"},
		"no JSON":                      {addUser, ehpctest.Fault{Body: []byte("<html>")}, "addUser: the answer is not"},
		"half of the JSON":             {addUser, ehpctest.Fault{Truncate: true, Effect: true, Times: 1}, "addUser: the answer is not readable"},
		"10 MB":                        {addUser, ehpctest.Fault{Body: bytes.Repeat([]byte("{"), 10<<20), Effect: true, Times: 1}, "the answer is larger than 8 MiB"},
		"10 MB to the look-up":         {listUsers, ehpctest.Fault{Body: bytes.Repeat([]byte("["), 10<<20)}, "the answer is larger than 8 MiB"},
		"no job id":                    {addUser, ehpctest.Fault{Body: []byte(`{"ret_code":0}`), Effect: true, Times: 1}, "the answer has no job id"},
		"no list":                      {listUsers, ehpctest.Fault{Body: []byte(`{"ret_code":0,"total_count":3}`)}, "the answer has no list"},
		"slow":                         {addUser, ehpctest.Fault{DelayAnswer: 3 * time.Second, Times: 1}, "no answer in time"},
		"slow before anything is done": {addUser, ehpctest.Fault{Delay: 3 * time.Second, Times: 1}, "no answer in time"},
		"a slow look-up":               {listUsers, ehpctest.Fault{Delay: 3 * time.Second}, "no answer in time"},
		"broken before":                {addUser, ehpctest.Fault{Before: true}, "addUser: "},
		"broken after":                 {addUser, ehpctest.Fault{After: true, Times: 1}, "addUser: "},
		"a look-up that breaks":        {listUsers, ehpctest.Fault{Before: true}, "listUsers: "},
	}
	t.Cleanup(func() {
		t.Logf("figures: %d kinds of trouble with the EHPC API: shown, logged, and over by themselves", len(cases))
	})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{before: func(o *office) { o.api.HTTPClient = &http.Client{Timeout: time.Second} }}).connected()
			once := c.fault.Times == 1
			if !once {
				c.fault.Times = -1
			} else if c.action == addUser {
				// so that it stays to be seen while it waits
				o.ehpc.Fail(listUsers, ehpctest.Fault{Skip: 1, Times: -1, Code: 5100})
			}
			o.ehpc.Fail(c.action, c.fault)
			o.press(anna, o.asked("isabel"), "Approve")
			o.says(channel, "isabel", "It has to wait", c.shows)
			o.eventually(func() bool {
				return o.log.has("level=WARN", "request=1", c.shows)
			}, "the log says so")
			status := o.slack.Person(isabel).Command(t.Context(), command, "status 1")
			require.NoError(t, status.Err)
			require.Contains(t, status.Plain(), "has to wait")
			require.NotContains(t, status.Plain(), "ret_code", "what only approvers need")
			require.Zero(t, o.showing("isabel"))
			o.ehpc.ClearFaults()
			o.delivered("isabel")
			m := o.says(channel, "isabel", "got the credentials")
			require.NotContains(t, m.Plain(), "has to wait")
			require.Equal(t, 1, o.ehpc.AddUserEffects(ehpctest.ClusterID, "isabel"))
			o.clean()
		})
	}
}

// A server that is not who it should be gets no request with a password.
func TestEHPCCertificate(t *testing.T) {
	t.Parallel()
	var calls int
	impostor := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	t.Cleanup(impostor.Close)
	impostor.Config.ErrorLog = nil
	o := open(t, plan{before: func(o *office) { o.api.Endpoint = impostor.URL }}).connected()
	o.press(anna, o.asked("isabel"), "Approve")
	m := o.says(channel, "isabel", "It has to wait", "certificate")
	require.True(t, strings.Contains(m.Plain(), "unknown authority"), m.Plain())
	require.True(t, o.log.has("an account has to wait", "certificate"), o.log)
	require.Zero(t, calls)
}
