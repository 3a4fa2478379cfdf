package approval

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// This file holds the digest, the message that lists what waits, and what somebody may decide of it at once.

// DigestOver is how many requests may wait without a digest.
const DigestOver = 5

// SeveralMax is how many requests can be decided at once.
const SeveralMax = 50

// digestEvery is how often the digest is posted anew. In between it is only changed.
const digestEvery = 24 * time.Hour

// DigestMessage is where the digest is. The zero value is none.
type DigestMessage struct {
	Place, Ref string    // as in a [Message]
	Shows      string    // the requests that it shows, see [Digest.Shows]
	At         time.Time // when it was posted
}

// Digest is what the digest is to show, and the one that there is.
type Digest struct {
	Waiting []Story // the oldest first, up to [SeveralMax]
	Count   int     // of all that wait
	Now     time.Time
	Posted  DigestMessage
}

// Wanted reports whether enough waits.
func (d Digest) Wanted() bool { return d.Count > DigestOver }

// IsOld reports whether the digest that there is, if any, is not of today.
func (d Digest) IsOld() bool {
	age := d.Now.Sub(d.Posted.At) // which a clock that was set makes negative
	return age >= digestEvery || age <= -digestEvery
}

// Shows names what the digest shows, for a comparison.
func (d Digest) Shows() string {
	words := []string{fmt.Sprint(d.Count)}
	for _, s := range d.Waiting {
		words = append(words, fmt.Sprint(s.ID))
	}
	return strings.Join(words, " ")
}

// Digest returns what the digest is to show now.
func (s *Service) Digest(ctx context.Context) (d Digest, err error) {
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		pending, err := tx.Pending(ctx)
		if err != nil {
			return err
		}
		d = Digest{Count: len(pending), Now: s.now()}
		if d.Posted, err = tx.Digest(ctx); err != nil {
			return err
		}
		for _, r := range pending[:min(len(pending), SeveralMax)] {
			story, err := s.story(ctx, tx, r)
			if err != nil {
				return err
			}
			d.Waiting = append(d.Waiting, story)
		}
		return nil
	})
	return d, err
}

// ClaimDigest remembers a digest that takes the place of another, and returns the one that counts: where another process
// has posted one meanwhile, that one.
func (s *Service) ClaimDigest(ctx context.Context, m, former DigestMessage) (first DigestMessage, err error) {
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if first, err = tx.Digest(ctx); err != nil || first.Ref != "" && first.Ref != former.Ref {
			return err
		}
		first = m
		return tx.SaveDigest(ctx, m)
	})
	return first, err
}

// ForgetDigest forgets the digest, which no longer exists.
func (s *Service) ForgetDigest(ctx context.Context) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.DeleteDigest(ctx) })
}

// Decidable returns the requests that a person may decide on now, the oldest first, up to [SeveralMax]. Somebody who may
// decide on none, because they are no approver, gets a *Refusal.
func (s *Service) Decidable(ctx context.Context, person string) (stories []Story, err error) {
	who := s.people.Identify(ctx, person)
	refusal := Refused(s.checkApprover(ctx, who, Request{}))
	isApprover := refusal == nil
	if !isApprover && s.checkApprover(ctx, who, Request{PassedAt: s.now()}) != nil {
		s.unrecorded(s.TurnAway(ctx, 0, person, "decide", string(refusal.Kind)))
		return nil, refusal
	}
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		stories = nil
		pending, err := tx.Pending(ctx)
		if err != nil {
			return err
		}
		for _, r := range pending {
			if len(stories) == SeveralMax {
				return nil
			}
			if !isApprover && r.PassedAt.IsZero() {
				continue
			}
			story, err := s.story(ctx, tx, r)
			if err != nil {
				return err
			}
			if s.mayDecide(scene{Story: story, who: who}) == nil {
				stories = append(stories, story)
			}
		}
		return nil
	})
	return stories, err
}
