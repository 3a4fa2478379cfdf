package approval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Approve counts a person's approval; with the last one needed the account is made.
func (s *Service) Approve(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "approve", byApprover: true, looksAgain: true}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		if err := errors.Join(s.mayDecide(at), s.mayBeApproved(at)); err != nil {
			return err
		}
		return s.approve(ctx, tx, r, at)
	})
}

// approve counts an approval of a request as it is. That of the sponsor comes first, and is none of those that are needed.
func (s *Service) approve(ctx context.Context, tx Tx, r *Request, at scene) error {
	if at.AwaitsSponsor() {
		return s.sponsor(ctx, tx, r, at)
	}
	if err := tx.Decide(ctx, r.ID, Decision{Person: at.who.ID, Verdict: Approve, At: at.afterChanges(s.now())}); err != nil {
		return err
	}
	if at.count(at.Approvals())+1 >= at.Required {
		return s.move(ctx, tx, r, Approved, at.who.ID, "approve", r.seen())
	}
	return s.note(ctx, tx, r, at.who.ID, "approve", r.seen())
}

// Deny ends a request.
func (s *Service) Deny(ctx context.Context, on Target, person, reason string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "deny", byApprover: true}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		if n := len([]rune(reason)); n > ReasonMaxLength {
			return &Refusal{Kind: KindReasonTooLong, Limit: ReasonMaxLength}
		}
		return s.deny(ctx, tx, r, at, reason)
	})
}

func (s *Service) deny(ctx context.Context, tx Tx, r *Request, at scene, reason string) error {
	if err := s.mayDecide(at); err != nil {
		return err
	}
	if err := tx.Decide(ctx, r.ID, Decision{Person: at.who.ID, Verdict: Deny, Reason: reason, At: s.now()}); err != nil {
		return err
	}
	return s.move(ctx, tx, r, Denied, at.who.ID, "deny", reason)
}

// MayDecide reports, with a *Refusal, whether a decision of this person on this request would be refused as
// things stand. It changes nothing but the audit log; the decision itself asks again.
func (s *Service) MayDecide(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "decide", byApprover: true}, func(_ context.Context, _ Tx, _ *Request, at scene) error {
		return s.mayDecide(at)
	})
}

func (s *Service) mayDecide(at scene) error {
	voted := slices.ContainsFunc(at.Decisions, func(d Decision) bool {
		return at.who.Is(d.Person) && !slices.Contains(at.lapsed, d.Person) && at.counts(d)
	})
	if voted {
		return &Refusal{Kind: KindVoted, Story: at.Story}
	}
	return s.isUndecided(at)
}

// isUndecided refuses whoever comes too late, or before the sponsor, and those whose own request it is.
func (s *Service) isUndecided(at scene) error {
	switch {
	case at.State != Pending || !s.now().Before(at.ExpiresAt):
		return &Refusal{Kind: KindDecided, Story: at.Story}
	case at.who.Is(at.Requester) && (!at.Rules.AllowSelf || at.AwaitsSponsor()):
		return &Refusal{Kind: KindSelf, Story: at.Story}
	case at.AwaitsSponsor() && !at.who.Is(at.Sponsor) && !at.byShell():
		return &Refusal{Kind: KindSponsorFirst, Story: at.Story}
	}
	return nil
}

// mayBeApproved looks again at what was true when the request was asked for.
func (s *Service) mayBeApproved(at scene) error {
	switch {
	case errors.Is(at.requester, ErrGone):
		return &Refusal{Kind: KindGone, Story: at.Story}
	case at.requester != nil:
		return &Refusal{Kind: KindUntold, Story: at.Story}
	}
	if why := s.notAllowed(at.Request, at.standing); why != nil {
		return &Refusal{Kind: KindNotAllowed, Story: at.Story, Why: why}
	}
	return nil
}

// notAllowed returns why what a request asks for is not allowed any more, if it is not.
func (s *Service) notAllowed(r Request, now standing) *Refusal {
	if refusals := s.conf.check(r.Ask(), s.rules(r)); len(refusals) > 0 {
		return refusals[0]
	}
	if now.unexempt {
		return &Refusal{Kind: KindUnexempt, Value: r.Exempt}
	}
	return now.former
}

func (s *Service) cancel(ctx context.Context, tx Tx, r *Request, at scene) error {
	if r.State != Pending {
		return &Refusal{Kind: KindDecided, Story: at.Story}
	}
	return s.move(ctx, tx, r, Cancelled, at.who.ID, "cancel", "")
}

// Retry lets an approver try a failed request again, with the password that is sealed for it already.
func (s *Service) Retry(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "retry", byApprover: true}, s.retry)
}

func (s *Service) retry(ctx context.Context, tx Tx, r *Request, at scene) error {
	if r.State != Failed {
		return &Refusal{Kind: KindNoRetry, Story: at.Story}
	}
	if rival, ok, err := tx.Active(ctx, r.ClusterID, r.Username); err != nil {
		return err
	} else if ok {
		return s.refuseRival(ctx, tx, rival, r.Username)
	}
	if later, ok, err := tx.DeliveredAfter(ctx, *r); err != nil {
		return err
	} else if ok { // the account that is there is that one's
		return s.refuseFor(ctx, tx, KindActive, later)
	}
	r.Failure, r.FailureDetail, r.StartedAt = "", "", time.Time{}
	return s.move(ctx, tx, r, Approved, at.who.ID, "retry", "")
}

