package messenger

import (
	"cmp"
	"context"
	"slices"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// facts gathers what the approvers are shown beside a request that waits for them. What is not known is left out: nobody
// waits for it.
func (p *Messenger) facts(ctx context.Context, s approval.Story) view.Facts {
	if !s.AwaitsApprover() {
		return view.Facts{}
	}
	f := view.Facts{VisibleTo: p.deciders(ctx, s)}
	if s.State != approval.Pending {
		return f
	}
	if user, err := p.readers.People.Person(ctx, s.Requester); err == nil {
		f.Name, f.Title = cmp.Or(user.Profile.RealName, user.RealName, user.Profile.DisplayName), user.Profile.Title
		f.Photo, f.Guest = user.Profile.Image72, user.IsRestricted || user.IsUltraRestricted
	}
	earlier, err := p.service.Earlier(ctx, s.Request)
	if err != nil {
		p.log.Warn("it is not shown what somebody has asked for before", "request", s.ID, "error", err)
	}
	f.Earlier, f.Known = slices.DeleteFunc(earlier, func(e approval.Story) bool { return e.Reset }), err == nil
	return f
}

// deciders returns the ids of all who may decide on a request; none where that is not known.
func (p *Messenger) deciders(ctx context.Context, s approval.Story) (ids []string) {
	for _, id := range slices.Concat(s.Rules.Approvers, s.Fallback) {
		members := []string{id}
		if approval.IsGroup(id) {
			var err error
			if members, err = p.readers.People.Roster(ctx, id); err != nil {
				return nil
			}
		}
		for _, member := range members {
			who := slackapi.Identity(member, p.readers.People.Known(member))
			ids = append(ids, who.ID, who.Also)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
