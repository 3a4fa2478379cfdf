package ehpc

import (
	"context"
	"sync"
	"time"
)

// Request is what a [Turn] is asked for.
type Request struct {
	Zone, ClusterID, Username string
	Age                       int64 // those with lower numbers come first
}

// Turn is leave to call [Client.AddUser] at once, for one request.
type Turn struct {
	// Taken says that the cluster has a user of that name; there is no leave
	// then.
	Taken bool

	line    *line // nil: there is no turn to give back
	age     int64
	leave   func()
	arrived func() // ends what [traffic] counts; nil: it counts nothing
	once    sync.Once
	ended   sync.Once
}

// done gives the room in the line back.
func (t *Turn) done(err error) {
	t.once.Do(func() {
		if t.line != nil {
			t.line.done(err)
		}
	})
}

// End makes room for the next request. It is called when AddUser has returned,
// or when it will not be called.
func (t *Turn) End() {
	t.done(nil)
	t.ended.Do(t.leave)
	if t.arrived != nil {
		t.arrived()
	}
}

// A look-up of several costs as much as one, so those requests look up together
// that are near to their turn, which is to say that they have it within nearTime.
// With a longer time look-ups would cost less, but what they say would be older;
// and of those who have to wait for long some give up, and look up again later.
const (
	nearTime = 15 * time.Minute
	maxNear  = 500
)

// Turn waits until an account can be asked for, and looks whether its username
// is taken, together with the others that are near to their turn. The oldest
// requests come first.
//
// What the look-up says is milliseconds old then. Where the quota is used up it
// is up to a quarter of an hour old, because a look-up for each request would take
// half of the quota: who gets the name meanwhile makes AddUser say [ErrExists].
func (s *Shared) Turn(ctx context.Context, r Request) (*Turn, error) {
	s.line.expect(r.Age, 1)
	leave := s.traffic.arrive()
	turn, err := s.turn(ctx, r)
	if err != nil {
		leave()
	} else {
		turn.arrived = leave
	}
	if err != nil || turn.Taken {
		s.line.expect(r.Age, -1) // else the line has noted that the turn came
	}
	return turn, err
}

func (s *Shared) turn(ctx context.Context, r Request) (*Turn, error) {
	d := s.door(scope{r.Zone, r.ClusterID})
	if err := d.enter(ctx, r.Age); err != nil {
		return nil, &Error{Action: actionAddUser, Err: err}
	}
	turn := &Turn{leave: d.leave, age: r.Age}
	s.line.look(1)
	_, taken, err := s.FindUser(ctx, r.Zone, r.ClusterID, r.Username)
	s.line.look(-1)
	switch {
	case err != nil:
	case taken:
		turn.Taken = true
		return turn, nil
	default:
		if err = s.line.take(ctx, rank{account: true, age: r.Age}, forEver); err == nil {
			turn.line = s.line
			return turn, nil
		}
		err = notSent(call{action: actionAddUser}, err)
	}
	turn.End()
	return nil, err
}

// Again waits for another turn for the same request, in the place that its age
// gives it, when AddUser has answered [ErrQuota]: nothing has happened, so there is
// no need to look the username up again.
func (s *Shared) Again(ctx context.Context, t *Turn) error {
	t.done(nil)
	s.line.expect(t.age, 1)
	if err := s.line.take(ctx, rank{account: true, age: t.age}, forEver); err != nil {
		s.line.expect(t.age, -1)
		return notSent(call{action: actionAddUser}, err)
	}
	t.once = sync.Once{}
	return nil
}

// forEver is longer than anybody waits.
const forEver = 1 << 62

// Wait tells how long a request of that age would wait for its turn as things
// are, if calls are short.
func (s *Shared) Wait(age int64) time.Duration { return s.line.waitOf(age) }

// door lets as many requests of a cluster in as are near to their turn.
type door struct {
	line *line

	mu      sync.Mutex
	waiting queue
	inside  int

	alarm    *time.Timer // not nil: requests are arriving
	arriving time.Time   // since when
}

func (s *Shared) door(where scope) *door {
	d, _ := s.doors.LoadOrStore(where, &door{line: s.line})
	return d.(*door)
}

func (d *door) enter(ctx context.Context, age int64) error {
	d.mu.Lock()
	w := d.waiting.add(rank{account: true, age: age})
	if d.line.scarce() {
		d.openSoon()
	} else {
		d.open()
	}
	d.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting.remove(w) {
		return context.Cause(ctx)
	}
	return nil
}

func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
	d.open()
}

// openSoon lets those arrive first who come at the same time, so that the oldest
// of them go first.
func (d *door) openSoon() {
	switch {
	case d.alarm == nil:
		d.arriving = time.Now()
		d.alarm = time.AfterFunc(5*arrivalTime, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.alarm = nil
			d.open()
		})
	case time.Since(d.arriving) < 100*arrivalTime:
		d.alarm.Reset(5 * arrivalTime)
	}
}

func (d *door) open() {
	room := min(max(d.line.within(nearTime), 1), maxNear)
	for len(d.waiting) > 0 && d.inside < room {
		d.inside++
		d.waiting.next()
	}
}
