package approval

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Approve counts a person's approval; with the last one needed the account is made.
func (s *Service) Approve(ctx context.Context, on Target, person string) (Story, error) {
	return s.decide(ctx, on, Decision{Person: person, Verdict: Approve})
}

// Deny ends a request.
func (s *Service) Deny(ctx context.Context, on Target, person, reason string) (Story, error) {
	if n := len([]rune(reason)); n > ReasonMaxLength {
		return s.press(ctx, on, person, string(Deny), true, func(Tx, *Request, Story) error {
			return &Refusal{Kind: KindReasonTooLong, Limit: ReasonMaxLength}
		})
	}
	return s.decide(ctx, on, Decision{Person: person, Verdict: Deny, Reason: reason})
}

// MayDecide reports, with a *Refusal, whether a decision of this person on this request would be refused as
// things stand. It changes nothing but the audit log; the decision itself asks again.
func (s *Service) MayDecide(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, person, "decide", true, func(_ Tx, r *Request, story Story) error {
		return s.mayDecide(*r, story, person)
	})
}

func (s *Service) decide(ctx context.Context, on Target, d Decision) (Story, error) {
	return s.press(ctx, on, d.Person, string(d.Verdict), true, func(tx Tx, r *Request, story Story) error {
		if err := s.mayDecide(*r, story, d.Person); err != nil {
			return err
		}
		d.At = s.now()
		if err := tx.Decide(ctx, r.ID, d); err != nil {
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
	return s.act(ctx, id, person, "cancel", false, func(tx Tx, r *Request, story Story) error {
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
func (s *Service) Retry(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, person, "retry", true, func(tx Tx, r *Request, story Story) error {
		if r.State != Failed {
			return &Refusal{Kind: KindNoRetry, Story: story}
		}
		if rival, ok, err := s.rival(ctx, tx, r.ClusterID, r.Username); err != nil {
			return err
		} else if ok {
			return s.refuseRival(ctx, tx, rival, r.Username)
		}
		r.Failure, r.FailureDetail, r.StartedAt = "", "", time.Time{}
		return s.move(ctx, tx, r, Approved, person, "retry", "")
	})
}

// Clear takes the credentials out of sight, because the requester has saved them. Who presses that button has
// seen them, so it also ends a delivery that had not come to its end.
func (s *Service) Clear(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, person, "clear", false, func(tx Tx, r *Request, _ Story) error {
		switch {
		case r.Requester != person:
			return &Refusal{Kind: KindNotYours, Value: fmt.Sprint(r.ID)}
		case !r.ClearedAt.IsZero():
			return s.enqueue(ctx, tx, *r, ScrubJob) // the message may still show them
		case r.State == Provisioned:
			r.Sealed, r.ClearedAt = nil, s.now()
			return s.move(ctx, tx, r, Delivered, person, "clear", "")
		case r.State == Delivered:
			r.ClearedAt = s.now()
			if err := s.note(ctx, tx, r, person, "clear", ""); err != nil {
				return err
			}
			return s.enqueue(ctx, tx, *r, ScrubJob)
		}
		return &Refusal{Kind: KindUnknown, Value: fmt.Sprint(r.ID)}
	})
}

// press is act for what a button or a form asks for. It is bound to the request that the person saw.
func (s *Service) press(ctx context.Context, on Target, person, action string, approversOnly bool,
	f func(Tx, *Request, Story) error,
) (Story, error) {
	return s.act(ctx, on.ID, person, action, approversOnly, func(tx Tx, r *Request, story Story) error {
		if on.Nonce != r.Nonce {
			return &Refusal{Kind: KindStale, Value: fmt.Sprint(r.ID)}
		}
		return f(tx, r, story)
	})
}

// act runs a person's action on a request in one transaction, and returns the request as it is after it. A
// refusal is an answer and no fault: it is written into the audit log, and nothing else is.
func (s *Service) act(ctx context.Context, id int64, person, action string, approversOnly bool,
	f func(Tx, *Request, Story) error,
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
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
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
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
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
