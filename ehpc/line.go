package ehpc

import (
	"container/heap"
	"context"
	"errors"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// line is where calls wait for their turn: for room in the bucket of the hour's
// calls, for others to come back, and, once the API has said that there were
// too many, for it to take calls again. Questions come first, because accounts
// wait for the answers; accounts come in the order of their ranks.
type line struct {
	bucket *rate.Limiter // nil: no limit, as far as is known
	learns bool          // the bucket is what can be told of the API's
	now    func() time.Time

	mu      sync.Mutex // for the bucket too
	waiting queue
	joined  uint64        // how many have ever waited
	taken   int64         // calls that the bucket has given
	out     int           // calls under way
	most    int           // calls that may be under way
	wins    int           // calls that went well since most was last changed
	closed  time.Time     // until then the API takes no calls
	hold    time.Duration // the last one that a refusal brought about
	doubt   doubt
	emptied time.Time     // when the API refused a call; zero: nobody has waited since
	good    int           // calls that went well since then
	inRow   int           // of these, since the last refusal
	alarm   *time.Timer   // set for when the next can go
	due     time.Time     // when it goes off; zero: it is not set
	short   bool          // accounts wait, and the bucket has no room for all
	ages    map[int64]int // of the accounts that wait, be it for room or for what comes before that
	asking  int           // accounts that are being looked up, to wait for room next
	eased   signal        // no account waits for room
	idle    signal        // nor is any being looked up
}

// signal tells when something has come to be so.
type signal struct{ c chan struct{} }

// set makes the signal say whether it is so.
func (s *signal) set(so bool) {
	switch {
	case !so && s.c == nil:
		s.c = make(chan struct{})
	case so && s.c != nil:
		close(s.c)
		s.c = nil
	}
}

// doubt is what a bucket holds and the API may not grant: others may use the
// quota too, or this program did before a restart. It is given back when calls
// go well, a few at first, then ever more.
type doubt struct {
	withheld float64 // calls of the bucket that are not made for now
	good     int     // calls that went well since the API refused one
	needed   int     // good ones that it takes before some are given back
	step     float64 // how many are given back next
}

const (
	kept       = 5 // calls that are left for one request to go on, should the refusal pass
	leastGood  = 5
	mostNeeded = 640
)

// raise is for a refusal, when the bucket has so much room.
func (d *doubt) raise(room float64) {
	switch {
	case d.withheld == 0:
		d.needed = leastGood
	case d.good >= d.needed: // those that were given back were too many
		d.needed = min(2*d.needed, mostNeeded)
	}
	d.withheld += max(0, room-kept)
	d.good, d.step = 0, 1
}

// lower is for a call that went well.
func (d *doubt) lower() {
	if d.withheld == 0 {
		return
	}
	if d.good++; d.good >= d.needed {
		d.withheld = max(0, d.withheld-d.step)
		d.step *= 2
	}
}

const (
	// mostCalls is how many calls are under way at once, at the most.
	mostCalls = 32
	// After "too many calls" nobody calls for a while, which grows with each
	// such answer that comes soon after another.
	firstHold   = 250 * time.Millisecond
	longestHold = 30 * time.Second
	// arrivalTime is for those to come who were let go at the same time, so that
	// the oldest of them is the first.
	arrivalTime = 20 * time.Millisecond
	// sortTime is for those who are let go by the same look-up, which may be some
	// hundred on a busy machine.
	sortTime = 50 * time.Millisecond
)

// newLine makes a line before a bucket of an hour's calls that is full at the
// start and refilled evenly; 0 means no limit.
func newLine(callsPerHour int, now func() time.Time) *line {
	l := &line{now: now, most: mostCalls, ages: map[int64]int{}, learns: callsPerHour == 0}
	if callsPerHour > 0 {
		l.bucket = rate.NewLimiter(rate.Limit(float64(callsPerHour)/time.Hour.Seconds()), callsPerHour)
	}
	return l
}

// left tells how many calls the bucket holds, and how many were taken from it. It
// is 0 and 0 where there is no limit of ours.
func (l *line) left() (calls float64, taken int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.learns || l.bucket == nil {
		return 0, 0
	}
	return l.bucket.TokensAt(l.now()), l.taken
}

// resume goes on with a bucket that held so many calls some time ago.
func (l *line) resume(calls float64, ago time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.learns || l.bucket == nil {
		return
	}
	now := l.now()
	calls = max(0, calls+float64(l.bucket.Limit())*ago.Seconds())
	if more := l.bucket.TokensAt(now) - calls; more > 0 {
		l.bucket.AllowN(now, int(math.Ceil(more)))
	}
}

// rank orders those who wait. The lower comes first.
type rank struct {
	account bool  // not a question
	age     int64 // of an account: the lower, the older
	joined  uint64
}

func (r rank) before(other rank) bool {
	switch {
	case r.account != other.account:
		return other.account
	case r.age != other.age:
		return r.age < other.age
	}
	return r.joined < other.joined
}

// take waits for a turn, which the caller gives back with done. Where it would
// take longer than most, or than the context lives, there is a [*LimitedError]
// at once.
func (l *line) take(ctx context.Context, who rank, most time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline))
	}
	w, wait := l.join(who, most)
	if w == nil {
		return &LimitedError{RetryAfter: wait}
	}
	patience := time.NewTimer(most)
	defer patience.Stop()
	var err error
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = &LimitedError{RetryAfter: l.wait(0)}
	}
	if l.leave(w) {
		return err
	}
	return nil // the turn came at the same moment
}

