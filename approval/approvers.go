package approval

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Directory knows people, and who belongs to a group of approvers.
type Directory interface {
	// Identify returns a person by any of their ids. Where it is not known now, the person has that id alone.
	Identify(ctx context.Context, id string) Person
	// Requester asks whether a person may have an account, unless that is known of the last so long. The error is
	// [ErrGone] where not; any other means that it is not known now.
	Requester(ctx context.Context, id string, within time.Duration) error
	// Approver asks whether an approver is still somebody who may decide, in the same way.
	Approver(ctx context.Context, id string, within time.Duration) error
	// Members returns the ids of the people in a group, unless they are known of the last so long. An error means that it
	// is not known now.
	Members(ctx context.Context, group string, within time.Duration) ([]string, error)
}

// Person is somebody with both ids that a messenger may have for them. Where there is one, both are the same.
type Person struct {
	ID     string // the one by which the person is stored
	Also   string
	Unsure bool // it is not known now whether there is another
}

// Is reports whether an id is the person's.
func (p Person) Is(id string) bool { return id != "" && (id == p.ID || id == p.Also) }

// errUnsure is for what hangs on the other id of a person, while nobody tells it.
var errUnsure = errors.New("it is not known now by which other id this person goes")

// ErrGone says that a person can have no account, or none any more.
var ErrGone = errors.New("the person is not, or no longer, one of those who may have an account")

// ErrUnreachable says that a person can't be told anything.
var ErrUnreachable = errors.New("the requester can't be reached")

// fallback returns who may decide on a request beside the approvers.
func (s *Service) fallback(r Request) []string {
	if r.PassedAt.IsZero() {
		return nil
	}
	return s.conf.Fallback
}

// checkApprover is the one rule of who may decide on a request now: it returns a refusal unless the person is an
// approver or, once the request is passed on, of the fallback, by id or as a member of a group; or the sponsor, as long as
// the request waits for them. A group that can't be asked about speaks for nobody.
func (s *Service) checkApprover(ctx context.Context, who Person, r Request) error {
	is, unknown := s.belongs(ctx, slices.Concat(s.rules(r).Approvers, s.fallback(r), r.sponsors()), who, 0)
	switch {
	case is:
		return nil
	case unknown != nil:
		s.log.Warn("an approver group can't be asked about", "error", unknown)
		return &Refusal{Kind: KindNoAnswer, Value: who.ID, Cause: unknown}
	}
	return &Refusal{Kind: KindNotApprover, Value: who.ID}
}

// decisions tells on which requests a person may decide, as nobody may be asked about while a transaction is open.
type decisions struct {
	person   Person
	rules    func(Request) Rules
	approver map[string]bool // whether the person is one, by [listOf]
	fallback bool
	sponsor  bool  // whether one of the requests waits for the person as its sponsor
	unsure   error // who belongs to a group is not known now
}

// decides asks about all approvers, those of some requests too, and about the fallback at the same time.
func (s *Service) decides(ctx context.Context, who Person, requests []Request, within time.Duration) decisions {
	d := decisions{person: who, rules: s.rules, approver: map[string]bool{}}
	d.sponsor = slices.ContainsFunc(requests, func(r Request) bool { return slices.ContainsFunc(r.sponsors(), who.Is) })
	all := s.conf.Each()
	for _, r := range requests {
		all = append(all, s.rules(r))
	}
	lists := map[string][]string{}
	for _, rules := range all {
		lists[listOf(rules)] = rules.Approvers
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	ask := func(listed []string, told func(bool)) {
		asking.Go(func() {
			is, unknown := s.belongs(ctx, listed, who, within)
			mu.Lock()
			defer mu.Unlock()
			told(is)
			d.unsure = errors.Join(d.unsure, unknown)
		})
	}
	ask(s.conf.Fallback, func(is bool) { d.fallback = is })
	for list, approvers := range lists {
		ask(approvers, func(is bool) { d.approver[list] = is })
	}
	asking.Wait()
	return d
}

// listOf names the approvers of a cluster.
func listOf(rules Rules) string { return strings.Join(rules.Approvers, ",") }

// on tells whether the person may decide on a request, which is the sponsor alone as long as it waits for them.
func (d decisions) on(r Request) bool {
	if r.AwaitsSponsor() {
		return d.person.Is(r.Sponsor)
	}
	return d.approver[listOf(d.rules(r))] || d.fallback && !r.PassedAt.IsZero()
}

// any tells whether there can be a request on which the person may decide.
func (d decisions) any() bool {
	return d.fallback || d.sponsor || slices.Contains(slices.Collect(maps.Values(d.approver)), true)
}

// nothing returns why the person may decide on nothing; nil where they may.
func (d decisions) nothing() *Refusal {
	switch {
	case d.any():
		return nil
	case d.unsure != nil:
		return &Refusal{Kind: KindNoAnswer, Value: d.person.ID, Cause: d.unsure}
	}
	return &Refusal{Kind: KindNotApprover, Value: d.person.ID}
}

// belongs tells whether a person is on a list, by id or as a member of a group. The error says that it is not known, and
// why.
func (s *Service) belongs(ctx context.Context, listed []string, who Person, within time.Duration) (is bool, unknown error) {
	if len(listed) == 0 || slices.ContainsFunc(listed, who.Is) {
		return len(listed) > 0, nil
	}
	groups := slices.DeleteFunc(slices.Clone(listed), func(id string) bool { return !IsGroup(id) })
	is, unknown = s.isMember(ctx, groups, who, within)
	if !is && who.Unsure {
		unknown = errors.Join(unknown, errUnsure)
	}
	return is, unknown
}

// isMember asks about all groups at the same time, so that one that can't be asked about holds up no other. The
// error says of which it is not known.
func (s *Service) isMember(ctx context.Context, groups []string, who Person, within time.Duration) (is bool, unknown error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		members []string
		err     error
	}
	answers := make(chan answer, len(groups))
	for _, group := range groups {
		go func() {
			members, err := s.people.Members(ctx, group, within)
			answers <- answer{members, err}
		}()
	}
	for range groups {
		a := <-answers
		if slices.ContainsFunc(a.members, who.Is) && a.err == nil {
			return true, nil
		}
		unknown = errors.Join(unknown, a.err)
	}
	return false, unknown
}

