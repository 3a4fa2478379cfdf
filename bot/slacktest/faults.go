package slacktest

import (
	"net/http"
	"slices"
	"time"
)

// Fault is what goes wrong with a call. RetryAfter, Error, Status and Body say how it is answered, the first that
// is set counts; then the call has no effect unless AfterEffect is set. With Delay alone it is served late.
type Fault struct {
	Delay       time.Duration // wait before anything else, even when the caller has given up
	DropBefore  bool          // break the connection, without an effect
	DropAfter   bool          // do the work, then break the connection
	AfterEffect bool          // do the work, then answer as follows
	RetryAfter  time.Duration // answer 429 with this Retry-After, rounded up to seconds
	Error       string        // answer with this error, as {"ok":false,"error":…}
	Status      int           // answer with this HTTP status
	Body        []byte        // answer with this instead of JSON

	Match func(Call) bool // which calls it concerns; nil: all of the method
	Skip  int             // how many of them to let pass first
	Times int             // how many of them it meets then: 0 means one, less than 0 all
}

type activeFault struct {
	Fault
	method string
}

// Fail makes calls of a method go wrong; "*" stands for all methods. Of several faults that concern a call the
// one given first counts.
func (s *Server) Fail(method string, f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &activeFault{f, method})
}

// ClearFaults takes all faults away that [Server.Fail] set and no call has met yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// withFault runs a call with the fault that meets it, if there is one; injected says that the answer is the
// fault's.
func (s *Server) withFault(c *Call, run func() answer) (a answer, injected bool) {
	f, found := s.fault(c)
	if !found {
		return run(), false
	}
	if !s.pause(f.Delay) || f.DropBefore {
		return answer{drop: true}, true
	}
	if f.DropAfter || f.AfterEffect {
		a = run()
	}
	if f.DropAfter {
		return answer{drop: true}, true
	}
	if bad, set := f.answer(); set {
		return bad, true
	}
	if f.AfterEffect {
		return a, false
	}
	return run(), false
}

func (f Fault) answer() (a answer, set bool) {
	switch {
	case f.RetryAfter > 0:
		return answer{body: object{"ok": false, "error": "ratelimited"}, status: http.StatusTooManyRequests, after: f.RetryAfter}, true
	case f.Error != "":
		a = fail(f.Error)
		a.status = f.Status
		return a, true
	case f.Status != 0 || f.Body != nil:
		body := f.Body
		if body == nil {
			body = []byte(http.StatusText(f.Status))
		}
		return answer{status: f.Status, raw: body, text: true}, true
	}
	return answer{}, false
}

// fault uses up a turn of the first fault that concerns the call.
func (s *Server) fault(c *Call) (Fault, bool) {
	for _, f := range s.candidates(c.Method) {
		if f.Match != nil && !f.Match(c.copy()) {
			continue
		}
		if s.use(f) {
			return f.Fault, true
		}
	}
	return Fault{}, false
}

func (s *Server) candidates(method string) []*activeFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.faults), func(f *activeFault) bool {
		return f.method != method && f.method != "*"
	})
}

func (s *Server) use(f *activeFault) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.faults, f) {
		return false
	}
	if f.Skip > 0 {
		f.Skip--
		return false
	}
	if f.Times > 0 {
		f.Times--
	}
	if f.Times == 0 {
		s.faults = slices.DeleteFunc(s.faults, func(other *activeFault) bool { return other == f })
	}
	return true
}

// pause waits, whether or not the caller does; false when the server was closed meanwhile.
func (s *Server) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.done:
		return false
	}
}
