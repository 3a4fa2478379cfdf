package approval

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

	damaged bool
}

// Damaged reports whether the database holds something for the event that can't have been written there, such as
// text for its time. What can't be read of it is zero.
func (e Event) Damaged() bool { return e.damaged }

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
	e.Actor, e.Detail = storable(e.Actor), storable(e.Detail)
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

// storable drops what PostgreSQL takes in no text. Forged ids may hold it, and are to be found in the audit log.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

const eventColumns = `seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash`

// scanEvent reads an event whatever it holds by now: one that somebody has changed is to be shown, and found.
func scanEvent(row scanner) (Event, error) {
	var e Event
	var at int64
	var timeless bool
	odd := &e.damaged
	err := row.Scan(&e.Seq, number(&at, &timeless), number(&e.RequestID, odd), text(&e.Actor, odd), text(&e.Action, odd),
		text(&e.From, odd), text(&e.To, odd), text(&e.Detail, odd), text(&e.PrevHash, odd), text(&e.Hash, odd))
	if e.At = moment(at); timeless || e.At.Year() < 0 || e.At.Year() > 9999 { // other years have no form in JSON
		e.At, e.damaged = time.Time{}, true
	}
	return e, err
}

// Events returns the audit events of a request, oldest first; of all requests for 0.
func (s *Service) Events(ctx context.Context, requestID int64) ([]Event, error) {
	var events []Event
	err := s.db.read(ctx, func(tx *sql.Tx) (err error) {
		events, err = eventsWhere(ctx, tx, EventFilter{RequestID: requestID}, nil, 0)
		return err
	})
	return events, err
}

// EventFilter chooses audit events. What is zero does not narrow the choice.
type EventFilter struct {
	RequestID int64
	Actor     string
	Action    string
	Since     time.Time // the first moment that is meant
	Until     time.Time // the first moment that no longer is
}

// eventsWhere returns the chosen events behind the last one that is known, or from the first on; limit 0 means all
// of them.
func eventsWhere(ctx context.Context, tx *sql.Tx, f EventFilter, last *Event, limit int) ([]Event, error) {
	var c conditions
	if last != nil {
		c.add(`seq > `, last.Seq)
	}
	c.addIf(f.RequestID != 0, `request_id = `, f.RequestID)
	c.addIf(f.Actor != "", `actor = `, f.Actor)
	c.addIf(f.Action != "", `action = `, f.Action)
	c.addIf(!f.Since.IsZero(), `at >= `, f.Since.UnixMilli())
	c.addIf(!f.Until.IsZero(), `at < `, f.Until.UnixMilli())
	rows, err := tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM event`+c.where()+` ORDER BY seq`+limited(limit), c.args...)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return collect(rows, "read the audit log", scanEvent)
}
