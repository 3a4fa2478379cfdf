package bot

import (
	"context"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/username"
	"ehpcbot/bot/view"
)

// ask answers who asks by a command. Who has not accepted the use policy, or has to name a sponsor, does so in the form, with
// what was typed.
func (b *Bot) ask(ctx context.Context, v view.View, trigger string, a approval.Ask) view.Message {
	story, err := b.service.Ask(ctx, a)
	switch {
	case opensForm(err):
		return b.openAskForm(ctx, v, trigger, a)
	case err != nil:
		return b.refusal(v, err)
	}
	b.asked(story)
	return v.Asked(story)
}

func (b *Bot) asked(story approval.Story) {
	b.log.Info("asked", "reset", story.Reset, "request", story.ID, "person", story.Requester, "cluster", story.ClusterID, "username", story.Username)
}

// openAskForm opens the form for a request, with what is known of it already: who asks is. It returns an empty message,
// or why there is no form.
func (b *Bot) openAskForm(ctx context.Context, v view.View, trigger string, prefill approval.Ask) view.Message {
	err := b.openForRequester(ctx, trigger, prefill.Requester, func() slack.ModalViewRequest {
		return v.AskForm(b.service.Config(), b.prefilled(ctx, prefill))
	})
	if err != nil {
		return b.refusal(v, err)
	}
	return view.Message{}
}

// prefillTime is for how long a form waits for what stands in it: Slack takes it within three seconds.
const prefillTime = 1200 * time.Millisecond

// prefilled adds what is known of the person in time: a username, and whether they have accepted the use policy.
func (b *Bot) prefilled(ctx context.Context, a approval.Ask) approval.Ask {
	ctx, cancel := context.WithTimeout(ctx, prefillTime)
	defer cancel()
	accepted, err := b.service.Accepted(ctx, a)
	if err != nil {
		b.log.Warn("it is not known whether the use policy is accepted", "person", a.Requester, "error", err)
	}
	if accepted {
		a.Policy = b.service.Config().Use.Version
	}
	if a.Username == "" {
		a.Username = b.service.Suggest(ctx, a.Requester, username.Stems(b.people.Known(a.Requester)))
	}
	return a
}

func opensForm(err error) bool {
	r := approval.Refused(err)
	return r != nil && r.Kind.OpensForm()
}

func hasKind(refusals approval.Refusals, kind approval.Kind) bool {
	return slices.ContainsFunc(refusals, func(r *approval.Refusal) bool { return r.Kind == kind })
}

// atFields tells whether there are refusals that can all be shown at the fields of the form, because the person can do
// something about them there.
func atFields(refusals approval.Refusals, person string) bool {
	elsewhere := func(r *approval.Refusal) bool {
		return r.Kind == approval.KindTooMany || r.Kind == approval.KindActive && r.Story.Requester == person
	}
	return len(refusals) > 0 && !slices.ContainsFunc(refusals, elsewhere)
}

// cancel takes a request back.
func (b *Bot) cancel(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.TakeBack(ctx, on, c.User.ID)
	if err != nil {
		return view.Message{}, err
	}
	b.log.Info("taken back", "request", on.ID, "person", c.User.ID)
	if isHome(c) {
		return view.Message{}, nil // it is drawn anew
	}
	return v.CancelDone(story), nil
}

// remind has the approvers reminded.
func (b *Bot) remind(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Nudge(ctx, on, c.User.ID)
	if err != nil {
		return view.Message{}, err
	}
	b.log.Info("the approvers are to be reminded", "request", on.ID, "person", c.User.ID)
	return v.RemindDone(story), nil
}

// reset asks for a new password in the place of the one that a request has delivered.
func (b *Bot) reset(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Reset(ctx, on, c.User.ID)
	if err != nil {
		return view.Message{}, err
	}
	b.asked(story)
	return v.Asked(story), nil
}
