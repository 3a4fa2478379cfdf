package messenger

import (
	"context"
	"fmt"

	"ehpcbot/approval"
)

// This file holds what is said while nobody decides.

// Remind implements [approval.Messenger].
func (p *Messenger) Remind(ctx context.Context, s approval.Story, what approval.Purpose) error {
	switch what {
	case approval.PurposeReminder:
		_, err := p.postOnce(ctx, s, what, s.Rules.Channel, p.readers.Channel().Reminder(s))
		return err
	case approval.PurposeDaily:
		return p.remindDaily(ctx, s)
	case approval.PurposeSponsorReminder:
		return p.remindSponsor(ctx, s)
	case approval.PurposeFallback:
		return p.postInThread(ctx, s, what, p.readers.Channel().AskFallback(s))
	case approval.PurposeReminded, approval.PurposePassedOn:
		return p.tellOnce(ctx, s, s.Requester, what, p.readers.View(ctx, s.Requester).Turn(s))
	}
	return fmt.Errorf("nothing is said for the purpose %q", what)
}

// remindDaily puts the reminder of today in the place of the one before.
func (p *Messenger) remindDaily(ctx context.Context, s approval.Story) error {
	if err := p.takeAllAway(ctx, s, approval.PurposeDaily); err != nil {
		return err
	}
	return p.postInThread(ctx, s, approval.PurposeDaily, p.readers.Channel().DailyReminder(s))
}

// Nudge implements [approval.Messenger].
func (p *Messenger) Nudge(ctx context.Context, s approval.Story) error {
	if err := p.takeAllAway(ctx, s, approval.PurposeNudge); err != nil {
		return err
	}
	if s.AwaitsSponsor() {
		return p.tellOnce(ctx, s, s.Sponsor, approval.PurposeNudge, p.readers.View(ctx, s.Sponsor).Nudge(s))
	}
	_, err := p.postOnce(ctx, s, approval.PurposeNudge, s.Rules.Channel, p.readers.Channel().Nudge(s))
	return err
}

// takeAllAway deletes the messages of a purpose.
func (p *Messenger) takeAllAway(ctx context.Context, s approval.Story, purpose approval.Purpose) error {
	for _, old := range s.Messages {
		if old.Purpose != purpose {
			continue
		}
		if err := p.takeAway(ctx, s, old); err != nil {
			return err
		}
	}
	return nil
}
