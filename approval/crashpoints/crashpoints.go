// Package crashpoints is linked into test builds alone. A program that is built with the tag crashpoints tells a test of
// each moment at which something of it reaches the disk, so that the test can kill it there: right before a commit, and
// right after it. Releases are built without the tag, and have nothing of this.
//
// At each such point it sends a line, "before STEP" or "after STEP", to the TCP address in EHPCBOT_CRASHPOINTS,
// and goes on when a line comes back. The steps are the commits of transactions that wrote something, and
// writing statements outside of transactions. They are named after the first writing statement.
package crashpoints

import (
	"bufio"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
)

const variable = "EHPCBOT_CRASHPOINTS"

// Watch stops the connections of a pool at each commit.
func Watch(c driver.Connector) driver.Connector {
	address := os.Getenv(variable)
	if address == "" {
		return c
	}
	return watchedConnector{c, crashpoints{address}}
}

type crashpoints struct{ address string }

// at tells of a point, and waits until the test lets it pass.
func (c crashpoints) at(phase, step string) error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return fmt.Errorf("tell of a crash point: %w", err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s %s\n", phase, step); err != nil {
		return fmt.Errorf("tell of a crash point: %w", err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return fmt.Errorf("pass a crash point: %w", err)
	}
	return nil
}

// around does a step between its two points.
func (c crashpoints) around(step string, do func() error) error {
	if step == "" {
		return do()
	}
	if err := c.at("before", step); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return c.at("after", step)
}

var writing = regexp.MustCompile(`(?is)\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE|ALTER|DROP|TRUNCATE)\s+(?:ONLY\s+)?([\w".]+)`)

// noise is what looks like writing, or stands before it: comments and locks.
var noise = regexp.MustCompile(`(?im)--.*$|/\*[^*]*\*/|\bFOR\s+(NO\s+KEY\s+)?UPDATE\b`)

// stepOf names a statement that writes, such as "UPDATE request"; it is empty for one that only reads.
func stepOf(query string) string {
	query = strings.TrimSpace(noise.ReplaceAllString(query, ""))
	if first, _, _ := strings.Cut(strings.ToUpper(query), " "); strings.TrimSpace(first) == "SELECT" {
		return ""
	}
	found := writing.FindStringSubmatch(query)
	if found == nil {
		return ""
	}
	return strings.ToUpper(strings.Fields(found[1])[0]) + " " + strings.Trim(found[2], `"`)
}

type watchedConnector struct {
	driver.Connector
	points crashpoints
}

func (c watchedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: conn, points: c.points}, nil
}

// watchedConn forwards what both drivers implement beyond [driver.Conn].
type watchedConn struct {
	driver.Conn
	points crashpoints
	inTx   bool
	wrote  string // the step that the open transaction will be
}

// note returns the step that a statement is by itself. In a transaction the commit is the step.
func (c *watchedConn) note(query string) string {
	step := stepOf(query)
	if !c.inTx {
		return step
	}
	if c.wrote == "" {
		c.wrote = step
	}
	return ""
}

func (c *watchedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.inTx, c.wrote = true, ""
	return watchedTx{tx, c}, nil
}

func (c *watchedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.points.around(c.note(query), func() error {
		result, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *watchedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	step := c.note(query)
	if step != "" {
		if err := c.points.at("before", step); err != nil {
			return nil, err
		}
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil || step == "" {
		return rows, err
	}
	return &watchedRows{Rows: rows, points: c.points, step: step}, nil
}

// PrepareContext refuses what could write unseen. Nothing in the program prepares such a statement.
func (c *watchedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if stepOf(query) != "" {
		return nil, errors.New("crash points do not know of prepared statements that write")
	}
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *watchedConn) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

func (c *watchedConn) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c *watchedConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *watchedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type watchedTx struct {
	driver.Tx
	conn *watchedConn
}

func (t watchedTx) Commit() error {
	t.conn.inTx = false
	return t.conn.points.around(t.conn.wrote, t.Tx.Commit)
}

func (t watchedTx) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}

// watchedRows is what a writing statement returns. Outside of a transaction its effect is committed when the
// rows are closed.
type watchedRows struct {
	driver.Rows
	points crashpoints
	step   string
}

func (r *watchedRows) Close() error {
	if err := r.Rows.Close(); err != nil {
		return err
	}
	return r.points.at("after", r.step)
}
