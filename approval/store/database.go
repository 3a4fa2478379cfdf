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
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"

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

func postgresConfig(databaseURL string) (*pgxpool.Config, error) {
	conf, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// pgx quotes the URL with the password struck out, but a malformed one may hold it anywhere.
		return nil, errors.New("open the database: DATABASE_URL is no URL that PostgreSQL understands")
	}
	if conf.ConnConfig.ConnectTimeout == 0 {
		conf.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	conf.ConnConfig.RuntimeParams["application_name"] = "ehpcbot"
	return conf, nil
}

func dialPostgres(databaseURL string) (*Database, error) {
	conf, err := postgresConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	conf.AfterConnect = settle("5s")
	db := sql.OpenDB(watched(stdlib.GetConnector(*conf.ConnConfig.Copy(), stdlib.OptionAfterConnect(conf.AfterConnect))))
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
	conf.MinConns, conf.MaxConns = 0, 1
	listener, err := pgxpool.NewWithConfig(context.Background(), conf)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), db.Close())
	}
	return &Database{
		db: db, readers: db, turn: make(chan struct{}, 1), driver: riverdatabasesql.NewWithPgxListener(db, listener),
		dialect: goose.DialectPostgres, listener: listener,
	}, nil
}

// settle returns what sets in a session all that the bot hangs on, whatever is set for the role or the database: texts
// arrive as they are, transactions that wait for the lock of all writers see then what those before them wrote, a commit
// is on the disk, and nobody but the bot bounds how long things may take. Nor must others wait for a process that was
// lost without a word, with its machine or the way to it, or that hangs: the server ends what it leaves behind, and a
// transaction in which nothing happens for idle.
//
// These are statements, because a proxy such as PgBouncer takes no such parameters at the start of a session. Some
// settings are not there in older versions.
func settle(idle string) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT set_config(name, value, false) FROM (VALUES
			('client_encoding', 'UTF8'), ('TimeZone', 'UTC'), ('standard_conforming_strings', 'on'),
			('default_transaction_isolation', 'read committed'),
			('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on')),
			('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'), ('idle_session_timeout', '0'),
			('idle_in_transaction_session_timeout', '`+idle+`'),
			('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3')) AS s (name, value)
			WHERE name IN (SELECT p.name FROM pg_settings p)`)
		if err != nil {
			return fmt.Errorf("set up the session: %w", err)
		}
		return nil
	}
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
