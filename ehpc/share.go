package ehpc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Shared is a client whose questions are shared: while one listing is under
// way, whoever asks gathers, and the next listing answers all of them. A single
// question is asked at once and as cheaply as by the client itself; a burst of
// them costs a few listings instead of a call each, out of a quota of some
// 2,000 calls an hour.
//
// An answer is never older than its question: who asks while a listing is under
// way is served by the next one.
type Shared struct {
	*Client
	users sync.Map // of scope to *gathering[User]
	jobs  sync.Map // of scope to *gathering[Job]
	doors sync.Map // of scope to *door

	recent atomic.Bool // jobs are asked for as the newest, not by several ids
}

// NewShared returns a client that shares the questions of its callers.
func NewShared(c *Client) *Shared { return &Shared{Client: c} }

// scope is what one listing can answer: the users of a cluster, the jobs of a
// zone.
type scope struct{ zone, clusterID string }

// FindUser does what [Client.FindUser] does.
func (s *Shared) FindUser(ctx context.Context, zone, clusterID, username string) (User, bool, error) {
	if err := ValidateUsername(username); err != nil {
		return s.Client.FindUser(ctx, zone, clusterID, username)
	}
	where := scope{zone, clusterID}
	return s.userQuestions(where).ask(ctx, username)
}

func (s *Shared) userQuestions(where scope) *gathering[User] {
	return gatheringOf(&s.users, where, s.line, &s.line.eased, actionListUsers, func(ctx context.Context, names []string, calls *int) (map[string]User, error) {
		return s.findUsers(ctx, where, names, calls)
	})
}

// findUsers looks several usernames up. Each by itself costs at least a call,
// all users together a call for every hundred of them: the first page tells
// which is less.
func (s *Shared) findUsers(ctx context.Context, where scope, names []string, calls *int) (map[string]User, error) {
	found := make(map[string]User, len(names))
	if len(names) > 1 {
		whole, err := s.listUsers(ctx, where, names, found, calls)
		if err != nil || whole {
			return found, err
		}
	}
	for _, name := range names {
		if _, ok := found[name]; ok {
			continue
		}
		*calls++
		user, ok, err := s.Client.FindUser(ctx, where.zone, where.clusterID, name)
		if err != nil {
			return nil, err
		}
		if ok {
			found[name] = user
		}
	}
	return found, nil
}

// listUsers reads the pages of all users and notes those of the given names.
// whole is false where that does not prove that the others are absent: users
// were removed while the pages were read, which moves others to a page that
// was read already; or it would take more calls than asking for each name.
//
// New users are no harm: in whatever order the API lists, they can only move
// others to a later page, where they are seen twice.
func (s *Shared) listUsers(ctx context.Context, where scope, names []string, found map[string]User, calls *int) (whole bool, err error) {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	seen := make(map[string]bool)
	request := ListUsersRequest{ClusterID: where.clusterID, Zone: where.zone}.withDefaults()
	for first, before := -1, -1; ; {
		*calls++
		page, err := s.ListUsers(ctx, request)
		switch {
		case err != nil:
			return false, err
		case page.Total < before, page.Total > len(names)*request.Limit:
			return false, nil
		case first < 0:
			first = page.Total
		}
		before = page.Total
		for _, user := range page.Users {
			seen[user.Username] = true
			if wanted[user.Username] {
				found[user.Username] = user
			}
		}
		request.Offset += len(page.Users)
		if len(page.Users) == 0 || page.last(request) {
			return len(seen) >= first, nil
		}
	}
}

// Operation does what [Client.Operation] does.
func (s *Shared) Operation(ctx context.Context, zone, jobID string) (Job, bool, error) {
	g := gatheringOf(&s.jobs, scope{zone: zone}, s.line, &s.line.idle, actionOperation, func(ctx context.Context, ids []string, calls *int) (map[string]Job, error) {
		return s.findJobs(ctx, zone, ids, calls)
	})
	return g.ask(ctx, jobID)
}

// findJobs asks for several jobs at once. How several ids stand in a request
// the API document does not say; a server that shows no sign of understanding
// them is asked for its newest jobs from then on.
func (s *Shared) findJobs(ctx context.Context, zone string, ids []string, calls *int) (map[string]Job, error) {
	if len(ids) > 1 && s.recent.Load() {
		return s.recentJobs(ctx, zone, ids, calls)
	}
	*calls += (len(ids) + maxLimit - 1) / maxLimit
	found, err := s.Operations(ctx, zone, ids)
	if len(ids) == 1 || len(found) > 0 || err != nil && !errors.Is(err, ErrRefused) {
		return found, err
	}
	found, err = s.recentJobs(ctx, zone, ids, calls)
	if len(found) > 0 {
		s.recent.Store(true)
	}
	return found, err
}

