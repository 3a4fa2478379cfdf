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
	"sync"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
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
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
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
