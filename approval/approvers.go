package approval

import (
	"context"
	"errors"
	"slices"
)

// checkApprover returns a refusal unless the person is an approver, by id or as a member of a group. A group
// that can't be asked about speaks for nobody.
func (s *Service) checkApprover(ctx context.Context, person string) error {
	if slices.Contains(s.conf.Approvers, person) {
		return nil
	}
	isMember, unknown := s.isMember(ctx, slices.DeleteFunc(slices.Clone(s.conf.Approvers), func(id string) bool { return !isGroup(id) }), person)
	if isMember {
		return nil
	}
	if unknown != nil {
		s.log.Warn("an approver group can't be asked about", "error", unknown)
		return &Refusal{Kind: KindNoAnswer, Value: person}
	}
	return &Refusal{Kind: KindNotApprover, Value: person}
}

// isMember asks about all groups at the same time, so that one that can't be asked about holds up no other. The
// error says of which it is not known.
func (s *Service) isMember(ctx context.Context, groups []string, person string) (is bool, unknown error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		members []string
		err     error
	}
	answers := make(chan answer, len(groups))
	for _, group := range groups {
		go func() {
			members, err := s.people.Members(ctx, group)
			answers <- answer{members, err}
		}()
	}
	for range groups {
		a := <-answers
		if slices.Contains(a.members, person) && a.err == nil {
			return true, nil
		}
		unknown = errors.Join(unknown, a.err)
	}
	return false, unknown
}

// isGroup tells the ids of groups (S…) from those of people (U…, W…).
func isGroup(id string) bool { return len(id) > 0 && id[0] == 'S' }
