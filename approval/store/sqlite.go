package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
)

func dialSQLite(path string) (*Database, error) {
	path, err := realPath(path)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := checkReach(path); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if emptied(path) {
		return nil, fmt.Errorf("open the database: %s %w", path, ErrEmptied)
	}
	locks, err := lockFiles(path+".lock", path)
	if err != nil {
		return nil, err
	}
	d, err := openSQLite(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), locks.release())
	}
	d.locks = locks
	return d, nil
}

func openSQLite(path string) (*Database, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(sqliteDSN(path))
	if err != nil {
		return nil, err
	}
	connector = prepared(connector)
	db := sql.OpenDB(watched(connector))
	// SQLite has one writer at a time anyway; with one connection for all that write nobody meets SQLITE_BUSY.
	// The write-ahead log lets others read meanwhile.
	db.SetMaxOpenConns(1)
	readers := sql.OpenDB(connector)
	readers.SetMaxOpenConns(4)
	return &Database{db: db, readers: readers, turn: make(chan struct{}, 1), driver: riversqlite.New(db), dialect: goose.DialectSQLite3, path: path, file: file}, nil
}

// sqliteDSN asks for a write-ahead log, so that others can read while the bot writes, that is synced at each
// commit: an acknowledgement means that the request survives a power cut. Erased passwords are overwritten, and see
// [Database.EmptyLog].
func sqliteDSN(path string) string {
	pragmas := url.Values{
		"_pragma": {busyTimeout + "(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)"},
		"_txlock": {"immediate"},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
}

const busyTimeout = "busy_timeout"

// EmptyLog empties SQLite's write-ahead log after a sealed password was erased, which stays in it otherwise until the
// log is written over. It waits for nobody: who reads at the moment is asked again later.
func (d *Database) EmptyLog(ctx context.Context) error {
	if d.Shared() || !d.erased.Load() {
		return nil
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA `+busyTimeout+`(0)`); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA `+busyTimeout+`(5000)`) }()
	var busy, frames, moved int
	err = conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	if err == nil && busy == 0 {
		d.erased.Store(false)
	}
	return err
}

// MayHoldErased notes that the log may hold a password that was erased.
func (d *Database) MayHoldErased() { d.erased.Store(true) }
