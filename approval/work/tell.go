package work

import (
	"context"
	"errors"
	"slices"
	"time"

	"ehpcbot/approval"
)

// This file holds the jobs that tell people: each reads the story as it is now and leaves the rest to the
// messenger.

// deliver hands the credentials over, or the button that shows them, and has that stored once they have arrived. Killed
// in between, it is repeated, and shows the same in the same message again.
func (r runner) deliver(ctx context.Context, story approval.Story) error {
	if story.State != approval.Provisioned {
		return nil
	}
	password, found, err := r.Service.Credentials(ctx, &story.Request)
	if !found || err != nil {
		return err
	}
	story.CredentialsUntil = r.Service.CredentialsUntil()
	if r.Service.Config().ByButton {
		err = r.Messenger.Offer(ctx, story)
	} else {
		err = r.Messenger.Deliver(ctx, story, password)
	}
	if errors.Is(err, approval.ErrUnreachable) {
		if over, err := r.Service.Unreachable(ctx, &story.Request); over {
			return err
		}
	}
	if err != nil {
		return errors.Join(err, r.undelivered(ctx, story, err))
	}
	if err := r.Service.Delivered(ctx, story.ID, story.CredentialsUntil); err != nil {
		return err
	}
	r.Log.Info("the credentials are delivered", "request", story.ID, "person", story.Requester)
	return nil
}

// undelivered lets the approvers see that the credentials wait, unless it is only a limit.
func (r runner) undelivered(ctx context.Context, story approval.Story, cause error) error {
	var later *approval.LaterError
	if errors.As(cause, &later) || story.Failure == approval.WaitingDelivery || ctx.Err() != nil {
		return nil
	}
	return r.Service.Undelivered(ctx, story.ID, cause)
}

// settleTime is for how long a change is not shown, because the next one is soon to follow.
const settleTime = 300 * time.Millisecond

// refresh makes the approval message follow. Two refreshes of different processes can overtake each other,
// so it looks again after it has written, until what it wrote is what is.
func (r runner) refresh(ctx context.Context, story approval.Story) error {
	since := r.Service.Now().Sub(story.UpdatedAt)
	if underWay(story.State) && since >= 0 && since < settleTime {
		return &approval.LaterError{After: settleTime - since, Err: errNotYet}
	}
	return r.show(ctx, story)
}

// underWay tells whether a state is left without anybody doing anything.
func underWay(s approval.State) bool { return s.Active() && s != approval.Pending }

func (r runner) show(ctx context.Context, story approval.Story) error {
	for !shown(story) {
		if err := r.Messenger.Refresh(ctx, story); err != nil {
			return err
		}
		now, err := r.Service.Story(ctx, story.ID)
		if err != nil || now.Version == story.Version {
			return err // shown, or the messenger has seen that nobody needs it any more
		}
		story = now
	}
	return nil
}

// shown reports whether each message that asks people to decide shows the story as it is, and nothing is left that urges them
// to. That of the sponsor need not follow while the account is under way.
func shown(s approval.Story) bool {
	there := false
	for _, m := range s.Messages {
		asks := m.Purpose == approval.PurposeApproval || m.Purpose == approval.PurposeSponsor && !underWay(s.State)
		if s.IsOver(m) || asks && m.Version < s.Version {
			return false
		}
		there = there || m.Purpose == s.Card()
	}
	return there
}

// notify tells the requester of an end that leaves them without credentials, once for each such end.
func (r runner) notify(ctx context.Context, story approval.Story) error {
	if story.State.Active() {
		return nil // a failed request that is tried again has not ended
	}
	if _, shown := story.Message(approval.PurposeCredentials); shown && story.State == approval.Failed {
		if err := r.Messenger.Scrub(ctx, story); err != nil { // they were on their way, and are not to be seen
			return err
		}
	}
	for _, m := range story.Messages {
		if m.Purpose == approval.PurposeNotice && m.Version >= story.Version {
			return nil
		}
	}
	return r.Messenger.Notify(ctx, story)
}