// join lines up, unless that would take too long.
func (l *line) join(who rank, most time.Duration) (*waiter, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.joined++
	who.joined = l.joined
	if wait := l.waitFor(l.waiting.before(who)); wait > most {
		return nil, wait
	}
	w := l.waiting.add(who)
	if who.account && l.nearlyEmpty() {
		if len(l.waiting) == 1 {
			l.due = time.Time{} // nobody waits for that alarm any more
		}
		l.ring(sortTime)
	} else {
		l.serve()
	}
	return w, 0
}

// leave gives up waiting, and tells whether the turn had not come yet.
func (l *line) leave(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	waited := l.waiting.remove(w)
	l.serve()
	return waited
}

// done gives a turn back, after a call that ended with err.
func (l *line) done(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out--
	if tooMany(err) {
		l.close(RetryAfter(err))
	} else {
		l.doubt.lower()
		l.hope()
		// As with congestion on a network: one more with each round that went well.
		if l.wins++; l.wins >= l.most {
			l.most, l.wins = min(l.most+1, mostCalls), 0
		}
	}
	l.serve()
}

// tooMany tells whether the API, or what stands before it, counts more calls
// than it allows.
func tooMany(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	return ok && (errors.Is(failure, ErrQuota) || failure.Status == http.StatusTooManyRequests)
}

// close lets no call out for a while, and then one at a time.
func (l *line) close(asked time.Duration) {
	now := l.now()
	if open := now.Sub(l.closed); open < 0 {
		return // of those that went out together, the first has said it
	} else if open < 2*l.hold {
		l.hold = min(l.hold*3/2, longestHold)
	} else {
		l.hold = firstHold
	}
	l.closed = now.Add(max(l.hold, min(asked, 10*longestHold)))
	l.most, l.wins = 1, 0
	if l.learns {
		l.learn()
	} else {
		l.doubt.raise(l.room())
	}
}

// learn is for a refusal where there is no limit of ours. It shows that the API has
// one, whose bucket is empty now. What goes well until it is empty again is what it
// was refilled with, provided that somebody waited all the time.
func (l *line) learn() {
	const (
		enough, many = 5, 20 // calls to measure by
		least        = 0.1   // calls a second: what was no more than an outage is forgotten soon
		most         = 2000  // in the bucket: the API document's quota of an hour
	)
	now := l.now()
	var pace rate.Limit
	if l.bucket != nil {
		pace = l.bucket.Limit()
	}
	if !l.emptied.IsZero() && l.good >= enough {
		pace = rate.Limit(0.95 * float64(l.good) / now.Sub(l.emptied).Seconds())
		pace = min(max(pace, least), asGoodAsNone)
	}
	if l.emptied.IsZero() || l.good >= many {
		l.emptied, l.good = now, 0
	}
	if pace > 0 {
		l.bucket, l.inRow = rate.NewLimiter(pace, most), 0
		l.bucket.AllowN(now, most)
	}
}

// asGoodAsNone is a limit that need not be kept to, in calls a second.
const asGoodAsNone = 1000

// hope is for a call that went well: the more of them, the more it raises the pace
// that was learnt. Where it is too slow, calls gather in the API's bucket meanwhile,
// and none is lost.
func (l *line) hope() {
	l.good++
	if !l.learns || l.bucket == nil {
		return
	}
	l.inRow++
	l.bucket.SetLimitAt(l.now(), l.bucket.Limit()*(1+rate.Limit(l.inRow)/2000))
	if l.bucket.Limit() > asGoodAsNone {
		l.bucket = nil
	}
}

