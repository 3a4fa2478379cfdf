// Package audit keeps the audit log: a chain of events, each of which holds the hash of the one before it. Events are
// appended by whoever changes a request, in the same transaction, and never changed; [Verify] shows whether somebody
// did so all the same.
package audit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/rows"
)

// hashOf is over every field but itself, in a form in which no field can reach into its neighbour.
func hashOf(e approval.Event) string {
	// Numbers and texts can always be encoded.
	fields, _ := json.Marshal([]any{e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, e.From, e.To, e.Detail, e.PrevHash})
	sum := sha256.Sum256(fields)
	return hex.EncodeToString(sum[:])
}

// Append adds an event behind the last one. The caller's transaction is the only one that writes, so
// the row has no gap and no fork.
func Append(ctx context.Context, tx *sql.Tx, keys *keyring.Keyring, e approval.Event) error {
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1`).Scan(&e.Seq, &e.PrevHash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the last audit event: %w", err)
	}
	e.Seq++
	e.Actor, e.Detail = approval.Storable(e.Actor), approval.Storable(e.Detail)
	e.Hash = hashOf(e)
	if keys != nil {
		e.MAC = keys.Sign(e.Hash)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO event (seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash, mac)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.Seq, e.At.UnixMilli(), e.RequestID, e.Actor, e.Action, string(e.From), string(e.To), e.Detail, e.PrevHash, e.Hash, e.MAC)
	if err != nil {
		return fmt.Errorf("append an audit event: %w", err)
	}
	return nil
}

// IsSigned tells whether an event is as the bot wrote it, which nobody can make it seem without a key.
func IsSigned(e approval.Event, keys *keyring.Keyring) bool {
	if keys == nil || e.Damaged || hashOf(e) != e.Hash {
		return false
	}
	right, _ := keys.Verify(e.Hash, e.MAC)
	return right
}

const eventColumns = `seq, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash, mac`

// eventScanner reads events one by one, whatever they hold by now: one that somebody has changed is to be shown, and
// found. What it scans into is made once, as there may be millions.
type eventScanner struct {
	event    approval.Event
	at       int64
	timeless bool
	columns  []any
}

func newEventScanner() *eventScanner {
	s := &eventScanner{}
	e, odd := &s.event, &s.event.Damaged
	s.columns = []any{
		&e.Seq, rows.Number(&s.at, &s.timeless), rows.Number(&e.RequestID, odd), rows.Text(&e.Actor, odd), rows.Text(&e.Action, odd),
		rows.Text(&e.From, odd), rows.Text(&e.To, odd), rows.Text(&e.Detail, odd), rows.Text(&e.PrevHash, odd), rows.Text(&e.Hash, odd),
		rows.Text(&e.MAC, odd),
	}
	return s
}

func (s *eventScanner) scan(row rows.Scanner) (approval.Event, error) {
	s.event.Damaged, s.timeless = false, false
	err := row.Scan(s.columns...)
	e := s.event
	if e.At = rows.Moment(s.at); s.timeless || e.At.Year() < 0 || e.At.Year() > 9999 { // other years have no form in JSON
		e.At, e.Damaged = time.Time{}, true
	}
	return e, err
}

// Filter chooses audit events. What is zero does not narrow the choice.
type Filter struct {
	RequestID int64
	Actor     string
	Action    string
	Since     time.Time // the first moment that is meant
	Until     time.Time // the first moment that no longer is
}

// Events returns the chosen events behind the last one that is known, or from the first on; limit 0 means all
// of them.
func Events(ctx context.Context, tx *sql.Tx, f Filter, last *approval.Event, limit int) ([]approval.Event, error) {
	var events []approval.Event
	err := each(ctx, tx, f, last, limit, func(e approval.Event) { events = append(events, e) })
	return events, err
}

// startQuery finds the first event from a moment on. It is not simply the first one that is later, as clocks are set. A
// plain min(seq) would tempt a database to read the events in their order until one fits.
const startQuery = `SELECT min(seq + 0) FROM event WHERE at >= $1`

// each calls do with each of the chosen events. Those of a time are found by startQuery and from there on read in their
// order; the sign before at keeps a database from sorting all of them anew for each batch.
func each(ctx context.Context, tx *sql.Tx, f Filter, last *approval.Event, limit int, do func(approval.Event)) error {
	var c rows.Conditions
	if last != nil {
		c.Add(`seq > `, last.Seq)
	} else if !f.Since.IsZero() {
		var start sql.NullInt64
		if err := tx.QueryRowContext(ctx, startQuery, f.Since.UnixMilli()).Scan(&start); err != nil {
			return fmt.Errorf("find the start in the audit log: %w", err)
		}
		if !start.Valid {
			return nil
		}
		c.Add(`seq >= `, start.Int64)
	}
	c.AddIf(f.RequestID != 0, `request_id = `, f.RequestID)
	c.AddIf(f.Actor != "", `actor = `, f.Actor)
	c.AddIf(f.Action != "", `action = `, f.Action)
	c.AddIf(!f.Since.IsZero(), `+at >= `, f.Since.UnixMilli())
	c.AddIf(!f.Until.IsZero(), `+at < `, f.Until.UnixMilli())
	found, err := tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM event`+c.Where()+` ORDER BY seq`+rows.Limit(limit), c.Args...)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	defer found.Close()
	scanner := newEventScanner()
	for found.Next() {
		e, err := scanner.scan(found)
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		do(e)
	}
	if err := found.Err(); err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	return nil
}
