package store

import (
	"context"
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

// Digests implements [approval.Tx].
func (tx *Tx) Digests(ctx context.Context) ([]approval.DigestMessage, error) {
	const doing = "read where the digests are"
	found, err := tx.QueryContext(ctx, `SELECT channel, place, ref, shows, at FROM digest ORDER BY channel`)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return rows.Collect(found, doing, func(row rows.Scanner) (m approval.DigestMessage, err error) {
		var at int64
		err = row.Scan(&m.Channel, &m.Place, &m.Ref, &m.Shows, &at)
		m.At = rows.Moment(at)
		return m, err
	})
}

// SaveDigest implements [approval.Tx].
func (tx *Tx) SaveDigest(ctx context.Context, m approval.DigestMessage) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO digest (channel, place, ref, shows, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (channel) DO UPDATE SET place = excluded.place, ref = excluded.ref, shows = excluded.shows, at = excluded.at`,
		m.Channel, m.Place, m.Ref, m.Shows, m.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("remember the digest: %w", err)
	}
	return nil
}

// DeleteDigest implements [approval.Tx].
func (tx *Tx) DeleteDigest(ctx context.Context, channel string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM digest WHERE channel = $1`, channel); err != nil {
		return fmt.Errorf("forget the digest: %w", err)
	}
	return nil
}
