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
	_, err := tx.ExecContext(ctx, `INSERT INTO message (request_id, purpose, place, ref, version, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (request_id, purpose, place, ref) DO UPDATE SET version = excluded.version`,
		requestID, string(m.Purpose), m.Place, m.Ref, m.Version, at.UnixMilli())
	if err != nil {
		return fmt.Errorf("remember a message of request %d: %w", requestID, err)
	}
	return nil
}

// DeleteMessage implements [approval.Tx].
func (tx *Tx) DeleteMessage(ctx context.Context, requestID int64, m approval.Message) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM message WHERE request_id = $1 AND purpose = $2 AND place = $3 AND ref = $4`,
		requestID, string(m.Purpose), m.Place, m.Ref)
	if err != nil {
		return fmt.Errorf("forget a message of request %d: %w", requestID, err)
	}
	return nil
}

// Messages implements [approval.Tx].
func (tx *Tx) Messages(ctx context.Context, requestID int64) ([]approval.Message, error) {
	found, err := tx.QueryContext(ctx, `SELECT purpose, place, ref, version, at FROM message WHERE request_id = $1 ORDER BY at, ref`, requestID)
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	defer found.Close()
	var messages []approval.Message
	for found.Next() {
		var m approval.Message
		var at int64
		if err := found.Scan(&m.Purpose, &m.Place, &m.Ref, &m.Version, &at); err != nil {
			return nil, fmt.Errorf("read the messages: %w", err)
		}
		m.At = rows.Moment(at)
		messages = append(messages, m)
	}
	return messages, found.Err()
}
