package approval

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// This file writes refusals into the audit log. It keeps each event for good, so nobody may fill it: of what one person
// is refused again and again, the first is written at once, and how many more there were in one event when the hour is
// over.

// refusals counts those of the last hour, in this process. One that is killed, or whose database is away when
// they are due, forgets the counts, and no first one.
type refusals struct {
	mu     sync.Mutex
	counts map[refused]tally
}

// refused is what counts as the same.
type refused struct{ person, action, why string }

type tally struct {
	since time.Time // when the first was
	more  int       // beside it
}

// isFirst counts a refusal, and reports whether it is the first.
func (r *refusals) isFirst(what refused, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, counted := r.counts[what]
	if !counted {
		r.counts[what] = tally{since: now}
		return true
	}
	t.more++
	r.counts[what] = t
	return false
}

// forget makes the next one the first.
func (r *refusals) forget(what refused) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.counts, what)
}

// takeBefore returns what was first refused before a time, and more than once, and counts anew from now on.
func (r *refusals) takeBefore(end time.Time) map[refused]tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	several := map[refused]tally{}
	for what, t := range r.counts {
		if t.since.After(end) {
			continue
		}
		delete(r.counts, what)
		if t.more > 0 {
			several[what] = t
		}
	}
	return several
}

// recordRefusal writes down that a person was refused something, with what it was about, unless it is only counted. The
// request need not exist.
func (s *Service) recordRefusal(ctx context.Context, id int64, what refused, about string) error {
	if !s.refusals.isFirst(what, s.now()) {
		return nil
	}
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, id)
		if err != nil && Refused(err) == nil {
			return err
		}
		if r.ID == 0 && id != 0 {
			about = fmt.Sprintf(" (request %d)", id)
		}
		return s.record(ctx, tx, r, what.person, "refused", r.State, what.action+": "+what.why+about)
	})
	if err != nil {
		s.refusals.forget(what)
		return fmt.Errorf("write a refusal into the audit log: %w", err)
	}
	return nil
}

// countedFor is how long refusals are counted before their number is written.
const countedFor = time.Hour

// RecordCounts writes down how many more refusals there were, of the hours that are over; at the end of the process, of
// all.
func (s *Service) RecordCounts(ctx context.Context, atEnd bool) error {
	end := s.now()
	if !atEnd {
		end = end.Add(-countedFor)
	}
	several := s.refusals.takeBefore(end)
	if len(several) == 0 {
		return nil
	}
	err := s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		for what, t := range several {
			detail := fmt.Sprintf("%s: %s (%d more since %s)", what.action, what.why, t.more, t.since.UTC().Format(time.RFC3339))
			if err := s.record(ctx, tx, Request{}, what.person, "refused", "", detail); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write into the audit log how often %d things were refused again: %w", len(several), err)
	}
	return nil
}

// TurnAway writes into the audit log that somebody wanted to act who was not let in. The request need not exist.
func (s *Service) TurnAway(ctx context.Context, id int64, person, action, why string) error {
	return s.recordRefusal(ctx, id, refused{s.people.Identify(ctx, person).ID, action, why}, "")
}
