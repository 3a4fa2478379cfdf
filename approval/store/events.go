package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
)

// Append implements [approval.Tx].
func (tx *Tx) Append(ctx context.Context, e approval.Event) error {
	return audit.Append(ctx, tx.Tx, tx.db.keys, e)
}

// LastEvent implements [approval.Tx].
func (tx *Tx) LastEvent(ctx context.Context) (int64, error) {
	var last sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT max(seq) FROM event`).Scan(&last); err != nil {
		return 0, fmt.Errorf("look for the last event: %w", err)
	}
	return last.Int64, nil
}

// Signed implements [approval.Tx].
func (tx *Tx) Signed(ctx context.Context, requestID int64) ([]approval.Event, error) {
	events, err := tx.Events(ctx, requestID)
	return slices.DeleteFunc(events, func(e approval.Event) bool { return !audit.IsSigned(e, tx.db.keys) }), err
}

// Events implements [approval.Tx].
func (tx *Tx) Events(ctx context.Context, requestID int64) ([]approval.Event, error) {
	return audit.Events(ctx, tx.Tx, audit.Filter{RequestID: requestID}, nil, 0)
}