// delay tells the requester, once, that the account takes longer than usual.
func (r runner) delay(ctx context.Context, story approval.Story) error {
	if _, told := story.Message(approval.PurposeNotice); told || !underWay(story.State) {
		return nil
	}
	return r.Messenger.Notify(ctx, story)
}

// remind says what is due while nobody decides, and puts itself off until more is.
func (r runner) remind(ctx context.Context, story approval.Story) error {
	story, err := r.Service.PassOn(ctx, story)
	if err != nil {
		return err
	}
	say, next := r.Service.Due(story)
	if slices.ContainsFunc(say, approval.Purpose.Urges) {
		if story, err = r.shownAnew(ctx, story.ID); err != nil {
			return err
		}
		say, next = r.Service.Due(story)
	}
	for _, what := range say {
		if err := r.Messenger.Remind(ctx, story, what); err != nil {
			return err
		}
	}
	if next > 0 {
		return &approval.LaterError{After: next, Err: errNotYet}
	}
	return nil
}

// shownAnew returns a request after its approval message is there for sure, as what leads there is to do.
func (r runner) shownAnew(ctx context.Context, id int64) (story approval.Story, err error) {
	if err := r.Service.Doubt(ctx, id); err != nil {
		return story, err
	}
	if err := r.of(r.show)(ctx, id); err != nil {
		return story, err
	}
	return r.Service.Story(ctx, id)
}

// digestFollows is how soon the digest follows what has changed.
const digestFollows = time.Minute

// digest keeps the messages that list what waits in a channel, as long as enough does in one.
func (r runner) digest(ctx context.Context, _ int64) error {
	digests, err := r.Service.Digests(ctx)
	if err != nil {
		return err
	}
	for _, d := range digests {
		err = errors.Join(err, r.Messenger.Digest(ctx, d)) // one channel holds up no other
	}
	if err != nil || !slices.ContainsFunc(digests, approval.Digest.Wanted) {
		return err
	}
	return &approval.LaterError{After: digestFollows, Err: errNotYet}
}

// nudge reminds the approvers once for each time that the requester asks for it.
func (r runner) nudge(ctx context.Context, story approval.Story) error {
	if story.State != approval.Pending || !r.Service.Now().Before(story.ExpiresAt) {
		return nil
	}
	for _, m := range story.Messages {
		if m.Purpose == approval.PurposeNudge && m.Version > 0 {
			return nil
		}
	}
	return r.Messenger.Nudge(ctx, story)
}

// alarm tells the approvers once that two accounts have the same uid.
func (r runner) alarm(ctx context.Context, story approval.Story) error {
	if _, done := story.Message(approval.PurposeAlarm); done || story.Twin == "" {
		return nil
	}
	return r.Messenger.Alarm(ctx, story)
}

// expire ends a request that nobody decided in time.
func (r runner) expire(ctx context.Context, id int64) error {
	left, err := r.Service.Expire(ctx, id)
	if err == nil && left > 0 {
		return &approval.LaterError{After: left, Err: errNotYet}
	}
	return err
}

var errNotYet = errors.New("it is not time yet")

// scrub takes away what is to be seen no longer: the credentials of a delivered request, and its password where that is
// sealed still, when their time is over or the requester has saved them, and the sealed password of a failed one that
// nobody retried.
func (r runner) scrub(ctx context.Context, story approval.Story) error {
	left, wanted := r.Service.ScrubDue(story.Request)
	switch {
	case !wanted:
		return nil
	case left > 0:
		return &approval.LaterError{After: left, Err: errNotYet}
	case story.State == approval.Failed:
		return r.Service.EraseSealed(ctx, story.ID)
	case story.State == approval.Delivered:
		if err := r.Service.EraseSealed(ctx, story.ID); err != nil { // whether Slack can be reached or not
			return err
		}
		if err := r.of(r.Messenger.Scrub)(ctx, story.ID); err != nil {
			return err
		}
		return r.Service.Cleared(ctx, story.ID)
	}
	return nil
}
