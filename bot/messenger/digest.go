package messenger

import (
	"context"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
)

// This file holds the messages that list what waits, one for each approval channel.

// purposeDigest names the digest, which is about no request, among what is posted.
const purposeDigest approval.Purpose = "digest"

// Digest implements [approval.Messenger].
func (p *Messenger) Digest(ctx context.Context, d approval.Digest) error {
	posted := d.Posted.Ref != ""
	if posted && d.Wanted() && !d.IsOld() && !p.isElsewhere(d.Posted.Place, d.Channel) {
		err := p.followDigest(ctx, d)
		if !gone(err) && !fixed(err) {
			return err
		}
		p.log.Warn("the digest can't be changed, a new one follows", "error", err)
	}
	if posted {
		if err := p.takeDigestAway(ctx, d.Posted); err != nil {
			return err
		}
	}
	if !d.Wanted() {
		p.pace.leave(d.Channel, posting(approval.Story{}, purposeDigest))
		return nil
	}
	return p.postDigest(ctx, d)
}

func (p *Messenger) postDigest(ctx context.Context, d approval.Digest) error {
	posted, err := p.send(ctx, approval.Story{}, purposeDigest, d.Channel, p.readers.Channel().Digest(d))
	if err != nil {
		return err
	}
	mine := approval.DigestMessage{Channel: d.Channel, Place: posted.Place, Ref: posted.Ref, Shows: d.Shows(), At: d.Now}
	first, err := p.service.ClaimDigest(ctx, mine, approval.DigestMessage{})
	if err == nil && first.Ref != mine.Ref {
		p.log.Info("a digest that was posted twice is taken back")
		err = p.remove(ctx, posted)
	}
	return err
}

// followDigest makes the digest of today show what waits by now.
func (p *Messenger) followDigest(ctx context.Context, d approval.Digest) error {
	if d.Posted.Shows == d.Shows() {
		return nil
	}
	old := d.Posted
	if err := p.update(ctx, approval.Message{Place: old.Place, Ref: old.Ref}, p.readers.Channel().Digest(d)); err != nil {
		return err
	}
	now := old
	now.Shows = d.Shows()
	_, err := p.service.ClaimDigest(ctx, now, old)
	return err
}

// takeDigestAway deletes the digest. Where Slack does not let it, it stays.
func (p *Messenger) takeDigestAway(ctx context.Context, old approval.DigestMessage) error {
	err := p.remove(ctx, approval.Message{Place: old.Place, Ref: old.Ref})
	if err != nil && (slackapi.Code(err) == "" || passing(err)) {
		return err
	}
	if err != nil {
		p.log.Warn("an outdated digest could not be deleted", "error", err)
	}
	return p.service.ForgetDigest(ctx, old)
}
