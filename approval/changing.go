package approval

import (
	"context"
	"fmt"
	"time"
)

// Wish is what an approver may change of what a request asks for.
type Wish struct{ Username, Mod string }

// Wish returns what the request asks for of that.
func (r Request) Wish() Wish { return Wish{r.Username, r.Mod} }

// Change is what an approver has changed of a request.
type Change struct {
	Number        int // counts from 1 within the request
	Person        string
	Before, After Wish
	At            time.Time
}

// LastChange returns the change that made the request what it is now.
func (s Story) LastChange() (Change, bool) {
	n := len(s.Changes)
	if n == 0 {
		return Change{}, false
	}
	return s.Changes[n-1], true
}

// counts reports whether a decision is about what the request asks for now.
func (s Story) counts(d Decision) bool {
	last, changed := s.LastChange()
	return !changed || !d.At.Before(last.At)
}

// afterDecisions returns a moment, or a later one that is after all decisions: they are stored to the millisecond.
func (s Story) afterDecisions(moment time.Time) time.Time {
	moment = moment.Truncate(time.Millisecond)
	for _, d := range s.Decisions {
		if !d.At.Before(moment) {
			moment = d.At.Add(time.Millisecond)
		}
	}
	return moment
}

// afterChanges returns a moment, or a later one that is not before the last change.
func (s Story) afterChanges(moment time.Time) time.Time {
	if last, _ := s.LastChange(); last.At.After(moment) {
		return last.At
	}
	return moment
}

// ApproveChanged is Approve of something else than was asked for. It is as if that had been asked for: the same rules hold,
// and approvals of what was there before count no more.
func (s *Service) ApproveChanged(ctx context.Context, on Target, person string, to Wish) (Story, error) {
	d := deed{person: person, action: "approve", byApprover: true, looksAgain: true, username: to.Username}
	return s.act(ctx, on.ID, d, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		if last, changed := at.LastChange(); on.Seen != r.Target().Seen && (!changed || !at.who.Is(last.Person) || last.After != to) {
			return &Refusal{Kind: KindStale, Value: fmt.Sprint(r.ID)}
		}
		if at.sponsorIsThrough(on) {
			return at.hadSponsor()
		}
		if r.Reset { // of another account there is none to give
			return &Refusal{Kind: KindStale, Value: fmt.Sprint(r.ID)}
		}
		if err := s.mayDecide(at); err != nil {
			return err // also of who sends the form again, as its acknowledgement got lost
		}
		at.Username, at.Mod = to.Username, to.Mod
		if err := s.mayBeApproved(at); err != nil {
			return err
		}
		if r.Wish() != to {
			if err := s.amend(ctx, tx, r, to, &at); err != nil {
				return err
			}
		}
		return s.approve(ctx, tx, r, at)
	})
}

// amend changes what a request asks for. The event tells all of that, as audit verify compares the two.
func (s *Service) amend(ctx context.Context, tx Tx, r *Request, to Wish, at *scene) error {
	if rival, ok, err := tx.Active(ctx, r.ClusterID, to.Username); err != nil {
		return err
	} else if ok && rival.ID != r.ID {
		return s.refuseRival(ctx, tx, rival, to.Username)
	}
	c := Change{Number: len(at.Changes) + 1, Person: at.who.ID, Before: r.Wish(), After: to, At: at.afterDecisions(s.now())}
	if err := tx.Change(ctx, r.ID, c); err != nil {
		return err
	}
	r.Username, r.Mod = to.Username, to.Mod
	at.Changes = append(at.Changes, c)
	if err := s.record(ctx, tx, *r, at.who.ID, "change", r.State, AskedFor(*r).String()); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, TellJob)
}
