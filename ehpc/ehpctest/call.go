package ehpctest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Phases in which the hook of [Server.OnCall] is called.
const (
	PhaseBefore = "before" // nothing has been done yet
	PhaseAfter  = "after"  // the work is done, the answer not yet written
)

// Call is a request that came in, right or wrong.
type Call struct {
	Action string // one of the Action constants; empty for a path that the API does not have
	Method string
	Path   string
	Query  url.Values // decoded once: the signature in it is still encoded
	Body   []byte
	At     time.Time // by the server's clock
	Code   int       // ret_code that the API came to, whatever a fault answered in its place
	Effect string    // what it did, such as "addUser isabel j-000000001"; empty: nothing
	Answer string    // what the caller got: a ret_code, "http 503", "garbled" or "dropped"; empty while it is under way
	Took   time.Duration
}

func (c *Call) clone() Call {
	copied := *c
	copied.Query = maps.Clone(c.Query)
	for name, values := range copied.Query {
		copied.Query[name] = slices.Clone(values)
	}
	copied.Body = slices.Clone(c.Body)
	return copied
}

// OnCall sets a hook that each call passes twice: before anything is done for it
// and once that is done, before it is answered. The call waits for the hook to
// return. A call that a fault keeps from its work passes the first phase only.
// Nil takes the hook away.
func (s *Server) OnCall(hook func(call Call, phase string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// OnEnd sets a hook that each call passes once it is over, however it was answered. Nil takes the hook away.
func (s *Server) OnEnd(hook func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = hook
}

// end notes how a call was answered.
func (s *Server) end(call *Call, answer string, took time.Duration) {
	s.mu.Lock()
	call.Answer, call.Took = answer, took
	hook, copied := s.ended, call.clone()
	s.mu.Unlock()
	if hook != nil {
		hook(copied)
	}
}

// Calls returns the calls so far, the oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, 0, len(s.calls))
	for _, c := range s.calls {
		calls = append(calls, c.clone())
	}
	return calls
}

// CallCount returns how many calls of an action there were; [ActionAny] counts
// all.
func (s *Server) CallCount(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, c := range s.calls {
		if action == ActionAny || c.Action == action {
			count++
		}
	}
	return count
}

func (s *Server) record(action string, r *http.Request, body []byte) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := &Call{
		Action: action,
		Method: r.Method,
		Path:   r.URL.Path,
		Query:  r.URL.Query(),
		Body:   body,
		At:     s.now(),
	}
	s.calls = append(s.calls, call)
	return call
}

// tell calls the hook, outside of the lock so that it can ask the server.
func (s *Server) tell(call *Call, phase string) {
	s.mu.Lock()
	hook, copied := s.hook, call.clone()
	s.mu.Unlock()
	if hook != nil {
		hook(copied, phase)
	}
}
