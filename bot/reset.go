package bot

import (
	"context"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/view"
)

// pressReset answers the button that asks for a new password in the place of the one that a request has delivered.
func (b *Bot) pressReset(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) socket.Reply {
	story, err := b.service.Reset(ctx, on, c.User.ID)
	if err != nil {
		return b.tell(c, b.refusal(v, err))
	}
	b.log.Info("asked", "reset", story.Reset, "request", story.ID, "person", c.User.ID, "cluster", story.ClusterID, "username", story.Username)
	return b.tell(c, v.Asked(story))
}
