package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/home"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/view"
)

// press answers a button.
func (b *Bot) press(ctx context.Context, c slack.InteractionCallback) socket.Reply {
	if len(c.ActionCallback.BlockActions) == 0 {
		return socket.Reply{}
	}
	action := c.ActionCallback.BlockActions[0]
	if action.ActionID == view.ActionAsk {
		return b.openFormFor(ctx, c, "home")
	}
	do, known := map[string]deed{
		view.ActionApprove: b.atCard(b.approve),
		view.ActionDeny:    b.atCard(b.opens(b.service.MayDecide, view.View.DenyForm)),
		view.ActionChange:  b.atCard(b.opens(b.service.MayDecide, view.View.ChangeForm)),
		view.ActionAskBack: b.atCard(b.opens(b.service.MayAskBack, view.View.QuestionForm)),
		view.ActionAnswer:  b.openAnswer,
		view.ActionRetry:   b.atCard(b.retry),
		view.ActionSaved:   b.saved,
		view.ActionShow:    b.show,
		view.ActionWorks:   b.works,
		view.ActionTrouble: b.openTrouble,
		view.ActionSeveral: b.several,
		view.ActionCancel:  b.cancel,
		view.ActionRemind:  b.remind,
		view.ActionReset:   b.reset,
	}[action.ActionID]
	if !known {
		return socket.Reply{} // a select in a form, or a button of a version that is no longer
	}
	on, ok := view.Target(action.Value)
	if err := b.admitPresser(ctx, c, action.ActionID); err != nil {
		b.turnAway(ctx, on.ID, c.User.ID, action.ActionID, err)
		return b.tell(c, b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	if isHome(c) { // who pressed sees what came of it, also where it was something else
		defer b.tabs.Opened(home.Viewer{ID: c.User.ID, Teams: teamsOf(c)}, c.View.Hash)
	}
	v := b.readers.View(ctx, c.User.ID)
	if !ok && action.ActionID != view.ActionSeveral {
		b.turnAway(ctx, 0, c.User.ID, action.ActionID, fmt.Errorf("%w: %.50q", errForged, action.Value))
		return b.tell(c, v.Refusal(&approval.Refusal{Kind: approval.KindUnknown, Value: action.Value}))
	}
	done, err := do(ctx, v, c, on)
	switch {
	case err != nil:
		return b.tell(c, b.refusal(v, err))
	case done.Text == "": // what became of it is to be seen elsewhere
		return socket.Reply{}
	case action.ActionID == view.ActionCancel: // the buttons of the answer are gone with the request
		return b.tellInstead(c, done)
	}
	return b.tell(c, done)
}

var errElsewhere = errors.New("it was not pressed where requests are approved")

// atCard lets a button do something only where the bot asks for approval, or in the Home tab. With the bot's token a
// message with such a button can be posted anywhere.
func (b *Bot) atCard(do deed) deed {
	return func(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
		channel, _ := messageOf(c)
		story, err := b.service.Story(ctx, on.ID)
		switch {
		case err != nil && approval.Refused(err) == nil:
			return view.Message{}, err
		case err == nil && !isHome(c) && !b.isApprovals(channel, story):
			b.turnAway(ctx, on.ID, c.User.ID, c.ActionCallback.BlockActions[0].ActionID, errElsewhere)
			return view.Message{}, &approval.Refusal{Kind: approval.KindStale, Value: strconv.FormatInt(on.ID, 10)}
		}
		return do(ctx, v, c, on)
	}
}

// isApprovals tells whether a channel is the approval channel of a request, or was when the bot asked there about a request, or
// the conversation in which it asked the sponsor. Where the bot has not learned yet by which id Slack calls it, what the button
// holds has to do.
func (b *Bot) isApprovals(channel string, story approval.Story) bool {
	var asked []string
	for _, m := range story.Messages {
		if m.Purpose == approval.PurposeApproval || m.Purpose == approval.PurposeSponsor {
			asked = append(asked, m.Place)
		}
	}
	_, learned := story.Message(story.Card())
	return b.messenger.IsIn(channel, story.Rules.Channel) || channel != "" && (slices.Contains(asked, channel) || !learned)
}

func (b *Bot) approve(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Approve(ctx, on, c.User.ID)
	b.learn(ctx, c, story, err)
	if err == nil {
		b.log.Info("approved", "request", on.ID, "person", c.User.ID, "state", story.State)
	}
	return view.Message{}, err
}

func (b *Bot) retry(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Retry(ctx, on, c.User.ID)
	b.learn(ctx, c, story, err)
	if err == nil {
		b.log.Info("tried again", "request", on.ID, "person", c.User.ID)
	}
	return view.Message{}, err
}

// opens opens a form for an approver who may use it. What it asks for is done when it is submitted.
func (b *Bot) opens(may func(context.Context, approval.Target, string) (approval.Story, error), form func(view.View, approval.Story) slack.ModalViewRequest) deed {
	return func(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
		story, err := may(ctx, on, c.User.ID)
		b.learn(ctx, c, story, err)
		if err == nil {
			err = b.openModal(ctx, c.TriggerID, c.User.ID, form(v, story))
		}
		return view.Message{}, err
	}
}

// openModal opens a form.
func (b *Bot) openModal(ctx context.Context, trigger, person string, form slack.ModalViewRequest) error {
	if _, err := b.api.OpenViewContext(ctx, trigger, form); err != nil {
		b.log.Warn("the form could not be opened", "person", person, "error", slackapi.CallError("open a form", err))
		return errFormFailed
	}
	return nil
}

// openForRequester opens a form for somebody who does not decide, while there is room left for the forms of those who do.
func (b *Bot) openForRequester(ctx context.Context, trigger, person string, form func() slack.ModalViewRequest) error {
	if !b.forms.Allow() {
		b.log.Warn("no form is opened, to keep room for those of approvers", "person", person)
		return errTooManyForms
	}
	return b.openModal(ctx, trigger, person, form())
}

// errTooManyForms says that a form is not opened just now.
var errTooManyForms = errors.New("too many forms are opened")

// errFormFailed says that Slack did not open a form.
var errFormFailed = errors.New("the form could not be opened")

// learn remembers a message of the approval channel that an approver pressed a button of, or the sponsor's own.
func (b *Bot) learn(ctx context.Context, c slack.InteractionCallback, story approval.Story, outcome error) {
	if r := approval.Refused(outcome); r != nil && slices.Contains(approversOnly, r.Kind) {
		story = r.Story
	} else if outcome != nil {
		return
	}
	channel, _ := messageOf(c)
	switch {
	case story.Sponsor == c.User.ID && isDirect(channel):
		b.remember(ctx, c, story, approval.PurposeSponsor)
	case b.isApprovals(channel, story):
		b.remember(ctx, c, story, approval.PurposeApproval)
	}
}

// isDirect tells the ids of direct messages from those of channels.
func isDirect(channel string) bool { return strings.HasPrefix(channel, "D") }

// messageOf returns where the message of a button is.
func messageOf(c slack.InteractionCallback) (channel, ts string) {
	return cmp.Or(c.Container.ChannelID, c.Channel.ID), cmp.Or(c.Container.MessageTs, c.Message.Timestamp)
}

// remember remembers the message of a button that was pressed, where the bot has lost sight of it: killed between the
// post and the note of it, it posts a second one. A press shows where the first one is, and from then on it follows
// the request like the other.
func (b *Bot) remember(ctx context.Context, c slack.InteractionCallback, story approval.Story, purpose approval.Purpose) {
	channel, ts := messageOf(c)
	m := approval.Message{Purpose: purpose, Place: channel, Ref: ts}
	known := slices.ContainsFunc(story.Messages, func(k approval.Message) bool { return k.Place == m.Place && k.Ref == m.Ref })
	if known || m.Ref == "" {
		return
	}
	// This has time of its own: nothing else finds the message later.
	const rememberTime = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberTime)
	defer cancel()
	if err := b.service.Learn(ctx, story.ID, m); err != nil {
		b.log.Warn("remember a message", "request", story.ID, "purpose", purpose, "error", err)
	}
}

// approversOnly are the refusals that only approvers get; whoever else presses shows nothing.
var approversOnly = []approval.Kind{approval.KindVoted, approval.KindDecided, approval.KindSelf, approval.KindSponsored}
