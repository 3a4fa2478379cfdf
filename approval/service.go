package approval

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/riverqueue/river"
)

// Directory knows who belongs to a group of approvers.
type Directory interface {
	// Members returns the ids of the people in a group. An error means that it is not known now.
	Members(ctx context.Context, group string) ([]string, error)
}

// Service is the one place where requests change. Its methods may be called from many goroutines.
type Service struct {
	conf   Config
	db     *Database
	keys   *Keyring
	people Directory
	clock  *queueClock
	queue  *river.Client[*sql.Tx] // inserts jobs; the client that works them is made by Work
	log    *slog.Logger
	now    func() time.Time
}

// NewService returns a service on an open database. It refuses a keyring that can't open a password which is
// sealed in the database, because that would come to light only at a delivery.
func NewService(ctx context.Context, conf Config, db *Database, keys *Keyring, people Directory, log *slog.Logger) (*Service, error) {
	clock, err := newQueueClock(ctx, db)
	if err != nil {
		return nil, err
	}
	// River leaves out the notice of a new job when it gave one for the same queue within FetchCooldown, though
	// the job that it gave it for may be taken already; the job would then wait for the next look into the queue.
	queue, err := river.NewClient(db.driver, &river.Config{
		Logger: discardLogger(), FetchCooldown: time.Millisecond, Test: river.TestConfig{Time: insertClock{clock}},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the job queue: %w", err)
	}
	s := &Service{conf: conf, db: db, keys: keys, people: people, clock: clock, queue: queue, log: log, now: time.Now}
	if err := db.CheckKeys(ctx, keys); err != nil {
		return nil, err
	}
	return s, nil
}

func discardLogger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Config returns the policy that the service follows.
func (s *Service) Config() Config { return s.conf }

// Ping reports whether the database answers.
func (s *Service) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Ask stores a request. It returns a *Refusal where a rule speaks against it; a repetition of what is asked
// for already is one of [KindActive], with the request that it repeats.
func (s *Service) Ask(ctx context.Context, a Ask) (Story, error) {
	var story Story
	var refusal *Refusal
	if refusals := s.conf.Check(a); len(refusals) > 0 {
		refusal = refusals[0]
	}
	err := s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if refusal == nil {
			story, err = s.ask(ctx, tx, a)
			if refusal = Refused(err); refusal == nil {
				return err
			}
		}
		return s.recordRefusedAsk(ctx, tx, a, refusal)
	})
	if refusal != nil {
		s.unrecorded(err)
		return Story{}, refusal
	}
	return story, err
}

func (s *Service) ask(ctx context.Context, tx *sql.Tx, a Ask) (Story, error) {
	cluster, _ := s.conf.Cluster(a.Cluster)
	if err := s.admit(ctx, tx, a, cluster); err != nil {
		return Story{}, err
	}
	now := s.now()
	r := Request{
		ClusterID: cluster.ID, Username: a.Username, Mod: a.Mod, Reason: a.Reason, Requester: a.Requester,
		State: Pending, Version: 1, Required: s.conf.Required,
		CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(s.conf.Expiry), envelope: a.Envelope,
	}
	if err := insertRequest(ctx, tx, &r); err != nil {
		return Story{}, err
	}
	// Of the same moment as the request, and with all that is asked for: audit verify compares the two.
	asked := Event{At: now.UTC(), RequestID: r.ID, Actor: r.Requester, Action: "ask", To: r.State, Detail: r.wish().String()}
	if err := appendEvent(ctx, tx, asked); err != nil {
		return Story{}, err
	}
	if err := s.enqueue(ctx, tx, r, follows[Pending]...); err != nil {
		return Story{}, err
	}
	return s.story(ctx, tx, r)
}

// recordRefusedAsk writes into the audit log what somebody asked for in vain. Who asks for the same again, or whose
// messenger repeats it, is refused nothing.
func (s *Service) recordRefusedAsk(ctx context.Context, tx *sql.Tx, a Ask, refusal *Refusal) error {
	rival := refusal.Story.Request
	if rival.ID != 0 && rival.Requester == a.Requester {
		return nil
	}
	detail := "ask: " + string(refusal.Kind)
	if wish := a.wish().String(); wish != "" {
		detail += " (" + wish + ")"
	}
	return s.record(ctx, tx, rival, a.Requester, "refused", rival.State, detail)
}

