package messenger

import (
	"context"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// Redraw implements [approval.Messenger]. What holds a password is left alone: once that is erased, nobody can draw it.
func (p *Messenger) Redraw(ctx context.Context, s approval.Story) error {
	switch {
	case !s.ClearedAt.IsZero():
		return p.Scrub(ctx, s)
	case s.Sealed == nil:
		return nil
	}
	offer := p.readers.View(ctx, s.Requester).CredentialsOffer(s)
	for _, old := range s.Messages {
		if old.Purpose != approval.PurposeCredentials {
			continue
		}
		err := p.update(ctx, old, offer)
		if slackapi.Code(err) != "" && !passing(err) {
			p.log.Warn("a message to a requester stays as it was", "request", s.ID, "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Prompt implements [approval.Messenger].
func (p *Messenger) Prompt(ctx context.Context, s approval.Story, why approval.Purpose) error {
	if why == approval.PurposeUnopened {
		return p.postInThread(ctx, s, why, p.readers.Channel().Unopened(s))
	}
	_, err := p.postOnce(ctx, s, why, s.Requester, p.readers.View(ctx, s.Requester).Prompt(s))
	return unreached(err)
}

// Trouble implements [approval.Messenger].
func (p *Messenger) Trouble(ctx context.Context, s approval.Story, t approval.Trouble, f approval.Facts) error {
	return p.postInThread(ctx, s, t.Purpose(), p.readers.Channel().Report(s, t, f))
}

// postInThread posts once below the message for the approvers, or in the channel where that is gone.
func (p *Messenger) postInThread(ctx context.Context, s approval.Story, purpose approval.Purpose, m view.Message) error {
	card, known := p.card(s, approval.PurposeApproval)
	if !known {
		_, err := p.postOnce(ctx, s, purpose, s.Rules.Channel, m)
		return err
	}
	posted, err := p.send(ctx, s, purpose, s.Rules.Channel, m, slack.MsgOptionTS(card.Ref))
	if gone(err) {
		posted, err = p.send(ctx, s, purpose, s.Rules.Channel, m)
	}
	if err != nil {
		return err
	}
	_, err = p.claim(ctx, s, posted)
	return err
}
