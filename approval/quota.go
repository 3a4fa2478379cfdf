package approval

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// quota keeps what is left of the API's calls, so that a process that starts goes on with it. With a full bucket at
// each start, a restart in a burst would go beyond what the API allows.
type quota struct {
	db       *Database
	accounts Accounts
	saved    int64 // calls that were made when it was last saved
}

// resume takes up what the last process has left.
func (q *quota) resume(ctx context.Context, s *Service) error {
	var calls float64
	var at int64
	err := q.db.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT calls, at FROM quota`).Scan(&calls, &at)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("read what is left of the API's calls: %w", err)
	}
	q.accounts.Resume(calls, max(0, s.now().Sub(moment(at))))
	return nil
}

// save stores what is left, if calls were made since that was done.
func (q *quota) save(ctx context.Context, s *Service) error {
	left, made := q.accounts.Left()
	if made == q.saved {
		return nil
	}
	err := q.db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO quota (one, calls, at) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET calls = excluded.calls, at = excluded.at`, left, s.now().UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("store what is left of the API's calls: %w", err)
	}
	q.saved = made
	return nil
}
