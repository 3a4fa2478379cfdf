package approval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"ehpcbot/ehpc/secret"
)

// Bound is what a password is sealed for: it opens for nothing else.
type Bound struct {
	Request                      int64
	Cluster, Username, Requester string
}

// ErrNoKey says that a password was sealed with a key that is not configured.
var ErrNoKey = errors.New("it was sealed with a key that ENCRYPTION_KEY does not hold")

// Keys seal passwords, each for one request.
type Keys interface {
	Seal(to Bound, password secret.Text) []byte
	Open(to Bound, sealed []byte) (secret.Text, error)
}

// Service is the one place where requests change. Its methods may be called from many goroutines.
type Service struct {
	conf     Config
	store    Store
	keys     Keys
	people   Directory
	accounts Accounts // nil: no look at the clusters before an approver is asked
	log      *slog.Logger
	now      func() time.Time
	refusals refusals
	line     chan struct{} // bounds the jobs that wait for the database
}

// jobsInLine is how many jobs wait for the database at the same time. People, who want an answer within three
// seconds, have no more than these before them, however many jobs there are.
const jobsInLine = 2

// NewService returns a service on a store. now is the time of day, [time.Now] but in tests.
func NewService(conf Config, store Store, keys Keys, people Directory, log *slog.Logger, now func() time.Time) *Service {
	return &Service{conf: conf, store: store, keys: keys, people: people, log: log, now: now,
		refusals: refusals{counts: map[refused]tally{}}, line: make(chan struct{}, jobsInLine)}
}

// Config returns the policy that the service follows.
func (s *Service) Config() Config { return s.conf }

// Now returns the time of day by which the service goes.
func (s *Service) Now() time.Time { return s.now() }

// Ping reports whether the database answers.
func (s *Service) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

// Story returns a request with all that belongs to it, or a *Refusal of KindUnknown. While it waits for approval, votes
// that do not count any more are left out.
func (s *Service) Story(ctx context.Context, id int64) (Story, error) {
	story, err := s.read(ctx, id)
	if err != nil || story.State != Pending || len(story.Decisions) == 0 {
		return story, err
	}
	lapsed := s.lapsed(ctx, story, time.Hour)
	story.Decisions = slices.DeleteFunc(story.Decisions, func(d Decision) bool { return slices.Contains(lapsed, d.Person) })
	return story, nil
}

func (s *Service) read(ctx context.Context, id int64) (Story, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) (Story, error) {
		r, err := tx.Request(ctx, id)
		if err != nil {
			return Story{}, err
		}
		return s.story(ctx, tx, r)
	})
}

// reading returns what f reads of one moment of the store.
func reading[T any](ctx context.Context, s *Service, f func(context.Context, Tx) (T, error)) (value T, err error) {
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		value, err = f(ctx, tx)
		return err
	})
	return value, err
}

// stories tells the stories of requests.
func (s *Service) stories(ctx context.Context, tx Tx, requests []Request) ([]Story, error) {
	var stories []Story
	for _, r := range requests {
		story, err := s.story(ctx, tx, r)
		if err != nil {
			return nil, err
		}
		stories = append(stories, story)
	}
	return stories, nil
}

// StoryFor returns a request as [Service.Story] does, to its requester and to approvers; for others there is
// no such request. That it was refused is in the audit log, with the real reason. Where it is not known who is an
// approver, it is of KindNoAnswer, whether there is such a request or not.
func (s *Service) StoryFor(ctx context.Context, id int64, person string) (Story, error) {
	who := s.people.Identify(ctx, person)
	story, err := s.Story(ctx, id)
	if err == nil && who.Is(story.Requester) {
		return story, nil
	}
	if notApprover := Refused(s.checkApprover(ctx, who, story.Request)); notApprover != nil && (err == nil || notApprover.Kind == KindNoAnswer) {
		err = notApprover
	}
	refusal := Refused(err)
	if refusal == nil {
		return story, err
	}
	s.unrecorded(s.TurnAway(ctx, id, person, "status", string(refusal.Kind)))
	if refusal.Kind != KindNoAnswer {
		refusal = &Refusal{Kind: KindUnknown, Value: fmt.Sprint(id)}
	}
	return Story{}, refusal
}

// StoriesOf returns the requests of a person, newest first.
func (s *Service) StoriesOf(ctx context.Context, person string) ([]Story, error) {
	who := s.people.Identify(ctx, person)
	return reading(ctx, s, func(ctx context.Context, tx Tx) ([]Story, error) {
		requests, err := tx.RequestsOf(ctx, who)
		if err != nil {
			return nil, err
		}
		return s.stories(ctx, tx, requests)
	})
}