// Abandon lets an approver end a request that is approved and does not get on. What it has come to stays stored, so
// that Retry goes on with it.
func (s *Service) Abandon(ctx context.Context, id int64, person string) (Story, error) {
	return s.act(ctx, id, deed{person: person, action: "abandon", byApprover: true}, s.abandon)
}

func (s *Service) abandon(ctx context.Context, tx Tx, r *Request, at scene) error {
	if !r.State.Active() || r.State == Pending {
		return &Refusal{Kind: KindNotStuck, Story: at.Story}
	}
	r.Failure, r.FailureDetail = FailureAbandoned, ""
	return s.move(ctx, tx, r, Failed, at.who.ID, "abandon", "")
}

// Clear takes the credentials out of sight, because the requester has saved them. Who presses that button has
// seen them, so it also ends a delivery that had not come to its end.
func (s *Service) Clear(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "clear"}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		switch {
		case r.State == Failed: // it was abandoned meanwhile, and they are taken away
			return s.enqueue(ctx, tx, *r, NotifyJob)
		case !r.ClearedAt.IsZero():
			return s.enqueue(ctx, tx, *r, ScrubJob) // the message may still show them
		case s.isUnopened(*r):
			return &Refusal{Kind: KindUnopened, Story: at.Story}
		case r.State == Provisioned:
			r.ClearedAt = s.now()
			return s.handOver(ctx, tx, r, at.who.ID, "clear")
		case r.State == Delivered:
			r.Sealed, r.ClearedAt = nil, s.now()
			if err := s.save(ctx, tx, r, at.who.ID, "clear", ""); err != nil { // the approvers see nothing of it
				return err
			}
			return s.enqueue(ctx, tx, *r, ScrubJob)
		}
		return &Refusal{Kind: KindUnknown, Value: fmt.Sprint(r.ID)}
	})
}

// deed is what a person does to a request.
type deed struct {
	person     string // by any of their ids
	action     string // as the audit log calls it
	byApprover bool   // only an approver may; else only the requester
	looksAgain bool   // at what was true when the request was asked for
	username   string // at which it looks; empty: the request's
}

// scene is what a deed meets: the request as it stands, who does it, and what others say now.
type scene struct {
	Story
	standing
	who Person
}

// onlyRequester refuses what only the requester may do.
func (at scene) onlyRequester() error {
	switch {
	case at.who.Is(at.Requester):
		return nil
	case at.who.Unsure:
		return errUnsure
	}
	return &Refusal{Kind: KindNotYours, Value: fmt.Sprint(at.ID), Story: at.Story}
}

// press is act for what a button or a form asks for. It is bound to the request that the person saw.
func (s *Service) press(ctx context.Context, on Target, d deed, f func(context.Context, Tx, *Request, scene) error) (Story, error) {
	return s.act(ctx, on.ID, d, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		if on.Seen != r.Target().Seen {
			return &Refusal{Kind: KindStale, Value: fmt.Sprint(r.ID)}
		}
		if d.byApprover && at.sponsorIsThrough(on) {
			return at.hadSponsor()
		}
		return f(ctx, tx, r, at)
	})
}

// act runs a person's deed on a request in one transaction, and returns the request as it is after it. A
// refusal is an answer and no fault: it is told to the audit log, and nothing is changed.
func (s *Service) act(ctx context.Context, id int64, d deed, f func(context.Context, Tx, *Request, scene) error) (Story, error) {
	at, notApprover, err := s.before(ctx, id, d)
	if err != nil {
		return Story{}, fmt.Errorf("%s request %d: %w", d.action, id, err)
	}
	var story Story
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil {
			return err
		}
		if at.Story, err = s.story(ctx, tx, r); err != nil {
			return err
		}
		switch {
		case !d.byApprover:
			err = at.onlyRequester()
		case notApprover != nil && notApprover.Kind == KindNotApprover && at.who.Is(at.Sponsor):
			err = at.hadSponsor()
		case notApprover != nil:
			err = notApprover
		}
		if err != nil {
			return err
		}
		if err := f(ctx, tx, &r, at); err != nil {
			return err
		}
		story, err = s.story(ctx, tx, r)
		return err
	})
	refusal := Refused(err)
	if refusal != nil {
		err = s.recordRefusal(ctx, id, refused{at.who.ID, d.action, string(refusal.Kind)}, "")
	}
	switch {
	case err != nil:
		return Story{}, fmt.Errorf("%s request %d: %w", d.action, id, err)
	case refusal != nil:
		return Story{}, refusal
	}
	return story, nil
}

// before asks the messenger's directory what a deed hangs on, which no transaction may wait for.
func (s *Service) before(ctx context.Context, id int64, d deed) (at scene, notApprover *Refusal, err error) {
	at.who = s.people.Identify(ctx, d.person)
	if !d.byApprover {
		return at, nil, nil
	}
	story, err := s.read(ctx, id)
	switch {
	case Refused(err) != nil:
		return at, nil, nil // it is told in the transaction
	case err != nil:
		return at, nil, err
	}
	if notApprover = Refused(s.checkApprover(ctx, at.who, story.Request)); notApprover != nil || !d.looksAgain {
		return at, notApprover, nil
	}
	story.Username = cmp.Or(d.username, story.Username)
	at.standing, err = s.lookAgain(ctx, story, 0)
	return at, nil, err
}
