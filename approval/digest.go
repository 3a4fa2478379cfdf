package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// DigestMessage is where the digest of a channel is. One without a Ref is none.
type DigestMessage struct {
	Channel    string    // as in [Rules]
	Place, Ref string    // as in a [Message]
	Shows      string    // the requests that it shows, see [Digest.Shows]
	At         time.Time // when it was posted
}

// Digest is what the digest of a channel is to show, and the one that there is.
type Digest struct {
	Channel string  // as in [Rules]
	Waiting []Story // the oldest first, up to [SeveralMax]
	Count   int     // of all that wait
	Now     time.Time
	Posted  DigestMessage
}

// Wanted reports whether enough waits.
func (d Digest) Wanted() bool { return d.Count > DigestOver }

// IsThere reports whether there is a digest, or is to be one.
func (d Digest) IsThere() bool { return d.Wanted() || d.Posted.Ref != "" }

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

// Digests returns what the digest of each channel is to show now, of those in which something waits, or that have one.
func (s *Service) Digests(ctx context.Context) (digests []Digest, err error) {
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		pending, err := tx.Pending(ctx)
		if err != nil {
			return err
		}
		pending = slices.DeleteFunc(pending, Request.AwaitsSponsor)
		if digests, err = s.digests(ctx, tx, pending); err != nil {
			return err
		}
		for i, d := range digests {
			there := slices.DeleteFunc(slices.Clone(pending), func(r Request) bool { return s.rules(r).Channel != d.Channel })
			if digests[i].Waiting, err = s.stories(ctx, tx, there[:min(len(there), SeveralMax)]); err != nil {
				return err
			}
		}
		return nil
	})
	return digests, err
}

// digests tells of each channel how many requests wait there, and where its digest is.
func (s *Service) digests(ctx context.Context, tx Tx, pending []Request) ([]Digest, error) {
	posted, err := tx.Digests(ctx)
	if err != nil {
		return nil, err
	}
	of := map[string]*Digest{}
	in := func(channel string) *Digest {
		if of[channel] == nil {
			of[channel] = &Digest{Channel: channel, Now: s.now()}
		}
		return of[channel]
	}
	for _, m := range posted {
		in(m.Channel).Posted = m
	}
	for _, r := range pending {
		in(s.rules(r).Channel).Count++
	}
	var digests []Digest
	for _, channel := range slices.Sorted(maps.Keys(of)) {
		digests = append(digests, *of[channel])
	}
	return digests, nil
}

// ClaimDigest remembers a digest that takes the place of another, and returns the one that counts: where another process
// has posted one meanwhile, that one.
func (s *Service) ClaimDigest(ctx context.Context, m, former DigestMessage) (first DigestMessage, err error) {
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		posted, err := tx.Digests(ctx)
		if err != nil {
			return err
		}
		for _, first = range posted {
			if first.Channel == m.Channel && first.Ref != former.Ref {
				return nil
			}
		}
		first = m
		return tx.SaveDigest(ctx, m)
	})
	return first, err
}

// ForgetDigest forgets a digest, which no longer exists.
func (s *Service) ForgetDigest(ctx context.Context, m DigestMessage) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.DeleteDigest(ctx, m.Channel) })
}

// Decidable returns the requests that a person may decide on now, the oldest first, up to [SeveralMax]. Somebody who may
// decide on none, because they are no approver, gets a *Refusal.
func (s *Service) Decidable(ctx context.Context, person string) (stories []Story, err error) {
	who := s.people.Identify(ctx, person)
	pending, err := s.pending(ctx)
	if err != nil {
		return nil, err
	}
	decides := s.decides(ctx, who, pending, 0)
	if refusal := decides.nothing(); refusal != nil {
		s.unrecorded(s.TurnAway(ctx, 0, person, "decide", string(refusal.Kind)))
		return nil, refusal
	}
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		for _, r := range pending {
			if len(stories) == SeveralMax {
				return nil
			}
			if !decides.on(r) {
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

// pending returns the requests that wait for approval, the oldest first.
func (s *Service) pending(ctx context.Context) ([]Request, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) ([]Request, error) { return tx.Pending(ctx) })
}
