package store

import (
	"context"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Pending implements [approval.Tx].
func (tx *Tx) Pending(ctx context.Context) ([]approval.Request, error) {
	return tx.requests(ctx, "read the requests that wait for approval", `state = 'pending' ORDER BY id`)
}

// Digests implements [approval.Tx].
func (tx *Tx) Digests(ctx context.Context) ([]approval.DigestMessage, error) {
	return rows.Query(ctx, tx, "read where the digests are", func(row rows.Scanner) (m approval.DigestMessage, err error) {
		var at int64
		err = row.Scan(&m.Channel, &m.Place, &m.Ref, &m.Shows, &at)
		m.At = rows.Moment(at)
		return m, err
	}, `SELECT channel, place, ref, shows, at FROM digest ORDER BY channel`)
}

// SaveDigest implements [approval.Tx].
func (tx *Tx) SaveDigest(ctx context.Context, m approval.DigestMessage) error {
	return tx.exec(ctx, "remember the digest", `INSERT INTO digest (channel, place, ref, shows, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (channel) DO UPDATE SET place = excluded.place, ref = excluded.ref, shows = excluded.shows, at = excluded.at`,
		m.Channel, m.Place, m.Ref, m.Shows, m.At.UnixMilli())
}

// DeleteDigest implements [approval.Tx].
func (tx *Tx) DeleteDigest(ctx context.Context, channel string) error {
	return tx.exec(ctx, "forget the digest", `DELETE FROM digest WHERE channel = $1`, channel)
}
