package approval

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Rekeyed is what [Database.Rekey] did.
type Rekeyed struct {
	Resealed int // passwords that are sealed with the first key from now on
	Right    int // passwords that were before
}

// OpenExisting opens a database as [OpenDatabase] does, but never makes one: it refuses a database that is not
// there with [ErrNoDatabase].
func OpenExisting(ctx context.Context, databaseURL string) (*Database, error) {
	r, err := OpenReader(ctx, databaseURL)
	var older *OlderDatabaseError
	switch {
	case err == nil:
		err = r.Close()
	case errors.As(err, &older):
		err = nil // it is brought up to date
	}
	if err != nil {
		return nil, err
	}
	return OpenDatabase(ctx, databaseURL)
}

// Rekey seals every sealed password with the first key of a keyring, each in a transaction of its own, with its
// audit event. Nothing is changed if one of them can't be opened.
//
// On PostgreSQL it may run beside the bot: who has read a request before goes on with the password that it read
// and that its keys open, and never writes it back (see saveRequest).
func (d *Database) Rekey(ctx context.Context, keys *Keyring) (Rekeyed, error) {
	if err := d.CheckKeys(ctx, keys); err != nil {
		return Rekeyed{}, err
	}
	sealed, err := d.sealed(ctx)
	if err != nil {
		return Rekeyed{}, err
	}
	var done Rekeyed
	for _, p := range sealed {
		resealed, err := d.reseal(ctx, keys, p.requestID)
		switch {
		case err != nil:
			return done, fmt.Errorf("seal the password of request %d anew: %w", p.requestID, err)
		case resealed:
			done.Resealed++
		default:
			done.Right++ // or it was delivered, and erased, meanwhile
		}
	}
	return done, d.allWithFirst(ctx, keys)
}

// reseal seals one password anew, unless it is erased or sealed right by now.
func (d *Database) reseal(ctx context.Context, keys *Keyring, id int64) (done bool, err error) {
	err = d.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done = false
		r, err := requestByID(ctx, tx, id)
		if err != nil || r.sealed == nil || keys.sealedWithFirst(r.sealed) {
			return err
		}
		password, err := keys.Open(id, r.sealed)
		if err != nil {
			return err
		}
		// The comparison is for the day on which the one lock of all writers is lost with its connection.
		res, err := tx.ExecContext(ctx, `UPDATE request SET sealed = $1 WHERE id = $2 AND sealed = $3`, keys.Seal(id, password), id, r.sealed)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errChanged)
		}
		done = true
		return appendEvent(ctx, tx, Event{
			At: time.Now().UTC(), RequestID: id, Actor: System, Action: "rekey", From: r.State, To: r.State,
			Detail: "the password is sealed with the first key of ENCRYPTION_KEY",
		})
	})
	return done && err == nil, err
}

// allWithFirst looks at what is sealed by now. A bot that still seals with an old key gives itself away here, if
// it has done so meanwhile.
func (d *Database) allWithFirst(ctx context.Context, keys *Keyring) error {
	sealed, err := d.sealed(ctx)
	if err != nil {
		return err
	}
	for _, p := range sealed {
		if !keys.sealedWithFirst(p.sealed) {
			return fmt.Errorf("the password of request %d was sealed with another key meanwhile: "+
				"start every replica again with the new key in front, and then run this again", p.requestID)
		}
	}
	return nil
}
