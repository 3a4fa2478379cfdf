package approval

import (
	"context"
	"time"
)

// This file holds what a requester can do with a request that waits.

// Cancel takes a request back that is not decided yet. Only its requester may. To others, but approvers, there is no
// such request; that it was refused is in the audit log, with the real reason.
func (s *Service) Cancel(ctx context.Context, id int64, person string) (Story, error) {
	story, err := s.act(ctx, id, deed{person: person, action: "cancel"}, s.cancel)
	return story, s.unknownToOthers(ctx, person, err)
}

// TakeBack is Cancel for a button.
func (s *Service) TakeBack(ctx context.Context, on Target, person string) (Story, error) {
	story, err := s.press(ctx, on, deed{person: person, action: "cancel"}, s.cancel)
	return story, s.unknownToOthers(ctx, person, err)
}

// RemindEvery is how much time there is between two reminders that a requester asks for.
const RemindEvery = 24 * time.Hour

// Nudge has the approvers, or the sponsor while it is their turn, reminded because the requester asks for it. What reminded
// them so before is to be taken away.
func (s *Service) Nudge(ctx context.Context, on Target, person string) (Story, error) {
	story, err := s.press(ctx, on, deed{person: person, action: "remind"}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		now := s.now()
		switch {
		case r.State != Pending || !now.Before(r.ExpiresAt):
			return &Refusal{Kind: KindDecided, Story: at.Story}
		case !r.RemindedAt.IsZero() && now.Before(r.RemindedAt.Add(RemindEvery)):
			return &Refusal{Kind: KindReminded, Story: at.Story}
		}
		r.RemindedAt = now
		if err := s.note(ctx, tx, r, at.who.ID, "remind", ""); err != nil {
			return err
		}
		for _, m := range at.Messages {
			if m.Purpose != PurposeNudge {
				continue
			}
			m.Version = 0 // it speaks of another time
			if err := tx.SaveMessage(ctx, r.ID, m, now); err != nil {
				return err
			}
		}
		return s.enqueue(ctx, tx, *r, NudgeJob)
	})
	return story, s.unknownToOthers(ctx, person, err)
}

// unknownToOthers says of a request that is not the person's that there is none such, unless they are an approver.
func (s *Service) unknownToOthers(ctx context.Context, person string, err error) error {
	if r := Refused(err); r != nil && r.Kind == KindNotYours && s.checkApprover(ctx, s.people.Identify(ctx, person), r.Story.Request) != nil {
		r.Kind = KindUnknown
	}
	return err
}
