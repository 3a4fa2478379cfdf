package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Pending implements [approval.Tx].
func (tx *Tx) Pending(ctx context.Context) ([]approval.Request, error) {
	const doing = "read the requests that wait for approval"
	found, err := tx.QueryContext(ctx, `SELECT `+requestColumns+` FROM request WHERE state = 'pending' ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return rows.Collect(found, doing, scanRequest)
}

// Digest implements [approval.Tx].
func (tx *Tx) Digest(ctx context.Context) (m approval.DigestMessage, err error) {
	var at int64
	err = tx.QueryRowContext(ctx, `SELECT place, ref, shows, at FROM digest`).Scan(&m.Place, &m.Ref, &m.Shows, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return approval.DigestMessage{}, nil
	}
	if err != nil {
		return approval.DigestMessage{}, fmt.Errorf("read where the digest is: %w", err)
	}
	m.At = rows.Moment(at)
	return m, nil
}

// SaveDigest implements [approval.Tx].
func (tx *Tx) SaveDigest(ctx context.Context, m approval.DigestMessage) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO digest (one, place, ref, shows, at) VALUES (1, $1, $2, $3, $4)
		ON CONFLICT (one) DO UPDATE SET place = excluded.place, ref = excluded.ref, shows = excluded.shows, at = excluded.at`,
		m.Place, m.Ref, m.Shows, m.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("remember the digest: %w", err)
	}
	return nil
}

// DeleteDigest implements [approval.Tx].
func (tx *Tx) DeleteDigest(ctx context.Context) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM digest`); err != nil {
		return fmt.Errorf("forget the digest: %w", err)
	}
	return nil
}
