package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/view"
)

// handle answers an envelope. Whatever goes wrong inside, the person gets an answer.
func (b *Bot) handle(ctx context.Context, event socketmode.Event) (r socket.Reply) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("handling an envelope panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r = b.trouble(event)
		}
	}()
	switch data := event.Data.(type) {
	case slack.SlashCommand:
		answer := b.command(ctx, data, event.Request.EnvelopeID)
		if answer.Text == "" { // a form has opened: there is nothing to say
			return socket.Reply{}
		}
		return b.answerCommand(data, answer)
	case slack.InteractionCallback:
		switch data.Type {
		case slack.InteractionTypeBlockActions:
			return b.press(ctx, data)
		case slack.InteractionTypeViewSubmission:
			return b.submit(ctx, data)
		}
	}
	return socket.Reply{}
}

// trouble answers an envelope whose handling went wrong.
func (b *Bot) trouble(event socketmode.Event) socket.Reply {
	return b.answerWith(event, b.view().Trouble())
}

// refuse answers an envelope that came too late.
func (b *Bot) refuse(event socketmode.Event) socket.Reply {
	return b.answerWith(event, b.view().StorageFailed())
}

// answerWith answers an envelope of any kind.
func (b *Bot) answerWith(event socketmode.Event, m view.Message) socket.Reply {
	switch data := event.Data.(type) {
	case slack.SlashCommand:
		return b.answerCommand(data, m)
	case slack.InteractionCallback:
		if data.Type == slack.InteractionTypeViewSubmission {
			return socket.Reply{Payload: showInstead(b.view(), m)}
		}
		return b.tell(data, m)
	}
	return socket.Reply{}
}

// answerCommand answers a command with the acknowledgement, or where that can't be sent any more in a message.
func (b *Bot) answerCommand(c slack.SlashCommand, m view.Message) socket.Reply {
	return socket.Reply{Payload: ephemeral(m), Instead: func(ctx context.Context) {
		if err := b.respond(ctx, c.ChannelID, c.ResponseURL, m); err != nil {
			b.log.Warn("a person could not be answered", "person", c.UserID, "error", callError("answer a command", err))
		}
	}}
}

// ephemeral is the payload of an acknowledgement that only the person sees.
func ephemeral(m view.Message) map[string]any {
	return map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": m.Text, "blocks": m.Blocks}
}

// command answers a slash command.
func (b *Bot) command(ctx context.Context, c slack.SlashCommand, envelope string) view.Message {
	if err := b.admitRequester(ctx, c.UserID, []string{c.TeamID}); err != nil {
		b.turnAway(ctx, 0, c.UserID, "command", err)
		return b.view().Foreign()
	}
	v := b.viewFor(ctx, c.UserID)
	parsed, err := command.Parse(c.Text)
	if err != nil {
		var fault *command.Fault
		if errors.As(err, &fault) {
			return v.CommandFault(fault)
		}
		return v.Trouble()
	}
	switch parsed.Verb {
	case command.Form:
		return b.openForm(ctx, v, c)
	case command.Ask:
		return b.ask(ctx, v, approval.Ask{
			Envelope: envelope, Requester: c.UserID, Username: parsed.Username,
			Cluster: parsed.Cluster, Mod: parsed.Mod, Reason: parsed.Reason,
		})
	case command.List:
		return b.list(ctx, v, c.UserID)
	case command.Status:
		return b.status(ctx, v, c.UserID, parsed.ID)
	case command.Cancel:
		story, err := b.service.Cancel(ctx, parsed.ID, c.UserID)
		if err != nil {
			return b.refusal(v, err)
		}
		return v.CancelDone(story)
	}
	return v.Help()
}

// admitRequester is admit for people who ask, for whom Slack's silence is no reason to send them away: an
// approver looks at the request in any case.
func (b *Bot) admitRequester(ctx context.Context, id string, teams []string) error {
	err := b.admit(ctx, id, teams, false, b.people.Person)
	if err != nil && !errors.Is(err, errForeign) {
		b.log.Warn("Slack does not say who a person is", "person", id, "error", err)
		return nil
	}
	return err
}

func (b *Bot) ask(ctx context.Context, v view.View, a approval.Ask) view.Message {
	story, err := b.service.Ask(ctx, a)
	if err != nil {
		return b.refusal(v, err)
	}
	b.log.Info("asked", "request", story.ID, "person", a.Requester, "cluster", story.ClusterID, "username", story.Username)
	return v.Asked(story)
}

// refusal is what a person sees of an error: the reason where it is a refusal, and that nothing was stored
// where it is a fault.
func (b *Bot) refusal(v view.View, err error) view.Message {
	if r := approval.Refused(err); r != nil {
		return v.Refusal(r)
	}
	if errors.Is(err, errFormFailed) {
		return v.FormFailed()
	}
	b.log.Error("an action could not be stored", "error", err)
	return v.StorageFailed()
}

func (b *Bot) openForm(ctx context.Context, v view.View, c slack.SlashCommand) view.Message {
	form := v.AskForm(b.service.Config(), approval.Ask{})
	if _, err := b.api.OpenViewContext(ctx, c.TriggerID, form); err != nil {
		b.log.Warn("the form could not be opened", "person", c.UserID, "error", callError("open a form", err))
		return v.FormFailed()
	}
	return view.Message{}
}

