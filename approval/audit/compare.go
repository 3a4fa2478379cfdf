package audit

import (
	"context"
	"database/sql"
	"fmt"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// This file compares the requests and decisions that the database holds with what the log tells of them.

// compare runs a query, and keeps what f finds in its rows, up to a bound.
func (v *verifier) compare(ctx context.Context, tx *sql.Tx, query string, f func(rows.Scanner) (finding string, err error)) error {
	found, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer found.Close()
	for n := 0; n < mostFindings && found.Next(); {
		finding, err := f(found)
		if err != nil {
			return err
		}
		if finding != "" {
			v.Findings = append(v.Findings, finding)
			n++
		}
	}
	return found.Err()
}

// states compares the state of each request with its last event.
func (v *verifier) states(ctx context.Context, tx *sql.Tx) error {
	return v.compare(ctx, tx, `SELECT r.id, r.state, COALESCE(e.to_state, '') FROM request r
		LEFT JOIN event e ON e.seq = (SELECT max(seq) FROM event WHERE request_id = r.id)
		WHERE e.to_state IS NULL OR e.to_state <> r.state ORDER BY r.id`, func(row rows.Scanner) (string, error) {
		var id int64
		var state, logged string
		err := row.Scan(&id, &state, &logged)
		if logged == "" {
			return fmt.Sprintf("request %d is in no event: it was added by somebody else, or its events were removed", id), err
		}
		return fmt.Sprintf("request %d is %s, but the log says %s: the request was changed, or the end of its log", id, state, logged), err
	})
}

// lost finds requests that the log tells of and that are gone.
func (v *verifier) lost(ctx context.Context, tx *sql.Tx) error {
	// The cast leaves out what is no number on SQLite; the event is named already.
	return v.compare(ctx, tx, `SELECT request_id, max(seq) FROM event
		WHERE request_id <> 0 AND request_id = CAST(request_id AS BIGINT)
		AND NOT EXISTS (SELECT 1 FROM request WHERE id = event.request_id) GROUP BY request_id ORDER BY request_id`,
		func(row rows.Scanner) (string, error) {
			var id, seq int64
			err := row.Scan(&id, &seq)
			return fmt.Sprintf("request %d, of which event %d tells, was removed", id, seq), err
		})
}

// asked compares each request with the event that tells what was asked for. The events of older versions, which
// tell nothing, are left out.
func (v *verifier) asked(ctx context.Context, tx *sql.Tx) error {
	return v.compare(ctx, tx, `SELECT r.id, r.username, r.cluster, r.mod, r.required, r.reason, r.requester, r.created_at,
		e.seq, e.at, e.actor, e.detail FROM request r JOIN event e ON e.request_id = r.id
		WHERE e.action = 'ask' AND e.detail <> '' ORDER BY e.seq`, compareAsked)
}

func compareAsked(row rows.Scanner) (string, error) {
	var id, required, created, seq, at int64
	var r approval.Request
	var requester, actor, detail string
	var odd, damaged bool
	err := row.Scan(&id, rows.Text(&r.Username, &odd), rows.Text(&r.ClusterID, &odd), rows.Text(&r.Mod, &odd), rows.Number(&required, &odd),
		rows.Text(&r.Reason, &odd), rows.Text(&requester, &odd), rows.Number(&created, &odd),
		&seq, rows.Number(&at, &damaged), rows.Text(&actor, &damaged), rows.Text(&detail, &damaged))
	if err != nil {
		return "", err
	}
	r.Required = int(required)
	differs := approval.AskedFor(r).Differs(detail)
	switch {
	case differs != "":
	case approval.Storable(requester) != actor:
		differs = "requester"
	case created != at:
		differs = "time"
	case odd:
		differs = "types of values"
	default:
		return "", nil
	}
	return fmt.Sprintf("request %d and event %d, which tells what was asked for, differ in the %s: one of them was changed", id, seq, differs), nil
}

// decided compares each decision with the event that tells of it.
func (v *verifier) decided(ctx context.Context, tx *sql.Tx) error {
	return v.compare(ctx, tx, `SELECT COALESCE(d.request_id, e.request_id), COALESCE(d.person, e.actor),
		COALESCE(d.verdict, ''), COALESCE(d.reason, ''), COALESCE(e.seq, 0), COALESCE(e.action, ''), COALESCE(e.detail, '')
		FROM decision d FULL JOIN (SELECT seq, request_id, actor, action, detail FROM event
			WHERE action IN ('approve', 'deny') AND EXISTS (SELECT 1 FROM request WHERE id = event.request_id)) e
		ON e.request_id = d.request_id AND e.actor = d.person ORDER BY 1, 2`, compareDecision)
}

func compareDecision(row rows.Scanner) (string, error) {
	var id, seq int64
	var person, verdict, reason, action, detail string
	var odd bool
	err := row.Scan(rows.Number(&id, &odd), rows.Text(&person, &odd), rows.Text(&verdict, &odd), rows.Text(&reason, &odd),
		&seq, rows.Text(&action, &odd), rows.Text(&detail, &odd))
	decision := fmt.Sprintf("the decision of %s on request %d", person, id)
	switch {
	case err != nil:
		return "", err
	case seq == 0:
		return decision + " is in no event: it was added by somebody else, or its event was changed or removed", nil
	case verdict == "":
		return fmt.Sprintf("%s, of which event %d tells, is gone", decision, seq), nil
	case odd, verdict != action, verdict == "approve" && reason != "", verdict == "deny" && approval.Storable(reason) != approval.Storable(detail):
		return fmt.Sprintf("%s and event %d, which tells of it, differ: one of them was changed", decision, seq), nil
	}
	return "", nil
}