// Earlier returns the requests that the requester asked for before another, newest first, without what belongs to them.
func (s *Service) Earlier(ctx context.Context, than Request) (earlier []Story, err error) {
	who := s.people.Identify(ctx, than.Requester)
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		requests, err := tx.RequestsOf(ctx, who)
		for _, r := range requests {
			if r.ID >= than.ID {
				continue
			}
			story := Story{Request: r, Cluster: Cluster{ID: r.ClusterID}}
			if cluster, ok := s.conf.Cluster(r.ClusterID); ok {
				story.Cluster = cluster
			}
			earlier = append(earlier, story)
		}
		return err
	})
	return earlier, err
}

// Counts returns how many requests are in each state.
func (s *Service) Counts(ctx context.Context) (map[State]int, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) (map[State]int, error) { return tx.Counts(ctx) })
}

// LongestWait returns for how long the oldest request waits that waits for nobody but the bot; 0 where there is none.
func (s *Service) LongestWait(ctx context.Context) (wait time.Duration, err error) {
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		since, err := tx.WaitingSince(ctx)
		if err == nil && !since.IsZero() {
			wait = max(0, s.now().Sub(since))
		}
		return err
	})
	return wait, err
}

// Events returns the audit events of a request, oldest first; of all requests for 0.
func (s *Service) Events(ctx context.Context, requestID int64) ([]Event, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) ([]Event, error) { return tx.Events(ctx, requestID) })
}

func (s *Service) story(ctx context.Context, tx Tx, r Request) (Story, error) {
	story, err := tx.Story(ctx, r)
	toDecide := slices.Contains([]State{Pending, Approved, Provisioning}, r.State)
	if err == nil && (toDecide || r.Kept != "" || r.Exempt != "") {
		var events []Event
		events, err = tx.Signed(ctx, r.ID)
		if story.Request = vouched(r, events); toDecide {
			story.keepSigned(events)
		}
		r = story.Request
	}
	if cluster, ok := s.conf.Cluster(r.ClusterID); ok {
		story.Cluster = cluster
	}
	story.Required = max(r.Required, s.required(r))
	story.Rules, story.Former, story.Fallback = s.rules(r), s.areFormer(r), s.fallback(r)
	if now := s.conf.Of(r.ClusterID); !r.State.Active() && r.State != Failed { // what is over keeps no channel, which may be gone after years
		story.Rules.Channel, story.Rules.LoginHint = now.Channel, now.LoginHint
	}
	if story.Rules.Reminder > 0 {
		story.RemindAt = s.waitsSince(r).Add(story.Rules.Reminder)
	}
	if err == nil && r.State == Delivered && !r.ClearedAt.IsZero() {
		var later Request
		later, _, err = tx.DeliveredAfter(ctx, r)
		story.Replaced = later.Reset
	}
	return story, err
}

// move is the one way from a state to another: it compares and sets the state, appends the audit event and
// inserts the jobs that follow, all in the caller's transaction.
func (s *Service) move(ctx context.Context, tx Tx, r *Request, to State, actor, action, detail string) error {
	from := r.State
	if !from.canBecome(to) {
		return fmt.Errorf("request %d can't go from %s to %s", r.ID, from, to)
	}
	r.State, r.UpdatedAt = to, s.now()
	if err := tx.Save(ctx, r, from); err != nil {
		return err
	}
	if err := s.record(ctx, tx, *r, actor, action, from, detail); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, follows[to]...)
}

// note stores a change that leaves the state as it is, with its audit event, and shows it to the approvers.
func (s *Service) note(ctx context.Context, tx Tx, r *Request, actor, action, detail string) error {
	if err := s.save(ctx, tx, r, actor, action, detail); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, RefreshJob)
}

// save stores a change that leaves the state as it is, with its audit event.
func (s *Service) save(ctx context.Context, tx Tx, r *Request, actor, action, detail string) error {
	r.UpdatedAt = s.now()
	if err := tx.Save(ctx, r, r.State); err != nil {
		return err
	}
	return s.record(ctx, tx, *r, actor, action, r.State, detail)
}

func (s *Service) record(ctx context.Context, tx Tx, r Request, actor, action string, from State, detail string) error {
	return tx.Append(ctx, Event{
		At: s.now().UTC(), RequestID: r.ID, Actor: actor, Action: action, From: from, To: r.State, Detail: detail,
	})
}