// serve lets those go who can, and sets the alarm for the next.
func (l *line) serve() {
	for len(l.waiting) > 0 && l.out < l.most {
		if wait := l.waitFor(0); wait > 0 || !l.allow() {
			l.ring(max(wait, 50*time.Microsecond))
			break
		}
		l.out++
		if w := l.waiting.next(); w.account {
			l.count(w.age, -1)
		}
	}
	if len(l.waiting) == 0 {
		l.emptied = time.Time{}
	}
	l.short = l.waiting.accounts() > 0 && l.waitFor(len(l.waiting)-1) > 0
	l.tell()
}

func (l *line) tell() {
	l.eased.set(!l.short)
	l.idle.set(!l.short && (l.asking == 0 || !l.nearlyEmpty()))
}

// look notes that n more accounts are being looked up.
func (l *line) look(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asking += n
	l.tell()
}

func (l *line) allow() bool {
	if l.bucket == nil {
		return true
	}
	if !l.bucket.AllowN(l.now(), 1) {
		return false
	}
	l.taken++
	return true
}

// room is how many calls can be made now. There is a bucket.
func (l *line) room() float64 { return l.bucket.TokensAt(l.now()) - l.doubt.withheld }

// ring sets the alarm. One that goes off sooner stays, lest whoever comes put off
// all who wait.
func (l *line) ring(in time.Duration) {
	due := time.Now().Add(in)
	switch {
	case l.alarm == nil:
		l.alarm = time.AfterFunc(in, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.due = time.Time{}
			l.serve()
		})
	case !l.due.IsZero() && l.due.Before(due):
		return
	default:
		l.alarm.Reset(in)
	}
	l.due = due
}

// expect notes that n more accounts of an age wait, until they have their turn.
func (l *line) expect(age int64, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(age, n)
}

func (l *line) count(age int64, n int) {
	if l.ages[age] += n; l.ages[age] == 0 {
		delete(l.ages, age)
	}
}

// waitOf tells how long an account of an age has to wait.
func (l *line) waitOf(age int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	older := 0
	for other, n := range l.ages {
		if other < age {
			older += n
		}
	}
	return l.waitFor(older)
}

// wait tells how long a call has to wait that has so many others before it.
func (l *line) wait(others int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waitFor(others)
}

func (l *line) waitFor(others int) time.Duration {
	now := l.now()
	wait := max(0, l.closed.Sub(now))
	if l.bucket == nil {
		return wait
	}
	missing := float64(others+1) - l.room()
	return max(wait, time.Duration(missing/float64(l.bucket.Limit())*float64(time.Second)))
}

// scarce tells whether more may be about to come than there is room for now, so
// that it matters who is first.
func (l *line) scarce() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nearlyEmpty()
}

func (l *line) nearlyEmpty() bool {
	return l.bucket != nil && l.room() < maxNear
}

// takes tells in which time the bucket gets room for so many calls.
func (l *line) takes(calls int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bucket == nil {
		return 0
	}
	return time.Duration(float64(calls) / float64(l.bucket.Limit()) * float64(time.Second))
}

// within tells how many calls can go out in a time.
func (l *line) within(d time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bucket == nil {
		return maxNear
	}
	return int(l.room() + float64(l.bucket.Limit())*d.Seconds())
}

// when returns a channel that is closed when it is so; nil where it is so now.
func (l *line) when(s *signal) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.c
}

// waiter is one who waits in a queue.
type waiter struct {
	rank
	ready chan struct{} // closed when it is their turn
	at    int           // place in the heap; -1: not in it
}

// queue is a heap of those who wait, the next one first.
type queue []*waiter

func (q *queue) add(who rank) *waiter {
	w := &waiter{rank: who, ready: make(chan struct{})}
	heap.Push(q, w)
	return w
}

// next lets the first go.
func (q *queue) next() *waiter {
	w := heap.Pop(q).(*waiter)
	close(w.ready)
	return w
}

// remove takes one out, and tells whether they were still waiting.
func (q *queue) remove(w *waiter) bool {
	if w.at < 0 {
		return false
	}
	heap.Remove(q, w.at)
	return true
}

// before counts those who come before one of the given rank.
func (q queue) before(who rank) (n int) {
	for _, w := range q {
		if w.rank.before(who) {
			n++
		}
	}
	return n
}

func (q queue) accounts() (n int) {
	for _, w := range q {
		if w.account {
			n++
		}
	}
	return n
}

// The methods of [heap.Interface].

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].rank.before(q[j].rank) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push implements [heap.Interface].
func (q *queue) Push(x any) {
	w := x.(*waiter)
	w.at = len(*q)
	*q = append(*q, w)
}

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	w.at = -1
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}
