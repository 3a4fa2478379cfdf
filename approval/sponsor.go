package approval

import (
	"context"
	"errors"
	"slices"
	"time"
)

// This file holds what a sponsor does. Where the rules of a cluster want one, who asks names them: they approve first, and
// then the approvers decide. The request stays pending over both steps.

// lacksSponsor reports whether the sponsor whom a request has did not approve.
func (r Request) lacksSponsor() bool { return r.Sponsor != "" && r.SponsoredAt.IsZero() }

// AwaitsSponsor reports whether a request waits for its sponsor, before the approvers are asked.
func (r Request) AwaitsSponsor() bool { return r.State == Pending && r.lacksSponsor() }

// SponsorSilent reports whether a request has expired without an answer of its sponsor.
func (r Request) SponsorSilent() bool { return r.State == Expired && r.lacksSponsor() }

// sponsors returns the sponsor, while it is their turn.
func (r Request) sponsors() []string {
	if !r.AwaitsSponsor() {
		return nil
	}
	return []string{r.Sponsor}
}

// Card returns the purpose of the message with the buttons by which a request is decided now.
func (r Request) Card() Purpose {
	if r.AwaitsSponsor() {
		return PurposeSponsor
	}
	return PurposeApproval
}

// sponsorship is what a sponsor approves, as the audit log tells it. The approvers can't change any of it.
func (r Request) sponsorship() string {
	return Asked{{"sponsor", r.Sponsor}, {"requester", r.Requester}, {"cluster", r.ClusterID}, {"until", r.Until}}.String()
}

// isSponsoredBy tells whether an event says that the sponsor's approval was given: at the time, or signed with another key
// later.
func (r Request) isSponsoredBy(e Event) bool {
	return (e.Action == "sponsor" || e.Action == "sign") && e.Detail == r.sponsorship()
}

// IsToSponsor reports whether a question was asked while it was the sponsor's turn.
func (s Story) IsToSponsor(q Question) bool {
	return s.Sponsor != "" && (s.SponsoredAt.IsZero() || q.At.Before(s.SponsoredAt))
}

// IsOver reports whether a message urges people to decide whose turn is over.
func (s Story) IsOver(m Message) bool {
	return m.Purpose.Urges() && (s.State != Pending || m.At.Before(s.SponsoredAt)) || m.Purpose == PurposeSponsorReminder && !s.AwaitsSponsor()
}

// SponsoringIsTold reports whether the requester knows that the sponsor has approved, if that is of use to them.
func (s Story) SponsoringIsTold() bool {
	_, told := s.Message(PurposeSponsored)
	return told || s.State != Pending || s.SponsoredAt.IsZero()
}

// OpensForm reports whether who asks by a command is shown the form, as they can give there what is missing.
func (k Kind) OpensForm() bool { return k == KindPolicy || k == KindSponsor }

// sponsorOf returns the sponsor whom an ask names, by the id by which people are stored; none where none is wanted.
func (s *Service) sponsorOf(ctx context.Context, a Ask) string {
	cluster, known := s.conf.Cluster(a.Cluster)
	if a.Sponsor == "" || a.Reset || !known || !s.conf.Of(cluster.ID).Sponsored {
		return ""
	}
	return s.people.Identify(ctx, a.Sponsor).ID
}

// checkSponsor refuses an ask without the sponsor whom its cluster wants, and one with somebody who can't be it. Who is not
// known now is accepted: they are looked at again when they decide.
func (s *Service) checkSponsor(ctx context.Context, a Ask, who Person) Refusals {
	cluster, known := s.conf.Cluster(a.Cluster)
	switch {
	case !known || !s.conf.Of(cluster.ID).Sponsored || a.exempt != "":
		return nil
	case a.Sponsor == "":
		return Refusals{{Kind: KindSponsor}}
	case who.Is(a.Sponsor):
		return Refusals{{Kind: KindSponsorSelf}}
	case errors.Is(s.people.Requester(ctx, a.Sponsor, recheckedWithin), ErrGone):
		return Refusals{{Kind: KindSponsorGone, Value: a.Sponsor}}
	}
	return nil
}

// sponsor notes the sponsor's approval. The time to decide starts anew, as the approvers are asked only now; and so does that
// after which the requester can have them reminded.
func (s *Service) sponsor(ctx context.Context, tx Tx, r *Request, at scene) error {
	r.SponsoredAt = s.now()
	r.ExpiresAt, r.RemindedAt = r.SponsoredAt.Add(s.rules(*r).Expiry), time.Time{}
	if err := s.note(ctx, tx, r, at.who.ID, "sponsor", r.sponsorship()); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, TellJob)
}

// sponsorIsThrough reports whether a decision was meant as the sponsor's, which is there already. Where the sponsor is an
// approver as well, it must not be taken for the approver's: people press twice, and send a form again.
func (at scene) sponsorIsThrough(on Target) bool { return on.OfSponsor && !at.AwaitsSponsor() }

// hadSponsor tells a sponsor who comes again that their turn is over, and not that they are no approver.
func (at scene) hadSponsor() *Refusal {
	if at.State == Pending {
		return &Refusal{Kind: KindSponsored, Story: at.Story}
	}
	return &Refusal{Kind: KindDecided, Story: at.Story}
}

// dueOfSponsor is [Service.Due] while it is the sponsor's turn. It is looked again before anything could be due, were the
// approvers asked now.
func (s *Service) dueOfSponsor(story Story, now time.Time) (say []Purpose, next time.Duration) {
	then := []time.Time{story.ExpiresAt}
	if story.Rules.Reminder > 0 {
		at := story.urgedAgain(s.waitsSince(story.Request).Add(story.Rules.Reminder))
		if !now.Before(at) {
			say, at = append(say, PurposeSponsorReminder), now.Add(remindEvery)
		}
		then = append(then, at)
	}
	asked := story.Request
	asked.ExpiresAt = now.Add(story.Rules.Expiry)
	if at, wanted := s.firstReminder(asked); wanted {
		then = append(then, at)
	}
	return say, max(slices.MinFunc(then, time.Time.Compare).Sub(now), time.Millisecond)
}
