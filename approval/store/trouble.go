package store

import (
	"context"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Troubles implements [approval.Tx].
func (tx *Tx) Troubles(ctx context.Context, requestID int64) ([]approval.Trouble, error) {
	return rows.Query(ctx, tx, "read who can't log in", func(row rows.Scanner) (t approval.Trouble, err error) {
		var at int64
		err = row.Scan(&t.Number, &t.Envelope, &t.Sees, &t.Words, &at)
		t.At = rows.Moment(at)
		return t, err
	}, `SELECT number, envelope, sees, words, at FROM trouble WHERE request_id = $1 ORDER BY number`, requestID)
}

// AddTrouble implements [approval.Tx].
func (tx *Tx) AddTrouble(ctx context.Context, requestID int64, t approval.Trouble) error {
	return tx.exec(ctx, "store that somebody can't log in",
		`INSERT INTO trouble (request_id, number, envelope, sees, words, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		requestID, t.Number, t.Envelope, string(t.Sees), t.Words, t.At.UnixMilli())
}
