package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations
var migrations embed.FS

func (d *Database) migrate(ctx context.Context) error {
	unlock, err := d.lockForMigration(ctx)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer unlock()
	if err := d.migrateJobs(ctx); err != nil { // first, because ours change what is in the queue
		return err
	}
	return d.migrateTables(ctx)
}

// lockForMigration makes processes that start at the same moment take turns. The lock belongs to its
// connection, so that it ends with the process, however that ends.
func (d *Database) lockForMigration(ctx context.Context) (unlock func(), err error) {
	if !d.Shared() {
		return func() {}, nil
	}
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(lockMigrate)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(lockMigrate))
		_ = conn.Close()
	}, nil
}

func (d *Database) migrateTables(ctx context.Context) error {
	provider, err := d.provider()
	if err != nil {
		return fmt.Errorf("read the embedded migrations: %w", err)
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("ask for the version of the database: %w", err)
	}
	if newest := newestOf(provider); have > newest {
		return &NewerDatabaseError{Have: have, Know: newest}
	}
	d.madeNew = have == 0
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the database up to date: %w", err)
	}
	return nil
}

func (d *Database) provider() (*goose.Provider, error) {
	dir := map[goose.Dialect]string{goose.DialectSQLite3: "migrations/sqlite", goose.DialectPostgres: "migrations/postgres"}[d.dialect]
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(d.dialect, d.db, files, goose.WithDisableGlobalRegistry(true))
}

func newestOf(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}

func (d *Database) migrateJobs(ctx context.Context) error {
	migrator, err := rivermigrate.New(d.driver, &rivermigrate.Config{Logger: discardLogger()})
	if err != nil {
		return fmt.Errorf("read the migrations of the jobs: %w", err)
	}
	existing, err := migrator.ExistingVersions(ctx)
	if err != nil {
		return fmt.Errorf("ask for the version of the jobs: %w", err)
	}
	known := migrator.AllVersions()
	if len(existing) > 0 {
		have, newest := existing[len(existing)-1].Version, known[len(known)-1].Version
		if have > newest {
			return &NewerDatabaseError{Have: int64(have), Know: int64(newest)}
		}
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("bring the jobs up to date: %w", err)
	}
	return nil
}

// NewerDatabaseError is a database that a newer version of this program has changed.
type NewerDatabaseError struct {
	Have, Know int64 // schema versions: the database's, and the newest that this program knows
}

func (e *NewerDatabaseError) Error() string {
	return fmt.Sprintf("the database has schema version %d, this program knows up to %d: "+
		"start the newer ehpcbot that it was last used with, or restore a backup from before that", e.Have, e.Know)
}
