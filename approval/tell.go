package approval

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// This file holds the jobs that tell people: each reads the story as it is now and leaves the rest to the
// messenger.

// deliver hands the credentials over, and erases the sealed password once they have arrived. Killed in
// between, it is repeated, and shows the same credentials in the same message again.
func (r runner) deliver(ctx context.Context, id int64) error {
	story, err := r.service.Story(ctx, id)
	if err != nil || story.State != Provisioned {
		return err
	}
	password, err := r.service.keys.Open(id, story.sealed)
	if err != nil {
		return err
	}
	if ttl := r.service.conf.CredentialsTTL; ttl > 0 {
		story.CredentialsUntil = r.service.now().Add(ttl)
	}
	if err := r.work.Messenger.Deliver(ctx, story, password); err != nil {
		return errors.Join(err, r.undelivered(ctx, story, err))
	}
	err = r.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// Read again: by pressing the button the requester may have ended the delivery already.
		now, err := requestByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if now.State != Provisioned {
			// What was shown after that is to be cleared as well.
			return r.service.enqueue(ctx, tx, now, kindScrub)
		}
		now.sealed, now.CredentialsUntil, now.Failure, now.FailureDetail = nil, story.CredentialsUntil, "", ""
		return r.service.move(ctx, tx, &now, Delivered, System, "deliver", "")
	})
	if err == nil {
		r.service.log.Info("the credentials are delivered", "request", id, "person", story.Requester)
	}
	return err
}

// undelivered lets the approvers see that the credentials wait, unless it is only a limit.
func (r runner) undelivered(ctx context.Context, story Story, cause error) error {
	var later *LaterError
	if errors.As(cause, &later) || story.Failure == WaitingDelivery || ctx.Err() != nil {
		return nil
	}
	return r.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := requestByID(ctx, tx, story.ID)
		if err != nil || now.State != Provisioned {
			return err
		}
		now.Failure, now.FailureDetail = WaitingDelivery, sentence(cause)
		return r.service.note(ctx, tx, &now, System, "wait", now.FailureDetail)
	})
}

// refresh makes the approval message follow. Two refreshes of different processes can overtake each other,
// so it looks again after it has written, until what it wrote is what is.
func (r runner) refresh(ctx context.Context, id int64) error {
	story, err := r.service.Story(ctx, id)
	for err == nil && !shown(story) {
		if err := r.work.Messenger.Refresh(ctx, story); err != nil {
			return err
		}
		before := story.Version
		if story, err = r.service.Story(ctx, id); story.Version == before {
			return err // shown, or the messenger has seen that nobody needs it any more
		}
	}
	return err
}

// shown reports whether every approval message shows the story as it is.
func shown(s Story) bool {
	var messages, current int
	for _, m := range s.Messages {
		if m.Purpose == PurposeApproval {
			messages++
			if m.Version >= s.Version {
				current++
			}
		}
	}
	return messages > 0 && current == messages
}

// notify tells the requester of an end that leaves them without credentials, once for each such end.
func (r runner) notify(ctx context.Context, id int64) error {
	story, err := r.service.Story(ctx, id)
	if err != nil || story.State.Active() {
		return err // a failed request that is tried again has not ended
	}
	for _, m := range story.Messages {
		if m.Purpose == PurposeNotice && m.Version >= story.Version {
			return nil
		}
	}
	return r.work.Messenger.Notify(ctx, story)
}

// delay tells the requester, once, that the account takes longer than usual.
func (r runner) delay(ctx context.Context, id int64) error {
	story, err := r.service.Story(ctx, id)
	if err != nil || !story.State.Active() || story.State == Pending {
		return err
	}
	if _, told := story.Message(PurposeNotice); told {
		return nil
	}
	return r.work.Messenger.Notify(ctx, story)
}

// remind reminds the approvers once.
func (r runner) remind(ctx context.Context, id int64) error {
	story, err := r.service.Story(ctx, id)
	if err != nil || story.State != Pending {
		return err
	}
	if _, done := story.Message(PurposeReminder); done {
		return nil
	}
	return r.work.Messenger.Remind(ctx, story)
}

// expire ends a request that nobody decided in time.
func (r runner) expire(ctx context.Context, id int64) error {
	return r.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		req, err := requestByID(ctx, tx, id)
		if err != nil || req.State != Pending {
			return err
		}
		if left := req.ExpiresAt.Sub(r.service.now()); left > 0 {
			return &LaterError{After: left, Err: errors.New("it is not time yet")}
		}
		return r.service.move(ctx, tx, &req, Expired, System, "expire", "")
	})
}

// scrub takes away what is to be seen no longer: the credentials of a delivered request when their time is
// over or the requester has saved them, and the sealed password of a failed one that nobody retried.
func (r runner) scrub(ctx context.Context, id int64) error {
	story, err := r.service.Story(ctx, id)
	if err != nil {
		return err
	}
	at, wanted := r.service.scrubAt(story.Request)
	if left := at.Sub(r.service.now()); wanted && left > 0 {
		return &LaterError{After: left, Err: errors.New("it is not time yet")}
	}
	switch {
	case !wanted:
		return nil
	case story.State == Failed:
		return r.eraseSealed(ctx, id)
	case story.State == Delivered:
		return r.scrubCredentials(ctx, story)
	}
	return nil
}

func (r runner) scrubCredentials(ctx context.Context, story Story) error {
	if err := r.work.Messenger.Scrub(ctx, story); err != nil {
		return err
	}
	return r.change(ctx, story.ID, "scrub", func(req *Request) bool {
		due := req.State == Delivered && req.ClearedAt.IsZero()
		if due {
			req.ClearedAt = r.service.now()
		}
		return due
	})
}

func (r runner) eraseSealed(ctx context.Context, id int64) error {
	return r.change(ctx, id, "erase", func(req *Request) bool {
		due := req.State == Failed && req.sealed != nil
		if due {
			req.forget()
		}
		return due
	})
}

// change stores what f changes in a request, with an audit event, if f says so.
func (r runner) change(ctx context.Context, id int64, action string, f func(*Request) bool) error {
	err := r.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		req, err := requestByID(ctx, tx, id)
		if err != nil || !f(&req) {
			return err
		}
		return r.service.note(ctx, tx, &req, System, action, "")
	})
	if err != nil {
		return fmt.Errorf("%s request %d: %w", action, id, err)
	}
	return nil
}