// unrecorded tells the log of a refusal that could not be written into the audit log. The person is told the same.
func (s *Service) unrecorded(err error) {
	if err != nil {
		s.log.Error("a refusal could not be audited", "error", err)
	}
}

// admit applies the rules that depend on other requests.
func (s *Service) admit(ctx context.Context, tx *sql.Tx, a Ask, cluster Cluster) error {
	if a.Envelope != "" {
		if same, ok, err := requestWhere(ctx, tx, `envelope = $1`, a.Envelope); err != nil {
			return err
		} else if ok {
			return s.refuseFor(ctx, tx, KindActive, same)
		}
	}
	if rival, ok, err := s.rival(ctx, tx, cluster.ID, a.Username); err != nil {
		return err
	} else if ok {
		return s.refuseFor(ctx, tx, KindActive, rival)
	}
	n, err := countActive(ctx, tx, a.Requester)
	if err != nil {
		return err
	}
	if n >= s.conf.MaxActive {
		return &Refusal{Kind: KindTooMany, Limit: s.conf.MaxActive}
	}
	return nil
}

// rival returns the active request that holds a username.
func (s *Service) rival(ctx context.Context, tx *sql.Tx, clusterID, username string) (Request, bool, error) {
	return requestWhere(ctx, tx, `cluster = $1 AND username = $2 AND `+activeStates, clusterID, username)
}

// refuseFor returns a refusal that tells the story of the request it is about.
func (s *Service) refuseFor(ctx context.Context, tx *sql.Tx, kind Kind, r Request) error {
	story, err := s.story(ctx, tx, r)
	if err != nil {
		return err
	}
	return &Refusal{Kind: kind, Story: story}
}

// Approve counts a person's approval; with the last one needed the account is made.
func (s *Service) Approve(ctx context.Context, id int64, person string) (Story, error) {
	return s.decide(ctx, id, Decision{Person: person, Verdict: Approve})
}

// Deny ends a request.
func (s *Service) Deny(ctx context.Context, id int64, person, reason string) (Story, error) {
	if n := len([]rune(reason)); n > ReasonMaxLength {
		return s.act(ctx, id, person, string(Deny), true, func(*sql.Tx, *Request, Story) error {
			return &Refusal{Kind: KindReasonTooLong, Limit: ReasonMaxLength}
		})
	}
	return s.decide(ctx, id, Decision{Person: person, Verdict: Deny, Reason: reason})
}

// MayDecide reports, with a *Refusal, whether a decision of this person on this request would be refused as
// things stand. It changes nothing but the audit log; the decision itself asks again.
func (s *Service) MayDecide(ctx context.Context, id int64, person string) (Story, error) {
	return s.act(ctx, id, person, "decide", true, func(_ *sql.Tx, r *Request, story Story) error {
		return s.mayDecide(*r, story, person)
	})
}

func (s *Service) decide(ctx context.Context, id int64, d Decision) (Story, error) {
	return s.act(ctx, id, d.Person, string(d.Verdict), true, func(tx *sql.Tx, r *Request, story Story) error {
		if err := s.mayDecide(*r, story, d.Person); err != nil {
			return err
		}
		d.At = s.now()
		if err := insertDecision(ctx, tx, id, d); err != nil {
			return err
		}
		switch {
		case d.Verdict == Deny:
			return s.move(ctx, tx, r, Denied, d.Person, "deny", d.Reason)
		case len(story.Approvals())+1 >= r.Required:
			return s.move(ctx, tx, r, Approved, d.Person, "approve", "")
		}
		return s.note(ctx, tx, r, d.Person, "approve", "more approvals are needed")
	})
}

func (s *Service) mayDecide(r Request, story Story, person string) error {
	voted := slices.ContainsFunc(story.Decisions, func(d Decision) bool { return d.Person == person })
	switch {
	case voted:
		return &Refusal{Kind: KindVoted, Story: story}
	case r.State != Pending || !s.now().Before(r.ExpiresAt):
		return &Refusal{Kind: KindDecided, Story: story}
	case r.Requester == person && !s.conf.AllowSelf:
		return &Refusal{Kind: KindSelf, Story: story}
	}
	return nil
}