func (b *Bot) list(ctx context.Context, v view.View, person string) view.Message {
	stories, err := b.service.StoriesOf(ctx, person)
	if err != nil {
		b.log.Error("list the requests of a person", "error", err)
		return v.Trouble()
	}
	return v.List(stories)
}

// status tells a request to its requester and to approvers; to others it does not exist.
func (b *Bot) status(ctx context.Context, v view.View, person string, id int64) view.Message {
	story, err := b.service.StoryFor(ctx, id, person)
	if err != nil {
		if r := approval.Refused(err); r != nil {
			return v.Refusal(r)
		}
		b.log.Error("read a request", "error", err)
		return v.Trouble()
	}
	return v.Status(story)
}

// press answers a button.
func (b *Bot) press(ctx context.Context, c slack.InteractionCallback) socket.Reply {
	if len(c.ActionCallback.BlockActions) == 0 {
		return socket.Reply{}
	}
	action := c.ActionCallback.BlockActions[0]
	handlers := map[string]func(context.Context, view.View, slack.InteractionCallback, int64) error{
		view.ActionApprove: b.approve,
		view.ActionDeny:    b.openDenial,
		view.ActionRetry:   b.retry,
		view.ActionSaved:   b.saved,
	}
	handler, known := handlers[action.ActionID]
	if !known {
		return socket.Reply{} // a select in a form, or a button of a version that is no longer
	}
	id, ok := view.RequestID(action.Value)
	if err := b.admitPresser(ctx, c, action.ActionID); err != nil {
		b.turnAway(ctx, id, c.User.ID, action.ActionID, err)
		return b.tell(c, b.turnedAway(err))
	}
	v := b.viewFor(ctx, c.User.ID)
	if !ok {
		b.turnAway(ctx, 0, c.User.ID, action.ActionID, fmt.Errorf("%w: %.50q", errForged, action.Value))
		return b.tell(c, v.Refusal(&approval.Refusal{Kind: approval.KindUnknown, Value: action.Value}))
	}
	if err := handler(ctx, v, c, id); err != nil {
		return b.tell(c, b.refusal(v, err))
	}
	return socket.Reply{}
}

// errForged says that a button or a form holds what the bot never puts there.
var errForged = errors.New("it names no request")

// turnAway writes down that somebody was not let in.
func (b *Bot) turnAway(ctx context.Context, id int64, person, action string, why error) {
	b.log.Warn("somebody is not let in", "person", person, "action", action, "request", id, "error", why)
	if err := b.service.TurnAway(ctx, id, person, action, why.Error()); err != nil {
		b.log.Error("an action could not be audited", "error", err)
	}
}

// teamsOf are the workspaces that Slack names with an action: the person's, and the one in which it happens.
func teamsOf(c slack.InteractionCallback) []string { return []string{c.User.TeamID, c.Team.ID} }

// admitPresser is admit for people who press a button: approvers who are listed by name may be guests, and whoever
// decides must be one of the workspace now.
func (b *Bot) admitPresser(ctx context.Context, c slack.InteractionCallback, action string) error {
	if action == view.ActionSaved {
		return b.admit(ctx, c.User.ID, teamsOf(c), true, b.people.Person)
	}
	listed := slices.Contains(b.service.Config().Approvers, c.User.ID)
	return b.admit(ctx, c.User.ID, teamsOf(c), listed, b.people.Decider)
}

// turnedAway is what a person sees whom admit does not let in: for good, or because Slack does not answer.
func (b *Bot) turnedAway(err error) view.Message {
	if errors.Is(err, errForeign) {
		return b.view().Foreign()
	}
	return b.view().Busy()
}

func (b *Bot) approve(ctx context.Context, _ view.View, c slack.InteractionCallback, id int64) error {
	story, err := b.service.Approve(ctx, id, c.User.ID)
	b.learn(ctx, c, story, err)
	if err == nil {
		b.log.Info("approved", "request", id, "person", c.User.ID, "state", story.State)
	}
	return err
}

func (b *Bot) retry(ctx context.Context, _ view.View, c slack.InteractionCallback, id int64) error {
	story, err := b.service.Retry(ctx, id, c.User.ID)
	b.learn(ctx, c, story, err)
	if err == nil {
		b.log.Info("tried again", "request", id, "person", c.User.ID)
	}
	return err
}

func (b *Bot) saved(ctx context.Context, _ view.View, c slack.InteractionCallback, id int64) error {
	story, err := b.service.Clear(ctx, id, c.User.ID)
	if channel, _ := messageOf(c); err == nil && strings.HasPrefix(channel, "D") {
		b.remember(ctx, c, story, approval.PurposeCredentials)
	}
	return err
}

