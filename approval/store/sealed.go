package store

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/rows"
)

// KeyFile implements [keyring.Database].
func (d *Database) KeyFile() string {
	if d.Shared() {
		return ""
	}
	return filepath.Clean(d.path) + ".key"
}

// Sealed implements [keyring.Database].
func (d *Database) Sealed(ctx context.Context) (sealed []keyring.Sealed, err error) {
	err = d.read(ctx, func(tx *Tx) error {
		sealed, err = rows.Query(ctx, tx, "read the sealed passwords", func(row rows.Scanner) (s keyring.Sealed, err error) {
			err = row.Scan(&s.Request, &s.Cluster, &s.Username, &s.Requester, &s.Password)
			return s, err
		}, `SELECT id, cluster, username, requester, sealed FROM request WHERE sealed IS NOT NULL ORDER BY id`)
		return err
	})
	return sealed, err
}

// SignWith implements [keyring.Database].
func (d *Database) SignWith(k *keyring.Keyring) { d.keys = k }

// Reseal implements [keyring.Database].
func (d *Database) Reseal(ctx context.Context, requestID int64, f func(sealed []byte) ([]byte, error)) (done bool, err error) {
	err = d.write(ctx, func(ctx context.Context, tx *Tx) error {
		r, err := tx.Request(ctx, requestID)
		if err != nil || r.Sealed == nil {
			return err
		}
		resealed, err := f(r.Sealed)
		if err != nil || resealed == nil {
			return err
		}
		// The comparison is for the day on which the one lock of all writers is lost with its connection.
		res, err := tx.ExecContext(ctx, `UPDATE request SET sealed = $1 WHERE id = $2 AND sealed = $3`, resealed, requestID, r.Sealed)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errChanged)
		}
		done = true
		return tx.Append(ctx, approval.Event{
			At: time.Now().UTC(), RequestID: requestID, Actor: approval.System, Action: "rekey", From: r.State, To: r.State,
			Detail: "the password is sealed with the first key of ENCRYPTION_KEY",
		})
	})
	return done && err == nil, err
}

// SignAnew implements [keyring.Database]. Events never change, so each that another key has signed is followed by one that
// says the same.
func (d *Database) SignAnew(ctx context.Context) error {
	var needed []approval.Request
	err := d.read(ctx, func(tx *Tx) error {
		unsettled, err := tx.Unsettled(ctx)
		if err != nil {
			return err
		}
		accounts, err := tx.requests(ctx, "read the accounts that were delivered", hasMade+` ORDER BY id`)
		needed = append(unsettled, accounts...)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range needed {
		if err := d.write(ctx, func(ctx context.Context, tx *Tx) error { return tx.signAnew(ctx, r.ID) }); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) signAnew(ctx context.Context, id int64) error {
	r, err := tx.Request(ctx, id)
	if err != nil {
		return err
	}
	events, err := tx.Signed(ctx, r.ID)
	if err != nil || len(events) == 0 || events[len(events)-1].To != r.State {
		return err
	}
	type said struct{ actor, detail string }
	signed := map[said]bool{} // with the first key
	for _, e := range events {
		what := said{e.Actor, e.Detail}
		signed[what] = signed[what] || r.RestsOn(e) && tx.db.keys.IsFirst(e.MAC)
	}
	for _, e := range events {
		what := said{e.Actor, e.Detail}
		if !r.RestsOn(e) || signed[what] {
			continue
		}
		signed[what] = true
		again := approval.Event{At: time.Now().UTC(), RequestID: r.ID, Actor: e.Actor, Action: "sign", From: r.State, To: r.State, Detail: e.Detail}
		if err := tx.Append(ctx, again); err != nil {
			return err
		}
	}
	return nil
}
