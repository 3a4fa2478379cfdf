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
		return socket.Reply{Payload: b.submitDenial(ctx, c)}
	case view.CallbackTrouble:
		return socket.Reply{Payload: b.submitTrouble(ctx, c)}
	}
	return socket.Reply{}
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
	if faults := b.service.Config().Check(a); len(faults) > 0 {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults(faults))
	}
	story, err := b.service.Ask(ctx, a)
	if r := approval.Refused(err); r != nil && (r.Kind == approval.KindTwin || r.Kind == approval.KindFormer ||
		r.Kind == approval.KindActive && r.Story.Requester != a.Requester) {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults([]*approval.Refusal{r}))
	}
	if err != nil {
		return showInstead(v, b.refusal(v, err))
	}
	b.log.Info("asked", "request", story.ID, "person", a.Requester, "cluster", story.ClusterID, "username", story.Username)
	return showInstead(v, v.Asked(story))
}

func (b *Bot) submitDenial(ctx context.Context, c slack.InteractionCallback) any {
	on, ok := view.Target(c.View.PrivateMetadata)
	if err := b.admitPresser(ctx, c, view.ActionDeny); err != nil {
		b.turnAway(ctx, on.ID, c.User.ID, c.View.CallbackID, err)
		return showInstead(b.readers.Channel(), b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	v := b.readers.View(ctx, c.User.ID)
	if !ok {
		b.turnAway(ctx, 0, c.User.ID, c.View.CallbackID, fmt.Errorf("%w: %.50q", errForged, c.View.PrivateMetadata))
		return showInstead(v, v.Refusal(&approval.Refusal{Kind: approval.KindUnknown, Value: c.View.PrivateMetadata}))
	}
	reason := view.DenyFormValues(c.View.State)
	_, err := b.service.Deny(ctx, on, c.User.ID, reason)
	if r := approval.Refused(err); r != nil && r.Kind == approval.KindReasonTooLong {
		return slack.NewErrorsViewSubmissionResponse(v.FieldFaults([]*approval.Refusal{r}))
	}
	if err != nil {
		return showInstead(v, b.refusal(v, err))
	}
	b.log.Info("denied", "request", on.ID, "person", c.User.ID)
	return nil
}

// showInstead puts a message in the place of the form that was submitted.
func showInstead(v view.View, m view.Message) *slack.ViewSubmissionResponse {
	modal := v.NoticeModal(m)
	return slack.NewUpdateViewSubmissionResponse(&modal)
}
