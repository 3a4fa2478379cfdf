// Package messenger posts and changes the bot's messages. Its methods are called by jobs, again and again until Slack
// takes what they say. What Slack answers to a message that can't be changed, or that is gone, is told apart here; all
// else is for the job to repeat.
package messenger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc/secret"
)

// Messenger implements [approval.Messenger].
type Messenger struct {
	readers *Readers
	api     *slackapi.API
	service *approval.Service
	log     *slog.Logger
	pace    *pace

	mu    sync.Mutex
	rooms map[string]room // the approval channels in which something was posted, by their configured ids
}

// room is what Slack tells of an approval channel.
type room struct {
	named  string // the id by which Slack calls it, which may be another; empty: not known yet
	closed error  // why it takes no messages
}

var _ approval.Messenger = (*Messenger)(nil)

// New returns a messenger.
func New(readers *Readers, api *slackapi.API, service *approval.Service, log *slog.Logger) *Messenger {
	return &Messenger{readers: readers, api: api, service: service, log: log, pace: newPace(time.Now), rooms: map[string]room{}}
}

// Ready returns why no messages get to an approval channel; nil as long as they do to all.
func (p *Messenger) Ready() error {
	channels := p.service.Config().Channels()
	p.mu.Lock()
	defer p.mu.Unlock()
	var closed error
	for _, channel := range channels {
		closed = errors.Join(closed, p.rooms[channel].closed)
	}
	return closed
}

// IsIn tells whether a conversation is an approval channel: by its configured id, or by what Slack calls it.
func (p *Messenger) IsIn(conversation, channel string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return conversation == channel || conversation != "" && conversation == p.rooms[channel].named
}

// approvals returns the approval channel that a conversation is, if it is one.
func (p *Messenger) approvals(conversation string) (channel string, is bool) {
	channels := p.service.Config().Channels()
	p.mu.Lock()
	for channel := range p.rooms { // some may be those of requests that were asked for under other rules
		channels = append(channels, channel)
	}
	p.mu.Unlock()
	i := slices.IndexFunc(channels, func(channel string) bool { return p.IsIn(conversation, channel) })
	if i < 0 {
		return "", false
	}
	return channels[i], true
}

// note changes what is known of an approval channel.
func (p *Messenger) note(channel string, change func(*room)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[channel]
	change(&r)
	p.rooms[channel] = r
}

// methodUpdate is the lane of changes: Slack limits them in the whole workspace.
const methodUpdate = "chat.update"

// Options are what a message is posted with.
func Options(m view.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false),
		slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// post posts a message and remembers where. Killed between the two, the bot posts it again; so nothing that
// is posted here may be harmful when it is seen twice.
func (p *Messenger) post(ctx context.Context, s approval.Story, purpose approval.Purpose, to string, m view.Message) error {
	posted, err := p.send(ctx, s, purpose, to, m)
	if err != nil {
		return err
	}
	return p.service.Sent(ctx, s.ID, posted)
}

// postOnce is post for a message that there is to be once. Where a job runs twice at the same time, which can happen
// when connections to the database are lost, one of the two counts, and the other is taken back.
func (p *Messenger) postOnce(ctx context.Context, s approval.Story, purpose approval.Purpose, to string, m view.Message, where ...slack.MsgOption) (approval.Message, error) {
	posted, err := p.send(ctx, s, purpose, to, m, where...)
	if err != nil {
		return approval.Message{}, err
	}
	return p.claim(ctx, s, posted)
}

func (p *Messenger) claim(ctx context.Context, s approval.Story, posted approval.Message) (first approval.Message, err error) {
	first, err = p.service.Claim(ctx, s.ID, posted)
	if err == nil && first.Ref != posted.Ref {
		p.log.Info("a message that was posted twice is taken back", "request", s.ID, "purpose", posted.Purpose)
		err = p.remove(ctx, posted)
	}
	return first, err
}

// send posts a message, in a thread where an option says so.
func (p *Messenger) send(ctx context.Context, s approval.Story, purpose approval.Purpose, to string, m view.Message, where ...slack.MsgOption) (approval.Message, error) {
	doing := posting(s, purpose)
	var channel, ts string
	err := p.paced(to, doing, purpose == approval.PurposeCredentials, func() (err error) {
		channel, ts, err = p.api.PostMessageContext(ctx, to, append(Options(m), where...)...)
		return err
	})
	if err := p.reached(to, err); err != nil {
		return approval.Message{}, err
	}
	if channel == "" || ts == "" {
		return approval.Message{}, fmt.Errorf("%s: Slack does not say where it is", doing)
	}
	if approvals, is := p.approvals(to); is {
		p.note(approvals, func(r *room) { r.named = channel })
	}
	return approval.Message{Purpose: purpose, Place: channel, Ref: ts, Version: s.Version}, nil
}

