package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/secret"
)

// The bot is the messenger of package approval: its methods here are called by jobs, again and again until
// Slack takes what they say. What Slack answers to a message that can't be changed, or that is gone, is
// told apart here; all else is for the job to repeat.
var _ approval.Messenger = (*Bot)(nil)

func options(m view.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false),
		slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// post posts a message and remembers where. Killed between the two, the bot posts it again; so nothing that
// is posted here may be harmful when it is seen twice.
func (b *Bot) post(ctx context.Context, s approval.Story, purpose approval.Purpose, to string, m view.Message) error {
	posted, err := b.send(ctx, s, purpose, to, m)
	if err != nil {
		return err
	}
	return b.service.Sent(ctx, s.ID, posted)
}

// postOnce is post for a message that there is to be once. Where a job runs twice at the same time, which can happen
// when connections to the database are lost, one of the two counts, and the other is taken back.
func (b *Bot) postOnce(ctx context.Context, s approval.Story, purpose approval.Purpose, to string, m view.Message) (approval.Message, error) {
	posted, err := b.send(ctx, s, purpose, to, m)
	if err != nil {
		return approval.Message{}, err
	}
	first, err := b.service.Claim(ctx, s.ID, posted)
	if err == nil && first.Ref != posted.Ref {
		b.log.Info("a message that was posted twice is taken back", "request", s.ID, "purpose", purpose)
		err = b.remove(ctx, posted)
	}
	return first, err
}

// send posts a message.
func (b *Bot) send(ctx context.Context, s approval.Story, purpose approval.Purpose, to string, m view.Message) (approval.Message, error) {
	doing := fmt.Sprintf("post the %s of request %d", purpose, s.ID)
	var channel, ts string
	err := b.paced(to, doing, purpose == approval.PurposeCredentials, func() (err error) {
		channel, ts, err = b.api.PostMessageContext(ctx, to, options(m)...)
		return err
	})
	if err := b.reached(to, err); err != nil {
		return approval.Message{}, err
	}
	if channel == "" || ts == "" {
		return approval.Message{}, fmt.Errorf("%s: Slack does not say where it is", doing)
	}
	return approval.Message{Purpose: purpose, Place: channel, Ref: ts, Version: s.Version}, nil
}

// update changes a message. The credentials, and what takes them away, come before all others.
func (b *Bot) update(ctx context.Context, old approval.Message, m view.Message) error {
	what := fmt.Sprintf("update a message (%s %s)", old.Place, old.Ref)
	err := b.paced(methodUpdate, what, old.Purpose == approval.PurposeCredentials, func() error {
		_, _, _, err := b.api.UpdateMessageContext(ctx, old.Place, old.Ref, options(m)...)
		return err
	})
	return b.reached(old.Place, err)
}

// paced makes a call when the lane has room for it, and tells the lane when Slack says that there was none.
func (b *Bot) paced(lane, doing string, urgent bool, call func() error) error {
	if err := b.pace.take(lane, doing, urgent); err != nil {
		return callError(doing, err)
	}
	err := call()
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		b.pace.limited(lane, doing, urgent, limited.RetryAfter)
	}
	return callError(doing, err)
}

func (b *Bot) remove(ctx context.Context, old approval.Message) error {
	_, _, err := b.api.DeleteMessageContext(ctx, old.Place, old.Ref)
	if gone(err) {
		return nil
	}
	return callError("delete a message", err)
}

// closed says what to do about an approval channel that takes no messages.
var closed = map[string]string{
	"is_archived":         "it is archived: unarchive it, or set APPROVAL_CHANNEL to another",
	"is_inactive":         "it is archived or frozen: open it again, or set APPROVAL_CHANNEL to another", // so chat.update says it
	"not_in_channel":      "the bot is not in it: invite it there with /invite",
	"channel_not_found":   "Slack does not know it, or it is private and the bot is not in it: invite the bot there, or correct the id",
	"restricted_action":   "the workspace does not let the bot post there: an administrator of the workspace can allow it",
	"user_not_in_channel": "the bot is not in it: invite it there with /invite",
}

