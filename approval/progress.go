package approval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// This file holds what jobs do to requests.

// ToMake returns the requests of a cluster whose accounts are to be made, the oldest first.
func (s *Service) ToMake(ctx context.Context, clusterID string) ([]Request, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) ([]Request, error) { return tx.ToMake(ctx, clusterID) })
}

// SealFailure is the failure of a request whose sealed password can't be opened, for want of a key or because it is damaged.
func SealFailure(err error) Failure {
	if errors.Is(err, ErrNoKey) {
		return FailureKey
	}
	return FailureDamaged
}

// Password returns the password that is sealed for a request. Where there is none yet it makes one, and seals it in r.
func (s *Service) Password(r *Request) (secret.Text, error) {
	if r.Sealed != nil {
		return s.keys.Open(r.bound(), r.Sealed)
	}
	password, err := ehpc.NewPassword(s.conf.PasswordLength)
	if err != nil {
		return secret.Text{}, fmt.Errorf("make a password: %w", err)
	}
	r.Sealed = s.keys.Seal(r.bound(), password)
	return password, nil
}

// recheckedWithin is how old an answer may be when it is looked again at what a request hangs on, after the decision.
const recheckedWithin = 5 * time.Second

// ErrUntold is that of a request which needs no approval if its requester still belongs to a group, while nobody tells.
var ErrUntold = errors.New("it is not known whether the requester still belongs to the group whose members need no approval")

// Recheck looks again at what a request hangs on, before its account is asked for while no call for it is open. It ends
// the request where that does not hold any more, or gives it back to its sponsor and the approvers where their approvals do
// not suffice. With [ErrUntold] it has to be looked again later: nobody has approved the request.
func (s *Service) Recheck(ctx context.Context, r *Request) (holds bool, err error) {
	story, err := s.read(ctx, r.ID)
	if err != nil {
		return false, err
	}
	now, err := s.lookAgain(ctx, story, recheckedWithin)
	if err != nil {
		return false, err
	}
	notAllowed := s.notAllowed(*r, now)
	switch {
	case errors.Is(now.requester, ErrGone):
		return false, s.fail(ctx, r, FailureGone, "")
	case notAllowed != nil:
		return false, s.fail(ctx, r, FailureNotAllowed, string(notAllowed.Kind))
	case now.untold != nil:
		return false, fmt.Errorf("%w: %w", ErrUntold, now.untold)
	case now.count(story.Approvals()) < story.Required, story.lacksSponsor():
		r.Forget()
		r.SponsoredAt = story.SponsoredAt
		r.ExpiresAt, r.Failure, r.FailureDetail = s.now().Add(story.Rules.Expiry), "", ""
		return false, s.Move(ctx, r, Pending, "reopen", "its approvals do not suffice any more")
	}
	return true, nil
}

// Credentials returns the password that is to be handed over. It ends a request whose requester may not have it any
// more, or whose sealed password is lost.
func (s *Service) Credentials(ctx context.Context, r *Request) (password secret.Text, found bool, err error) {
	if err := s.people.Requester(ctx, r.Requester, recheckedWithin); errors.Is(err, ErrGone) {
		return secret.Text{}, false, s.fail(ctx, r, FailureUnreachable, "")
	}
	if password, err = s.keys.Open(r.bound(), r.Sealed); err != nil {
		s.log.Error("a sealed password can't be opened", "request", r.ID, "error", err)
		return secret.Text{}, false, s.fail(ctx, r, SealFailure(err), "")
	}
	return password, true, nil
}

// Unreachable ends a request whose account is made, where nobody can be given the credentials: the directory says so
// as well, or it has been so for as long as people may take to decide.
func (s *Service) Unreachable(ctx context.Context, r *Request) (over bool, err error) {
	gone := errors.Is(s.people.Requester(ctx, r.Requester, 0), ErrGone)
	if !gone && s.now().Sub(r.UpdatedAt) < s.rules(*r).Expiry {
		return false, nil
	}
	return true, s.fail(ctx, r, FailureUnreachable, "")
}

// fail ends a request.
func (s *Service) fail(ctx context.Context, r *Request, why Failure, detail string) error {
	r.Failure, r.FailureDetail = why, detail
	return s.Move(ctx, r, Failed, "fail", string(why))
}

// Attempt stores that the API is about to be called for a request, and its sealed password, which no call may use
// before. It does so only where hasRoom says so of all that is open on the cluster.
func (s *Service) Attempt(ctx context.Context, r *Request, hasRoom func(open []Request) bool) (stored bool, err error) {
	r.AttemptedAt = s.now()
	if r.StartedAt.IsZero() {
		r.StartedAt = r.AttemptedAt
	}
	err = s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		open, err := tx.ToMake(ctx, r.ClusterID)
		if err != nil || !hasRoom(open) {
			return err
		}
		stored = true
		if r.State == Provisioning {
			return s.save(ctx, tx, r, System, "attempt", "the API is called again, with the same password")
		}
		return s.move(ctx, tx, r, Provisioning, System, "provision", "")
	})
	return stored && err == nil, err
}

// MayBeAnothers tells whether an account of the request's username may be that of another request.
func (s *Service) MayBeAnothers(ctx context.Context, r Request) (bool, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) (bool, error) { return tx.MayBeAnothers(ctx, r) })
}

