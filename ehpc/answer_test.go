package ehpc

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDecodeAnswerClasses(t *testing.T) {
	t.Parallel()
	const accepted = `{"ret_code": 0, "job_id": "j-1"}`
	tests := map[string]struct {
		status int
		body   string
		class  Class
		code   int
		cause  error
	}{
		"empty":                        {200, "", ClassUnknown, 0, errEmptyAnswer},
		"blank":                        {200, " \n", ClassUnknown, 0, errEmptyAnswer},
		"no content":                   {204, "", ClassUnknown, 0, errEmptyAnswer},
		"cut off":                      {200, accepted[:20], ClassUnknown, 0, errUnreadable},
		"two values":                   {200, accepted + accepted, ClassUnknown, 0, errUnreadable},
		"html":                         {200, "<html>", ClassUnknown, 0, errUnreadable},
		"null":                         {200, "null", ClassUnknown, 0, errUnreadable},
		"list":                         {200, "[]", ClassUnknown, 0, errUnreadable},
		"no ret_code":                  {200, `{"job_id": "j-1"}`, ClassUnknown, 0, errUnreadable},
		"ret_code null":                {200, `{"ret_code": null, "job_id": "j-1"}`, ClassUnknown, 0, errUnreadable},
		"ret_code is a word":           {200, `{"ret_code": "zero", "job_id": "j-1"}`, ClassUnknown, 0, errUnreadable},
		"no job":                       {200, `{"ret_code": 0}`, ClassUnknown, 0, errNoJobID},
		"job null":                     {200, `{"ret_code": 0, "job_id": null}`, ClassUnknown, 0, errNoJobID},
		"job is a list":                {200, `{"ret_code": 0, "job_id": ["a", "b"]}`, ClassUnknown, 0, errNoJobID},
		"job with a comma":             {200, `{"ret_code": 0, "job_id": "a,b"}`, ClassUnknown, 0, errNoJobID},
		"denied":                       {200, `{"ret_code": 1400, "message": "PermissionDenied, no access"}`, ClassRefused, 1400, nil},
		"denied, at work":              {200, `{"ret_code": 1400, "message": "PermissionDenied, [ehpc-x] is in transition status"}`, ClassBusy, 1400, nil},
		"denied, stopped":              {200, `{"ret_code": 1400, "message": "instance [i-x] is not running, can not be stopped"}`, ClassBusy, 1400, nil},
		"code as a text":               {200, `{"ret_code": "2110"}`, ClassRefused, 2110, nil},
		"code as a fraction":           {200, `{"ret_code": 2110.0}`, ClassRefused, 2110, nil},
		"4xx with a code":              {400, `{"ret_code": 2500}`, ClassBusy, 2500, nil},
		"4xx with success":             {400, accepted, ClassUnknown, 0, errUnreadable},
		"4xx cut off":                  {400, `{"ret_code": 50`, ClassUnknown, 0, errUnreadable},
		"400 html":                     {400, "<html>", ClassRefused, 0, errNotTheAPI},
		"400 empty":                    {400, "", ClassRefused, 0, errNotTheAPI},
		"400 other json":               {400, `{"error": "no"}`, ClassRefused, 0, errNotTheAPI},
		"401":                          {401, "no", ClassOperator, 0, errNotTheAPI},
		"403":                          {403, "no", ClassOperator, 0, errNotTheAPI},
		"404":                          {404, "no", ClassRefused, 0, errNotTheAPI},
		"408":                          {408, "no", ClassUnknown, 0, errUnreadable},
		"429":                          {429, "no", ClassBusy, 0, errNotTheAPI},
		"301":                          {301, "", ClassOperator, 0, errRedirect},
		"302 html":                     {302, "<html>", ClassOperator, 0, errRedirect},
		"307 with success":             {307, accepted, ClassOperator, 0, errRedirect},
		"302 with a code":              {302, `{"ret_code": 1200}`, ClassOperator, 1200, nil},
		"500":                          {500, "", ClassUnknown, 0, errEmptyAnswer},
		"502 html":                     {502, "<html>", ClassUnknown, 0, errUnreadable},
		"503 with a code":              {503, `{"ret_code": 2110}`, ClassUnknown, 2110, nil},
		"503 with success":             {503, accepted, ClassUnknown, 0, nil},
		"a code nobody has documented": {200, `{"ret_code": 9999}`, ClassUnknown, 9999, nil},
		"a negative code":              {200, `{"ret_code": -1}`, ClassUnknown, -1, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failure := decodeAnswer(answer{status: test.status, body: []byte(test.body)}, &acceptance{})
			require.NotNil(t, failure)
			require.Equal(t, test.class, failure.Class)
			require.Equal(t, test.code, failure.Code)
			require.Equal(t, test.status, failure.Status)
			require.Equal(t, test.cause, failure.Err)
		})
	}
}

