package approval

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file holds the statements about requests and what belongs to them. They are the same for both
// databases: times are whole milliseconds, and SQLite understands PostgreSQL's $1.

const requestColumns = `id, COALESCE(envelope, ''), cluster, username, mod, reason, requester, state, version, required,
	created_at, updated_at, expires_at, failure, failure_detail, sealed, attempted_at, job_id, started_at, until_at, cleared_at`

func scanRequest(row scanner) (Request, error) {
	var r Request
	var created, updated, expires int64
	var attempted, started, until, cleared sql.NullInt64
	err := row.Scan(&r.ID, &r.envelope, &r.ClusterID, &r.Username, &r.Mod, &r.Reason, &r.Requester, &r.State, &r.Version, &r.Required,
		&created, &updated, &expires, &r.Failure, &r.FailureDetail, &r.sealed, &attempted, &r.jobID, &started, &until, &cleared)
	if err != nil {
		return Request{}, err
	}
	r.CreatedAt, r.UpdatedAt, r.ExpiresAt = moment(created), moment(updated), moment(expires)
	r.attemptedAt, r.startedAt = optional(attempted), optional(started)
	r.CredentialsUntil, r.ClearedAt = optional(until), optional(cleared)
	return r, nil
}

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func optional(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return moment(ms.Int64)
}

func nullable(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func insertRequest(ctx context.Context, tx *sql.Tx, r *Request) error {
	err := tx.QueryRowContext(ctx, `INSERT INTO request
		(envelope, cluster, username, mod, reason, requester, state, version, required, created_at, updated_at, expires_at)
		VALUES (NULLIF($1, ''), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		r.envelope, r.ClusterID, r.Username, r.Mod, r.Reason, r.Requester, string(r.State), r.Version, r.Required,
		r.CreatedAt.UnixMilli(), r.UpdatedAt.UnixMilli(), r.ExpiresAt.UnixMilli()).Scan(&r.ID)
	if err != nil {
		return fmt.Errorf("store the request: %w", err)
	}
	return nil
}

// errChanged says that the row is no longer as it was read, which the one lock of all writers excludes; the
// comparison is what keeps the promise should that lock ever be lost with its connection.
var errChanged = errors.New("the request has changed meanwhile")

// saveRequest compares and sets: it writes all that can change of a request, if its state and version are
// still those it was read with, and counts the version up.
//
// A password that is sealed already stays as it is stored, unless it is erased: rekey may have sealed it anew
// since the request was read, which is no change of the request.
func saveRequest(ctx context.Context, tx *sql.Tx, r *Request, from State) error {
	res, err := tx.ExecContext(ctx, `UPDATE request SET state = $1, version = version + 1, updated_at = $2, failure = $3,
		failure_detail = $4, sealed = CASE WHEN $15 THEN COALESCE(sealed, $5) END, attempted_at = $6, job_id = $7,
		started_at = $8, until_at = $9, cleared_at = $10, expires_at = $11
		WHERE id = $12 AND state = $13 AND version = $14`,
		string(r.State), r.UpdatedAt.UnixMilli(), string(r.Failure), r.FailureDetail, r.sealed, nullable(r.attemptedAt),
		r.jobID, nullable(r.startedAt), nullable(r.CredentialsUntil), nullable(r.ClearedAt), r.ExpiresAt.UnixMilli(),
		r.ID, string(from), r.Version, r.sealed != nil)
	if err != nil {
		return fmt.Errorf("store the change of request %d: %w", r.ID, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("store the change of request %d: %w", r.ID, err)
	}
	if n == 0 {
		return fmt.Errorf("store the change of request %d: %w", r.ID, errChanged)
	}
	r.Version++
	return nil
}

// requestByID returns the request, or a refusal of KindUnknown.
func requestByID(ctx context.Context, tx *sql.Tx, id int64) (Request, error) {
	r, err := scanRequest(tx.QueryRowContext(ctx, `SELECT `+requestColumns+` FROM request WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Request{}, &Refusal{Kind: KindUnknown, Value: fmt.Sprint(id)}
	}
	if err != nil {
		return Request{}, fmt.Errorf("read request %d: %w", id, err)
	}
	return r, nil
}

// requestWhere returns the first request that a condition holds for, newest first.
func requestWhere(ctx context.Context, tx *sql.Tx, condition string, args ...any) (Request, bool, error) {
	r, err := scanRequest(tx.QueryRowContext(ctx, `SELECT `+requestColumns+` FROM request WHERE `+condition+` ORDER BY id DESC LIMIT 1`, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return Request{}, false, nil
	}
	if err != nil {
		return Request{}, false, fmt.Errorf("look for a request: %w", err)
	}
	return r, true, nil
}

// openRequests returns the requests of a cluster whose accounts are to be made, the oldest first.
func openRequests(ctx context.Context, tx *sql.Tx, clusterID string) ([]Request, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+requestColumns+` FROM request
		WHERE cluster = $1 AND state IN ('approved', 'provisioning') ORDER BY id`, clusterID)
	if err != nil {
		return nil, fmt.Errorf("read the open requests of a cluster: %w", err)
	}
	return collect(rows, "read the open requests of a cluster", scanRequest)
}

// openClusters returns the ids of the clusters on which accounts are to be made.
func openClusters(ctx context.Context, tx *sql.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT cluster FROM request WHERE state IN ('approved', 'provisioning')`)
	if err != nil {
		return nil, fmt.Errorf("read the clusters with open requests: %w", err)
	}
	return collect(rows, "read the clusters with open requests", func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	})
}

const activeStates = `state IN ('pending', 'approved', 'provisioning', 'provisioned')`

func countActive(ctx context.Context, tx *sql.Tx, requester string) (int, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE requester = $1 AND `+activeStates, requester).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the requests of a person: %w", err)
	}
	return n, nil
}