// Uncompared returns the requests of a cluster whose accounts are made, and not compared with the others yet.
func (s *Service) Uncompared(ctx context.Context, clusterID string) ([]Request, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) ([]Request, error) { return tx.Uncompared(ctx, clusterID) })
}

// Compared stores the uid of a new account. One that another account has as well is told to the approvers.
func (s *Service) Compared(ctx context.Context, id, uid int64, twin string) error {
	return s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.Compared(ctx, id, uid, twin); err != nil || twin == "" {
			return err
		}
		r, err := tx.Request(ctx, id)
		if err != nil {
			return err
		}
		if err := s.note(ctx, tx, &r, System, "double_uid", fmt.Sprintf("uid %d is also that of %s", uid, twin)); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, r, AlarmJob)
	})
}

// Progress stores what has changed in the making of an account, and inserts jobs.
func (s *Service) Progress(ctx context.Context, r *Request, action, detail string, jobs ...JobKind) error {
	return s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		if err := s.save(ctx, tx, r, System, action, detail); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, *r, jobs...)
	})
}

// Move brings a request into another state, with all that has changed in it.
func (s *Service) Move(ctx context.Context, r *Request, to State, action, detail string) error {
	return s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		return s.move(ctx, tx, r, to, System, action, detail)
	})
}

// CredentialsUntil returns until when credentials that are delivered now are to be seen; the zero time for ever.
func (s *Service) CredentialsUntil() time.Time {
	if s.conf.CredentialsTTL == 0 {
		return time.Time{}
	}
	return s.now().Add(s.conf.CredentialsTTL)
}

// Delivered ends a request whose credentials, or the button that shows them, have arrived. The sealed password is erased
// where it was shown, and else when the requester has saved it or its time is over.
func (s *Service) Delivered(ctx context.Context, id int64, until time.Time) error {
	return s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil {
			return err
		}
		switch r.State {
		case Provisioned:
		case Failed: // it was abandoned, and what was shown after that is to be taken away
			return s.enqueue(ctx, tx, r, NotifyJob)
		default: // by pressing the button the requester has ended the delivery already
			return s.enqueue(ctx, tx, r, ScrubJob) // what was shown after that is to be cleared as well
		}
		r.CredentialsUntil, r.Failure, r.FailureDetail = until, "", ""
		return s.handOver(ctx, tx, &r, System, "deliver")
	})
}

// deliver notes in r that the credentials, or the button, are there.
func (s *Service) deliver(r *Request) {
	r.DeliveredAt = s.now()
	if !s.conf.ByButton {
		r.Sealed, r.ShownAt = nil, r.DeliveredAt
	}
}

// Undelivered lets the approvers see that the credentials wait, and why.
func (s *Service) Undelivered(ctx context.Context, id int64, cause error) error {
	const most = 300 // characters, for a message
	why := cause.Error()
	if text := []rune(why); len(text) > most {
		why = string(text[:most]) + "…"
	}
	return s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil || r.State != Provisioned || r.Failure == WaitingDelivery {
			return err
		}
		r.Failure, r.FailureDetail = WaitingDelivery, why
		return s.note(ctx, tx, &r, System, "wait", why)
	})
}

// Expire ends a request that nobody decided in time. It returns how much of that time is left.
func (s *Service) Expire(ctx context.Context, id int64) (left time.Duration, err error) {
	err = s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil || r.State != Pending {
			return err
		}
		if left = max(0, r.ExpiresAt.Sub(s.now())); left > 0 {
			return nil
		}
		return s.move(ctx, tx, &r, Expired, System, "expire", "")
	})
	return left, err
}

// ScrubDue tells in what time something of a request is to be taken away, if ever; at once for 0.
func (s *Service) ScrubDue(r Request) (left time.Duration, wanted bool) {
	at, wanted := s.scrubAt(r)
	return max(0, at.Sub(s.now())), wanted
}

// Cleared notes that the credentials of a delivered request were taken out of sight.
func (s *Service) Cleared(ctx context.Context, id int64) error {
	return s.change(ctx, id, "scrub", func(r *Request) bool {
		due := r.State == Delivered && r.ClearedAt.IsZero()
		if due {
			r.ClearedAt = s.now()
		}
		return due
	})
}

// EraseSealed erases the sealed password of a failed request, or of a delivered one whose time is over.
func (s *Service) EraseSealed(ctx context.Context, id int64) error {
	return s.change(ctx, id, "erase", func(r *Request) bool {
		switch {
		case r.Sealed == nil:
			return false
		case r.State == Failed:
			r.Forget()
			return true
		case r.State == Delivered:
			r.Sealed = nil
			return true
		}
		return false
	})
}

// change stores what f changes in a request, with an audit event, if f says so.
func (s *Service) change(ctx context.Context, id int64, action string, f func(*Request) bool) error {
	err := s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil || !f(&r) {
			return err
		}
		return s.note(ctx, tx, &r, System, action, "")
	})
	if err != nil {
		return fmt.Errorf("%s request %d: %w", action, id, err)
	}
	return nil
}

// writeJob is a write of a job, which lets people go first.
func (s *Service) writeJob(ctx context.Context, f func(context.Context, Tx) error) error {
	select {
	case s.line <- struct{}{}:
		defer func() { <-s.line }()
	case <-ctx.Done():
		return fmt.Errorf("wait for other jobs: %w", context.Cause(ctx))
	}
	return s.store.Write(ctx, f)
}
