package approval

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Overview is what concerns one person.
type Overview struct {
	Requests Excerpt // their own that have not become accounts, the newest first
	Accounts Excerpt // their own that have, the newest first

	Decides bool           // the person is an approver, or of the fallback
	Waiting Excerpt        // for who decides: what waits for them, the oldest first
	Barred  map[int64]Kind // why they may not decide on some of it

	Administrator bool
	Counts        Counts // for an administrator

	Unsure error // it is not known now whether the person is an approver, or an administrator
}

// Excerpt is the beginning of a list.
type Excerpt struct {
	Stories []Story
	More    int // that are left out
}

// Counts tell how many requests wait for people, for the bot, and for somebody to look why they failed.
type Counts struct{ Waiting, UnderWay, Failed int }

// showTime is how old may be what is known of a group where nothing hangs on it but what is shown.
const showTime = time.Minute

// Overview returns what concerns a person, of each list at most so many.
func (s *Service) Overview(ctx context.Context, person string, most int) (o Overview, err error) {
	who := s.people.Identify(ctx, person)
	waiting, err := s.pending(ctx)
	if err != nil {
		return o, err
	}
	decides := s.decides(ctx, who, waiting, showTime)
	var unknown error
	o.Administrator, unknown = s.belongs(ctx, s.conf.Administrators, who, showTime)
	o.Decides, o.Unsure = decides.any(), errors.Join(decides.unsure, unknown)
	err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		return errors.Join(s.ownOf(ctx, tx, &o, who, most), s.waitingFor(ctx, tx, &o, decides, waiting, most), countFor(ctx, tx, &o))
	})
	return o, err
}

func (s *Service) ownOf(ctx context.Context, tx Tx, o *Overview, who Person, most int) error {
	own, err := tx.RequestsOf(ctx, who)
	if err != nil {
		return err
	}
	var requests, accounts []Request
	for _, r := range own {
		same := func(a Request) bool { return a.ClusterID == r.ClusterID && a.Username == r.Username }
		switch {
		case r.State != Delivered:
			requests = append(requests, r)
		case !slices.ContainsFunc(accounts, same): // it was asked for again, for it had been removed
			accounts = append(accounts, r)
		}
	}
	if o.Requests, err = s.excerpt(ctx, tx, requests, most); err != nil {
		return err
	}
	o.Accounts, err = s.excerpt(ctx, tx, accounts, most)
	return err
}

// waitingFor tells a person what waits for their decision.
func (s *Service) waitingFor(ctx context.Context, tx Tx, o *Overview, decides decisions, waiting []Request, most int) (err error) {
	if !o.Decides {
		return nil
	}
	waiting = slices.DeleteFunc(waiting, func(r Request) bool { return !decides.on(r) })
	if o.Waiting, err = s.excerpt(ctx, tx, waiting, most); err != nil {
		return err
	}
	o.Barred = map[int64]Kind{}
	for _, story := range o.Waiting.Stories {
		if r := Refused(s.mayDecide(scene{Story: story, who: decides.person})); r != nil {
			o.Barred[story.ID] = r.Kind
		}
	}
	return nil
}

func countFor(ctx context.Context, tx Tx, o *Overview) (err error) {
	if !o.Administrator {
		return nil
	}
	var errs [3]error
	o.Counts.Waiting, errs[0] = tx.Count(ctx, Pending)
	o.Counts.UnderWay, errs[1] = tx.Count(ctx, Approved, Provisioning, Provisioned)
	o.Counts.Failed, errs[2] = tx.Count(ctx, Failed)
	return errors.Join(errs[:]...)
}

// excerpt tells the stories of the first of so many requests.
func (s *Service) excerpt(ctx context.Context, tx Tx, requests []Request, most int) (Excerpt, error) {
	shown := min(len(requests), most)
	stories, err := s.stories(ctx, tx, requests[:shown])
	return Excerpt{Stories: stories, More: len(requests) - shown}, err
}

// Changes returns a number that grows with whatever happens to requests.
func (s *Service) Changes(ctx context.Context) (int64, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) (int64, error) { return tx.LastEvent(ctx) })
}
