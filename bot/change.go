package bot

import (
	"context"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/view"
)

// openChange asks an approver what is to be approved instead.
func (b *Bot) openChange(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) error {
	story, err := b.service.MayDecide(ctx, on, c.User.ID)
	b.learn(ctx, c, story, err)
	if err != nil {
		return err
	}
	return b.openModal(ctx, c, v.ChangeForm(story))
}

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
