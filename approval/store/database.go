// Package store keeps requests, their messages, decisions and jobs in a database: a SQLite file of one process, or a
// PostgreSQL database that several processes share. All that is written passes through transactions of which there
// is one at a time ([Database.Write]); package audit writes its events in the same ones.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
)

// Database is where requests, events and jobs are kept: a SQLite file of this process alone, or a PostgreSQL
// database that several processes share.
type Database struct {
	db       *sql.DB
	readers  *sql.DB       // the same database, for those who only read
	turn     chan struct{} // held by the one who writes; the others of this process stand in line
	driver   riverdriver.Driver[*sql.Tx]
	dialect  goose.Dialect
	path     string           // of the SQLite file
	file     fs.FileInfo      // that file, as it was opened
	locks    locks            // held while the SQLite file is in use
	madeNew  bool             // there was none before
	keys     *keyring.Keyring // signs the audit log; nil: it is only read
	erased   atomic.Bool      // a sealed password was, and SQLite's write-ahead log may hold it still
	listener *pgxpool.Pool    // PostgreSQL's notifications of new jobs
	clock    *Clock
	queue    *river.Client[*sql.Tx] // inserts jobs
	damaged  sync.Map               // of whose damage is told, by the number of the request
	log      *slog.Logger           // nil: nobody is told
}

// TellWith has a log told of what can't be read, from now on.
func (d *Database) TellWith(log *slog.Logger) { d.log = log }

// tellDamaged tells of a request, once, that it can't be read.
func (d *Database) tellDamaged(id int64, err error) {
	if _, told := d.damaged.LoadOrStore(id, true); !told && d.log != nil {
		d.log.Error("a request is damaged, and stands still until it is restored from a backup; ehpcbot audit verify tells more", "request", id, "error", err)
	}
}

// Arbitrary numbers, by which the processes on one PostgreSQL agree on advisory locks.
const (
	lockMigrate = 0x65687063_6d696772 // held while the schema is brought up to date
	lockWrite   = 0x65687063_77726974 // held by each transaction that writes
)

// Open opens the database of a DATABASE_URL, sqlite:PATH or postgres://…, and brings its schema up to
// date. Several processes may do so at once on PostgreSQL. A SQLite file that another process uses, and a
// database of a newer version, are refused.
func Open(ctx context.Context, databaseURL string) (*Database, error) {
	d, err := dial(databaseURL)
	if err != nil {
		return nil, err
	}
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), d.Close())
	}
	if err := errors.Join(d.migrate(ctx), d.prepareQueue(ctx)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func dial(databaseURL string) (*Database, error) {
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok {
		return dialSQLite(path)
	}
	return dialPostgres(databaseURL)
}

// Place says which database this is, by the whole path of a SQLite file, and whether Open has made it: then it may not
// be the one that was meant.
func (d *Database) Place() string {
	place := "PostgreSQL"
	if !d.Shared() {
		place = d.path
		if whole, err := filepath.Abs(place); err == nil {
			place = whole
		}
	}
	if d.madeNew {
		place += ", made new"
	}
	return place
}

// Away reports whether an error of [Open] says that PostgreSQL can't be reached for now, or takes nobody in, so that it
// is worth waiting for; a wrong password or a database that is not there is not.
func Away(err error) bool {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch answer.Code {
		case "57P01", "57P02", "57P03", "53300": // it shuts down, has crashed, is starting up, or has too many connections
			return true
		}
		return false
	}
	_, unnamed := errors.AsType[*net.DNSError](err)
	_, unreached := errors.AsType[*net.OpError](err)
	return unnamed || unreached || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn)
}

// Close closes the database. Nothing may use it any more.
func (d *Database) Close() error {
	err := d.db.Close()
	if d.readers != d.db {
		err = errors.Join(err, d.readers.Close())
	}
	if d.listener != nil {
		d.listener.Close()
	}
	return errors.Join(err, d.locks.release())
}

// Ping reports whether the database answers, and is one that the bot can work with: see [ErrReadOnly] and [ErrPooled].
func (d *Database) Ping(ctx context.Context) error {
	if d.Shared() {
		return d.suits(ctx)
	}
	if err := d.db.PingContext(ctx); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return d.inPlace()
}