func TestDecodeAnswerThatBrokeOff(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 302, 404, 500} {
		failure := decodeAnswer(answer{
			status: status, body: []byte(`{"ret_code": 0, "job_id": "j-1"}`), bodyErr: io.ErrUnexpectedEOF,
		}, &acceptance{})
		require.NotNil(t, failure)
		require.Equal(t, ClassUnknown, failure.Class)
		require.Equal(t, status, failure.Status)
		require.ErrorIs(t, failure, io.ErrUnexpectedEOF)
	}
}

func TestDecodeUsers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want UserPage
		err  error
	}{
		"the example of the API document": {
			body: `{"ret_code": 0, "total_count": 1, "users_set": [{"cluster_id": "ehpc-x", "create_time": "2021-08-17T09:12:40Z",
				"gid_number": 10001, "hpcuser_id": "hpcuser-1", "mod": null, "nas_mount_point": "/public", "role": "boss",
				"uid_number": 10002, "update_time": "2021-08-17T09:12:41Z", "user_id": "usr-1", "username": "isabel"}]}`,
			want: UserPage{Total: 1, Users: []User{{Username: "isabel", UID: 10002, CreatedAt: time.Date(2021, 8, 17, 9, 12, 40, 0, time.UTC)}}},
		},
		"the name of the table, texts for numbers": {
			body: `{"ret_code": "0", "total_count": "7", "user_set": [{"username": 12345678, "uid_number": "5", "gid_number": "x",
				"create_time": 5, "update_time": "yesterday", "mod": 700, "role": {"a": [1]}, "user_id": true}]}`,
			want: UserPage{Total: 7, Users: []User{{Username: "12345678", UID: 5}}},
		},
		"nulls":                         {body: `{"ret_code": 0, "total_count": 1, "users_set": [null]}`, want: UserPage{Total: 1, Users: []User{{}}}},
		"an empty list":                 {body: `{"ret_code": 0, "users_set": []}`},
		"nobody":                        {body: `{"ret_code": 0, "total_count": 0, "users_set": null}`},
		"a negative total":              {body: `{"ret_code": 0, "total_count": -1, "users_set": []}`},
		"no list":                       {body: `{"ret_code": 0}`, err: errNoList},
		"no list, but a total":          {body: `{"ret_code": 0, "total_count": 3, "users_set": null}`, err: errNoList},
		"the list is an object":         {body: `{"ret_code": 0, "total_count": 3, "users_set": {}}`, err: errUnreadable},
		"the list holds something else": {body: `{"ret_code": 0, "users_set": ["isabel"]}`, err: errUnreadable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var listed userListing
			failure := decodeAnswer(answer{status: http.StatusOK, body: []byte(test.body)}, &listed)
			if test.err != nil {
				require.NotNil(t, failure)
				require.ErrorIs(t, failure, test.err)
				require.ErrorIs(t, failure, ErrOutcomeUnknown)
				return
			}
			require.Nil(t, failure)
			require.Equal(t, test.want, listed.page())
		})
	}
}