// Cancel takes a request back that is not decided yet. Only its requester may.
func (s *Service) Cancel(ctx context.Context, id int64, person string) (Story, error) {
	return s.act(ctx, id, person, "cancel", false, func(tx *sql.Tx, r *Request, story Story) error {
		switch {
		case r.Requester != person:
			return &Refusal{Kind: KindNotYours, Value: fmt.Sprint(id)}
		case r.State != Pending:
			return &Refusal{Kind: KindDecided, Story: story}
		}
		return s.move(ctx, tx, r, Cancelled, person, "cancel", "")
	})
}

// Retry lets an approver try a failed request again, with the password that is sealed for it already.
func (s *Service) Retry(ctx context.Context, id int64, person string) (Story, error) {
	return s.act(ctx, id, person, "retry", true, func(tx *sql.Tx, r *Request, story Story) error {
		if r.State != Failed {
			return &Refusal{Kind: KindNoRetry, Story: story}
		}
		if rival, ok, err := s.rival(ctx, tx, r.ClusterID, r.Username); err != nil {
			return err
		} else if ok {
			return s.refuseFor(ctx, tx, KindActive, rival)
		}
		r.Failure, r.FailureDetail, r.startedAt = "", "", time.Time{}
		return s.move(ctx, tx, r, Approved, person, "retry", "")
	})
}

// Clear takes the credentials out of sight, because the requester has saved them. Who presses that button has
// seen them, so it also ends a delivery that had not come to its end.
func (s *Service) Clear(ctx context.Context, id int64, person string) (Story, error) {
	return s.act(ctx, id, person, "clear", false, func(tx *sql.Tx, r *Request, _ Story) error {
		switch {
		case r.Requester != person:
			return &Refusal{Kind: KindNotYours, Value: fmt.Sprint(id)}
		case !r.ClearedAt.IsZero():
			return s.enqueue(ctx, tx, *r, kindScrub) // the message may still show them
		case r.State == Provisioned:
			r.sealed, r.ClearedAt = nil, s.now()
			return s.move(ctx, tx, r, Delivered, person, "clear", "")
		case r.State == Delivered:
			r.ClearedAt = s.now()
			if err := s.note(ctx, tx, r, person, "clear", ""); err != nil {
				return err
			}
			return s.enqueue(ctx, tx, *r, kindScrub)
		}
		return &Refusal{Kind: KindUnknown, Value: fmt.Sprint(id)}
	})
}

// act runs a person's action on a request in one transaction, and returns the request as it is after it. A
// refusal is an answer and no fault: it is written into the audit log, and nothing else is.
func (s *Service) act(ctx context.Context, id int64, person, action string, approversOnly bool,
	f func(*sql.Tx, *Request, Story) error,
) (Story, error) {
	var notApprover *Refusal
	if approversOnly {
		// Asked before the transaction, because it may mean to ask the messenger's directory.
		if err := s.checkApprover(ctx, person); err != nil {
			if notApprover = Refused(err); notApprover == nil {
				return Story{}, err
			}
		}
	}
	var story Story
	var refusal *Refusal
	err := s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		r, err := requestByID(ctx, tx, id)
		if err == nil {
			if story, err = s.story(ctx, tx, r); err != nil {
				return err
			}
			if notApprover != nil {
				err = notApprover
			} else {
				err = f(tx, &r, story)
			}
		}
		if refusal = Refused(err); refusal != nil {
			return s.record(ctx, tx, r, person, "refused", r.State, refusedDetail(action, string(refusal.Kind), r.ID, id))
		}
		if err != nil {
			return err
		}
		story, err = s.story(ctx, tx, r)
		return err
	})
	switch {
	case err != nil:
		return Story{}, fmt.Errorf("%s request %d: %w", action, id, err)
	case refusal != nil:
		return Story{}, refusal
	}
	return story, nil
}

// refusedDetail says what was refused, and of which request where there is none of that number.
func refusedDetail(action, why string, found, wanted int64) string {
	if found == 0 && wanted != 0 {
		return fmt.Sprintf("%s: %s (request %d)", action, why, wanted)
	}
	return action + ": " + why
}

