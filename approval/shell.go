package approval

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Shell is somebody who acts from the shell of the bot's machine, where the messenger is away. Who can do that can write
// to the database, and has its key.
type Shell struct {
	Name string // in whose name they act; empty: in that of their user
	User string // what the operating system calls them
}

// shellPrefix begins the ids of those who act from the shell. No messenger has such an id.
const shellPrefix = "shell:"

// ShellName returns the name of somebody who has acted from the shell.
func ShellName(id string) (name string, is bool) { return strings.CutPrefix(id, shellPrefix) }

// byShell tells whether somebody acts from the shell.
func (at scene) byShell() bool {
	_, is := ShellName(at.who.ID)
	return is
}

func (w Shell) person() Person {
	id := shellPrefix + cmp.Or(w.Name, w.User)
	return Person{ID: id, Also: id}
}

// ShellAction is what can be done from the shell.
type ShellAction string

// What can be done from the shell.
const (
	ShellApprove ShellAction = "approve"
	ShellDeny    ShellAction = "deny"
	ShellRetry   ShellAction = "retry"
	ShellCancel  ShellAction = "cancel"
	ShellAbandon ShellAction = "abandon"
)

// FromShell does to a request what an approver or its requester could do. It asks the messenger nothing: that the requester
// is still somebody who may have an account, and that others who approved are still approvers, is looked at before the
// account is made. Each name is one voice. Before the sponsor has decided, approving and denying stands for the sponsor.
func (s *Service) FromShell(ctx context.Context, id int64, action ShellAction, by Shell, reason string) (story Story, err error) {
	if len([]rune(reason)) > ReasonMaxLength {
		return Story{}, &Refusal{Kind: KindReasonTooLong, Limit: ReasonMaxLength}
	}
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil {
			return err
		}
		at := scene{who: by.person()}
		if at.Story, err = s.story(ctx, tx, r); err != nil {
			return err
		}
		detail := Asked{{"action", string(action)}, {"user", by.User}, {"reason", reason}}.String()
		if err := s.record(ctx, tx, r, at.who.ID, "shell", r.State, detail); err != nil {
			return err
		}
		if err := s.fromShell(ctx, tx, &r, at, action, reason); err != nil {
			return err
		}
		story, err = s.story(ctx, tx, r)
		return err
	})
	return story, err
}

func (s *Service) fromShell(ctx context.Context, tx Tx, r *Request, at scene, action ShellAction, reason string) error {
	switch action {
	case ShellApprove:
		former := s.mayHave(ctx, tx, *r, Person{ID: r.Requester, Also: r.Requester})
		if at.former = Refused(former); at.former == nil && former != nil {
			return former
		}
		if err := cmp.Or(s.mayDecide(at), s.mayBeApproved(at)); err != nil {
			return err
		}
		return s.approve(ctx, tx, r, at)
	case ShellDeny:
		return s.deny(ctx, tx, r, at, reason)
	case ShellRetry:
		return s.retry(ctx, tx, r, at)
	case ShellCancel:
		r.Failure, r.FailureDetail = EndedFromShell, reason
		return s.cancel(ctx, tx, r, at)
	case ShellAbandon:
		return s.abandon(ctx, tx, r, at)
	}
	return fmt.Errorf("%q can't be done from the shell", action)
}
