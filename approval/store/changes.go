package store

import (
	"context"
	"fmt"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Change implements [approval.Tx].
func (tx *Tx) Change(ctx context.Context, requestID int64, c approval.Change) error {
	doing := fmt.Sprintf("store what is changed of request %d", requestID)
	err := tx.exec(ctx, doing, `INSERT INTO change (request_id, number, person, old_username, old_mod, new_username, new_mod, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		requestID, c.Number, c.Person, c.Before.Username, c.Before.Mod, c.After.Username, c.After.Mod, c.At.UnixMilli())
	if err != nil {
		return err
	}
	return tx.exec(ctx, doing, `UPDATE request SET username = $1, mod = $2 WHERE id = $3`, c.After.Username, c.After.Mod, requestID)
}

func (tx *Tx) changes(ctx context.Context, requestID int64) ([]approval.Change, error) {
	return rows.Query(ctx, tx, "read the changes", func(row rows.Scanner) (c approval.Change, err error) {
		var at int64
		err = row.Scan(&c.Number, &c.Person, &c.Before.Username, &c.Before.Mod, &c.After.Username, &c.After.Mod, &at)
		c.At = rows.Moment(at)
		return c, err
	}, `SELECT number, person, old_username, old_mod, new_username, new_mod, at FROM change WHERE request_id = $1 ORDER BY number`, requestID)
}
