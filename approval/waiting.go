package approval

import (
	"context"
	"slices"
	"time"
)

// This file holds what happens while nobody decides: the approvers are reminded, at half of the time others are asked as
// well, and the requester is told whose turn it is. One job of the request says it all; what it has said is known by its
// messages, so that each is there once, and after an outage only what is due then.

// remindEvery is how often those are reminded who may decide, after the first time.
const remindEvery = 24 * time.Hour

// waitsSince tells since when a request waits for its approval: since it was asked for, or its time began anew.
func (s *Service) waitsSince(r Request) time.Time {
	since := r.ExpiresAt.Add(-s.rules(r).Expiry)
	if since.Before(r.CreatedAt) { // it was asked for while the time to decide was less
		return r.CreatedAt
	}
	return since
}

// halfTime tells when a request is passed on to the fallback.
func (s *Service) halfTime(r Request) time.Time {
	since := s.waitsSince(r)
	return since.Add(r.ExpiresAt.Sub(since) / 2)
}

// isToBePassedOn reports whether the fallback is asked at half of the time.
func (s *Service) isToBePassedOn(r Request) bool {
	return len(s.conf.Fallback) > 0 && r.PassedAt.IsZero()
}

// PassOn lets the fallback decide as well on a request that has waited for half of its time. It returns the request as
// it is then.
func (s *Service) PassOn(ctx context.Context, story Story) (Story, error) {
	isDue := func(r Request) bool {
		now := s.now()
		return r.State == Pending && !r.AwaitsSponsor() && s.isToBePassedOn(r) && !now.Before(s.halfTime(r)) && now.Before(r.ExpiresAt)
	}
	if !isDue(story.Request) {
		return story, nil
	}
	err := s.change(ctx, story.ID, "pass_on", func(r *Request) bool {
		due := isDue(*r)
		if due {
			r.PassedAt = s.now()
		}
		return due
	})
	if err != nil {
		return story, err
	}
	return s.Story(ctx, story.ID)
}

// firstReminder tells when there is first something to say about a request that waits, and whether there ever is.
func (s *Service) firstReminder(r Request) (at time.Time, wanted bool) {
	reminder := s.rules(r).Reminder
	at = s.waitsSince(r).Add(reminder)
	if half := s.halfTime(r); s.isToBePassedOn(r) && (half.Before(at) || reminder == 0) {
		at = half
	}
	return at, reminder > 0 || len(s.conf.Fallback) > 0
}

// Due returns what is to be said now about a request that waits, and in what time more may be; 0 where it does not wait
// any more.
func (s *Service) Due(story Story) (say []Purpose, next time.Duration) {
	now := s.now()
	if story.State != Pending || !now.Before(story.ExpiresAt) {
		return nil, 0
	}
	if story.AwaitsSponsor() {
		return s.dueOfSponsor(story, now)
	}
	then := []time.Time{story.ExpiresAt}
	said := func(p Purpose) bool {
		_, is := story.Message(p)
		return is || slices.Contains(say, p)
	}
	if len(story.Fallback) > 0 && !said(PurposeFallback) {
		say = append(say, PurposeFallback)
	}
	if s.isToBePassedOn(story.Request) {
		then = append(then, s.halfTime(story.Request))
	}
	if story.Rules.Reminder > 0 {
		what, at := s.reminder(story)
		if what == PurposeDaily && slices.Contains(say, PurposeFallback) {
			at = now.Add(remindEvery)
		}
		if !now.Before(at) {
			say, at = append(say, what), now.Add(remindEvery)
		}
		then = append(then, at)
	}
	switch { // only the last of these steps, where several were missed
	case said(PurposeFallback) && !said(PurposePassedOn):
		say = append(say, PurposePassedOn)
	case said(PurposeReminder) && !said(PurposeReminded) && !said(PurposePassedOn):
		say = append(say, PurposeReminded)
	}
	return say, max(slices.MinFunc(then, time.Time.Compare).Sub(now), time.Millisecond)
}

// reminder tells which reminder is the next, and when it is due: a day after people were last urged.
func (s *Service) reminder(story Story) (what Purpose, at time.Time) {
	at = s.waitsSince(story.Request).Add(story.Rules.Reminder)
	if _, reminded := story.Message(PurposeReminder); !reminded {
		return PurposeReminder, at
	}
	return PurposeDaily, story.urgedAgain(at)
}

// urgedAgain is a moment, or a day after people were last urged, if that is later.
func (s Story) urgedAgain(at time.Time) time.Time {
	for _, m := range s.Messages {
		if next := m.At.Add(remindEvery); m.Purpose.Urges() && next.After(at) {
			at = next
		}
	}
	return at
}
