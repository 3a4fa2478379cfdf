package messenger

import (
	"context"
	"errors"
	"slices"
	"strings"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// Refresh implements [approval.Messenger].
func (p *Messenger) Refresh(ctx context.Context, s approval.Story) error {
	return errors.Join(p.refreshSponsor(ctx, s), p.refreshChannel(ctx, s))
}

// refreshChannel makes the approval message follow. What has come to its end need not be shown in a channel that takes
// no messages, nor where it was not shown before.
func (p *Messenger) refreshChannel(ctx context.Context, s approval.Story) error {
	facts := p.facts(ctx, s)
	err := p.refresh(ctx, s, facts)
	if slices.Contains(slackapi.Invalid, slackapi.Code(err)) {
		p.log.Warn("Slack does not take all of the approval message: it goes without the photo, and with buttons for everybody", "request", s.ID, "error", err)
		err = p.refresh(ctx, s, facts.Plain())
	}
	if closedTo(err) && s.State.Final() && !s.CanRetry() && p.service.Now().Sub(s.UpdatedAt) > closedForGood {
		p.log.Warn("the end of a request is not shown", "request", s.ID, "state", s.State, "error", err)
		return nil
	}
	return err
}

func (p *Messenger) refresh(ctx context.Context, s approval.Story, facts view.Facts) error {
	m := p.readers.Channel().Card(s, facts)
	known := 0
	for _, old := range s.Messages {
		var err error
		switch {
		case s.IsOver(old):
			err = p.takeAway(ctx, s, old)
		case old.Purpose != approval.PurposeApproval:
			continue
		case s.AwaitsApprover() && p.isElsewhere(old.Place, s.Rules.Channel):
			known++
			err = p.replace(ctx, s, old, m)
		default:
			known++
			err = p.refreshOne(ctx, s, old, m)
		}
		if err != nil {
			return err
		}
	}
	if known > 0 {
		return nil
	}
	switch {
	case s.AwaitsSponsor():
		return nil
	case s.AwaitsApprover(), s.Exempt != "": // what needs no approval is seen, too, however fast it was
	case s.Required == 0:
		return nil // the channel is left in peace
	case s.State.Final():
		p.log.Info("the end of a request is not shown, as nobody saw it before", "request", s.ID, "state", s.State)
		p.pace.leave(s.Rules.Channel, posting(s, approval.PurposeApproval))
		return nil
	}
	_, err := p.postOnce(ctx, s, approval.PurposeApproval, s.Rules.Channel, m)
	return err
}

// isElsewhere tells whether a conversation is surely not an approval channel. That has another id than the one that
// is configured only where one of the two is of the old form (G…), and until Slack has told which.
func (p *Messenger) isElsewhere(place, channel string) bool {
	p.mu.Lock()
	told := p.rooms[channel].named != ""
	p.mu.Unlock()
	return !p.IsIn(place, channel) && (told || !strings.HasPrefix(channel, "G") && !strings.HasPrefix(place, "G"))
}

// takeAway deletes a message that is over. Where Slack does not let it, it stays.
func (p *Messenger) takeAway(ctx context.Context, s approval.Story, old approval.Message) error {
	err := p.remove(ctx, old)
	if err != nil && (slackapi.Code(err) == "" || passing(err)) {
		return err
	}
	if err != nil {
		p.log.Warn("an outdated message could not be deleted", "request", s.ID, "purpose", old.Purpose, "error", err)
	}
	return p.service.Forget(ctx, s.ID, old)
}

func (p *Messenger) refreshOne(ctx context.Context, s approval.Story, old approval.Message, m view.Message) error {
	if old.Version >= s.Version {
		return nil
	}
	err := p.update(ctx, old, m)
	switch {
	case err == nil:
		old.Version = s.Version
		return p.service.Sent(ctx, s.ID, old)
	case gone(err) && !s.AwaitsApprover():
		p.log.Info("an approval message is gone, which nobody needs any more", "request", s.ID, "error", err)
		old.Version = s.Version
		return p.service.Sent(ctx, s.ID, old)
	case gone(err), fixed(err), closedTo(err) && s.AwaitsApprover() && !p.IsIn(old.Place, s.Rules.Channel):
		p.log.Warn("the approval message can't be updated, a new one follows", "request", s.ID, "error", err)
		return p.replace(ctx, s, old, m)
	}
	return err
}

// replace puts a new message into the approval channel, in the place of one that can't be changed, is gone, or stands
// elsewhere. Killed in between, the bot finds the new one when it comes here again.
func (p *Messenger) replace(ctx context.Context, s approval.Story, old approval.Message, m view.Message) error {
	replaced := slices.ContainsFunc(s.Messages, func(k approval.Message) bool {
		return k.Purpose == old.Purpose && !p.isElsewhere(k.Place, s.Rules.Channel) && k.Ref != old.Ref && k.Version >= s.Version
	})
	if !replaced {
		if err := p.post(ctx, s, old.Purpose, s.Rules.Channel, m); err != nil {
			return err
		}
	}
	if err := p.remove(ctx, old); err != nil {
		p.log.Warn("an outdated message could not be deleted", "request", s.ID, "error", err)
	}
	return p.service.Forget(ctx, s.ID, old)
}
