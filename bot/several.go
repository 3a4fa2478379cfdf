package bot

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"ehpcbot/approval"
	"ehpcbot/bot/view"
)

// This file holds the form in which several requests are decided at once. Each of them is decided as if its own button
// were pressed, and before the form is acknowledged; what does not fit into that time is told, to be decided once more.

// several opens the form, wherever its button is. Why there is nothing to decide is told in its place.
func (b *Bot) several(ctx context.Context, v view.View, c slack.InteractionCallback, _ approval.Target) (view.Message, error) {
	stories, err := b.service.Decidable(ctx, c.User.ID)
	form := v.SeveralForm(stories, b.service.Now())
	switch {
	case err != nil:
		return view.Message{}, err
	case len(stories) == 0:
		form = v.NoticeModal(v.NoneWaits())
	}
	return view.Message{}, b.openModal(ctx, c.TriggerID, c.User.ID, form)
}

func (b *Bot) submitSeveral(ctx context.Context, c slack.InteractionCallback) any {
	if err := b.admitPresser(ctx, c, view.ActionSeveral); err != nil {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.readers.Channel(), b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	v := b.readers.View(ctx, c.User.ID)
	form := view.SeveralFormValues(c.View.State)
	if faults := v.SeveralFaults(form); faults != nil {
		return slack.NewErrorsViewSubmissionResponse(faults)
	}
	return showInstead(v, v.SeveralDone(b.decideSeveral(ctx, c.User.ID, form)))
}

// severalAtOnce is how many decisions are under way at the same time: each asks Slack about people, for which the others
// need not wait.
const severalAtOnce = 25

func (b *Bot) decideSeveral(ctx context.Context, person string, form view.Several) []view.Outcome {
	outcomes := make([]view.Outcome, len(form.On))
	var deciding errgroup.Group
	deciding.SetLimit(severalAtOnce)
	for i, value := range form.On {
		deciding.Go(func() error {
			outcomes[i] = b.decideOne(ctx, person, value, form)
			return nil
		})
	}
	_ = deciding.Wait()
	return outcomes
}

// decideOne makes one of several decisions. A panic is that decision's trouble alone.
func (b *Bot) decideOne(ctx context.Context, person, value string, form view.Several) (o view.Outcome) {
	on, ok := view.Target(value)
	o.ID = on.ID
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("a decision of several panicked", "request", on.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o.Failed = true
		}
	}()
	if !ok {
		b.turnAway(ctx, 0, person, view.CallbackSeveral, fmt.Errorf("%w: %.50q", errForged, value))
		o.Refusal = &approval.Refusal{Kind: approval.KindUnknown, Value: value}
		return o
	}
	var err error
	if form.Verdict == approval.Deny {
		o.Story, err = b.service.Deny(ctx, on, person, form.Reason)
	} else {
		o.Story, err = b.service.Approve(ctx, on, person)
	}
	o.Refusal = approval.Refused(err)
	switch o.Failed = err != nil && o.Refusal == nil; {
	case o.Failed:
		b.log.Error("an action could not be stored", "request", on.ID, "error", err)
	case err == nil:
		b.log.Info("decided, with others", "request", on.ID, "person", person, "verdict", string(form.Verdict), "state", o.Story.State)
	}
	return o
}