// gathering collects questions of one kind while the ones before are answered.
type gathering[T any] struct {
	line   *line
	behind *signal // what a batch yields to where the quota is used up
	action string  // of the calls, for errors
	fetch  fetch[T]

	mu        sync.Mutex
	busy      bool      // batches are being answered
	next      *batch[T] // is gathering; nil: nobody waits
	notBefore time.Time // when the next batch may be answered
	yieldTo   time.Time // until when accounts that wait for room go before it
	lastCalls int       // of the last batch
	inRow     int       // batches of many, one after the other
}

// fetch answers questions and adds the calls that it takes to calls.
type fetch[T any] func(ctx context.Context, keys []string, calls *int) (map[string]T, error)

// batch is a number of questions that are answered together.
type batch[T any] struct {
	keys    []string
	asked   map[string]bool
	done    chan struct{} // closed when answered
	answers map[string]T
	err     error
}

func gatheringOf[T any](all *sync.Map, where scope, l *line, behind *signal, action string, answer fetch[T]) *gathering[T] {
	g, _ := all.LoadOrStore(where, &gathering[T]{line: l, behind: behind, action: action, fetch: answer})
	return g.(*gathering[T])
}

// ask waits for the batch that takes the question along.
func (g *gathering[T]) ask(ctx context.Context, key string) (T, bool, error) {
	b := g.join(key)
	select {
	case <-b.done:
		answer, ok := b.answers[key]
		return answer, ok, b.err
	case <-ctx.Done():
		var none T
		return none, false, &Error{Action: g.action, Err: context.Cause(ctx)}
	}
}

func (g *gathering[T]) join(key string) *batch[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = &batch[T]{asked: map[string]bool{}, done: make(chan struct{})}
	}
	b := g.next
	if !b.asked[key] {
		b.asked[key] = true
		b.keys = append(b.keys, key)
	}
	if !g.busy {
		g.busy = true
		if g.line.scarce() {
			g.notBefore = later(g.notBefore, time.Now().Add(arrivalTime))
		}
		go g.serve()
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sharedTimeout bounds the answer to a batch, which belongs to no single caller.
const sharedTimeout = 2 * time.Minute

// After a batch there is a pause for the next one to gather in: the longer the
// more calls a batch takes, and twice as long after each batch of many. A
// question that comes later than that does not wait.
const (
	pausePerCall     = 100 * time.Millisecond
	longestGathering = 2 * time.Second

	// Where the quota is used up, so many accounts go before each call of the
	// next batch: the questions take one call in sixty.
	accountsPerCall = 60
	longestYield    = 2 * time.Minute // for each call
)

// serve answers one batch after the other until nobody waits.
func (g *gathering[T]) serve() {
	for {
		time.Sleep(g.untilNext())
		g.yield()
		b := g.close()
		if b == nil {
			return
		}
		calls := 0
		ctx, cancel := context.WithTimeout(context.Background(), sharedTimeout)
		b.answers, b.err = g.fetch(ctx, b.keys, &calls)
		cancel()
		close(b.done)
		g.rest(calls, len(b.keys))
	}
}

// untilNext tells how long those who wait have to gather.
func (g *gathering[T]) untilNext() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		return 0
	}
	return time.Until(g.notBefore)
}

// close takes the batch that has gathered; nil ends the serving.
func (g *gathering[T]) close() *batch[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.next
	g.next = nil
	g.busy = b != nil
	return b
}

// yield lets accounts go first that wait for room in the quota: their
// questions are answered, and those who ask can be answered together.
func (g *gathering[T]) yield() {
	g.mu.Lock()
	left := time.Until(g.yieldTo)
	nobody := g.next == nil
	g.mu.Unlock()
	free := g.line.when(g.behind)
	if left <= 0 || nobody || free == nil {
		return
	}
	patience := time.NewTimer(left)
	defer patience.Stop()
	select {
	case <-free:
	case <-patience.C:
	}
}

// cost tells how many calls the last batch took.
func (g *gathering[T]) cost() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lastCalls
}

// rest begins the pause after a batch of so many questions.
func (g *gathering[T]) rest(calls, questions int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	const many = 5
	if g.inRow = min(g.inRow+1, 5); questions < many {
		g.inRow = 0
	}
	pause := time.Duration(calls) * pausePerCall << g.inRow
	g.notBefore = time.Now().Add(min(pause, longestGathering))
	g.lastCalls = calls
	g.yieldTo = time.Now().Add(min(g.line.takes(accountsPerCall*calls), time.Duration(calls)*longestYield))
}
