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

// errForeign says that a person is none of those the bot works for.
var errForeign = errors.New("not a person of this workspace")

// errUntold says that Slack has not told whether a person is one of those.
var errUntold = errors.New("it is not known whether this is a person of this workspace: Slack did not tell")

// admit looks at who is there: people of the workspace, and nobody else. In a shared channel people of other
// organisations see the buttons too. teams are the workspaces that Slack names with the action. Guests are people of
// the workspace only where they are listed by name as approvers. ask tells who a person is.
func (b *Bot) admit(ctx context.Context, id string, teams []string, listed bool, ask func(context.Context, string) (slack.User, error)) error {
	if id == "" {
		return fmt.Errorf("%w: nobody", errForeign)
	}
	user, err := ask(ctx, id)
	elsewhere := slices.DeleteFunc(append(teams, user.TeamID), func(team string) bool { return team == "" || b.isOurs(user, team) })
	switch {
	case errors.Is(err, slackapi.ErrUnknown):
		return fmt.Errorf("%w: %w", errForeign, err)
	case err != nil && len(elsewhere) > 0: // it may be one of several workspaces of the person
		return fmt.Errorf("%w: %w", errUntold, err)
	case err != nil:
		return err
	case len(elsewhere) > 0:
		return fmt.Errorf("%w: team %s", errForeign, elsewhere[0])
	case user.IsBot, user.Deleted, user.IsStranger:
		return fmt.Errorf("%w: a bot, a stranger, or deactivated", errForeign)
	case (user.IsRestricted || user.IsUltraRestricted) && !listed:
		return fmt.Errorf("%w: a guest", errForeign)
	}
	return nil
}

// isOurs reports whether a team that Slack names stands for the bot's workspace. In Enterprise Grid people have several,
// and Slack may name any of them (github.com/slackapi/bolt-js/issues/1875), or the organisation.
func (b *Bot) isOurs(user slack.User, team string) bool {
	theirs := user.Enterprise.Teams
	return team == b.team() ||
		slices.Contains(theirs, b.team()) && (slices.Contains(theirs, team) || team == user.Enterprise.EnterpriseID)
}

// admitRequester is admit for people who ask, for whom Slack's silence is no reason to send them away, unless another
// workspace is named: an approver looks at the request in any case.
func (b *Bot) admitRequester(ctx context.Context, id string, teams []string) error {
	err := b.admit(ctx, id, teams, false, b.people.Person)
	if err != nil && !errors.Is(err, errForeign) && !errors.Is(err, errUntold) {
		b.log.Warn("Slack does not say who a person is", "person", id, "error", err)
		return nil
	}
	return err
}

// errForged says that a button or a form holds what the bot never puts there.
var errForged = errors.New("it names no request")

// turnAway writes down that somebody was not let in.
func (b *Bot) turnAway(ctx context.Context, id int64, person, action string, why error) {
	b.log.Warn("somebody is not let in", "person", person, "action", action, "request", id, "error", why)
	if err := b.service.TurnAway(ctx, id, person, action, why.Error()); err != nil {
		b.log.Error("an action could not be audited", "error", err)
	}
}

// teamsOf are the workspaces that Slack names with an action: the person's, and the one in which it happens.
func teamsOf(c slack.InteractionCallback) []string { return []string{c.User.TeamID, c.Team.ID} }

// admitPresser is admit for people who press a button: approvers who are listed by name may be guests, and whoever
// decides must be one of the workspace now.
func (b *Bot) admitPresser(ctx context.Context, c slack.InteractionCallback, action string) error {
	if action == view.ActionSaved {
		return b.admit(ctx, c.User.ID, teamsOf(c), true, b.people.Person)
	}
	listed := slices.Contains(b.service.Config().Approvers, c.User.ID)
	return b.admit(ctx, c.User.ID, teamsOf(c), listed, b.people.Decider)
}

// turnedAway is what a person sees whom admit does not let in: for good, or because Slack does not answer.
func (b *Bot) turnedAway(err error) view.Message {
	if errors.Is(err, errForeign) {
		return b.readers.Channel().Foreign()
	}
	return b.readers.Channel().Busy()
}