func insertDecision(ctx context.Context, tx *sql.Tx, requestID int64, d Decision) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO decision (request_id, person, verdict, reason, at) VALUES ($1, $2, $3, $4, $5)`,
		requestID, d.Person, string(d.Verdict), d.Reason, d.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("store the decision: %w", err)
	}
	return nil
}

func decisionsOf(ctx context.Context, tx *sql.Tx, requestID int64) ([]Decision, error) {
	rows, err := tx.QueryContext(ctx, `SELECT person, verdict, reason, at FROM decision WHERE request_id = $1 ORDER BY at, person`, requestID)
	if err != nil {
		return nil, fmt.Errorf("read the decisions: %w", err)
	}
	defer rows.Close()
	var decisions []Decision
	for rows.Next() {
		var d Decision
		var at int64
		if err := rows.Scan(&d.Person, &d.Verdict, &d.Reason, &at); err != nil {
			return nil, fmt.Errorf("read the decisions: %w", err)
		}
		d.At = moment(at)
		decisions = append(decisions, d)
	}
	return decisions, rows.Err()
}

// saveMessage remembers a message, or the version of the request that it shows by now.
func saveMessage(ctx context.Context, tx *sql.Tx, requestID int64, m Message, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO message (request_id, purpose, place, ref, version, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (request_id, purpose, place, ref) DO UPDATE SET version = excluded.version`,
		requestID, string(m.Purpose), m.Place, m.Ref, m.Version, at.UnixMilli())
	if err != nil {
		return fmt.Errorf("remember a message of request %d: %w", requestID, err)
	}
	return nil
}

func deleteMessage(ctx context.Context, tx *sql.Tx, requestID int64, m Message) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM message WHERE request_id = $1 AND purpose = $2 AND place = $3 AND ref = $4`,
		requestID, string(m.Purpose), m.Place, m.Ref)
	if err != nil {
		return fmt.Errorf("forget a message of request %d: %w", requestID, err)
	}
	return nil
}

func messagesOf(ctx context.Context, tx *sql.Tx, requestID int64) ([]Message, error) {
	rows, err := tx.QueryContext(ctx, `SELECT purpose, place, ref, version FROM message WHERE request_id = $1 ORDER BY at, ref`, requestID)
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	defer rows.Close()
	var messages []Message
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.Purpose, &m.Place, &m.Ref, &m.Version); err != nil {
			return nil, fmt.Errorf("read the messages: %w", err)
		}
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

// storyOf reads what belongs to a request. Of the cluster it knows the id alone.
func storyOf(ctx context.Context, tx *sql.Tx, r Request) (Story, error) {
	story := Story{Request: r, Cluster: Cluster{ID: r.ClusterID}}
	var err error
	if story.Decisions, err = decisionsOf(ctx, tx, r.ID); err != nil {
		return Story{}, err
	}
	story.Messages, err = messagesOf(ctx, tx, r.ID)
	return story, err
}

// listed is how many of a person's requests are read at most.
const listed = 100

func requestsOf(ctx context.Context, tx *sql.Tx, person string) ([]Request, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+requestColumns+` FROM request WHERE requester = $1 ORDER BY id DESC LIMIT $2`, person, listed)
	if err != nil {
		return nil, fmt.Errorf("read the requests of a person: %w", err)
	}
	return collect(rows, "read the requests of a person", scanRequest)
}

// scanner is a row, be it one of several or the only one.
type scanner interface{ Scan(dest ...any) error }

// column takes what is stored in a column, and notes if it is of a type that is never written there. SQLite lets the
// owner of a database put any value anywhere, and a look at it is not to end there.
type column[T any] struct {
	to   *T
	odd  *bool
	read func(value any) (T, bool)
}

// Scan implements sql.Scanner.
func (c column[T]) Scan(value any) error {
	bytes, odd := value.([]byte)
	if odd {
		value = string(bytes)
	}
	got, ok := c.read(value)
	*c.to, *c.odd = got, *c.odd || odd || !ok
	return nil
}

func number(to *int64, odd *bool) column[int64] {
	return column[int64]{to, odd, func(value any) (int64, bool) {
		n, ok := value.(int64)
		return n, ok
	}}
}

func text[T ~string](to *T, odd *bool) column[T] {
	return column[T]{to, odd, func(value any) (T, bool) {
		s, ok := value.(string)
		return T(s), ok
	}}
}

// collect reads all rows, and closes them.
func collect[T any](rows *sql.Rows, doing string, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return all, nil
}

// conditions are the parts of a WHERE clause, all of which must hold.
type conditions struct {
	parts []string
	args  []any
}

// add adds a comparison with a value; its last word is the operator.
func (c *conditions) add(comparison string, value any) {
	c.args = append(c.args, value)
	c.parts = append(c.parts, comparison+"$"+strconv.Itoa(len(c.args)))
}

func (c *conditions) addIf(wanted bool, comparison string, value any) {
	if wanted {
		c.add(comparison, value)
	}
}

// addAny adds that a column has one of some values, if there are any.
func (c *conditions) addAny(column string, states []State) {
	if len(states) == 0 {
		return
	}
	places := make([]string, len(states))
	for i, s := range states {
		c.args = append(c.args, string(s))
		places[i] = "$" + strconv.Itoa(len(c.args))
	}
	c.parts = append(c.parts, column+" IN ("+strings.Join(places, ", ")+")")
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

func limited(limit int) string {
	if limit == 0 {
		return ""
	}
	return " LIMIT " + strconv.Itoa(limit)
}
