package approval

import (
	"context"
	"time"

	"ehpcbot/ehpc/secret"
)

// This file holds what a requester does with credentials that are shown at a press, and what follows where they don't.

// Show returns the password to the requester, who presses for it, and to nobody else. That it was shown is stored before.
func (s *Service) Show(ctx context.Context, on Target, person string) (story Story, password secret.Text, err error) {
	story, err = s.press(ctx, on, deed{person: person, action: "show"}, func(ctx context.Context, tx Tx, r *Request, at scene) (err error) {
		if !s.isOffered(*r) {
			return &Refusal{Kind: KindOver, Story: at.Story}
		}
		if password, err = s.keys.Open(r.bound(), r.Sealed); err != nil {
			s.log.Error("a sealed password can't be opened", "request", r.ID, "error", err)
			return &Refusal{Kind: unopenable(err), Story: at.Story}
		}
		if !r.ShownAt.IsZero() {
			return s.record(ctx, tx, *r, at.who.ID, "show", r.State, "")
		}
		r.ShownAt = s.now()
		return s.note(ctx, tx, r, at.who.ID, "show", "")
	})
	if err != nil {
		return Story{}, secret.Text{}, err
	}
	return story, password, nil
}

func unopenable(err error) Kind {
	if SealFailure(err) == FailureKey {
		return KindNoKey
	}
	return KindDamaged
}

// isOffered tells whether the credentials can be had for a press. The message with the button may be there before it is
// stored that it is.
func (s *Service) isOffered(r Request) bool {
	there := r.State == Delivered || r.State == Provisioned && s.conf.ByButton
	return there && r.Sealed != nil && (r.CredentialsUntil.IsZero() || s.now().Before(r.CredentialsUntil))
}

// isUnopened tells whether the requester can't have seen the password yet.
func (s *Service) isUnopened(r Request) bool {
	return r.ShownAt.IsZero() && (r.State == Delivered || r.State == Provisioned && s.conf.ByButton)
}

// Works notes that the requester could log in.
func (s *Service) Works(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "works"}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		switch {
		case !r.isHandedOver():
			return &Refusal{Kind: KindOver, Story: at.Story}
		case s.isUnopened(*r):
			return &Refusal{Kind: KindUnopened, Story: at.Story}
		case r.WorksAt.IsZero():
			r.WorksAt = s.now()
			if err := s.note(ctx, tx, r, at.who.ID, "works", ""); err != nil {
				return err
			}
		}
		return s.enqueue(ctx, tx, *r, RedrawJob) // the message may still ask
	})
}

// isHandedOver tells whether the requester has the credentials, or may have them by now.
func (r Request) isHandedOver() bool { return r.State == Provisioned || r.State == Delivered }

// prompt is what is told, once, of credentials that are not opened so long after they were delivered.
type prompt struct {
	why   Purpose
	after time.Duration
}

// promptTime is how long the requester has to open the credentials before the first, and again before the second.
const promptTime = 24 * time.Hour

var prompts = []prompt{{PurposePrompt, promptTime}, {PurposeUnopened, 2 * promptTime}}

// promptAt tells when a prompt is due, and whether it is wanted at all: not where the credentials are gone before.
func (s *Service) promptAt(r Request, n prompt) (at time.Time, wanted bool) {
	at = r.DeliveredAt.Add(n.after)
	wanted = r.State == Delivered && r.Sealed != nil && r.ShownAt.IsZero() &&
		(r.CredentialsUntil.IsZero() || at.Before(r.CredentialsUntil))
	return at, wanted
}

// PromptDue tells what is to be told next of credentials that are not opened, if anything is, and in what time.
func (s *Service) PromptDue(story Story) (why Purpose, left time.Duration, wanted bool) {
	for _, n := range prompts {
		at, wanted := s.promptAt(story.Request, n)
		if before, told := story.Message(PurposePrompt); told && n.why == PurposeUnopened && at.Before(before.At.Add(promptTime)) {
			at = before.At.Add(promptTime) // the first came late, as the bot was off
		}
		if _, told := story.Message(n.why); wanted && !told {
			return n.why, max(0, at.Sub(s.now())), true
		}
	}
	return "", 0, false
}
