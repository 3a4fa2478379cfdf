package approval

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// This file holds what a request for a new password of an account differs in from one for an account.

// resetsADay is how many new passwords a person can ask for within a day.
const resetsADay = 3

// Reset asks for a new password in the place of the one that a request has delivered, for its requester, who presses a
// button that hangs on that request. A password is replaced once, however often that is pressed. From a command it
// is asked for by [Service.Ask].
func (s *Service) Reset(ctx context.Context, on Target, person string) (Story, error) {
	return underOneRule(func() (Story, error) { return s.resetOnce(ctx, on, person) })
}

func (s *Service) resetOnce(ctx context.Context, on Target, person string) (reset Story, err error) {
	story, err := s.read(ctx, on.ID)
	if err != nil && Refused(err) == nil {
		return Story{}, err // where there is no such request the press says so
	}
	kept := s.conf.keep(story.ClusterID)
	exempt := s.exemptBy(ctx, Ask{Reset: true, Cluster: story.ClusterID}, s.people.Identify(ctx, person))
	_, err = s.press(ctx, on, deed{person: person, action: "reset"}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		if later, ok, err := tx.DeliveredAfter(ctx, *r); err != nil {
			return err
		} else if ok {
			return s.refuseFor(ctx, tx, KindActive, later)
		}
		a := Ask{Reset: true, Requester: at.who.ID, Cluster: r.ClusterID, Username: r.Username, exempt: exempt, kept: kept}
		if refusals := s.conf.Check(a); len(refusals) > 0 {
			return refusals[0]
		}
		reset, err = s.ask(ctx, tx, a, at.who)
		return err
	})
	if err != nil {
		return Story{}, err
	}
	return reset, nil
}

// admitReset applies the rules for a new password, and spells the username as the account has it.
func (s *Service) admitReset(ctx context.Context, tx Tx, a *Ask, who Person, cluster Cluster) error {
	account, err := s.account(ctx, tx, cluster, a.Username, who)
	if err != nil {
		return err
	}
	a.Username = account.Username
	if rival, ok, err := tx.Active(ctx, cluster.ID, a.Username); err != nil {
		return err
	} else if ok {
		return s.refuseFor(ctx, tx, KindActive, rival)
	}
	n, err := tx.CountResets(ctx, who, s.now().Add(-24*time.Hour))
	if err == nil && n >= resetsADay {
		return &Refusal{Kind: KindTooManyResets, Limit: resetsADay}
	}
	return err
}

// account returns the request by which a person was given the account of a username. It refuses where that was somebody
// else, or nobody, and where only the database says so: whoever can write to it could give themselves any account.
func (s *Service) account(ctx context.Context, tx Tx, cluster Cluster, username string, who Person) (Request, error) {
	r, found, err := tx.Account(ctx, cluster.ID, username)
	switch {
	case err != nil:
		return Request{}, err
	case found && !who.Is(r.Requester) && who.Unsure:
		return Request{}, errUnsure
	case !found, r.State != Delivered, !who.Is(r.Requester):
		return Request{}, &Refusal{Kind: KindNoAccount, Value: username, Story: Story{Cluster: cluster}}
	}
	proven, err := isAsSigned(ctx, tx, r)
	if err == nil && !proven {
		err = &Refusal{Kind: KindUnproven, Value: username, Story: Story{Cluster: cluster}}
	}
	return r, err
}

// refuseTaken refuses a new password where the account is not the requester's any more, or the request is not as the bot has
// stored it: without approvals nothing else keeps one from being forged.
func (s *Service) refuseTaken(ctx context.Context, tx Tx, r Request, who Person) error {
	proven, err := isAsSigned(ctx, tx, r)
	if err != nil {
		return err
	}
	cluster, configured := s.conf.Cluster(r.ClusterID)
	switch {
	case !configured:
		return nil // which is refused with its own words
	case !proven:
		return &Refusal{Kind: KindUnproven, Value: r.Username, Story: Story{Cluster: cluster}}
	}
	who.Unsure = false // a job waits for nobody to tell
	_, err = s.account(ctx, tx, cluster, r.Username, who)
	return err
}

// isAsSigned tells whether a request is what events tell that the bot has signed: for that person, and in that state.
func isAsSigned(ctx context.Context, tx Tx, r Request) (bool, error) {
	events, err := tx.Signed(ctx, r.ID)
	if err != nil || len(events) == 0 || events[len(events)-1].To != r.State {
		return false, err
	}
	return slices.ContainsFunc(events, r.isToldBy), nil
}

// isToldBy tells whether an event says what the request asks for, and for whom: that it was asked for, or approved as it
// is, since an approver may have changed it; at the time, or signed with another key later.
func (r Request) isToldBy(e Event) bool {
	asked := (e.Action == "ask" || e.Action == "sign") && e.Actor == r.Requester && e.Detail == AskedFor(r).String()
	return asked || e.IsApproval() && e.Detail == r.seen()
}

// RestsOn tells whether the request still rests on an event that the bot has signed: an approval of what is under way, also its sponsor's; or
// one that says for whom a new password is, or an account, which can be given one.
func (r Request) RestsOn(e Event) bool {
	if r.Reset || r.State == Delivered {
		return r.isToldBy(e)
	}
	return e.IsApproval() || r.isSponsoredBy(e) || e.Action == "ask" && (r.Kept != "" || r.Exempt != "" || r.Sponsor != "")
}

// Account returns the last request by which an account of a username was made, or may have been.
func (s *Service) Account(ctx context.Context, clusterID, username string) (r Request, found bool, err error) {
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		r, found, err = tx.Account(ctx, clusterID, username)
		return err
	})
	return r, found, err
}

// handOver ends a request whose credentials have arrived, and erases the sealed password unless a button is to show it.
// With a new password those that are shown of the account by then are replaced.
func (s *Service) handOver(ctx context.Context, tx Tx, r *Request, actor, action string) error {
	s.deliver(r)
	if !r.ClearedAt.IsZero() {
		r.Sealed = nil
	}
	if err := s.move(ctx, tx, r, Delivered, actor, action, ""); err != nil || !r.Reset {
		return err
	}
	shown, err := tx.ShownBefore(ctx, *r)
	if err != nil {
		return err
	}
	for _, old := range shown {
		old.Sealed, old.ClearedAt = nil, s.now()
		if err := s.note(ctx, tx, &old, System, "replace", fmt.Sprintf("by the password of request %d", r.ID)); err != nil {
			return err
		}
		if err := s.enqueue(ctx, tx, old, ScrubJob); err != nil {
			return err
		}
	}
	return nil
}