var (
	// ErrReadOnly says that a PostgreSQL takes no changes, as a standby does.
	ErrReadOnly = errors.New("the server only reads, as a standby does")
	// ErrPooled says that what stands before a PostgreSQL hands one session to several connections, as PgBouncer does
	// with pool_mode = transaction: locks, and what is prepared, belong to the session.
	ErrPooled = errors.New("a pooler hands one session to several connections")
)

// suits looks at two connections that are open at the same time, which have a process of the server each.
func (d *Database) suits(ctx context.Context) error {
	var processes [2]int
	for i := range processes {
		conn, err := d.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("ask the database: %w", err)
		}
		defer conn.Close()
		var readOnly string
		// Nothing is prepared, which would fail behind such a pooler.
		err = conn.QueryRowContext(ctx, `SELECT pg_backend_pid(), current_setting('transaction_read_only')`,
			pgx.QueryExecModeSimpleProtocol).Scan(&processes[i], &readOnly)
		switch {
		case err != nil:
			return fmt.Errorf("ask the database: %w", err)
		case readOnly == "on":
			return ErrReadOnly
		}
	}
	if processes[0] == processes[1] {
		return ErrPooled
	}
	return nil
}

// errTakenBack ends a transaction of which nothing is to stay.
var errTakenBack = errors.New("taken back")

// Try writes a row and takes it back.
func (d *Database) Try(ctx context.Context) error {
	err := d.write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO quota (one, calls, at) VALUES (1, 0, 0) ON CONFLICT (one) DO UPDATE SET at = quota.at`)
		return cmp.Or(err, errTakenBack)
	})
	if errors.Is(err, errTakenBack) {
		return nil
	}
	return fmt.Errorf("write a row: %w", err)
}

// inPlace reports a SQLite file that was removed or replaced while it is open: what is written then is gone at the
// next start.
func (d *Database) inPlace() error {
	if d.Shared() {
		return nil
	}
	if now, err := os.Stat(d.path); err == nil && os.SameFile(now, d.file) {
		return nil
	}
	return fmt.Errorf("%s was removed or replaced while ehpcbot uses it: put it back and restart ehpcbot", d.path)
}

// Shared reports whether other processes may use the database at the same time.
func (d *Database) Shared() bool { return d.dialect == goose.DialectPostgres }

// Write implements [approval.Store].
func (d *Database) Write(ctx context.Context, f func(context.Context, approval.Tx) error) error {
	return d.write(ctx, func(ctx context.Context, tx *Tx) error { return f(ctx, tx) })
}

// Read implements [approval.Store].
func (d *Database) Read(ctx context.Context, f func(context.Context, approval.Tx) error) error {
	return d.read(ctx, func(tx *Tx) error { return f(ctx, tx) })
}

// write runs f in a transaction that is the only one writing: SQLite has one writer at a time, and on
// PostgreSQL all take one lock first. So f may read, decide and write without ever meeting a competitor, at
// a price that a bot for people does not notice.
//
// Within the process they stand in line before that, in the order in which they came: the pool of connections
// serves those who wait at random, and the job queue's own statements would starve among them. A database that hangs
// is given up after writeTime, because the others in line would wait as long.
func (d *Database) write(ctx context.Context, f func(context.Context, *Tx) error) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait for other writers: %w", context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, writeTime, errHangs)
	defer cancel()
	err := transact(ctx, d.db, nil, func(tx *sql.Tx) error {
		if d.Shared() {
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockWrite)); err != nil {
				return fmt.Errorf("wait for other writers: %w", err)
			}
		}
		return f(ctx, &Tx{tx, d})
	})
	if err != nil {
		return err
	}
	return d.inPlace()
}

// writeTime is far above what a transaction takes that writes. It is longer than SQLite waits for a lock, and than
// PostgreSQL lets a process that hangs keep the lock of all writers.
const writeTime = 10 * time.Second

var errHangs = fmt.Errorf("the database takes longer than %s", writeTime)

// now returns the time of day by the clock that all processes on the database share.
func (d *Database) now(ctx context.Context, tx *Tx) (now time.Time, err error) {
	if !d.Shared() {
		return time.Now(), nil
	}
	err = tx.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, err
}

// read runs f in a transaction that sees one moment of the database.
func (d *Database) read(ctx context.Context, f func(*Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.Shared() {
		opts.Isolation = sql.LevelRepeatableRead
	}
	return transact(ctx, d.readers, opts, func(tx *sql.Tx) error { return f(&Tx{tx, d}) })
}

func transact(ctx context.Context, db *sql.DB, opts *sql.TxOptions, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