// TurnAway writes into the audit log that somebody wanted to act who was not let in. The request need not exist.
func (s *Service) TurnAway(ctx context.Context, id int64, person, action, why string) error {
	err := s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		r, err := requestByID(ctx, tx, id)
		if err != nil && Refused(err) == nil {
			return err
		}
		return s.record(ctx, tx, r, person, "refused", r.State, refusedDetail(action, why, r.ID, id))
	})
	if err != nil {
		return fmt.Errorf("write a refusal into the audit log: %w", err)
	}
	return nil
}

// checkApprover returns a refusal unless the person is an approver, by id or as a member of a group. A group
// that can't be asked about speaks for nobody.
func (s *Service) checkApprover(ctx context.Context, person string) error {
	if slices.Contains(s.conf.Approvers, person) {
		return nil
	}
	isMember, unknown := s.isMember(ctx, slices.DeleteFunc(slices.Clone(s.conf.Approvers), func(id string) bool { return !isGroup(id) }), person)
	if isMember {
		return nil
	}
	if unknown != nil {
		s.log.Warn("an approver group can't be asked about", "error", unknown)
		return &Refusal{Kind: KindNoAnswer, Value: person}
	}
	return &Refusal{Kind: KindNotApprover, Value: person}
}

// isMember asks about all groups at the same time, so that one that can't be asked about holds up no other. The
// error says of which it is not known.
func (s *Service) isMember(ctx context.Context, groups []string, person string) (is bool, unknown error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		members []string
		err     error
	}
	answers := make(chan answer, len(groups))
	for _, group := range groups {
		go func() {
			members, err := s.people.Members(ctx, group)
			answers <- answer{members, err}
		}()
	}
	for range groups {
		a := <-answers
		if slices.Contains(a.members, person) && a.err == nil {
			return true, nil
		}
		unknown = errors.Join(unknown, a.err)
	}
	return false, unknown
}

// isGroup tells the ids of groups (S…) from those of people (U…, W…).
func isGroup(id string) bool { return len(id) > 0 && id[0] == 'S' }

// Story returns a request with all that belongs to it, or a *Refusal of KindUnknown.
func (s *Service) Story(ctx context.Context, id int64) (Story, error) {
	var story Story
	err := s.db.read(ctx, func(tx *sql.Tx) error {
		r, err := requestByID(ctx, tx, id)
		if err != nil {
			return err
		}
		story, err = s.story(ctx, tx, r)
		return err
	})
	return story, err
}

// StoryFor returns a request as [Service.Story] does, to its requester and to approvers; for others there is
// no such request. That it was refused is in the audit log, with the real reason.
func (s *Service) StoryFor(ctx context.Context, id int64, person string) (Story, error) {
	story, err := s.Story(ctx, id)
	if err == nil && story.Requester != person {
		err = s.checkApprover(ctx, person)
	}
	if refusal := Refused(err); refusal != nil {
		s.unrecorded(s.TurnAway(ctx, id, person, "status", string(refusal.Kind)))
		return Story{}, &Refusal{Kind: KindUnknown, Value: fmt.Sprint(id)}
	}
	return story, err
}

// StoriesOf returns the requests of a person, newest first.
func (s *Service) StoriesOf(ctx context.Context, person string) ([]Story, error) {
	var stories []Story
	err := s.db.read(ctx, func(tx *sql.Tx) error {
		requests, err := requestsOf(ctx, tx, person)
		if err != nil {
			return err
		}
		for _, r := range requests {
			story, err := s.story(ctx, tx, r)
			if err != nil {
				return err
			}
			stories = append(stories, story)
		}
		return nil
	})
	return stories, err
}