// posting is what is done, in words, by which the lane of a conversation knows it too.
func posting(s approval.Story, purpose approval.Purpose) string {
	if s.ID == 0 {
		return fmt.Sprintf("post the %s", purpose)
	}
	return fmt.Sprintf("post the %s of request %d", purpose, s.ID)
}

// update changes a message. The credentials, and what takes them away, come before all others.
func (p *Messenger) update(ctx context.Context, old approval.Message, m view.Message) error {
	what := fmt.Sprintf("update a message (%s %s)", old.Place, old.Ref)
	err := p.paced(methodUpdate, what, old.Purpose == approval.PurposeCredentials, func() error {
		_, _, _, err := p.api.UpdateMessageContext(ctx, old.Place, old.Ref, Options(m)...)
		return err
	})
	return p.reached(old.Place, err)
}

// paced makes a call when the lane has room for it, and tells the lane when Slack says that there was none.
func (p *Messenger) paced(lane, doing string, urgent bool, call func() error) error {
	if err := p.pace.take(lane, doing, urgent); err != nil {
		return slackapi.CallError(doing, err)
	}
	err := call()
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		p.pace.limited(lane, doing, urgent, limited.RetryAfter)
	}
	return slackapi.CallError(doing, err)
}

func (p *Messenger) remove(ctx context.Context, old approval.Message) error {
	if old.Ref == "" { // there was nobody who could be told
		return nil
	}
	_, _, err := p.api.DeleteMessageContext(ctx, old.Place, old.Ref)
	if gone(err) {
		return nil
	}
	return slackapi.CallError("delete a message", err)
}

// closedAdvice says what to do about an approval channel that takes no messages.
var closedAdvice = map[string]string{
	"is_archived":         "it is archived: unarchive it, or set another",
	"is_inactive":         "it is archived or frozen: open it again, or set another", // so chat.update says it
	"not_in_channel":      "the bot is not in it: invite it there with /invite",
	"channel_not_found":   "Slack does not know it, or it is private and the bot is not in it: invite the bot there, or correct the id",
	"restricted_action":   "the workspace does not let the bot post there: an administrator of the workspace can allow it",
	"user_not_in_channel": "the bot is not in it: invite it there with /invite",
}

// advised returns what to do about a channel that takes no messages; isClosed is false for any other error.
func advised(err error) (advice string, isClosed bool) {
	code := slackapi.Code(err)
	if strings.HasPrefix(code, "restricted_action") { // there are several, such as restricted_action_read_only_channel
		code = "restricted_action"
	}
	advice, isClosed = closedAdvice[code]
	return advice, isClosed
}

// reached notes, of a call that had to do with an approval channel, whether messages get there, and says in
// the error what to do.
func (p *Messenger) reached(conversation string, err error) error {
	advice, isClosed := advised(err)
	channel, is := p.approvals(conversation)
	if !is || err != nil && !isClosed {
		return err
	}
	if isClosed {
		setting := "APPROVAL_CHANNEL"
		if channel != p.service.Config().Channel {
			setting = "POLICY_FILE"
		}
		err = fmt.Errorf("%s: no messages get to %s, %s: %w", setting, conversation, advice, err)
	}
	p.note(channel, func(r *room) {
		if r.closed != nil && err == nil {
			p.log.Info("messages get to the approval channel again", "channel", channel)
		}
		r.closed = err
	})
	return err
}

// closedTo reports whether a conversation takes no messages, whatever they say.
func closedTo(err error) bool {
	_, is := advised(err)
	return is
}

// gone reports whether Slack says that a message is no longer there.
func gone(err error) bool {
	return slices.Contains([]string{"message_not_found", "thread_not_found"}, slackapi.Code(err))
}

// fixed reports whether Slack says that a message can't be changed, by the workspace's rule on editing or
// because its blocks don't fit.
func fixed(err error) bool {
	return slices.Contains([]string{"edit_window_closed", "cant_update_message", "block_mismatch"}, slackapi.Code(err))
}

// passing reports whether Slack says that it is in trouble itself.
func passing(err error) bool {
	return slices.Contains([]string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"}, slackapi.Code(err))
}

// unreachable reports whether there is nobody behind a person's id who could be told anything.
func unreachable(err error) bool {
	return slices.Contains([]string{"user_disabled", "user_not_found", "cannot_dm_bot"}, slackapi.Code(err))
}

// closedForGood is how long it is tried to show the end of a request in a channel that takes no messages.
const closedForGood = 5 * time.Second

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

// Alarm implements [approval.Messenger].
func (p *Messenger) Alarm(ctx context.Context, s approval.Story) error {
	_, err := p.postOnce(ctx, s, approval.PurposeAlarm, s.Rules.Channel, p.readers.Channel().Alarm(s))
	return err
}

// Notify implements [approval.Messenger].
func (p *Messenger) Notify(ctx context.Context, s approval.Story) error {
	err := p.post(ctx, s, approval.PurposeNotice, s.Requester, p.readers.View(ctx, s.Requester).Notice(s))
	return p.orNobody(s, s.Requester, err)
}

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