// advised returns what to do about a channel that takes no messages; isClosed is false for any other error.
func advised(err error) (advice string, isClosed bool) {
	code := slackCode(err)
	if strings.HasPrefix(code, "restricted_action") { // there are several, such as restricted_action_read_only_channel
		code = "restricted_action"
	}
	advice, isClosed = closed[code]
	return advice, isClosed
}

// reached notes, of a call that had to do with the approval channel, whether messages get there, and says in
// the error what to do.
func (b *Bot) reached(channel string, err error) error {
	advice, isClosed := advised(err)
	if channel != b.conf.Channel || err != nil && !isClosed {
		return err
	}
	if isClosed {
		err = fmt.Errorf("APPROVAL_CHANNEL: no messages get to %s, %s: %w", channel, advice, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.channel != nil && err == nil {
		b.log.Info("messages get to the approval channel again")
	}
	b.channel = err
	return err
}

// closedTo reports whether a conversation takes no messages, whatever they say.
func closedTo(err error) bool {
	_, is := advised(err)
	return is
}

// gone reports whether Slack says that a message is no longer there.
func gone(err error) bool {
	return slices.Contains([]string{"message_not_found", "thread_not_found"}, slackCode(err))
}

// fixed reports whether Slack says that a message can't be changed, by the workspace's rule on editing or
// because its blocks don't fit.
func fixed(err error) bool {
	return slices.Contains([]string{"edit_window_closed", "cant_update_message", "block_mismatch"}, slackCode(err))
}

// passing reports whether Slack says that it is in trouble itself.
func passing(err error) bool {
	return slices.Contains([]string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"}, slackCode(err))
}

// unreachable reports whether there is nobody behind a person's id who could be told anything.
func unreachable(err error) bool {
	return slices.Contains([]string{"user_disabled", "user_not_found", "cannot_dm_bot"}, slackCode(err))
}

// Refresh implements [approval.Messenger]. What has come to its end need not be shown in a channel that takes
// no messages.
func (b *Bot) Refresh(ctx context.Context, s approval.Story) error {
	err := b.refresh(ctx, s)
	if closedTo(err) && s.State.Final() && !s.CanRetry() {
		b.log.Warn("the end of a request is not shown", "request", s.ID, "state", s.State, "error", err)
		return nil
	}
	return err
}

func (b *Bot) refresh(ctx context.Context, s approval.Story) error {
	m := b.view().Approval(s)
	known := 0
	for _, old := range s.Messages {
		if old.Purpose != approval.PurposeApproval {
			continue
		}
		if old.Version < s.Version {
			if err := b.refreshOne(ctx, s, old, m); err != nil {
				return err
			}
		}
		known++
	}
	if known > 0 {
		return nil
	}
	_, err := b.postOnce(ctx, s, approval.PurposeApproval, b.conf.Channel, m)
	return err
}

func (b *Bot) refreshOne(ctx context.Context, s approval.Story, old approval.Message, m view.Message) error {
	err := b.update(ctx, old, m)
	switch {
	case err == nil:
		old.Version = s.Version
		return b.service.Sent(ctx, s.ID, old)
	case gone(err) && !awaitsApprover(s):
		b.log.Info("an approval message is gone, which nobody needs any more", "request", s.ID, "error", err)
		old.Version = s.Version
		return b.service.Sent(ctx, s.ID, old)
	case gone(err), fixed(err):
		b.log.Warn("the approval message can't be updated, a new one follows", "request", s.ID, "error", err)
		return b.replace(ctx, s, old, m)
	}
	return err
}

// awaitsApprover reports whether the approval message has buttons that somebody may need.
func awaitsApprover(s approval.Story) bool { return s.State == approval.Pending || s.CanRetry() }

// replace puts a new message in the place of one that can't be changed or is gone. Killed in between, the bot finds
// the new one when it comes here again.
func (b *Bot) replace(ctx context.Context, s approval.Story, old approval.Message, m view.Message) error {
	replaced := slices.ContainsFunc(s.Messages, func(k approval.Message) bool {
		return k.Purpose == old.Purpose && k.Place == old.Place && k.Ref != old.Ref && k.Version >= s.Version
	})
	if !replaced {
		if err := b.post(ctx, s, old.Purpose, old.Place, m); err != nil {
			return err
		}
	}
	if err := b.remove(ctx, old); err != nil {
		b.log.Warn("an outdated message could not be deleted", "request", s.ID, "error", err)
	}
	return b.service.Forget(ctx, s.ID, old)
}

// Remind implements [approval.Messenger].
func (b *Bot) Remind(ctx context.Context, s approval.Story) error {
	_, err := b.postOnce(ctx, s, approval.PurposeReminder, b.conf.Channel, b.view().Reminder(s))
	return err
}

// Notify implements [approval.Messenger].
func (b *Bot) Notify(ctx context.Context, s approval.Story) error {
	err := b.post(ctx, s, approval.PurposeNotice, s.Requester, b.viewFor(ctx, s.Requester).Notice(s))
	if unreachable(err) {
		b.log.Warn("there is nobody who could be told", "request", s.ID, "person", s.Requester, "error", err)
		return nil
	}
	return err
}

// Deliver implements [approval.Messenger]. A new message shows in previews, on the desktop with its blocks, so
// it is posted without the secret; the update that brings the credentials notifies nobody. It can be repeated
// without harm, which is also what makes a crash in between harmless.
func (b *Bot) Deliver(ctx context.Context, s approval.Story, password secret.Text) error {
	v := b.viewFor(ctx, s.Requester)
	message, posted := s.Message(approval.PurposeCredentials)
	if !posted {
		ready := s
		ready.Version = 0 // the message shows nothing of the request so far
		var err error
		if message, err = b.postOnce(ctx, ready, approval.PurposeCredentials, s.Requester, v.CredentialsReady(s)); err != nil {
			return err
		}
	}
	credentials := v.Credentials(s, password)
	err := b.update(ctx, message, credentials)
	switch {
	case gone(err), slackCode(err) == "channel_not_found":
		if err := b.service.Forget(ctx, s.ID, message); err != nil {
			return err
		}
		return fmt.Errorf("the message for the credentials is gone, a new one follows: %w", err)
	case fixed(err):
		b.log.Warn("the workspace forbids editing: the credentials go out as a message of their own", "request", s.ID, "error", err)
		return b.deliverAnew(ctx, s, message, credentials)
	}
	return err
}

// deliverAnew sends the credentials as a message of their own, where the workspace forbids editing. Once that
// one is known, a repetition sends no other.
func (b *Bot) deliverAnew(ctx context.Context, s approval.Story, first approval.Message, credentials view.Message) error {
	for _, m := range s.Messages {
		if m.Purpose == approval.PurposeCredentials && m.Ref != first.Ref && m.Version > 0 {
			return nil
		}
	}
	_, err := b.postOnce(ctx, s, approval.PurposeCredentials, first.Place, credentials)
	return err
}

// Scrub implements [approval.Messenger].
func (b *Bot) Scrub(ctx context.Context, s approval.Story) error {
	cleared := b.viewFor(ctx, s.Requester).CredentialsCleared(s)
	for _, old := range s.Messages {
		if old.Purpose != approval.PurposeCredentials {
			continue
		}
		if err := b.scrubOne(ctx, s, old, cleared); err != nil {
			return err
		}
	}
	return nil
}

// scrubOne changes the message, or deletes it where it can't be changed.
func (b *Bot) scrubOne(ctx context.Context, s approval.Story, old approval.Message, cleared view.Message) error {
	err := b.update(ctx, old, cleared)
	if fixed(err) || slackCode(err) == "is_inactive" {
		if err = b.remove(ctx, old); slackCode(err) != "" && !passing(err) {
			return &approval.LaterError{After: time.Hour, Err: b.stuck(s, err)}
		}
	}
	if gone(err) || unreachable(err) || slackCode(err) == "channel_not_found" {
		return nil // nobody sees it any more
	}
	return err
}

// stuck says that credentials stay in sight, which only people can mend.
func (b *Bot) stuck(s approval.Story, err error) error {
	b.log.Error("the credentials can't be cleared, neither by a change nor by deleting the message; "+
		"the requester can change the password", "request", s.ID, "person", s.Requester, "error", err)
	return err
}
