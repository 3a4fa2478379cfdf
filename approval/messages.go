package approval

import (
	"context"
	"slices"
	"time"
)

// Sent remembers a message about a request, or the version of it that a known message shows by now.
func (s *Service) Sent(ctx context.Context, requestID int64, m Message) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.SaveMessage(ctx, requestID, m, s.now()) })
}

// Claim remembers a message that there is to be once, and returns the one that counts: where another process has sent
// one for the same purpose meanwhile, that one.
func (s *Service) Claim(ctx context.Context, requestID int64, m Message) (first Message, err error) {
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		known, err := tx.Messages(ctx, requestID)
		if err != nil {
			return err
		}
		same := func(k Message) bool { return k.Purpose == m.Purpose && (k.Version > 0) == (m.Version > 0) }
		if i := slices.IndexFunc(known, same); i >= 0 {
			first = known[i]
			return nil
		}
		first = m
		return tx.SaveMessage(ctx, requestID, m, s.now())
	})
	return first, err
}

// Learn remembers a message that was not known, and makes it follow the request: an approval message shows how it
// stands, and credentials are cleared when their time has come.
func (s *Service) Learn(ctx context.Context, requestID int64, m Message) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		r, err := tx.Request(ctx, requestID)
		if err != nil {
			return err
		}
		known, err := tx.Messages(ctx, requestID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(k Message) bool { return k.Place == m.Place && k.Ref == m.Ref }) {
			return nil
		}
		if err := tx.SaveMessage(ctx, requestID, m, s.now()); err != nil {
			return err
		}
		if m.Purpose == PurposeCredentials {
			return s.enqueue(ctx, tx, r, ScrubJob)
		}
		return s.enqueue(ctx, tx, r, RefreshJob)
	})
}

// Doubt has the message looked for with which an approver, or the sponsor, decides, and posted anew where it is not there any
// more: messages vanish, and channels move.
func (s *Service) Doubt(ctx context.Context, requestID int64) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return s.doubt(ctx, tx, requestID) })
}

// DoubtAll does so for all requests that are not settled, until ctx ends: one a second, since no messenger takes many more
// changes, and people, of all processes, go first.
func (s *Service) DoubtAll(ctx context.Context) error {
	unsettled, err := reading(ctx, s, func(ctx context.Context, tx Tx) ([]Request, error) { return tx.Unsettled(ctx) })
	if err != nil {
		return err
	}
	pause := time.NewTicker(time.Second)
	defer pause.Stop()
	for _, r := range unsettled {
		if !(Story{Request: r}).AwaitsApprover() {
			continue
		}
		if err := s.writeJob(ctx, func(ctx context.Context, tx Tx) error { return s.doubt(ctx, tx, r.ID) }); err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (s *Service) doubt(ctx context.Context, tx Tx, requestID int64) error {
	r, err := tx.Request(ctx, requestID)
	if err != nil || !(Story{Request: r}).AwaitsApprover() {
		return err
	}
	known, err := tx.Messages(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, m := range known {
		if m.Purpose != r.Card() {
			continue
		}
		m.Version = 0 // as if it showed nothing yet
		if err := tx.SaveMessage(ctx, r.ID, m, s.now()); err != nil {
			return err
		}
	}
	return s.enqueue(ctx, tx, r, RefreshJob)
}

// Forget forgets a message that no longer exists.
func (s *Service) Forget(ctx context.Context, requestID int64, m Message) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.DeleteMessage(ctx, requestID, m) })
}
