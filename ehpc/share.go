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
	sizes sync.Map // of scope to int: how many users there were at the last listing

	recent  atomic.Bool // jobs are asked for as the newest, not by several ids
	traffic *traffic
}

// NewShared returns a client that shares the questions of its callers.
func NewShared(c *Client) *Shared { return &Shared{Client: c, traffic: newTraffic()} }

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
	return gatheringOf(&s.users, where, &gathering[User]{
		client: s.Client, traffic: s.traffic, action: actionListUsers, behind: &s.line.eased,
		fetch: func(ctx context.Context, c *Client, names []string) (map[string]User, error) {
			return s.findUsers(ctx, c, where, names)
		},
		// Those who wait have been looked up, and others are not near to their turn.
		yields: func(int) time.Duration { return nearTime },
	})
}

// findUsers looks several usernames up. Each by itself costs at least a call,
// all users together a call for every hundred of them: the last listing tells
// which is less, or the first page of this one.
func (s *Shared) findUsers(ctx context.Context, c *Client, where scope, names []string) (map[string]User, error) {
	found := make(map[string]User, len(names))
	if size, _ := s.sizes.LoadOrStore(where, 0); len(names) > 1 && size.(int) <= len(names)*maxLimit {
		whole, err := s.listUsers(ctx, c, where, names, found)
		if err != nil || whole {
			return found, err
		}
	}
	for _, name := range names {
		if _, ok := found[name]; ok {
			continue
		}
		user, ok, err := c.FindUser(ctx, where.zone, where.clusterID, name)
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
// was read already; a page repeats what others said, as those of a server do
// that reads no offset; or it would take more calls than asking for each name.
//
// New users are no harm: in whatever order the API lists, they can only move
// others to a later page, where they are seen twice.
func (s *Shared) listUsers(ctx context.Context, c *Client, where scope, names []string, found map[string]User) (whole bool, err error) {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	seen := make(map[string]bool)
	request := ListUsersRequest{ClusterID: where.clusterID, Zone: where.zone}.withDefaults()
	most := min(len(names)*request.Limit, maxListed)
	for first, before := -1, -1; ; {
		page, err := c.ListUsers(ctx, request)
		if err != nil {
			return false, err
		}
		s.sizes.Store(where, page.Total)
		switch {
		case page.Total < before, page.Total > most:
			return false, nil
		case first < 0:
			first = page.Total
		}
		before = page.Total
		known := len(seen)
		for _, user := range page.Users {
			seen[user.Username] = true
			if wanted[user.Username] {
				found[user.Username] = user
			}
		}
		request.Offset += len(page.Users)
		switch {
		case len(page.Users) == 0 || page.last(request):
			return len(seen) >= first, nil
		case len(seen) == known || request.Offset >= most:
			return false, nil
		}
	}
}

// Operation does what [Client.Operation] does.
func (s *Shared) Operation(ctx context.Context, zone, jobID string) (Job, bool, error) {
	g := gatheringOf(&s.jobs, scope{zone: zone}, &gathering[Job]{
		client: s.Client, traffic: s.traffic, action: actionOperation, behind: &s.line.idle,
		fetch: func(ctx context.Context, c *Client, ids []string) (map[string]Job, error) {
			return s.findJobs(ctx, c, zone, ids)
		},
		yields: func(calls int) time.Duration { return min(s.line.takes(accountsPerCall*calls), longestYield) },
	})
	job, known, err := g.ask(ctx, jobID)
	if job.Status.Done() {
		s.traffic.ended(jobID)
	}
	return job, known, err
}

// AddUser does what [Client.AddUser] does.
func (s *Shared) AddUser(ctx context.Context, request AddUserRequest) (jobID string, err error) {
	jobID, err = s.Client.AddUser(ctx, request)
	if err == nil {
		s.traffic.begun(jobID)
	}
	return jobID, err
}

// findJobs asks for several jobs at once. How several ids stand in a request
// the API document does not say; a server that shows no sign of understanding
// them is asked for its newest jobs from then on.
func (s *Shared) findJobs(ctx context.Context, c *Client, zone string, ids []string) (map[string]Job, error) {
	if len(ids) > 1 && s.recent.Load() {
		return c.recentJobs(ctx, zone, ids)
	}
	found, err := c.Operations(ctx, zone, ids)
	if len(ids) == 1 || len(found) > 0 || err != nil && !errors.Is(err, ErrRefused) {
		return found, err
	}
	found, err = c.recentJobs(ctx, zone, ids)
	if len(found) > 0 {
		s.recent.Store(true)
	}
	return found, err
}

// gathering collects questions of one kind while the ones before are answered.
type gathering[T any] struct {
	client  *Client
	traffic *traffic
	behind  *signal // what a batch yields to where the quota is used up
	action  string  // of the calls, for errors
	fetch   fetch[T]
	yields  func(calls int) time.Duration // for how long, after a batch of so many calls

	mu        sync.Mutex
	busy      bool      // batches are being answered
	next      *batch[T] // is gathering; nil: nobody waits
	notBefore time.Time // when the next batch may be answered
	yieldTo   time.Time // until when accounts that wait for room go before it
	inRow     int       // batches of many, one after the other
}

// fetch answers questions with the calls of a patient client.
type fetch[T any] func(ctx context.Context, c *Client, keys []string) (map[string]T, error)

// batch is a number of questions that are answered together.
type batch[T any] struct {
	ctx    context.Context // ends when nobody waits for the answers any more
	giveUp context.CancelFunc
	askers int // who wait for the answers

	keys    []string
	asked   map[string]bool
	done    chan struct{} // closed when answered
	answers map[string]T
	err     error
}

func newBatch[T any]() *batch[T] {
	b := &batch[T]{asked: map[string]bool{}, done: make(chan struct{})}
	b.ctx, b.giveUp = context.WithCancel(context.Background())
	return b
}

func gatheringOf[T any](all *sync.Map, where scope, fresh *gathering[T]) *gathering[T] {
	g, _ := all.LoadOrStore(where, fresh)
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
		g.leave(b)
		var none T
		return none, false, &Error{Action: g.action, Err: context.Cause(ctx)}
	}
}

func (g *gathering[T]) join(key string) *batch[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = newBatch[T]()
	}
	b := g.next
	b.askers++
	if !b.asked[key] {
		b.asked[key] = true
		b.keys = append(b.keys, key)
	}
	if !g.busy {
		g.busy = true
		if g.client.line.scarce() {
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

// leave is for one who asks no longer. The last one takes the batch along.
func (g *gathering[T]) leave(b *batch[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.askers--; b.askers > 0 {
		return
	}
	b.giveUp()
	if g.next == b {
		g.next = nil
	}
}

// After a batch there is a pause for the next one to gather in: the longer the
// more calls a batch takes, and twice as long after each batch of many, or so long
// that gatherPerCall accounts come for each call, while many come. A question that
// comes later than that does not wait.
const (
	pausePerCall     = 100 * time.Millisecond
	gatherPerCall    = 15
	longestGathering = 3 * time.Second

	// Where the quota is used up, so many accounts go before each call of the
	// next batch about jobs, which takes one call in sixty, unless that is too long
	// a time for those who wait to hear of their accounts.
	accountsPerCall = 60
	longestYield    = 4 * time.Minute
)

// serve answers one batch after the other until nobody waits.
func (g *gathering[T]) serve() {
	for b := g.current(); b != nil; b = g.current() {
		if turn := g.turn(b); turn != nil {
			g.answer(b, turn)
		}
	}
}

// current returns the batch that gathers; nil ends the serving.
func (g *gathering[T]) current() *batch[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy = g.next != nil
	return g.next
}

// turn waits until the first call of a batch can be made. Whoever asks meanwhile
// is answered with it. There is no turn where nobody waits for the answers.
func (g *gathering[T]) turn(b *batch[T]) *Turn {
	g.mu.Lock()
	notBefore, yieldTo := g.notBefore, g.yieldTo
	g.mu.Unlock()
	wait(b.ctx, time.Until(notBefore), nil)
	// Accounts that wait for room in the quota go first: their questions are
	// answered, and those who ask can be answered together.
	if free := g.client.line.when(g.behind); free != nil {
		wait(b.ctx, time.Until(yieldTo), free)
	}
	c := g.client
	if c.line.wait(0) > c.maxWait {
		c.observe(g.action, "limited", 0)
	}
	if c.line.take(b.ctx, rank{}, forEver) != nil {
		return nil
	}
	return &Turn{line: c.line}
}

// wait lets a time pass, which ends sooner with the context or with a signal.
func wait(ctx context.Context, d time.Duration, sooner <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-sooner:
	case <-ctx.Done():
	}
}

// answer makes the calls that a batch takes, of which the first has its turn.
func (g *gathering[T]) answer(b *batch[T], turn *Turn) {
	defer turn.done(nil) // where it was not used
	defer b.giveUp()
	g.close(b)
	c := g.client.patient(turn)
	b.answers, b.err = g.fetch(b.ctx, c, b.keys)
	close(b.done)
	g.rest(c.patience.calls, len(b.keys))
}

// close lets nobody join any more.
func (g *gathering[T]) close(b *batch[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == b {
		g.next = nil
	}
}

// rest begins the pause after a batch of so many questions.
func (g *gathering[T]) rest(calls, questions int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	const many = 5
	if g.inRow = min(g.inRow+1, 5); questions < many {
		g.inRow = 0
	}
	pause := max(time.Duration(calls)*pausePerCall<<g.inRow, g.traffic.takes(calls*gatherPerCall))
	g.notBefore = time.Now().Add(min(pause, longestGathering))
	g.yieldTo = time.Now().Add(g.yields(calls))
}
