package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Tx is a transaction. It implements [approval.Tx].
type Tx struct {
	*sql.Tx
	db *Database
}

// This file holds the statements about requests and what belongs to them. They are the same for both
// databases: times are whole milliseconds, and SQLite understands PostgreSQL's $1.

const requestColumns = `id, COALESCE(envelope, ''), cluster, username, mod, reason, requester, state, version, COALESCE(reset_approvals, required), reset_approvals IS NOT NULL,
	created_at, updated_at, expires_at, failure, failure_detail, sealed, attempted_at, job_id, started_at, until_at, cleared_at,
	asked_at, nonce, COALESCE(uid, 0), twin, until_date, policy, rules, exempt, sponsor, reminded_at, passed_at, delivered_at, shown_at, works_at, sponsored_at`

func scanRequest(row rows.Scanner) (approval.Request, error) {
	var r approval.Request
	var created, updated, expires int64
	var attempted, started, until, cleared, asked, reminded, passed, delivered, shown, works, sponsored sql.NullInt64
	err := row.Scan(&r.ID, &r.Envelope, &r.ClusterID, &r.Username, &r.Mod, &r.Reason, &r.Requester, &r.State, &r.Version, &r.Required, &r.Reset,
		&created, &updated, &expires, &r.Failure, &r.FailureDetail, &r.Sealed, &attempted, &r.JobID, &started, &until, &cleared, &asked, &r.Nonce, &r.UID, &r.Twin,
		&r.Until, &r.Policy, &r.Kept, &r.Exempt, &r.Sponsor, &reminded, &passed, &delivered, &shown, &works, &sponsored)
	if err != nil {
		return approval.Request{ID: r.ID}, err
	}
	if r.Exempt != "" {
		r.Required = 0 // as which older versions of the table could not hold it
	}
	r.CreatedAt, r.UpdatedAt, r.ExpiresAt = rows.Moment(created), rows.Moment(updated), rows.Moment(expires)
	r.AskedAt, r.AttemptedAt, r.StartedAt = optional(asked), optional(attempted), optional(started)
	r.CredentialsUntil, r.ClearedAt, r.RemindedAt, r.PassedAt = optional(until), optional(cleared), optional(reminded), optional(passed)
	r.DeliveredAt, r.ShownAt, r.WorksAt, r.SponsoredAt = optional(delivered), optional(shown), optional(works), optional(sponsored)
	return r, nil
}

func optional(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return rows.Moment(ms.Int64)
}

