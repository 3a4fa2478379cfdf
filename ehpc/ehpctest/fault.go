package ehpctest

import (
	"net/http"
	"time"
)

// Actions, as calls and faults name them.
const (
	ActionAddUser      = "addUser"
	ActionListUsers    = "listUsers"
	ActionOperation    = "operation"
	ActionModifyUser   = "modifyUser"
	ActionDeleteUser   = "deleteUser"
	ActionListClusters = "listClusters"
	ActionListNodes    = "listNodes"
	ActionAny          = "*" // for faults: every action
)

// Fault is a way to misbehave. Its zero fields change nothing, so a Fault with
// Times alone lets calls pass untouched.
type Fault struct {
	// Skip lets so many calls of the action pass before the fault begins.
	Skip int
	// Times is how many calls it then meets: 0 means one, below 0 all.
	Times int

	// Code and Message are answered in place of the real answer.
	Code    int
	Message string
	// Status is the HTTP status of the answer. 0 means 200.
	Status int
	// Header is added to that of the answer, in place of headers of that name.
	Header http.Header
	// Body is answered as it is, in place of any JSON.
	Body []byte
	// Effect does the work of the call although Code, Status or Body answer
	// something else. Without it such a call has no effect.
	Effect bool
	// Truncate answers only the first half of the JSON, as if that were all.
	Truncate bool

	// Before breaks the connection before the work is done.
	Before bool
	// After breaks the connection after the work is done, without an answer.
	After bool

	// Delay passes before the work is done, DelayAnswer after that. A request
	// that is cancelled meanwhile ends there: with Delay it has no effect.
	Delay       time.Duration
	DelayAnswer time.Duration
}

// replaces tells whether the fault answers something of its own.
func (f *Fault) replaces() bool { return f.Code != 0 || f.Status != 0 || f.Body != nil }

// fault is a Fault that waits for calls.
type fault struct {
	Fault
	action string
	skip   int
	left   int // below 0: no end
}

// Fail makes calls of an action go wrong. Of several faults that fit a call the
// one that was given first is taken; a fault that is still skipping counts the
// call and leaves it to the next.
func (s *Server) Fail(action string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := f.Times
	if left == 0 {
		left = 1
	}
	s.faults = append(s.faults, &fault{Fault: f, action: action, skip: f.Skip, left: left})
}

// DropBefore breaks the connection of the next n calls of an action before the
// work is done; n below 0 means all calls.
func (s *Server) DropBefore(action string, n int) { s.times(action, n, Fault{Before: true}) }

// DropAfter does the work of the next n calls of an action and then breaks the
// connection; n below 0 means all calls.
func (s *Server) DropAfter(action string, n int) { s.times(action, n, Fault{After: true}) }

// Answer answers the next n calls of an action with a ret_code and does nothing
// else; n below 0 means all calls.
func (s *Server) Answer(action string, code, n int) { s.times(action, n, Fault{Code: code}) }

func (s *Server) times(action string, n int, f Fault) {
	if n == 0 {
		return
	}
	f.Times = n
	s.Fail(action, f)
}

// ClearFaults ends all faults, those of jobs included: hanging jobs end.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.failJobs, s.loseJobs, s.hangJobs = 0, 0, false
}

// takeFault returns the fault that a call meets. It is an empty one if there is
// none.
func (s *Server) takeFault(action string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.meets(action) {
			return f.Fault
		}
	}
	return Fault{}
}

// meets tells whether the fault takes a call, and counts it.
func (f *fault) meets(action string) bool {
	switch {
	case f.action != action && f.action != ActionAny, f.left == 0:
		return false
	case f.skip > 0:
		f.skip--
		return false
	}
	if f.left > 0 {
		f.left--
	}
	return true
}
