package store

import (
	"context"
	"fmt"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Troubles implements [approval.Tx].
func (tx *Tx) Troubles(ctx context.Context, requestID int64) ([]approval.Trouble, error) {
	const doing = "read who can't log in"
	found, err := tx.QueryContext(ctx, `SELECT number, envelope, sees, words, at FROM trouble WHERE request_id = $1 ORDER BY number`, requestID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return rows.Collect(found, doing, func(row rows.Scanner) (t approval.Trouble, err error) {
		var at int64
		err = row.Scan(&t.Number, &t.Envelope, &t.Sees, &t.Words, &at)
		t.At = rows.Moment(at)
		return t, err
	})
}

// AddTrouble implements [approval.Tx].
func (tx *Tx) AddTrouble(ctx context.Context, requestID int64, t approval.Trouble) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO trouble (request_id, number, envelope, sees, words, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		requestID, t.Number, t.Envelope, string(t.Sees), t.Words, t.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("store that somebody can't log in: %w", err)
	}
	return nil
}