// Counts returns how many requests are in each state.
func (s *Service) Counts(ctx context.Context) (map[State]int, error) {
	counts := make(map[State]int, len(States()))
	err := s.db.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT state, count(*) FROM request GROUP BY state`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var state State
			var n int
			if err := rows.Scan(&state, &n); err != nil {
				return err
			}
			counts[state] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("count the requests: %w", err)
	}
	return counts, nil
}

// Sent remembers a message about a request, or the version of it that a known message shows by now.
func (s *Service) Sent(ctx context.Context, requestID int64, m Message) error {
	return s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return saveMessage(ctx, tx, requestID, m, s.now()) })
}

// Claim remembers a message that there is to be once, and returns the one that counts: where another process has sent
// one for the same purpose meanwhile, that one.
func (s *Service) Claim(ctx context.Context, requestID int64, m Message) (first Message, err error) {
	err = s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, err := messagesOf(ctx, tx, requestID)
		if err != nil {
			return err
		}
		same := func(k Message) bool { return k.Purpose == m.Purpose && (k.Version > 0) == (m.Version > 0) }
		if i := slices.IndexFunc(known, same); i >= 0 {
			first = known[i]
			return nil
		}
		first = m
		return saveMessage(ctx, tx, requestID, m, s.now())
	})
	return first, err
}

// Learn remembers a message that was not known, and makes it follow the request: an approval message shows how it
// stands, and credentials are cleared when their time has come.
func (s *Service) Learn(ctx context.Context, requestID int64, m Message) error {
	return s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		r, err := requestByID(ctx, tx, requestID)
		if err != nil {
			return err
		}
		known, err := messagesOf(ctx, tx, requestID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(k Message) bool { return k.Place == m.Place && k.Ref == m.Ref }) {
			return nil
		}
		if err := saveMessage(ctx, tx, requestID, m, s.now()); err != nil {
			return err
		}
		if m.Purpose == PurposeCredentials {
			return s.enqueue(ctx, tx, r, kindScrub)
		}
		return s.enqueue(ctx, tx, r, kindRefresh)
	})
}

// Forget forgets a message that no longer exists.
func (s *Service) Forget(ctx context.Context, requestID int64, m Message) error {
	return s.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return deleteMessage(ctx, tx, requestID, m) })
}

func (s *Service) story(ctx context.Context, tx *sql.Tx, r Request) (Story, error) {
	story, err := storyOf(ctx, tx, r)
	if cluster, ok := s.conf.Cluster(r.ClusterID); ok {
		story.Cluster = cluster
	}
	return story, err
}

// move is the one way from a state to another: it compares and sets the state, appends the audit event and
// inserts the jobs that follow, all in the caller's transaction.
func (s *Service) move(ctx context.Context, tx *sql.Tx, r *Request, to State, actor, action, detail string) error {
	from := r.State
	if !from.canBecome(to) {
		return fmt.Errorf("request %d can't go from %s to %s", r.ID, from, to)
	}
	r.State, r.UpdatedAt = to, s.now()
	if err := saveRequest(ctx, tx, r, from); err != nil {
		return err
	}
	s.noteErased(r)
	if err := s.record(ctx, tx, *r, actor, action, from, detail); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, follows[to]...)
}

// note stores a change that leaves the state as it is, with its audit event, and shows it to the approvers.
func (s *Service) note(ctx context.Context, tx *sql.Tx, r *Request, actor, action, detail string) error {
	if err := s.store(ctx, tx, r, actor, action, detail); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, kindRefresh)
}

// store stores a change that leaves the state as it is, with its audit event.
func (s *Service) store(ctx context.Context, tx *sql.Tx, r *Request, actor, action, detail string) error {
	r.UpdatedAt = s.now()
	if err := saveRequest(ctx, tx, r, r.State); err != nil {
		return err
	}
	s.noteErased(r)
	return s.record(ctx, tx, *r, actor, action, r.State, detail)
}

// openRequests returns the requests of a cluster whose accounts are to be made, the oldest first.
func (s *Service) openRequests(ctx context.Context, clusterID string) (open []Request, err error) {
	err = s.db.read(ctx, func(tx *sql.Tx) error {
		open, err = openRequests(ctx, tx, clusterID)
		return err
	})
	return open, err
}

// noteErased notes that a request which had a sealed password has none any more, or may be such a one.
func (s *Service) noteErased(r *Request) {
	if r.sealed == nil && r.State != Pending {
		s.db.erased.Store(true)
	}
}

func (s *Service) record(ctx context.Context, tx *sql.Tx, r Request, actor, action string, from State, detail string) error {
	return appendEvent(ctx, tx, Event{
		At: s.now().UTC(), RequestID: r.ID, Actor: actor, Action: action, From: from, To: r.State, Detail: detail,
	})
}
