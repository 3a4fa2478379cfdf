package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// This file holds what requesters do at the message with their credentials.

func (b *Bot) saved(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) error {
	story, err := b.service.Clear(ctx, on, c.User.ID)
	b.rememberDirect(ctx, c, story, err)
	return err
}

// show opens the credentials, for the one who presses. It is stored before that they are shown.
func (b *Bot) show(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) error {
	if _, wait := b.tooMuch(c.User.ID); wait > 0 { // each showing is an event of the audit log
		return &tooMuchError{wait}
	}
	story, password, err := b.service.Show(ctx, on, c.User.ID)
	if err != nil {
		return err
	}
	b.log.Info("the credentials are shown", "request", on.ID, "person", c.User.ID)
	_, err = b.api.OpenViewContext(ctx, c.TriggerID, v.CredentialsModal(story, password)) // as long as Slack opens it
	b.rememberDirect(ctx, c, story, nil)
	if err != nil {
		b.log.Warn("the credentials could not be opened", "request", on.ID, "error", slackapi.CallError("open the credentials", err))
		return errShowFailed
	}
	return nil
}

// errShowFailed says that Slack did not open the credentials.
var errShowFailed = errors.New("the credentials could not be opened")

// tooMuchError says how long somebody has to wait who asks for more than one person may.
type tooMuchError struct{ wait time.Duration }

func (e *tooMuchError) Error() string {
	return fmt.Sprintf("too much is asked for; again in %s", e.wait)
}

func (b *Bot) works(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) error {
	story, err := b.service.Works(ctx, on, c.User.ID)
	b.rememberDirect(ctx, c, story, err)
	if err == nil {
		b.log.Info("the login works", "request", on.ID, "person", c.User.ID)
	}
	return err
}

// openTrouble asks what the person sees. What they report is stored when the form is submitted.
func (b *Bot) openTrouble(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) error {
	story, err := b.service.MayReport(ctx, on, c.User.ID)
	if err != nil {
		return err
	}
	_, err = b.api.OpenViewContext(ctx, c.TriggerID, v.TroubleForm(story))
	b.rememberDirect(ctx, c, story, nil)
	if err != nil {
		b.log.Warn("the form could not be opened", "person", c.User.ID, "error", slackapi.CallError("open a form", err))
		return errFormFailed
	}
	return nil
}

func (b *Bot) submitTrouble(ctx context.Context, c slack.InteractionCallback) any {
	on, ok := view.Target(c.View.PrivateMetadata)
	if err := b.admitPresser(ctx, c, view.ActionTrouble); err != nil {
		b.turnAway(ctx, on.ID, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.readers.Channel(), b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	v := b.readers.View(ctx, c.User.ID)
	if !ok {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, fmt.Errorf("%w: %.50q", errForged, c.View.PrivateMetadata))
		return showInstead(v, v.Refusal(&approval.Refusal{Kind: approval.KindUnknown, Value: c.View.PrivateMetadata}))
	}
	t := view.TroubleFormValues(c.View.State)
	t.Envelope = strings.Join([]string{"view", c.View.ID, c.User.ID}, " ") // a form is submitted once, however often Slack says so
	story, err := b.service.Report(ctx, on, c.User.ID, t)
	if r := approval.Refused(err); r != nil && (r.Kind == approval.KindReasonTooLong || r.Kind == approval.KindTypedPassword) {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults([]*approval.Refusal{r}))
	}
	if err != nil {
		return showInstead(v, b.refusal(v, err))
	}
	b.log.Info("somebody can't log in", "request", on.ID, "person", c.User.ID, "sees", t.Sees)
	return showInstead(v, v.Reported(story))
}

// rememberDirect remembers the message to a requester that a button was pressed in.
func (b *Bot) rememberDirect(ctx context.Context, c slack.InteractionCallback, story approval.Story, outcome error) {
	if channel, _ := messageOf(c); outcome == nil && strings.HasPrefix(channel, "D") {
		b.remember(ctx, c, story, approval.PurposeCredentials)
	}
}
