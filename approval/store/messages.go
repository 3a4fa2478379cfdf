package store

import (
	"context"
	"fmt"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// SaveMessage implements [approval.Tx].
func (tx *Tx) SaveMessage(ctx context.Context, requestID int64, m approval.Message, at time.Time) error {
	return tx.exec(ctx, fmt.Sprintf("remember a message of request %d", requestID),
		`INSERT INTO message (request_id, purpose, place, ref, version, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (request_id, purpose, place, ref) DO UPDATE SET version = excluded.version`,
		requestID, string(m.Purpose), m.Place, m.Ref, m.Version, at.UnixMilli())
}

// DeleteMessage implements [approval.Tx].
func (tx *Tx) DeleteMessage(ctx context.Context, requestID int64, m approval.Message) error {
	return tx.exec(ctx, fmt.Sprintf("forget a message of request %d", requestID),
		`DELETE FROM message WHERE request_id = $1 AND purpose = $2 AND place = $3 AND ref = $4`, requestID, string(m.Purpose), m.Place, m.Ref)
}

// Messages implements [approval.Tx].
func (tx *Tx) Messages(ctx context.Context, requestID int64) ([]approval.Message, error) {
	return rows.Query(ctx, tx, "read the messages", func(row rows.Scanner) (m approval.Message, err error) {
		var at int64
		err = row.Scan(&m.Purpose, &m.Place, &m.Ref, &m.Version, &at)
		m.At = rows.Moment(at)
		return m, err
	}, `SELECT purpose, place, ref, version, at FROM message WHERE request_id = $1 ORDER BY at, ref`, requestID)
}
