package bot

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
	"ehpcbot/bot/view"
)

// command answers a slash command.
func (b *Bot) command(ctx context.Context, c slack.SlashCommand, envelope string) view.Message {
	if v, wait := b.tooMuch(c.UserID); wait > 0 {
		return v.TooMuch(wait)
	}
	if err := b.admitRequester(ctx, c.UserID, []string{c.TeamID}); err != nil {
		b.turnAway(ctx, 0, c.UserID, "command", err)
		return b.turnedAway(err)
	}
	c.UserID = b.people.Identify(ctx, c.UserID).ID
	v := b.readers.View(ctx, c.UserID)
	parsed, err := command.Parse(c.Text)
	if err != nil {
		if fault, ok := errors.AsType[*command.Fault](err); ok {
			return v.CommandFault(fault)
		}
		return v.Trouble()
	}
	switch parsed.Verb {
	case command.Form:
		return b.openAskForm(ctx, v, c.TriggerID, approval.Ask{Requester: c.UserID})
	case command.Ask:
		return b.ask(ctx, v, c.TriggerID, approval.Ask{
			Envelope: envelope, Requester: c.UserID, Username: parsed.Username,
			Cluster: parsed.Cluster, Mod: parsed.Mod, Reason: parsed.Reason, Until: parsed.Until,
		})
	case command.Reset:
		return b.ask(ctx, v, c.TriggerID, approval.Ask{
			Envelope: envelope, Requester: c.UserID, Username: parsed.Username, Cluster: parsed.Cluster, Reset: true,
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
	case command.Abandon:
		story, err := b.service.Abandon(ctx, parsed.ID, c.UserID)
		if err != nil {
			return b.refusal(v, err)
		}
		b.log.Warn("a request is abandoned", "request", story.ID, "person", c.UserID)
		return v.AbandonDone(story)
	}
	return v.Help()
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
	if story.Requester != person { // an approver looks for it, who may not find the message
		if err := b.service.Doubt(ctx, id); err != nil {
			b.log.Warn("look for the message of a request", "request", id, "error", err)
		}
	}
	return v.Status(story)
}
