package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// admitRequester looks at a person who asks. Slack's silence is no reason to send them away, unless another workspace is
// named: an approver looks at the request in any case.
func (b *Bot) admitRequester(ctx context.Context, id string, teams []string) error {
	if id == "" {
		return errNobody
	}
	err := b.people.AdmitRequester(ctx, id, teams)
	if err != nil && !errors.Is(err, slackapi.ErrForeign) && !errors.Is(err, slackapi.ErrUntold) {
		b.log.Warn("Slack does not say who a person is", "person", id, "error", err)
		return nil
	}
	return err
}

// errNobody is for an envelope that names no person.
var errNobody = fmt.Errorf("%w: nobody", slackapi.ErrForeign)

// errForged says that a button or a form holds what the bot never puts there.
var errForged = errors.New("it names no request")

// turnAway writes down that somebody was not let in.
func (b *Bot) turnAway(ctx context.Context, id int64, person, action string, why error) {
	b.log.Warn("somebody is not let in", "person", person, "action", action, "request", id, "error", why)
	reason := why.Error()
	if !errors.Is(why, slackapi.ErrForeign) && !errors.Is(why, errForged) && !errors.Is(why, errElsewhere) {
		reason = slackapi.ErrUntold.Error() // and not how, which is another each time, and in the log
	}
	if err := b.service.TurnAway(ctx, id, person, action, reason); err != nil {
		b.log.Error("an action could not be audited", "error", err)
	}
}

// teamsOf are the workspaces that Slack names with an action: the person's, and the one in which it happens.
func teamsOf(c slack.InteractionCallback) []string { return []string{c.User.TeamID, c.Team.ID} }

// admitPresser looks at a person who presses a button: whoever decides must be one of the workspace now.
func (b *Bot) admitPresser(ctx context.Context, c slack.InteractionCallback, action string) error {
	switch {
	case c.User.ID == "":
		return errNobody
	case slices.Contains(requestersOnly, action):
		return b.people.AdmitReader(ctx, c.User.ID, teamsOf(c))
	case action == view.ActionReset:
		return b.admitRequester(ctx, c.User.ID, teamsOf(c))
	}
	return b.people.AdmitDecider(ctx, c.User.ID, teamsOf(c), b.service.Deciders(ctx))
}

// requestersOnly are the buttons that do something for who asked alone.
var requestersOnly = []string{
	view.ActionCancel, view.ActionRemind, view.ActionAnswer, view.ActionShow, view.ActionSaved, view.ActionWorks, view.ActionTrouble,
}

// turnedAway is what a person sees whom admit does not let in: for good, because Slack won't tell who that is, or
// because it does not answer just now.
func (b *Bot) turnedAway(err error) view.Message {
	switch {
	case errors.Is(err, slackapi.ErrForeign):
		return b.readers.Channel().Foreign()
	case slackapi.Refused(err):
		return b.readers.Channel().Untold()
	}
	return b.readers.Channel().Busy()
}
