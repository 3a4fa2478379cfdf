package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

// People knows who people are and which groups they belong to, from Slack, and remembers it for a while: a
// command has to be answered within three seconds, and usergroups.users.list may be called 20 times a minute.
type People struct {
	now     func() time.Time
	persons memory[slack.User]
	groups  memory[[]string]
}

// How long answers of Slack are used. A group's list is asked for anew when it is older than groupFresh; if
// Slack does not answer, the last one counts until groupStale, and from then on nobody is in the group. People
// change seldom: what was true once will do until Slack answers again.
const (
	personFresh = time.Hour
	personStale = 30 * 24 * time.Hour
	groupFresh  = 5 * time.Second
	groupStale  = 5 * time.Minute
)

const (
	// lookUpTime is what a question may take of the time in which an envelope is to be acknowledged.
	lookUpTime = 800 * time.Millisecond
	// askTime is how long Slack is given to answer; an answer that comes late is there for the next question.
	askTime = 5 * time.Second
	// silentTime is how long nobody asks again what Slack did not answer.
	silentTime = 2 * time.Second
)

// NewPeople returns a directory of the workspace.
func NewPeople(api *API) *People {
	return &People{
		now: time.Now,
		persons: memory[slack.User]{fresh: personFresh, stale: personStale, ask: func(ctx context.Context, id string) (slack.User, error) {
			user, err := api.GetUserInfoContext(ctx, id)
			if err != nil {
				return slack.User{}, callError("ask Slack about a person", err)
			}
			return *user, nil
		}},
		groups: memory[[]string]{fresh: groupFresh, stale: groupStale, ask: func(ctx context.Context, id string) ([]string, error) {
			members, err := api.GetUserGroupMembersContext(ctx, id)
			return members, callError(fmt.Sprintf("ask Slack who is in the group %s", id), err)
		}},
	}
}

// Person returns what Slack says of a person.
func (p *People) Person(ctx context.Context, id string) (slack.User, error) {
	return p.persons.get(ctx, id, p.now)
}

// Members implements [approval.Directory].
func (p *People) Members(ctx context.Context, id string) ([]string, error) {
	return p.groups.get(ctx, id, p.now)
}

// memory remembers answers to questions of one kind.
type memory[T any] struct {
	fresh, stale time.Duration
	ask          func(ctx context.Context, id string) (T, error)
	asking       singleflight.Group

	mu    sync.Mutex
	known map[string]remembered[T]
}

type remembered[T any] struct {
	value  T
	at     time.Time // when Slack said so; zero: never
	failed time.Time // when Slack did not answer
	err    error
}

// get returns a fresh answer, or asks. The question goes on when those who asked it wait no longer.
func (m *memory[T]) get(ctx context.Context, id string, now func() time.Time) (T, error) {
	have := m.recall(id)
	switch {
	case !have.at.IsZero() && now().Sub(have.at) < m.fresh:
		return have.value, nil
	case have.err != nil && now().Sub(have.failed) < silentTime:
		return m.settle(have, have.err, now())
	}
	asked := m.asking.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		value, err := m.ask(ctx, id)
		m.remember(id, value, err, now())
		return value, err
	})
	timer := time.NewTimer(lookUpTime)
	defer timer.Stop()
	select {
	case answer := <-asked:
		if answer.Err == nil {
			return answer.Val.(T), nil
		}
		return m.settle(have, answer.Err, now())
	case <-ctx.Done():
		return m.settle(have, context.Cause(ctx), now())
	case <-timer.C:
		err := fmt.Errorf("no answer from Slack: %w", context.DeadlineExceeded)
		m.remember(id, have.value, err, now())
		return m.settle(have, err, now())
	}
}

// settle is for what is known when Slack does not answer.
func (m *memory[T]) settle(have remembered[T], err error, now time.Time) (T, error) {
	if !have.at.IsZero() && now.Sub(have.at) < m.stale {
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
	if err != nil {
		r.failed, r.err = now, err
	} else {
		r = remembered[T]{value: value, at: now}
	}
	m.known[id] = r
}