func TestDecodeJobs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		item string
		want Job
	}{
		"successful": {
			item: `"job_action": "HpcUserAddUser", "status": "successful", "error_codes": "", "resource_ids": "ehpc-x usr-1",
				"owner": "usr-1", "submitter": "hpc1", "create_time": "2022-04-06T01:26:33Z", "status_time": "2022-04-06T01:26:40Z"`,
			want: Job{ID: "j-1", Status: JobSuccessful},
		},
		"failed with a list of codes": {
			item: `"status": "failed", "error_codes": ["E1", null, 45, ["deep"]], "resource_ids": ["ehpc-x", "usr-1"]`,
			want: Job{ID: "j-1", Status: JobFailed, ErrorCodes: "an error that is not documented, 45 (the user exists)"},
		},
		"unknown status, nulls": {
			item: `"status": "sleeping", "error_codes": null, "resource_ids": null, "create_time": null`,
			want: Job{ID: "j-1", Status: "sleeping"},
		},
		"codes with control characters": {
			item: `"status": "failed", "error_codes": "E1\u0007\u202e\n1"`,
			want: Job{ID: "j-1", Status: JobFailed, ErrorCodes: "an error that is not documented, 1 (internal error on the cluster)"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"ret_code": 0, "job_set": [null, {"job_id": "j-10"}, {"job_id": "j-1", ` + test.item + `}]}`
			var listed jobListing
			require.Nil(t, decodeAnswer(answer{status: http.StatusOK, body: []byte(body)}, &listed))
			require.Equal(t, map[string]Job{"j-1": test.want}, listed.pick([]string{"j-1", "j-2"}))
		})
	}
	var listed jobListing
	failure := decodeAnswer(answer{status: http.StatusOK, body: []byte(`{"ret_code": 0}`)}, &listed)
	require.NotNil(t, failure)
	require.ErrorIs(t, failure, errNoList)
}

func TestDeeplyNestedAnswerIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20)
	failure := decodeAnswer(answer{status: http.StatusOK, body: []byte(`{"ret_code": ` + deep + `}`)}, &acceptance{})
	require.NotNil(t, failure)
	require.Equal(t, ClassUnknown, failure.Class)
}

// FuzzDecodeAnswer: no answer makes the decoder panic, none is a success without
// saying so, and its class is the one of the table.
func FuzzDecodeAnswer(f *testing.F) {
	for _, body := range []string{
		"", "null", "[]", "<html>", `{"ret_code": 0, "job_id": "j-1"}`, `{"ret_code": "2110", "message": ["a"]}`,
		`{"ret_code": 0, "total_count": 1, "users_set": [{"username": "isabel", "uid_number": "1", "create_time": 5}]}`,
		`{"ret_code": 0, "job_set": [{"job_id": "j-1", "error_codes": [1, "E"], "resource_ids": null}]}`,
	} {
		for _, status := range []int{200, 302, 404, 502} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, into := range []content{&acceptance{}, &userListing{}, &jobListing{}} {
			failure := decodeAnswer(answer{status: status, body: body}, into)
			if failure == nil {
				requireSuccess(t, status, body)
				continue
			}
			requireSaneClass(t, failure, status)
		}
	})
}

func requireSuccess(t *testing.T, status int, body []byte) {
	t.Helper()
	require.Equal(t, 2, status/100)
	var said struct {
		RetCode any `json:"ret_code"`
	}
	require.NoError(t, json.Unmarshal(body, &said))
	require.NotNil(t, said.RetCode)
}

func requireSaneClass(t *testing.T, failure *Error, status int) {
	t.Helper()
	classes := 0
	for _, sentinel := range []error{ErrRefused, ErrBusy, ErrOperator, ErrOutcomeUnknown} {
		if errors.Is(failure, sentinel) {
			classes++
		}
	}
	require.Equal(t, 1, classes)
	switch {
	case status >= 500:
		require.Equal(t, ClassUnknown, failure.Class)
	case failure.Code != 0:
		require.Equal(t, codes[failure.Code].class, failure.Class)
	case status >= 200 && status < 300:
		require.Equal(t, ClassUnknown, failure.Class)
	}
}

func TestLooseIntReadsEveryWholeNumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64().Draw(t, "number")
		text, err := json.Marshal(want)
		require.NoError(t, err)
		for _, form := range []string{string(text), `"` + string(text) + `"`, `" ` + string(text) + ` "`} {
			var got looseInt
			require.NoError(t, json.Unmarshal([]byte(form), &got))
			require.Equal(t, looseInt{value: want, known: true}, got)
		}
	})
	for _, text := range []string{"null", `""`, "true", "1.5", "1e300", `"NaN"`, `"Inf"`, "[1]", "{}"} {
		var got looseInt
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		require.False(t, got.known, text)
	}
}
