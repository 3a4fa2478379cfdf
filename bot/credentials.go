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

func (b *Bot) saved(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Clear(ctx, on, c.User.ID)
	b.rememberDirect(ctx, c, story, err)
	return view.Message{}, err
}

// show opens the credentials, for the one who presses. It is stored before that they are shown.
func (b *Bot) show(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	if _, wait := b.tooMuch(c.User.ID); wait > 0 { // each showing is an event of the audit log
		return view.Message{}, &tooMuchError{wait}
	}
	story, password, err := b.service.Show(ctx, on, c.User.ID)
	if err != nil {
		return view.Message{}, err
	}
	b.log.Info("the credentials are shown", "request", on.ID, "person", c.User.ID)
	_, err = b.api.OpenViewContext(ctx, c.TriggerID, v.CredentialsModal(story, password)) // as long as Slack opens it
	b.rememberDirect(ctx, c, story, nil)
	if err != nil {
		b.log.Warn("the credentials could not be opened", "request", on.ID, "error", slackapi.CallError("open the credentials", err))
		return view.Message{}, errShowFailed
	}
	return view.Message{}, nil
}

// errShowFailed says that Slack did not open the credentials.
var errShowFailed = errors.New("the credentials could not be opened")

// tooMuchError says how long somebody has to wait who asks for more than one person may.
type tooMuchError struct{ wait time.Duration }

func (e *tooMuchError) Error() string {
	return fmt.Sprintf("too much is asked for; again in %s", e.wait)
}

func (b *Bot) works(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	story, err := b.service.Works(ctx, on, c.User.ID)
	b.rememberDirect(ctx, c, story, err)
	if err == nil {
		b.log.Info("the login works", "request", on.ID, "person", c.User.ID)
	}
	return view.Message{}, err
}

// openTrouble asks what the person sees. What they report is stored when the form is submitted.
func (b *Bot) openTrouble(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	if _, wait := b.tooMuch(c.User.ID); wait > 0 {
		return view.Message{}, &tooMuchError{wait}
	}
	story, err := b.service.MayReport(ctx, on, c.User.ID)
	if err != nil {
		return view.Message{}, err
	}
	err = b.openForRequester(ctx, c.TriggerID, c.User.ID, func() slack.ModalViewRequest { return v.TroubleForm(story) })
	b.rememberDirect(ctx, c, story, nil)
	return view.Message{}, err
}

// report stores what somebody sees who can't log in. A form is submitted once, however often Slack says so.
func (b *Bot) report(ctx context.Context, v view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	t := view.TroubleFormValues(c.View.State)
	t.Envelope = strings.Join([]string{"view", c.View.ID, c.User.ID}, " ")
	story, err := b.service.Report(ctx, on, c.User.ID, t)
	if err != nil {
		return view.Message{}, err
	}
	b.log.Info("somebody can't log in", "request", on.ID, "person", c.User.ID, "sees", t.Sees)
	return v.Reported(story), nil
}

// rememberDirect remembers the message to a requester that a button was pressed in.
func (b *Bot) rememberDirect(ctx context.Context, c slack.InteractionCallback, story approval.Story, outcome error) {
	if channel, _ := messageOf(c); outcome == nil && strings.HasPrefix(channel, "D") {
		b.remember(ctx, c, story, approval.PurposeCredentials)
	}
}
