package slackapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"ehpcbot/approval"
	"ehpcbot/ehpc/backoff"
)

// People knows who people are and which groups they belong to, from Slack, and remembers it for a while: a
// command has to be answered within three seconds, and usergroups.users.list may be called 20 times a minute.
type People struct {
	now     func() time.Time
	home    atomic.Pointer[string] // the bot's workspace, as soon as Slack has told
	persons memory[slack.User]
	groups  memory[[]string]
}

// ErrUnknown says that Slack knows nobody of an id, which is an answer and not its silence.
var ErrUnknown = errors.New("no such person is known to Slack")

// How long answers of Slack are used. What a decision hangs on, who is in a group and whether an approver is still one
// of the workspace, is asked for anew when it is older than decisionFresh; if Slack does not answer, the last answer
// counts until decisionStale, and from then on nobody is an approver. For all else people change seldom: what was true
// once will do until Slack answers again.
const (
	personFresh = time.Hour
	personStale = 30 * 24 * time.Hour

	rosterFresh = time.Minute

	decisionFresh = 5 * time.Second
	decisionStale = 5 * time.Minute
)

const (
	// lookUpTime is what a question may take of the time in which an envelope is to be acknowledged; decisionTime, what
	// the one may take on which a decision hangs, so that a limit of Slack's can pass that is over in a second.
	lookUpTime, decisionTime = 800 * time.Millisecond, 1500 * time.Millisecond
	// shortLimit is how long a limit of Slack's is waited out rather than taken for an answer.
	shortLimit = time.Second
	// askTime is how long Slack is given to answer; an answer that comes late is there for the next question.
	askTime = 5 * time.Second
	// silentTime is how long nobody asks again what Slack did not answer in time.
	silentTime = 2 * time.Second
)

// NewPeople returns a directory of the workspace. now is the time by which answers of Slack grow old.
func NewPeople(api *API, now func() time.Time) *People {
	return &People{
		now: now,
		persons: memory[slack.User]{ask: pastLimit(func(ctx context.Context, id string) (slack.User, error) {
			user, err := api.GetUserInfoContext(ctx, id)
			switch code := Code(err); {
			case code == "user_not_found", code == "user_not_visible":
				return slack.User{}, fmt.Errorf("%w (%s)", ErrUnknown, code)
			case err != nil:
				return slack.User{}, CallError("ask Slack about a person", err)
			case user.ID == "" && user.Name == "" && user.Locale == "":
				return slack.User{}, errors.New("ask Slack about a person: the answer is empty")
			}
			return *user, nil
		})},
		groups: memory[[]string]{ask: pastLimit(func(ctx context.Context, id string) ([]string, error) {
			members, err := api.GetUserGroupMembersContext(ctx, id)
			return members, CallError(fmt.Sprintf("ask Slack who is in the group %s", id), err)
		})},
	}
}

// pastLimit asks once more where Slack says that it can be asked again soon.
func pastLimit[T any](ask func(ctx context.Context, id string) (T, error)) func(ctx context.Context, id string) (T, error) {
	return func(ctx context.Context, id string) (T, error) {
		answer, err := ask(ctx, id)
		later, ok := errors.AsType[*approval.LaterError](err)
		if !ok || later.After > shortLimit {
			return answer, err
		}
		if backoff.Sleep(ctx, later.After) != nil {
			return answer, err
		}
		return ask(ctx, id)
	}
}

// Person returns what Slack says of a person.
func (p *People) Person(ctx context.Context, id string) (slack.User, error) {
	return p.persons.get(ctx, id, p.now, age{fresh: personFresh, stale: personStale, patience: lookUpTime})
}

// Known returns what Slack said of a person before, however long ago, without asking it.
func (p *People) Known(id string) slack.User { return p.persons.recall(id).value }

// decider is Person for one who is about to decide: what Slack said some time ago does not do.
func (p *People) decider(ctx context.Context, id string) (slack.User, error) {
	return p.persons.get(ctx, id, p.now, age{fresh: decisionFresh, stale: decisionStale, patience: decisionTime})
}

