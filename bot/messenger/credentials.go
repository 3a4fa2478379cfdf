package messenger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/secret"
)

// Deliver implements [approval.Messenger]. A new message shows in previews, on the desktop with its blocks, so
// it is posted without the secret; the update that brings the credentials notifies nobody. It can be repeated
// without harm, which is also what makes a crash in between harmless.
func (p *Messenger) Deliver(ctx context.Context, s approval.Story, password secret.Text) error {
	v := p.readers.View(ctx, s.Requester)
	message, _, err := p.directMessage(ctx, s, v.CredentialsReady(s))
	if err != nil {
		return unreached(err)
	}
	return p.bring(ctx, s, message, v.Credentials(s, password))
}

// Offer implements [approval.Messenger]. What it posts holds no secret, so it need not be brought by an update, unless the
// message was begun otherwise.
func (p *Messenger) Offer(ctx context.Context, s approval.Story) error {
	offer := p.readers.View(ctx, s.Requester).CredentialsOffer(s)
	message, isNew, err := p.directMessage(ctx, s, offer)
	if err != nil {
		return unreached(err)
	}
	if isNew {
		return nil
	}
	return p.bring(ctx, s, message, offer)
}

// bring puts the credentials, or the button that shows them, into the message that is there for them.
func (p *Messenger) bring(ctx context.Context, s approval.Story, message approval.Message, credentials view.Message) error {
	err := p.update(ctx, message, credentials)
	switch {
	case gone(err), slackapi.Code(err) == "channel_not_found":
		if err := p.service.Forget(ctx, s.ID, message); err != nil {
			return err
		}
		return fmt.Errorf("the message for the credentials is gone, a new one follows: %w", err)
	case fixed(err):
		p.log.Warn("the workspace forbids editing: the credentials go out as a message of their own", "request", s.ID, "error", err)
		return p.deliverAnew(ctx, s, message, credentials)
	}
	return unreached(err)
}

// directMessage returns the message in which the credentials are to be shown, and whether it was posted just now. Where it
// is known already, it counts only if it stands where Slack has the conversation with the requester: the database does not
// say who sees them.
func (p *Messenger) directMessage(ctx context.Context, s approval.Story, first view.Message) (message approval.Message, isNew bool, err error) {
	message, known := s.Message(approval.PurposeCredentials)
	if !known {
		ready := s
		ready.Version = 0 // the message shows nothing of the request so far
		posted, err := p.send(ctx, ready, approval.PurposeCredentials, s.Requester, first)
		if err != nil {
			return approval.Message{}, false, err
		}
		if message, err = p.claim(ctx, s, posted); err != nil || message == posted {
			return message, true, err
		}
	}
	conversation, _, _, err := p.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{s.Requester}})
	if err != nil {
		return approval.Message{}, false, slackapi.CallError("open the conversation with the requester", err)
	}
	if conversation.ID != message.Place {
		p.log.Error("the message for the credentials is said to be where the requester is not; a new one follows",
			"request", s.ID, "person", s.Requester, "message", message.Place)
		return approval.Message{}, false, errors.Join(errElsewhere, p.service.Forget(ctx, s.ID, message))
	}
	return message, false, nil
}

var errElsewhere = errors.New("the message for the credentials is not in the conversation with the requester")

// unreached says of an error that it stays until somebody does something about it.
func unreached(err error) error {
	if slackapi.Refused(err) {
		return fmt.Errorf("%w: %w", approval.ErrUnreachable, err)
	}
	return err
}

// deliverAnew sends the credentials as a message of their own, where the workspace forbids editing. Once that
// one is known, a repetition sends no other.
func (p *Messenger) deliverAnew(ctx context.Context, s approval.Story, first approval.Message, credentials view.Message) error {
	for _, m := range s.Messages {
		if m.Purpose == approval.PurposeCredentials && m.Ref != first.Ref && m.Version > 0 {
			return nil
		}
	}
	_, err := p.postOnce(ctx, s, approval.PurposeCredentials, first.Place, credentials)
	return err
}

// Scrub implements [approval.Messenger].
func (p *Messenger) Scrub(ctx context.Context, s approval.Story) error {
	cleared := p.readers.View(ctx, s.Requester).CredentialsCleared(s)
	for _, old := range s.Messages {
		if old.Purpose != approval.PurposeCredentials {
			continue
		}
		if err := p.scrubOne(ctx, s, old, cleared); err != nil {
			return err
		}
	}
	return nil
}

// scrubOne changes the message, or deletes it where it can't be changed.
func (p *Messenger) scrubOne(ctx context.Context, s approval.Story, old approval.Message, cleared view.Message) error {
	err := p.update(ctx, old, cleared)
	if fixed(err) || slackapi.Code(err) == "is_inactive" {
		if err = p.remove(ctx, old); slackapi.Code(err) != "" && !passing(err) {
			return &approval.LaterError{After: time.Hour, Err: p.stuck(s, err)}
		}
	}
	if gone(err) || unreachable(err) || slackapi.Code(err) == "channel_not_found" {
		return nil // nobody sees it any more
	}
	return err
}

// stuck says that credentials stay in sight, which only people can mend.
func (p *Messenger) stuck(s approval.Story, err error) error {
	p.log.Error("the credentials can't be cleared, neither by a change nor by deleting the message; "+
		"the requester can change the password", "request", s.ID, "person", s.Requester, "error", err)
	return err
}
