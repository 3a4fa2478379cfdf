package messenger

import (
	"context"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
)

// This file holds the direct messages by which a sponsor decides, and what is told of it.

// refreshSponsor asks the sponsor, and makes that message follow to the end, but not through every state of an account that
// is under way.
func (p *Messenger) refreshSponsor(ctx context.Context, s approval.Story) error {
	asked := false
	for _, old := range s.Messages {
		if old.Purpose != approval.PurposeSponsor {
			continue
		}
		asked = true
		if err := p.refreshAsked(ctx, s, old); err != nil {
			return err
		}
	}
	if asked || !s.AwaitsSponsor() {
		return nil
	}
	return p.tellOnce(ctx, s, s.Sponsor, approval.PurposeSponsor, p.readers.View(ctx, s.Sponsor).AskSponsor(s))
}

// refreshAsked changes a message that asks the sponsor.
func (p *Messenger) refreshAsked(ctx context.Context, s approval.Story, old approval.Message) error {
	isUnderWay := s.State.Active() && s.State != approval.Pending
	if isUnderWay || old.Version >= s.Version {
		return nil
	}
	if old.Ref != "" {
		if err := p.tellSilent(ctx, s); err != nil {
			return err
		}
		err := p.update(ctx, old, p.readers.View(ctx, s.Sponsor).AskSponsor(s))
		switch {
		case gone(err) && s.AwaitsSponsor():
			p.log.Warn("the message of a sponsor is gone, a new one follows", "request", s.ID)
			return p.askAnew(ctx, s, old)
		case fixed(err):
			p.log.Warn("the workspace forbids editing: the message of a sponsor is replaced", "request", s.ID, "error", err)
			if err := p.remove(ctx, old); slackapi.Code(err) == "" && err != nil {
				return err
			}
			return p.askAnew(ctx, s, old)
		case slackapi.Code(err) != "" && !passing(err):
			p.log.Warn("the message of a sponsor can't be changed", "request", s.ID, "error", err)
		case err != nil:
			return err
		}
	}
	old.Version = s.Version
	return p.service.Sent(ctx, s.ID, old)
}

// askAnew asks the sponsor, or tells them how it stands, in a new message in the place of one that is gone.
func (p *Messenger) askAnew(ctx context.Context, s approval.Story, old approval.Message) error {
	if err := p.service.Forget(ctx, s.ID, old); err != nil {
		return err
	}
	return p.tellOnce(ctx, s, s.Sponsor, approval.PurposeSponsor, p.readers.View(ctx, s.Sponsor).AskSponsor(s))
}

// tellSilent tells the sponsor, in a new message that they notice, that the request has expired without their answer.
func (p *Messenger) tellSilent(ctx context.Context, s approval.Story) error {
	if _, told := s.Message(approval.PurposeSponsorOver); told || !s.SponsorSilent() {
		return nil
	}
	return p.tellOnce(ctx, s, s.Sponsor, approval.PurposeSponsorOver, p.readers.View(ctx, s.Sponsor).SponsorOver(s))
}

// remindSponsor puts the reminder of today in the place of the one before.
func (p *Messenger) remindSponsor(ctx context.Context, s approval.Story) error {
	if err := p.takeAllAway(ctx, s, approval.PurposeSponsorReminder); err != nil {
		return err
	}
	return p.tellOnce(ctx, s, s.Sponsor, approval.PurposeSponsorReminder, p.readers.View(ctx, s.Sponsor).Reminder(s))
}

// tellSponsored tells the requester that the sponsor has approved, as long as the approvers have not decided.
func (p *Messenger) tellSponsored(ctx context.Context, s approval.Story) error {
	if s.SponsoringIsTold() {
		return nil
	}
	return p.tellOnce(ctx, s, s.Requester, approval.PurposeSponsored, p.readers.View(ctx, s.Requester).Sponsored(s))
}