// openDenial asks for the reason. The decision itself is made when the form is submitted.
func (b *Bot) openDenial(ctx context.Context, v view.View, c slack.InteractionCallback, id int64) error {
	story, err := b.service.MayDecide(ctx, id, c.User.ID)
	b.learn(ctx, c, story, err)
	if err != nil {
		return err
	}
	if _, err := b.api.OpenViewContext(ctx, c.TriggerID, v.DenyForm(story)); err != nil {
		b.log.Warn("the form could not be opened", "person", c.User.ID, "error", callError("open a form", err))
		return errFormFailed
	}
	return nil
}

// errFormFailed says that Slack did not open a form.
var errFormFailed = errors.New("the form could not be opened")

// learn remembers a message of the approval channel that an approver pressed a button of.
func (b *Bot) learn(ctx context.Context, c slack.InteractionCallback, story approval.Story, outcome error) {
	if r := approval.Refused(outcome); r != nil && slices.Contains(approversOnly, r.Kind) {
		story = r.Story
	} else if outcome != nil {
		return
	}
	if channel, _ := messageOf(c); channel == b.conf.Channel {
		b.remember(ctx, c, story, approval.PurposeApproval)
	}
}

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
	if err := b.service.Learn(ctx, story.ID, m); err != nil {
		b.log.Warn("remember a message", "request", story.ID, "purpose", purpose, "error", err)
	}
}

// approversOnly are the refusals that only approvers get; whoever else presses shows nothing.
var approversOnly = []approval.Kind{approval.KindVoted, approval.KindDecided, approval.KindSelf}

// tell answers a press in a message that only the person sees. The acknowledgement of a press can't carry it.
func (b *Bot) tell(c slack.InteractionCallback, m view.Message) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) {
		if c.ResponseURL != "" {
			err := b.respond(ctx, c.Channel.ID, c.ResponseURL, m)
			if err == nil {
				return
			}
			b.log.Debug("answer a press", "error", callError("answer", err))
		}
		channel, _ := messageOf(c)
		_, err := b.api.PostEphemeralContext(ctx, channel, c.User.ID, options(m)...)
		if err != nil {
			b.log.Warn("a person could not be answered", "person", c.User.ID, "error", callError("answer a press", err))
		}
	}}
}

// respond answers at the address that Slack gave for it, in a message that only the person sees.
func (b *Bot) respond(ctx context.Context, channel, address string, m view.Message) error {
	_, _, err := b.api.PostMessageContext(ctx, channel,
		slack.MsgOptionResponseURL(address, slack.ResponseTypeEphemeral),
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...))
	return err
}

// submit answers a form.
func (b *Bot) submit(ctx context.Context, c slack.InteractionCallback) socket.Reply {
	switch c.View.CallbackID {
	case view.CallbackAsk:
		return socket.Reply{Payload: b.submitAsk(ctx, c)}
	case view.CallbackDeny:
		return socket.Reply{Payload: b.submitDenial(ctx, c)}
	}
	return socket.Reply{}
}

func (b *Bot) submitAsk(ctx context.Context, c slack.InteractionCallback) any {
	if err := b.admitRequester(ctx, c.User.ID, teamsOf(c)); err != nil {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.view(), b.view().Foreign())
	}
	v := b.viewFor(ctx, c.User.ID)
	a := view.AskFormValues(c.View.State)
	a.Requester = c.User.ID
	// A form is submitted once, however often Slack says so.
	a.Envelope = strings.Join([]string{"view", c.View.ID, a.Requester, a.Cluster, a.Username}, " ")
	if faults := b.service.Config().Check(a); len(faults) > 0 {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults(faults))
	}
	story, err := b.service.Ask(ctx, a)
	if r := approval.Refused(err); r != nil && r.Kind == approval.KindActive && r.Story.Requester != a.Requester {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults([]*approval.Refusal{r}))
	}
	if err != nil {
		return showInstead(v, b.refusal(v, err))
	}
	b.log.Info("asked", "request", story.ID, "person", a.Requester, "cluster", story.ClusterID, "username", story.Username)
	return showInstead(v, v.Asked(story))
}

func (b *Bot) submitDenial(ctx context.Context, c slack.InteractionCallback) any {
	id, ok := view.RequestID(c.View.PrivateMetadata)
	if err := b.admitPresser(ctx, c, view.ActionDeny); err != nil {
		b.turnAway(ctx, id, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.view(), b.turnedAway(err))
	}
	v := b.viewFor(ctx, c.User.ID)
	if !ok {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, fmt.Errorf("%w: %.50q", errForged, c.View.PrivateMetadata))
		return showInstead(v, v.Refusal(&approval.Refusal{Kind: approval.KindUnknown, Value: c.View.PrivateMetadata}))
	}
	reason := view.DenyFormValues(c.View.State)
	_, err := b.service.Deny(ctx, id, c.User.ID, reason)
	if r := approval.Refused(err); r != nil && r.Kind == approval.KindReasonTooLong {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults([]*approval.Refusal{r}))
	}
	if err != nil {
		return showInstead(v, b.refusal(v, err))
	}
	b.log.Info("denied", "request", id, "person", c.User.ID)
	return nil
}

// showInstead puts a message in the place of the form that was submitted.
func showInstead(v view.View, m view.Message) *slack.ViewSubmissionResponse {
	modal := v.NoticeModal(m)
	return slack.NewUpdateViewSubmissionResponse(&modal)
}
