package bot

import (
	"context"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/view"
)

func (b *Bot) approveChanged(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	to := view.ChangeFormValues(c.View.State)
	story, err := b.service.ApproveChanged(ctx, on, c.User.ID, to)
	if r := approval.Refused(err); r != nil && r.Why != nil {
		err = r.Why // whoever typed it is told as one who asks for it
	}
	if err == nil {
		b.log.Info("approved with changes", "request", on.ID, "person", c.User.ID, "username", to.Username, "mod", to.Mod, "state", story.State)
	}
	return view.Message{}, err
}
