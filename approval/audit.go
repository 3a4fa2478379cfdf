package approval

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Event is one entry of the audit log: who did what to which request, when, and how its state changed. Events
// are only ever appended, in one row of hashes: each holds the hash of the one before it.
type Event struct {
	Seq       int64     `json:"seq"` // 1, 2, 3, … without a gap
	At        time.Time `json:"at"`
	RequestID int64     `json:"request_id"` // 0: about no request
	Actor     string    `json:"actor"`      // id of the person, or [System]
	Action    string    `json:"action"`     // such as ask, approve, deny, provision, deliver, refused
	From      State     `json:"from_state"` // empty: there was none
	To        State     `json:"to_state"`   // equal to From where the state stayed
	Detail    string    `json:"detail"`     // a sentence for the reader; never a secret
	PrevHash  string    `json:"prev_hash"`  // of the event before; empty for the first
	Hash      string    `json:"hash"`
}

// System is the actor of what happens by itself.
const System = "ehpcbot"

// hash is over every field but itself, in a form in which no field can reach into its neighbour.
func (e Event) hash() (string, error) {
	fields, err := json.Marshal([]any{e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, e.From, e.To, e.Detail, e.PrevHash})
	if err != nil {
		return "", fmt.Errorf("hash an audit event: %w", err)
	}
	sum := sha256.Sum256(fields)
	return hex.EncodeToString(sum[:]), nil
}

// appendEvent adds an event behind the last one. The caller's transaction is the only one that writes, so
// the row has no gap and no fork.
func appendEvent(ctx context.Context, tx *sql.Tx, e Event) error {
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1`).Scan(&e.Seq, &e.PrevHash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the last audit event: %w", err)
	}
	e.Seq++
	if e.Hash, err = e.hash(); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO event (seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, string(e.From), string(e.To), e.Detail, e.PrevHash, e.Hash)
	if err != nil {
		return fmt.Errorf("append an audit event: %w", err)
	}
	return nil
}

// Events returns the audit events of a request, oldest first; of all requests for 0.
func (s *Service) Events(ctx context.Context, requestID int64) ([]Event, error) {
	var events []Event
	err := s.db.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash
			FROM event WHERE $1 = 0 OR request_id = $1 ORDER BY seq`, requestID)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Event
			var at int64
			if err := rows.Scan(&e.Seq, &at, &e.RequestID, &e.Actor, &e.Action, &e.From, &e.To, &e.Detail, &e.PrevHash, &e.Hash); err != nil {
				return err
			}
			e.At = time.UnixMilli(at).UTC()
			events = append(events, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return events, nil
}
