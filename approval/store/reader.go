package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/rows"
)

// Reader looks into a database, be the bot running on it or not. It changes nothing there, keeps nobody out, and
// makes no file.
type Reader struct {
	// Progress is told how far [Reader.Verify] is; nil: nobody is.
	Progress audit.Progress

	db    *Database  // of which only what reading needs is set
	still *stillFile // a SQLite file that nobody writes; nil: any other database
}

// ErrNoDatabase says that there is no database yet, or that it is another one than was meant.
var ErrNoDatabase = errors.New("ehpcbot has not been started on it yet; look at DATABASE_URL, or start the bot once")

// OlderDatabaseError is a database that this version of the program has not brought up to date yet.
type OlderDatabaseError struct {
	Have, Know int64 // schema versions: the database's, and the one that this program reads
}

func (e *OlderDatabaseError) Error() string {
	return fmt.Sprintf("the database has schema version %d, this program reads version %d: "+
		"start this ehpcbot once, which brings it up to date, or read it with the one that runs on it", e.Have, e.Know)
}

// OpenReader opens the database of a DATABASE_URL for reading. It refuses one that is not there, with
// [ErrNoDatabase], and one whose schema this program does not know.
func OpenReader(ctx context.Context, databaseURL string) (*Reader, error) {
	r, err := dialReader(databaseURL)
	if err != nil {
		return nil, err
	}
	if err := r.checkSchema(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func dialReader(databaseURL string) (*Reader, error) {
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok {
		return dialSQLiteReader(path)
	}
	conf, err := postgresConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*conf.ConnConfig, stdlib.OptionAfterConnect(settle("0")))
	db.SetMaxOpenConns(1)
	return &Reader{db: &Database{db: db, readers: db, dialect: goose.DialectPostgres}}, nil
}

func dialSQLiteReader(path string) (*Reader, error) {
	// The file is only asked about. To open and close it would give back, in this process, all locks on it.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		return nil, fmt.Errorf("there is no file %s: %w", path, ErrNoDatabase)
	case err != nil:
		return nil, fmt.Errorf("open the database: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open the database: %s is no file", path)
	}
	if path, err = realPath(path); err == nil { // beside which SQLite keeps its log
		err = checkReach(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	r := &Reader{db: &Database{dialect: goose.DialectSQLite3, path: path}}
	options := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}
	switch {
	case !exists(path + "-wal"):
		// The bot was stopped in order. SQLite would make a write-ahead log and an index of it even to read,
		// unless it is told that nobody writes; whether that stayed true is looked at after each reading.
		options.Set("immutable", "1")
		r.still = &stillFile{path: path, size: info.Size(), changed: info.ModTime()}
	case exists(path + "-shm"):
		// It runs, or was killed. The index of the log is read as it is, or made anew in memory.
		options.Set("readonly_shm", "1")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	r.db.db, r.db.readers = db, db
	return r, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// stillFile is a file that must not change while it is read.
type stillFile struct {
	path    string
	size    int64
	changed time.Time
}

func (f *stillFile) check() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("look after the database: %w", err)
	}
	if info.Size() != f.size || !info.ModTime().Equal(f.changed) {
		return errors.New("the bot was started while its database was read, so what was read may be wrong: run this again")
	}
	return nil
}

// Close closes the database.
func (r *Reader) Close() error { return r.db.Close() }

func (r *Reader) read(ctx context.Context, f func(*Tx) error) error {
	err := r.db.read(ctx, f)
	if r.still != nil {
		err = errors.Join(r.still.check(), err)
	}
	return err
}

// checkSchema compares the version of the schema, without goose, which would make its table to ask for it.
func (r *Reader) checkSchema(ctx context.Context) error {
	provider, err := r.db.provider()
	if err != nil {
		return fmt.Errorf("read the embedded migrations: %w", err)
	}
	know := newestOf(provider)
	var have int64
	err = r.read(ctx, func(tx *Tx) error {
		there := `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`
		if r.db.Shared() {
			there = `SELECT count(to_regclass('goose_db_version'))`
		}
		var n int
		if err := tx.QueryRowContext(ctx, there).Scan(&n); err != nil || n == 0 {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&have)
	})
	switch {
	case err != nil:
		return fmt.Errorf("open the database: %w", err)
	case have == 0:
		return fmt.Errorf("the database has no tables of ehpcbot: %w", ErrNoDatabase)
	case have > know:
		return &NewerDatabaseError{Have: have, Know: know}
	case have < know:
		return &OlderDatabaseError{Have: have, Know: know}
	}
	return nil
}

// RequestFilter chooses requests. What is zero does not narrow the choice.
type RequestFilter struct {
	States        []approval.State
	Requester     string
	Cluster       string    // id
	CreatedSince  time.Time // the first moment that is meant
	CreatedBefore time.Time // the first moment that no longer is
	Limit         int       // how many at most
}

// Summary is a request as a list shows it.
type Summary struct {
	approval.Request
	Approvals int // how many people have approved
}

// batch is how many rows are read at once. Between two batches no transaction is open, however slowly they are
// taken, as one that stays open would keep SQLite from emptying its write-ahead log.
const batch = 500

// Requests returns the chosen requests, newest first. The first error ends it.
func (r *Reader) Requests(ctx context.Context, f RequestFilter) iter.Seq2[Summary, error] {
	left := f.Limit
	return inBatches(func(last *Summary) ([]Summary, error) {
		size := batch
		if f.Limit > 0 {
			size = min(size, left)
		}
		if size == 0 {
			return nil, nil
		}
		var found []Summary
		err := r.read(ctx, func(tx *Tx) (err error) {
			found, err = summariesWhere(ctx, tx, f, last, size)
			return err
		})
		left -= len(found)
		return found, err
	})
}

func summariesWhere(ctx context.Context, tx *Tx, f RequestFilter, last *Summary, limit int) ([]Summary, error) {
	var c rows.Conditions
	if last != nil {
		c.Add(`id < `, last.ID)
	}
	c.AddIf(f.Requester != "", `requester = `, f.Requester)
	c.AddIf(f.Cluster != "", `cluster = `, f.Cluster)
	c.AddIf(!f.CreatedSince.IsZero(), `created_at >= `, f.CreatedSince.UnixMilli())
	c.AddIf(!f.CreatedBefore.IsZero(), `created_at < `, f.CreatedBefore.UnixMilli())
	rows.AddAny(&c, `state`, f.States)
	return rows.Query(ctx, tx, "read the requests", func(row rows.Scanner) (s Summary, err error) {
		s.Request, err = scanRequest(withMore{row, []any{&s.Approvals}})
		return s, err
	}, `SELECT `+requestColumns+`,
		(SELECT count(*) FROM decision WHERE request_id = request.id AND verdict = 'approve'
			AND at >= COALESCE((SELECT max(at) FROM change WHERE request_id = request.id), 0))
		FROM request`+c.Where()+` ORDER BY id DESC`+rows.Limit(limit), c.Args...)
}

// withMore scans columns that stand behind those that the reader of the row knows.
type withMore struct {
	row  rows.Scanner
	more []any
}

func (w withMore) Scan(dest ...any) error { return w.row.Scan(append(dest, w.more...)...) }

// Events returns the chosen audit events, oldest first. The first error ends it.
func (r *Reader) Events(ctx context.Context, f audit.Filter) iter.Seq2[approval.Event, error] {
	return inBatches(func(last *approval.Event) (events []approval.Event, err error) {
		err = r.read(ctx, func(tx *Tx) (err error) {
			events, err = audit.Events(ctx, tx.Tx, f, last, batch)
			return err
		})
		return events, err
	})
}

// inBatches yields what next returns, until it returns nothing. Next is given the last one that it returned.
func inBatches[T any](next func(last *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for {
			found, err := next(last)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, one := range found {
				if !yield(one, nil) {
					return
				}
			}
			if len(found) == 0 {
				return
			}
			last = &found[len(found)-1]
		}
	}
}

// History returns a request with all that belongs to it and its audit events, oldest first, or a *Refusal of
// KindUnknown. Of its cluster only the id is known.
func (r *Reader) History(ctx context.Context, requestID int64) (story approval.Story, events []approval.Event, err error) {
	err = r.read(ctx, func(tx *Tx) error {
		request, err := tx.Request(ctx, requestID)
		if err != nil {
			return err
		}
		if story, err = tx.Story(ctx, request); err != nil {
			return err
		}
		events, err = tx.Events(ctx, requestID)
		return err
	})
	return story, events, err
}

// KeyFile is where the key of a SQLite database is kept, if it has one; empty for others.
func (r *Reader) KeyFile() string { return r.db.KeyFile() }

// Verify verifies the audit log: see [audit.Verify].
func (r *Reader) Verify(ctx context.Context, keys *keyring.Keyring, noted *audit.Mark) (v audit.Verification, err error) {
	err = r.read(ctx, func(tx *Tx) error {
		v, err = audit.Verify(ctx, tx.Tx, keys, noted, r.Progress)
		return err
	})
	return v, err
}

// OpenExisting opens a database as [Open] does, but never makes one: it refuses a database that is not
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
	return Open(ctx, databaseURL)
}