// IsGroup tells the ids of groups (S…) from those of people (U…, W…).
func IsGroup(id string) bool { return len(id) > 0 && id[0] == 'S' }

// standing is what a request hangs on beside itself, as others say it now. What was true when it was asked for and
// approved need not be true any more.
type standing struct {
	former    *Refusal // of a username that was, or an account that is, somebody else's meanwhile
	requester error    // of [Directory.Requester]
	unexempt  bool     // the requester does not belong to the group any more whose members need no approval
	untold    error    // why it is not known whether they do
	lapsed    []string // whose approval does not count
}

// lookAgain asks about all at the same time.
func (s *Service) lookAgain(ctx context.Context, story Story, within time.Duration) (now standing, err error) {
	who := s.people.Identify(ctx, story.Requester)
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error { return s.mayHave(ctx, tx, story.Request, who) })
	if now.former = Refused(err); now.former == nil && err != nil {
		return standing{}, err
	}
	var asking sync.WaitGroup
	asking.Go(func() { now.requester = s.people.Requester(ctx, story.Requester, within) })
	if story.Exempt != "" {
		var is bool
		is, now.untold = s.belongs(ctx, []string{story.Exempt}, who, within)
		now.unexempt = !is && now.untold == nil
	}
	now.lapsed = s.lapsed(ctx, story, within)
	asking.Wait()
	return now, nil
}

// mayHave refuses what a request asks for where the username or the account is somebody else's meanwhile.
func (s *Service) mayHave(ctx context.Context, tx Tx, r Request, who Person) error {
	if r.Reset {
		return s.refuseTaken(ctx, tx, r, who)
	}
	return s.refuseFormer(ctx, tx, r.ClusterID, r.Username, who)
}

// lapsed returns who approved and is known to be no approver any more, or not of this request.
func (s *Service) lapsed(ctx context.Context, story Story, within time.Duration) (lapsed []string) {
	approvals := story.Approvals()
	is := make([]bool, len(approvals))
	var asking sync.WaitGroup
	for i, id := range approvals {
		if _, shell := ShellName(id); shell {
			continue // who has the shell is on no list
		}
		asking.Go(func() {
			who := s.people.Identify(ctx, id)
			refusal := Refused(s.checkApprover(ctx, who, story.Request))
			is[i] = refusal != nil && refusal.Kind == KindNotApprover || !story.Rules.AllowSelf && who.Is(story.Requester) ||
				errors.Is(s.people.Approver(ctx, id, within), ErrGone)
		})
	}
	asking.Wait()
	for i, id := range approvals {
		if is[i] {
			lapsed = append(lapsed, id)
		}
	}
	return lapsed
}

// keepSigned leaves out the decisions on a request as it stands of which no event tells that the bot has signed, and its
// sponsor's approval: nobody can write one into the database without a key. In a request whose state is not the one that the
// last of them tells, none count.
func (s *Story) keepSigned(events []Event) {
	if !slices.ContainsFunc(events, s.isSponsoredBy) {
		s.SponsoredAt = time.Time{}
	}
	if len(events) == 0 || events[len(events)-1].To != s.State {
		s.Decisions = nil
		return
	}
	s.Decisions = slices.DeleteFunc(s.Decisions, func(d Decision) bool {
		return !slices.ContainsFunc(events, func(e Event) bool {
			return e.Actor == d.Person && e.IsApproval() && e.Detail == s.seen()
		})
	})
}

// count counts the approvals that hold.
func (now standing) count(approvals []string) int {
	return len(slices.DeleteFunc(slices.Clone(approvals), func(id string) bool { return slices.Contains(now.lapsed, id) }))
}
