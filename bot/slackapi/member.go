package slackapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// This file tells who is a person of the bot's workspace, and by which ids Slack knows them.

// ErrForeign says that a person is none of those the bot works for.
var ErrForeign = errors.New("not a person of this workspace")

// ErrUntold says that Slack has not told whether a person is one of those.
var ErrUntold = errors.New("it is not known whether this is a person of this workspace: Slack did not tell")

var errHomeless = errors.New("it is not known yet which workspace the bot is in: Slack did not tell")

// SetHome says which workspace is the bot's.
func (p *People) SetHome(team string) { p.home.Store(&team) }

// homeTeam is the bot's workspace; empty until Slack has told.
func (p *People) homeTeam() string {
	if home := p.home.Load(); home != nil {
		return *home
	}
	return ""
}

// Identify implements [approval.Directory]. In Enterprise Grid a person has an id in the workspace (U…) and one in the
// organisation (W…), and Slack may use either anywhere.
func (p *People) Identify(ctx context.Context, id string) approval.Person {
	user, err := p.Person(ctx, id)
	if err != nil {
		return approval.Person{ID: id, Also: id, Unsure: !errors.Is(err, ErrUnknown)}
	}
	return Identity(id, user)
}

// Identity returns the ids of a person whom Slack was asked about by one of them.
func Identity(id string, user slack.User) approval.Person {
	return approval.Person{ID: cmp.Or(user.ID, id), Also: cmp.Or(user.Enterprise.ID, id)}
}

// Requester implements [approval.Directory].
func (p *People) Requester(ctx context.Context, id string, within time.Duration) error {
	return p.belongs(ctx, id, within, false)
}

// Approver implements [approval.Directory].
func (p *People) Approver(ctx context.Context, id string, within time.Duration) error {
	return p.belongs(ctx, id, within, true)
}

func (p *People) belongs(ctx context.Context, id string, within time.Duration, guests bool) error {
	user, err := p.persons.get(ctx, id, p.now, age{fresh: within, stale: decisionStale, patience: lookUpTime})
	if err = p.judge(user, err, nil, guests); errors.Is(err, ErrForeign) {
		return fmt.Errorf("%w: %w", approval.ErrGone, err)
	}
	return err
}

// AdmitRequester looks at a person who asks. teams are the workspaces that Slack names with it. Somebody who is turned
// away is asked about anew each time, for a guest can become a member.
func (p *People) AdmitRequester(ctx context.Context, id string, teams []string) error {
	user, err := p.Person(ctx, id)
	if err = p.judge(user, err, teams, false); !errors.Is(err, ErrForeign) {
		return err
	}
	user, err = p.decider(ctx, id)
	return p.judge(user, err, teams, false)
}

// AdmitDecider looks at a person who presses a button. Guests are admitted where they are listed by name.
func (p *People) AdmitDecider(ctx context.Context, id string, teams, listed []string) error {
	user, err := p.decider(ctx, id)
	return p.judge(user, err, teams, slices.ContainsFunc(listed, Identity(id, user).Is))
}

// AdmitReader looks at a person who presses a button under what is theirs.
func (p *People) AdmitReader(ctx context.Context, id string, teams []string) error {
	user, err := p.Person(ctx, id)
	if err = p.judge(user, err, teams, true); !errors.Is(err, ErrForeign) {
		return err
	}
	user, err = p.decider(ctx, id)
	return p.judge(user, err, teams, true)
}

// judge is the one rule of who is let in: people of the workspace, and nobody else. In a shared channel people of other
// organisations see the buttons too. user and err are what Slack answered about the person.
func (p *People) judge(user slack.User, err error, teams []string, guests bool) error {
	home := p.homeTeam()
	elsewhere := slices.DeleteFunc(append(slices.Clone(teams), user.TeamID), func(team string) bool { return team == "" || IsOurs(user, team, home) })
	switch {
	case home == "":
		return errHomeless
	case errors.Is(err, ErrUnknown):
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case err != nil && len(elsewhere) > 0: // it may be one of several workspaces of the person
		return fmt.Errorf("%w: %w", ErrUntold, err)
	case err != nil:
		return err
	case len(elsewhere) > 0:
		return fmt.Errorf("%w: team %s", ErrForeign, elsewhere[0])
	case user.IsBot, user.Deleted, user.IsStranger:
		return fmt.Errorf("%w: a bot, a stranger, or deactivated", ErrForeign)
	case (user.IsRestricted || user.IsUltraRestricted) && !guests:
		return fmt.Errorf("%w: a guest", ErrForeign)
	}
	return nil
}

// IsOurs reports whether a team that Slack names for a person, or for what the person does, stands for the workspace
// home. In Enterprise Grid people have several, and Slack may name any of them
// (github.com/slackapi/bolt-js/issues/1875), or the organisation.
func IsOurs(user slack.User, team, home string) bool {
	theirs := user.Enterprise.Teams
	return team == home || slices.Contains(theirs, home) && (slices.Contains(theirs, team) || team == user.Enterprise.EnterpriseID)
}
