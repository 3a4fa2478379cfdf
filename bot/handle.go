package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"ehpcbot/approval"
	"ehpcbot/bot/messenger"
	"ehpcbot/bot/slackapi"
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
		case slack.InteractionTypeShortcut:
			return b.shortcut(ctx, data)
		}
	case socket.HomeOpened:
		return b.homeOpened(ctx, data)
	}
	return socket.Reply{}
}

// trouble answers an envelope whose handling went wrong.
func (b *Bot) trouble(event socketmode.Event) socket.Reply {
	return b.answerWith(event, b.readers.Channel().Trouble())
}

// refuse answers an envelope that came too late.
func (b *Bot) refuse(event socketmode.Event) socket.Reply {
	return b.answerWith(event, b.readers.Channel().StorageFailed())
}

// answerWith answers an envelope of any kind.
func (b *Bot) answerWith(event socketmode.Event, m view.Message) socket.Reply {
	switch data := event.Data.(type) {
	case slack.SlashCommand:
		return b.answerCommand(data, m)
	case slack.InteractionCallback:
		if data.Type == slack.InteractionTypeViewSubmission {
			return socket.Reply{Payload: showInstead(b.readers.Channel(), m)}
		}
		return b.tell(data, m)
	}
	return socket.Reply{}
}

// answerCommand answers a command with the acknowledgement, or where that can't be sent any more in a message.
func (b *Bot) answerCommand(c slack.SlashCommand, m view.Message) socket.Reply {
	return socket.Reply{Payload: ephemeral(m), Instead: func(ctx context.Context) {
		if err := b.respond(ctx, c.ChannelID, slack.MsgOptionResponseURL(c.ResponseURL, slack.ResponseTypeEphemeral), m); err != nil {
			b.log.Warn("a person could not be answered", "person", c.UserID, "error", slackapi.CallError("answer a command", err))
		}
	}}
}

// ephemeral is the payload of an acknowledgement that only the person sees.
func ephemeral(m view.Message) map[string]any {
	return map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": m.Text, "blocks": m.Blocks}
}

// refusal is what a person sees of an error: the reason where it is a refusal, and that nothing was stored
// where it is a fault.
func (b *Bot) refusal(v view.View, err error) view.Message {
	if r := approval.Refused(err); r != nil {
		if slackapi.Refused(r.Cause) {
			return v.Untold()
		}
		return v.Refusal(r)
	}
	if tooMuch, ok := errors.AsType[*tooMuchError](err); ok {
		return v.TooMuch(tooMuch.wait)
	}
	switch {
	case errors.Is(err, errTooManyForms):
		return v.TooManyForms()
	case errors.Is(err, errFormFailed):
		return v.FormFailed()
	case errors.Is(err, errShowFailed):
		return v.ShowFailed()
	}
	b.log.Error("an action could not be stored", "error", err)
	return v.StorageFailed()
}

// tell answers a press in a message that only the person sees, or in the modal of the button. The acknowledgement of a
// press can't carry it.
func (b *Bot) tell(c slack.InteractionCallback, m view.Message) socket.Reply {
	if channel, _ := messageOf(c); channel == "" && c.View.Type != slack.VTModal {
		return socket.Reply{After: func(ctx context.Context) { b.tellApart(ctx, c, m) }}
	}
	return b.answerPress(c, m, slack.MsgOptionResponseURL(c.ResponseURL, slack.ResponseTypeEphemeral))
}

// tellInstead is tell for what makes the message of the button out of date, if only the person sees it.
func (b *Bot) tellInstead(c slack.InteractionCallback, m view.Message) socket.Reply {
	if !c.Container.IsEphemeral {
		return b.tell(c, m)
	}
	return b.answerPress(c, m, slack.MsgOptionReplaceOriginal(c.ResponseURL))
}

func (b *Bot) answerPress(c slack.InteractionCallback, m view.Message, how slack.MsgOption) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) {
		if c.View.Type == slack.VTModal {
			modal := b.readers.Of(c.User.ID, b.people.Known(c.User.ID)).NoticeModal(m)
			if _, err := b.api.UpdateViewContext(ctx, modal, "", "", c.View.ID); err != nil {
				b.log.Warn("a person could not be answered", "person", c.User.ID, "error", slackapi.CallError("change a form", err))
			}
			return
		}
		if c.ResponseURL != "" {
			err := b.respond(ctx, c.Channel.ID, how, m)
			if err == nil {
				return
			}
			b.log.Debug("answer a press", "error", slackapi.CallError("answer", err))
		}
		channel, _ := messageOf(c)
		_, err := b.api.PostEphemeralContext(ctx, channel, c.User.ID, messenger.Options(m)...)
		if err != nil {
			b.log.Warn("a person could not be answered", "person", c.User.ID, "error", slackapi.CallError("answer a press", err))
		}
	}}
}

// tellApart answers what was done in no conversation, as in the Home tab: in a modal, or where none can be opened (any more)
// in a direct message.
func (b *Bot) tellApart(ctx context.Context, c slack.InteractionCallback, m view.Message) {
	if b.forms.Allow() {
		v := b.readers.Of(c.User.ID, b.people.Known(c.User.ID))
		_, err := b.api.OpenViewContext(ctx, c.TriggerID, v.NoticeModal(m))
		if err == nil {
			return
		}
		b.log.Debug("answer a press", "error", slackapi.CallError("open a notice", err))
	}
	b.tellDirectly(ctx, c.User.ID, m)
}

// tellDirectly answers in a direct message.
func (b *Bot) tellDirectly(ctx context.Context, person string, m view.Message) {
	if _, _, err := b.api.PostMessageContext(ctx, person, messenger.Options(m)...); err != nil {
		b.log.Warn("a person could not be answered", "person", person, "error", slackapi.CallError("answer a press", err))
	}
}

// respond answers at the address that Slack gave for it, in a message that only the person sees.
func (b *Bot) respond(ctx context.Context, channel string, how slack.MsgOption, m view.Message) error {
	_, _, err := b.api.PostMessageContext(ctx, channel, how,
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...))
	return err
}
