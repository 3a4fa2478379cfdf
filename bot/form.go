package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/view"
)

// submit answers a form.
func (b *Bot) submit(ctx context.Context, c slack.InteractionCallback) socket.Reply {
	switch c.View.CallbackID {
	case view.CallbackAsk:
		return socket.Reply{Payload: b.submitAsk(ctx, c)}
	case view.CallbackDeny:
		return socket.Reply{Payload: b.submitDeed(ctx, c, view.ActionDeny, b.deny)}
	case view.CallbackChange:
		return socket.Reply{Payload: b.submitDeed(ctx, c, view.ActionChange, b.approveChanged)}
	case view.CallbackAskBack:
		return socket.Reply{Payload: b.submitDeed(ctx, c, view.ActionAskBack, b.askBack)}
	case view.CallbackAnswer:
		return socket.Reply{Payload: b.submitDeed(ctx, c, view.ActionAnswer, b.answer)}
	case view.CallbackSeveral:
		return socket.Reply{Payload: b.submitSeveral(ctx, c)}
	case view.CallbackTrouble:
		return socket.Reply{Payload: b.submitDeed(ctx, c, view.ActionTrouble, b.report)}
	}
	b.log.Error("a form is not known", "form", c.View.CallbackID)
	v := b.readers.Channel()
	return socket.Reply{Payload: showInstead(v, v.Trouble())}
}

func (b *Bot) submitAsk(ctx context.Context, c slack.InteractionCallback) any {
	if v, wait := b.tooMuch(c.User.ID); wait > 0 {
		return slack.NewErrorsViewSubmissionResponse(v.TooMuchInForm(wait)) // which keeps what was typed
	}
	if err := b.admitRequester(ctx, c.User.ID, teamsOf(c)); err != nil {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.readers.Channel(), b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	v := b.readers.View(ctx, c.User.ID)
	a := view.AskFormValues(c.View.State)
	a.Requester = c.User.ID
	// A form is submitted once, however often Slack says so.
	a.Envelope = strings.Join([]string{"view", c.View.ID, a.Requester, a.Cluster, a.Username}, " ")
	story, err := b.service.Ask(ctx, a)
	refusals := approval.AllRefused(err)
	switch {
	case hasKind(refusals, approval.KindPolicy), hasKind(refusals, approval.KindSponsor) && !view.AsksSponsor(c.View): // it is older than that
		form := v.AskForm(b.service.Config(), b.prefilled(ctx, a))
		return slack.NewUpdateViewSubmissionResponse(&form)
	case atFields(refusals, a.Requester):
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults(refusals))
	case err != nil:
		return showInstead(v, b.refusal(v, err))
	}
	b.asked(story)
	return showInstead(v, v.Asked(story))
}

// submitDeed answers the form of what a button began.
func (b *Bot) submitDeed(ctx context.Context, c slack.InteractionCallback, action string, do deed) any {
	on, ok := view.Target(c.View.PrivateMetadata)
	if err := b.admitPresser(ctx, c, action); err != nil {
		b.turnAway(ctx, on.ID, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.readers.Channel(), b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	v := b.readers.View(ctx, c.User.ID)
	if !ok {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, fmt.Errorf("%w: %.50q", errForged, c.View.PrivateMetadata))
		return showInstead(v, v.Refusal(&approval.Refusal{Kind: approval.KindUnknown, Value: c.View.PrivateMetadata}))
	}
	after, err := do(ctx, v, c, on)
	if r := approval.Refused(err); r != nil && view.AtField(r.Kind) {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults([]*approval.Refusal{r}))
	}
	if err != nil {
		return showInstead(v, b.refusal(v, err))
	}
	if after.Text == "" { // what became of it is to be seen elsewhere
		return nil
	}
	return showInstead(v, after)
}

// deed does what a button or a form of a request asks for, and returns what the person is shown of it; nothing where
// that is to be seen elsewhere.
type deed func(context.Context, view.View, slack.InteractionCallback, approval.Target) (view.Message, error)

func (b *Bot) deny(ctx context.Context, _ view.View, c slack.InteractionCallback, on approval.Target) (view.Message, error) {
	_, err := b.service.Deny(ctx, on, c.User.ID, view.Said(c.View.State))
	if err == nil {
		b.log.Info("denied", "request", on.ID, "person", c.User.ID)
	}
	return view.Message{}, err
}

// showInstead puts a message in the place of the form that was submitted.
func showInstead(v view.View, m view.Message) *slack.ViewSubmissionResponse {
	modal := v.NoticeModal(m)
	return slack.NewUpdateViewSubmissionResponse(&modal)
}
