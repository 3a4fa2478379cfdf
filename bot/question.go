package bot

import (
	"context"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/view"
)

func (b *Bot) askBack(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	_, err := b.service.AskBack(ctx, on, c.User.ID, view.Said(c.View.State))
	if err == nil {
		b.log.Info("asked back", "request", on.ID, "person", c.User.ID)
	}
	return view.Message{}, err
}

// openAnswer shows the requester a question, with a field for the answer.
func (b *Bot) openAnswer(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	if _, wait := b.tooMuch(c.User.ID); wait > 0 {
		return view.Message{}, &tooMuchError{wait}
	}
	story, err := b.service.MayAnswer(ctx, on, c.User.ID)
	if err != nil {
		return view.Message{}, err
	}
	question, _ := story.Question(on)
	return view.Message{}, b.openForRequester(ctx, c.TriggerID, c.User.ID, func() slack.ModalViewRequest { return v.AnswerForm(story, question) })
}

func (b *Bot) answer(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Answer(ctx, on, c.User.ID, view.Said(c.View.State))
	if err != nil {
		return view.Message{}, err
	}
	b.log.Info("answered", "request", on.ID, "person", c.User.ID)
	question, _ := story.Question(on)
	return v.AnswerSent(story, question), nil
}