// Members implements [approval.Directory].
func (p *People) Members(ctx context.Context, id string, within time.Duration) ([]string, error) {
	return p.groups.get(ctx, id, p.now, age{fresh: max(within, decisionFresh), stale: decisionStale, patience: decisionTime})
}

// Roster is Members where nothing hangs on it: what Slack said within the last minute will do, or whatever it said last.
func (p *People) Roster(ctx context.Context, id string) ([]string, error) {
	return p.groups.get(ctx, id, p.now, age{fresh: rosterFresh, stale: personStale, patience: lookUpTime})
}

// memory remembers answers to questions of one kind.
type memory[T any] struct {
	ask    func(ctx context.Context, id string) (T, error)
	asking singleflight.Group

	mu    sync.Mutex
	known map[string]remembered[T]
}

type remembered[T any] struct {
	value  T
	at     time.Time // when Slack said so; zero: never
	failed time.Time // when Slack did not answer
	err    error
}

// age says how old an answer may be.
type age struct {
	fresh    time.Duration // not to be asked again
	stale    time.Duration // to be used where Slack does not answer
	patience time.Duration // how long it is waited for
}

// get returns a fresh answer, or asks; where there is none, one that is not stale. The question goes on when those who
// asked it wait no longer.
func (m *memory[T]) get(ctx context.Context, id string, now func() time.Time, may age) (T, error) {
	have := m.recall(id)
	switch {
	case !have.at.IsZero() && now().Sub(have.at) < may.fresh:
		return have.value, nil
	case have.err != nil && now().Sub(have.failed) < silentTime:
		return settle(have, have.err, now(), may.stale)
	}
	asked := m.asking.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		value, err := m.contained(ctx, id)
		m.remember(id, value, err, now())
		return value, err
	})
	timer := time.NewTimer(patience(ctx, may))
	defer timer.Stop()
	select {
	case answer := <-asked:
		if answer.Err == nil {
			return answer.Val.(T), nil
		}
		return settle(have, answer.Err, now(), may.stale)
	case <-ctx.Done():
		return settle(have, context.Cause(ctx), now(), may.stale)
	case <-timer.C:
		err := fmt.Errorf("no answer from Slack: %w", context.DeadlineExceeded)
		m.remember(id, have.value, err, now())
		return settle(have, err, now(), may.stale)
	}
}

// contained turns a panic into an error, because singleflight would end the process.
func (m *memory[T]) contained(ctx context.Context, id string) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ask Slack about %s: panic: %v", id, p)
		}
	}()
	return m.ask(ctx, id)
}

// patience is how long an answer is waited for: of the time that is left, so much stays for what follows from it.
func patience(ctx context.Context, may age) time.Duration {
	const rest = 700 * time.Millisecond
	if deadline, bounded := ctx.Deadline(); bounded {
		return min(may.patience, max(0, time.Until(deadline)-rest))
	}
	return may.patience
}

// settle is for what is known when Slack does not answer.
func settle[T any](have remembered[T], err error, now time.Time, stale time.Duration) (T, error) {
	if !have.at.IsZero() && now.Sub(have.at) < stale && !errors.Is(err, ErrUnknown) {
		return have.value, nil
	}
	var none T
	return none, err
}

func (m *memory[T]) recall(id string) remembered[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[id]
}

func (m *memory[T]) remember(id string, value T, err error, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]remembered[T]{}
	}
	r := m.known[id]
	switch {
	case err == nil:
		r = remembered[T]{value: value, at: now}
	case isSilence(err):
		r.failed, r.err = now, err
	}
	m.known[id] = r
}

// isSilence tells a question that was not answered in time, or was not to be asked, from one that failed at once: that
// one may be answered the next time.
func isSilence(err error) bool {
	_, later := errors.AsType[*approval.LaterError](err)
	return later || errors.Is(err, context.DeadlineExceeded)
}