func nullable(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

// Insert implements [approval.Tx].
func (tx *Tx) Insert(ctx context.Context, r *approval.Request) error {
	err := tx.QueryRowContext(ctx, `INSERT INTO request
		(envelope, cluster, username, mod, reason, requester, state, version, required, created_at, updated_at, expires_at, nonce,
		until_date, policy, reset_approvals, rules, exempt, sponsor)
		VALUES (NULLIF($1, ''), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING id`,
		r.Envelope, r.ClusterID, r.Username, r.Mod, r.Reason, r.Requester, string(r.State), r.Version, max(r.Required, 1),
		r.CreatedAt.UnixMilli(), r.UpdatedAt.UnixMilli(), r.ExpiresAt.UnixMilli(), r.Nonce,
		r.Until, r.Policy, sql.NullInt64{Int64: int64(r.Required), Valid: r.Reset}, r.Kept, r.Exempt, r.Sponsor).Scan(&r.ID)
	if err != nil {
		return fmt.Errorf("store the request: %w", err)
	}
	return nil
}

// errChanged says that the row is no longer as it was read, which the one lock of all writers excludes; the
// comparison is what keeps the promise should that lock ever be lost with its connection.
var errChanged = errors.New("the request has changed meanwhile")

// Save implements [approval.Tx]. A password that is sealed already stays as it is stored, unless it is erased: rekey may have sealed it anew
// since the request was read, which is no change of the request.
func (tx *Tx) Save(ctx context.Context, r *approval.Request, from approval.State) error {
	res, err := tx.ExecContext(ctx, `UPDATE request SET state = $1, version = version + 1, updated_at = $2, failure = $3,
		failure_detail = $4, sealed = CASE WHEN $15 THEN COALESCE(sealed, $5) END, attempted_at = $6, job_id = $7,
		started_at = $8, until_at = $9, cleared_at = $10, expires_at = $11, asked_at = $16, reminded_at = $17, passed_at = $18,
		delivered_at = $19, shown_at = $20, works_at = $21, sponsored_at = $22
		WHERE id = $12 AND state = $13 AND version = $14`,
		string(r.State), r.UpdatedAt.UnixMilli(), string(r.Failure), r.FailureDetail, r.Sealed, nullable(r.AttemptedAt),
		r.JobID, nullable(r.StartedAt), nullable(r.CredentialsUntil), nullable(r.ClearedAt), r.ExpiresAt.UnixMilli(),
		r.ID, string(from), r.Version, r.Sealed != nil, nullable(r.AskedAt), nullable(r.RemindedAt), nullable(r.PassedAt),
		nullable(r.DeliveredAt), nullable(r.ShownAt), nullable(r.WorksAt), nullable(r.SponsoredAt))
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
	if r.Sealed == nil && r.State != approval.Pending {
		tx.db.erased.Store(true) // or there was nothing to erase
	}
	return nil
}

// Request implements [approval.Tx].
func (tx *Tx) Request(ctx context.Context, id int64) (approval.Request, error) {
	r, err := scanRequest(tx.QueryRowContext(ctx, `SELECT `+requestColumns+` FROM request WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return approval.Request{}, &approval.Refusal{Kind: approval.KindUnknown, Value: fmt.Sprint(id)}
	}
	if err != nil {
		return approval.Request{}, fmt.Errorf("read request %d: %w", id, err)
	}
	return r, nil
}

// requestWhere returns the first request that a condition holds for, newest first.
func (tx *Tx) requestWhere(ctx context.Context, condition string, args ...any) (approval.Request, bool, error) {
	r, err := scanRequest(tx.QueryRowContext(ctx, `SELECT `+requestColumns+` FROM request WHERE `+condition+` ORDER BY id DESC LIMIT 1`, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return approval.Request{}, false, nil
	}
	if err != nil {
		return approval.Request{}, false, fmt.Errorf("look for a request: %w", err)
	}
	return r, true, nil
}

// requests returns the requests that a condition holds for, in the order that stands behind it. One that holds what the bot
// never writes, which SQLite lets the owner of the file do, is left out: it must not stop the others.
func (tx *Tx) requests(ctx context.Context, doing, condition string, args ...any) ([]approval.Request, error) {
	damaged := map[int64]bool{}
	all, err := rows.Query(ctx, tx, doing, func(row rows.Scanner) (approval.Request, error) {
		r, err := scanRequest(row)
		if err != nil {
			damaged[r.ID] = true
			tx.db.tellDamaged(r.ID, err)
		}
		return r, nil
	}, `SELECT `+requestColumns+` FROM request WHERE `+condition, args...)
	return slices.DeleteFunc(all, func(r approval.Request) bool { return damaged[r.ID] }), err
}

// exec runs a statement. An error begins with what was being done.
func (tx *Tx) exec(ctx context.Context, doing, statement string, args ...any) error {
	if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// ToMake implements [approval.Tx].
func (tx *Tx) ToMake(ctx context.Context, clusterID string) ([]approval.Request, error) {
	return tx.requests(ctx, "read the open requests of a cluster",
		`cluster = $1 AND state IN ('approved', 'provisioning') ORDER BY id`, clusterID)
}

// Uncompared implements [approval.Tx].
func (tx *Tx) Uncompared(ctx context.Context, clusterID string) ([]approval.Request, error) {
	return tx.requests(ctx, "read the accounts that are not compared",
		`cluster = $1 AND uid IS NULL AND reset_approvals IS NULL AND state IN ('provisioned', 'delivered') ORDER BY id`, clusterID)
}

// Compared implements [approval.Tx].
func (tx *Tx) Compared(ctx context.Context, requestID, uid int64, twin string) error {
	return tx.exec(ctx, "store the uid of an account", `UPDATE request SET uid = $1, twin = $2 WHERE id = $3`, uid, twin, requestID)
}

// Unsettled implements [approval.Tx]. Each part has an index, so that requests of the past cost nothing.
func (tx *Tx) Unsettled(ctx context.Context) ([]approval.Request, error) {
	return tx.requests(ctx, "read the requests that are not at their end", `id IN (
		SELECT id FROM request WHERE `+activeStates+`
		UNION SELECT id FROM request WHERE sealed IS NOT NULL
		UNION SELECT id FROM request WHERE until_at IS NOT NULL AND cleared_at IS NULL) ORDER BY id`)
}

const activeStates = `state IN ('pending', 'approved', 'provisioning', 'provisioned')`

// Count implements [approval.Tx].
func (tx *Tx) Count(ctx context.Context, states ...approval.State) (int, error) {
	all := 0
	for _, state := range states {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE state = $1`, string(state)).Scan(&n); err != nil {
			return 0, fmt.Errorf("count the requests in a state: %w", err)
		}
		all += n
	}
	return all, nil
}

// CountActive implements [approval.Tx].
func (tx *Tx) CountActive(ctx context.Context, who approval.Person) (int, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE requester IN ($1, $2) AND reset_approvals IS NULL AND `+activeStates, who.ID, who.Also).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the requests of a person: %w", err)
	}
	return n, nil
}

// Decide implements [approval.Tx].
func (tx *Tx) Decide(ctx context.Context, requestID int64, d approval.Decision) error {
	return tx.exec(ctx, "store the decision", `INSERT INTO decision (request_id, person, verdict, reason, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (request_id, person) DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason, at = excluded.at`,
		requestID, d.Person, string(d.Verdict), d.Reason, d.At.UnixMilli())
}

func (tx *Tx) decisions(ctx context.Context, requestID int64) ([]approval.Decision, error) {
	return rows.Query(ctx, tx, "read the decisions", func(row rows.Scanner) (d approval.Decision, err error) {
		var at int64
		err = row.Scan(&d.Person, &d.Verdict, &d.Reason, &at)
		d.At = rows.Moment(at)
		return d, err
	}, `SELECT person, verdict, reason, at FROM decision WHERE request_id = $1 ORDER BY at, person`, requestID)
}

// Story implements [approval.Tx].
func (tx *Tx) Story(ctx context.Context, r approval.Request) (approval.Story, error) {
	story := approval.Story{Request: r, Cluster: approval.Cluster{ID: r.ClusterID}}
	var err error
	if story.Decisions, err = tx.decisions(ctx, r.ID); err != nil {
		return approval.Story{}, err
	}
	if story.Questions, err = tx.questions(ctx, r.ID); err != nil {
		return approval.Story{}, err
	}
	if story.Changes, err = tx.changes(ctx, r.ID); err != nil {
		return approval.Story{}, err
	}
	story.Messages, err = tx.Messages(ctx, r.ID)
	return story, err
}

// listed is how many of a person's requests are read at most.
const listed = 100

// RequestsOf implements [approval.Tx].
func (tx *Tx) RequestsOf(ctx context.Context, who approval.Person) ([]approval.Request, error) {
	return tx.requests(ctx, "read the requests of a person", `requester IN ($1, $2) ORDER BY id DESC LIMIT $3`, who.ID, who.Also, listed)
}

// ByEnvelope implements [approval.Tx].
func (tx *Tx) ByEnvelope(ctx context.Context, envelope string) (approval.Request, bool, error) {
	return tx.requestWhere(ctx, `envelope = $1`, envelope)
}

// Active implements [approval.Tx].
func (tx *Tx) Active(ctx context.Context, clusterID, username string) (approval.Request, bool, error) {
	return tx.requestWhere(ctx, `cluster = $1 AND lower(username) = lower($2) AND `+activeStates, clusterID, username)
}

// DeliveredAfter implements [approval.Tx].
func (tx *Tx) DeliveredAfter(ctx context.Context, r approval.Request) (approval.Request, bool, error) {
	return tx.requestWhere(ctx, `cluster = $1 AND lower(username) = lower($2) AND state = 'delivered' AND id > $3`, r.ClusterID, r.Username, r.ID)
}

// Conditions of requests for accounts.
const (
	hasMade     = `state = 'delivered' AND reset_approvals IS NULL`
	mayHaveMade = `state <> 'delivered' AND sealed IS NOT NULL AND (attempted_at IS NOT NULL OR job_id <> '') AND reset_approvals IS NULL`
)

// Account implements [approval.Tx].
func (tx *Tx) Account(ctx context.Context, clusterID, username string) (approval.Request, bool, error) {
	return tx.requestWhere(ctx, `cluster = $1 AND lower(username) = lower($2) AND (`+hasMade+` OR `+mayHaveMade+`)`, clusterID, username)
}

// CountResets implements [approval.Tx].
func (tx *Tx) CountResets(ctx context.Context, who approval.Person, since time.Time) (int, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM request WHERE requester IN ($1, $2) AND reset_approvals IS NOT NULL AND created_at > $3`,
		who.ID, who.Also, since.UnixMilli()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the new passwords of a person: %w", err)
	}
	return n, nil
}

// ShownBefore implements [approval.Tx].
func (tx *Tx) ShownBefore(ctx context.Context, r approval.Request) ([]approval.Request, error) {
	return tx.requests(ctx, "read the requests whose credentials are to be seen", `cluster = $1 AND lower(username) = lower($2)
		AND state = 'delivered' AND cleared_at IS NULL AND id < $3 ORDER BY id`, r.ClusterID, r.Username, r.ID)
}

// MayBeAnothers implements [approval.Tx].
func (tx *Tx) MayBeAnothers(ctx context.Context, r approval.Request) (bool, error) {
	_, found, err := tx.requestWhere(ctx, `cluster = $1 AND lower(username) = lower($2)
		AND (`+mayHaveMade+` AND id <> $3 OR `+hasMade+` AND id > $3)`, r.ClusterID, r.Username, r.ID)
	return found, err
}

// HadByAnother implements [approval.Tx].
func (tx *Tx) HadByAnother(ctx context.Context, clusterID, username string, who approval.Person) (bool, error) {
	_, found, err := tx.requestWhere(ctx, `cluster = $1 AND lower(username) = lower($2) AND state = 'delivered' AND requester NOT IN ($3, $4)`,
		clusterID, username, who.ID, who.Also)
	return found, err
}

// Accepted implements [approval.Tx].
func (tx *Tx) Accepted(ctx context.Context, who approval.Person, version string) (bool, error) {
	_, found, err := tx.requestWhere(ctx, `requester IN ($1, $2) AND policy = $3`, who.ID, who.Also, version)
	return found, err
}

// WaitingSince implements [approval.Tx].
func (tx *Tx) WaitingSince(ctx context.Context) (time.Time, error) {
	var since sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT min(COALESCE(started_at, updated_at)) FROM request
		WHERE state IN ('approved', 'provisioning', 'provisioned')`).Scan(&since)
	if err != nil {
		return time.Time{}, fmt.Errorf("look for the request that waits longest: %w", err)
	}
	return optional(since), nil
}

// Counts implements [approval.Tx].
func (tx *Tx) Counts(ctx context.Context) (map[approval.State]int, error) {
	counts := map[approval.State]int{}
	_, err := rows.Query(ctx, tx, "count the requests", func(row rows.Scanner) (none struct{}, err error) {
		var state approval.State
		var n int
		err = row.Scan(&state, &n)
		counts[state] = n
		return none, err
	}, `SELECT state, count(*) FROM request GROUP BY state`)
	return counts, err
}
