package bot

import (
	"context"
	"strings"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/view"
)

// pressReset answers the button that asks for a new password of the account of a request. One press asks once, however
// often Slack says so.
func (b *Bot) pressReset(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) socket.Reply {
	channel, ts := messageOf(c)
	var envelope string
	if at := c.ActionCallback.BlockActions[0].ActionTs; at != "" {
		envelope = strings.Join([]string{"press", channel, ts, at, c.User.ID}, " ")
	}
	story, err := b.service.Reset(ctx, on, c.User.ID, envelope)
	if err != nil {
		return b.tell(c, b.refusal(v, err))
	}
	b.log.Info("asked for a new password", "request", story.ID, "person", c.User.ID, "cluster", story.ClusterID, "username", story.Username)
	return b.tell(c, v.Asked(story))
}
