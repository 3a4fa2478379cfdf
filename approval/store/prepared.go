package store

import (
	"context"
	"database/sql/driver"
)

// prepared returns a connector whose connections keep the statements that they have run. To read a statement and to plan
// it takes SQLite about as long as to run it, and the bot has few: PostgreSQL's driver does the same by itself.
func prepared(c driver.Connector) driver.Connector { return preparedConnector{c} }

type preparedConnector struct{ driver.Connector }

func (c preparedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &preparedConn{sqliteConn: conn.(sqliteConn), idle: map[string]sqliteStatement{}}, nil
}

// sqliteConn and sqliteStatement are what SQLite's driver implements.
type (
	sqliteConn interface {
		driver.Conn
		driver.ConnBeginTx
		driver.ConnPrepareContext
		driver.ExecerContext
		driver.QueryerContext
		driver.Pinger
		driver.SessionResetter
		driver.Validator
	}
	sqliteStatement interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
)

// mostPrepared is far more than the bot has statements, some of which come in many lengths.
const mostPrepared = 500

type preparedConn struct {
	sqliteConn
	idle map[string]sqliteStatement // by their text; one that runs is not among them
}

// Unwrap returns the driver's own connection, as the driver asks of those who wrap it.
func (c *preparedConn) Unwrap() driver.Conn { return c.sqliteConn }

// ExecContext implements [driver.ExecerContext]. What has no arguments may be several statements, and is run once mostly.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return result, c.giveBack(query, s)
}

// QueryContext implements [driver.QueryerContext].
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return &preparedRows{Rows: rows, over: func() error { return c.giveBack(query, s) }}, nil
}

// Close implements [driver.Conn].
func (c *preparedConn) Close() error {
	for _, s := range c.idle {
		_ = s.Close()
	}
	clear(c.idle)
	return c.sqliteConn.Close()
}

// take returns the statement with this text, for its caller alone.
func (c *preparedConn) take(ctx context.Context, query string) (sqliteStatement, error) {
	if s, known := c.idle[query]; known {
		delete(c.idle, query)
		return s, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.(sqliteStatement), nil
}

func (c *preparedConn) giveBack(query string, s sqliteStatement) error {
	if _, twin := c.idle[query]; twin || len(c.idle) >= mostPrepared {
		return s.Close()
	}
	c.idle[query] = s
	return nil
}

// preparedRows are the rows of a statement that is given back when they are closed.
type preparedRows struct {
	driver.Rows
	over func() error
}

func (r *preparedRows) Close() error {
	if err := r.Rows.Close(); err != nil {
		return err
	}
	return r.over()
}
