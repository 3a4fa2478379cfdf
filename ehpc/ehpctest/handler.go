package ehpctest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// bodyMaxBytes bounds what is read of a request.
const bodyMaxBytes = 1 << 20

// object is a JSON object to answer.
type object map[string]any

// refusal is a ret_code other than 0.
type refusal struct {
	code    int
	message string
}

// The codes of the API document.
const (
	codeMalformed = 1100
	codeParameter = 1101
	codeAuth      = 1200
	codeExpired   = 1300
	codeDenied    = 1400
	codeNoUser    = 1610
	codeTooOften  = 1640
	codeBarred    = 1662
	codeNotFound  = 2100
	codeExists    = 2110
	codeQuota     = 2500
)

// action is an entry of the API.
type action struct {
	name     string
	method   string
	answer   string   // its name in answers
	params   []string // in the query, beside the common ones
	required []string // of params (GET) or fields (POST)
	fields   []string // in the body
	run      func(s *Server, in input) (object, string, *refusal)
}

// actions returns the entries of the API by their paths.
func actions() map[string]action {
	return map[string]action{
		"/api/user/addUser": {
			name: ActionAddUser, method: http.MethodPost, answer: "HpcUserAddUserResponse",
			required: []string{"cluster_id", "password", "username", "zone"},
			fields:   []string{"cluster_id", "password", "username", "zone", "mod"},
			run:      (*Server).addUser,
		},
		"/api/user/modifyUser": {
			name: ActionModifyUser, method: http.MethodPost, answer: "HpcUserModifyUserResponse",
			required: []string{"cluster_id", "new_password", "username", "zone"},
			fields:   []string{"cluster_id", "new_password", "username", "zone"},
			run:      (*Server).modifyUser,
		},
		"/api/user/deleteUser": {
			name: ActionDeleteUser, method: http.MethodPost, answer: "HpcUserDeleteUserResponse",
			required: []string{"cluster_id", "username", "zone"},
			fields:   []string{"cluster_id", "username", "zone"},
			run:      (*Server).deleteUser,
		},
		"/api/user": {
			name: ActionListUsers, method: http.MethodGet, answer: "HpcUserListUsersResponse",
			params:   []string{"cluster_id", "search_word", "limit", "offset"},
			required: []string{"cluster_id"},
			run:      (*Server).listUsers,
		},
		"/api/operation": {
			name: ActionOperation, method: http.MethodGet, answer: "HpcOperationListOperationResponse",
			params: []string{"job_ids", "resource_ids", "status", "limit", "offset", "reverse"},
			run:    (*Server).listJobs,
		},
		"/api/cluster/list": {
			name: ActionListClusters, method: http.MethodGet, answer: "HpcClusterListClusterResponse",
			params: []string{"owner", "cluster_id", "cluster_type", "limit", "offset"},
			run:    (*Server).listClusters,
		},
		"/api/cluster/listNodes": {
			name: ActionListNodes, method: http.MethodGet, answer: "HpcClusterGetClusterNodesResponse",
			params:   []string{"cluster_id", "search_word", "status", "limit", "offset"},
			required: []string{"cluster_id"},
			run:      (*Server).listNodes,
		},
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		drop(w)
		return
	}
	defer s.inFlight.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMaxBytes))
	if err != nil {
		drop(w)
		return
	}
	entry, known := actions()[r.URL.Path]
	begun := time.Now()
	call := s.record(entry.name, r, body)
	answer := s.serve(w, r, entry, known, body, call)
	s.end(call, answer, time.Since(begun))
}

// serve takes a call through the phases, where faults and the hook come in, and tells what the caller got.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, entry action, known bool, body []byte, call *Call) string {
	f := s.takeFault(entry.name)
	s.tell(call, PhaseBefore)
	if !s.wait(r, f.Delay) || f.Before {
		drop(w)
		return dropped
	}
	var reply object
	status := http.StatusOK
	if !f.replaces() || f.Effect {
		reply, status = s.work(r, entry, known, body, call)
		s.tell(call, PhaseAfter)
	}
	if !s.wait(r, f.DelayAnswer) || f.After {
		drop(w)
		return dropped
	}
	s.reply(w, f, reply, status)
	return f.answer(reply)
}

// wait lets a delay pass and tells whether anybody still waits for the answer.
func (s *Server) wait(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.closing:
		return false
	}
}

// work does what the real API does with a call.
func (s *Server) work(r *http.Request, entry action, known bool, body []byte, call *Call) (object, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !known {
		call.Code = codeMalformed
		return object{"ret_code": codeMalformed, "message": "there is no such path"}, http.StatusNotFound
	}
	s.settle()
	in, refused := s.verify(r, entry, body)
	if refused == nil && s.quota != nil && !s.quota.AllowN(s.now(), 1) {
		refused = &refusal{codeQuota, "over quota: too many calls in this hour"}
	}
	reply := object{}
	if refused == nil {
		reply, call.Effect, refused = entry.run(s, in)
	}
	if refused != nil {
		call.Code = refused.code
		reply = object{"message": refused.message}
	}
	reply["ret_code"] = call.Code
	reply["action"] = entry.answer
	return reply, http.StatusOK
}

// reply writes the answer, or what a fault puts in its place.
func (s *Server) reply(w http.ResponseWriter, f Fault, reply object, status int) {
	if f.replaces() {
		status = f.Status
		reply = object{"ret_code": f.Code, "message": f.Message}
	}
	if status == 0 {
		status = http.StatusOK
	}
	body := f.Body
	if body == nil {
		body = encode(reply)
	}
	if f.Truncate {
		body = body[:len(body)/2]
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	for name, values := range f.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever does not wait for the answer does not need it
}

func (s *Server) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func encode(reply object) []byte {
	body, err := json.Marshal(reply)
	if err != nil {
		panic("ehpctest: encode an answer: " + err.Error()) // answers hold texts and numbers only
	}
	return body
}

// dropped is the answer of a call whose connection was broken.
const dropped = "dropped"

// answer tells in a word what the caller gets.
func (f Fault) answer(reply object) string {
	switch {
	case f.Body != nil, f.Truncate:
		return "garbled"
	case f.Status != 0 && f.Status != http.StatusOK:
		return fmt.Sprintf("http %d", f.Status)
	case f.replaces():
		return strconv.Itoa(f.Code)
	}
	return fmt.Sprint(reply["ret_code"])
}

// drop breaks the connection. It sends the first bytes of an answer before:
// net/http silently repeats a GET whose kept-alive connection breaks without a
// byte, and the fault would pass unseen.
func drop(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if conn, _, err := hijacker.Hijack(); err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 "))
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
