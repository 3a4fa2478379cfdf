package store

import (
	"context"
	"fmt"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Change implements [approval.Tx].
func (tx *Tx) Change(ctx context.Context, requestID int64, c approval.Change) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO change (request_id, number, person, old_username, old_mod, new_username, new_mod, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		requestID, c.Number, c.Person, c.Before.Username, c.Before.Mod, c.After.Username, c.After.Mod, c.At.UnixMilli())
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE request SET username = $1, mod = $2 WHERE id = $3`, c.After.Username, c.After.Mod, requestID)
	}
	if err != nil {
		return fmt.Errorf("store what is changed of request %d: %w", requestID, err)
	}
	return nil
}

func (tx *Tx) changes(ctx context.Context, requestID int64) ([]approval.Change, error) {
	const doing = "read the changes"
	found, err := tx.QueryContext(ctx, `SELECT number, person, old_username, old_mod, new_username, new_mod, at FROM change
		WHERE request_id = $1 ORDER BY number`, requestID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return rows.Collect(found, doing, func(row rows.Scanner) (c approval.Change, err error) {
		var at int64
		err = row.Scan(&c.Number, &c.Person, &c.Before.Username, &c.Before.Mod, &c.After.Username, &c.After.Mod, &at)
		c.At = rows.Moment(at)
		return c, err
	})
}
