package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
)

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
