package audit

import (
	"context"
	"database/sql"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// This file holds what a verification compares with the audit log: what was asked for, and what was decided.

// compare runs a query, and keeps what f finds in its rows, up to a bound.
func (v *verifier) compare(ctx context.Context, tx *sql.Tx, query string, f func(rows.Scanner) (*Finding, error)) error {
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
		if finding != nil {
			v.found(*finding)
			n++
		}
	}
	return found.Err()
}

// requests compares the state of each request with its last event.
func (v *verifier) requests(ctx context.Context, tx *sql.Tx) error {
	err := v.compare(ctx, tx, `SELECT r.id, r.state, COALESCE(e.to_state, '') FROM request r
		LEFT JOIN event e ON e.seq = (SELECT max(seq) FROM event WHERE request_id = r.id)
		WHERE e.to_state IS NULL OR e.to_state <> r.state ORDER BY r.id`, func(row rows.Scanner) (*Finding, error) {
		f := &Finding{Kind: FindingState}
		err := row.Scan(&f.Request, &f.State, &f.Logged)
		if f.Logged == "" {
			f.Kind = FindingUnknown
		}
		return f, err
	})
	if err != nil {
		return err
	}
	// The cast leaves out what is no number on SQLite; the event is named already.
	return v.compare(ctx, tx, `SELECT request_id, max(seq) FROM event
		WHERE request_id <> 0 AND request_id = CAST(request_id AS BIGINT)
		AND NOT EXISTS (SELECT 1 FROM request WHERE id = event.request_id) GROUP BY request_id ORDER BY request_id`,
		func(row rows.Scanner) (*Finding, error) {
			f := &Finding{Kind: FindingLost}
			return f, row.Scan(&f.Request, &f.Seq)
		})
}

// asked compares each request with the event that tells what was asked for. The events of older versions, which
// tell nothing, are left out.
func (v *verifier) asked(ctx context.Context, tx *sql.Tx) error {
	return v.compare(ctx, tx, `SELECT r.id, r.username, r.cluster, r.mod, r.required, r.reason, r.requester, r.created_at,
		e.seq, e.at, e.actor, e.detail FROM request r JOIN event e ON e.request_id = r.id
		WHERE e.action = 'ask' AND e.detail <> '' ORDER BY e.seq`, differingRequest)
}

func differingRequest(row rows.Scanner) (*Finding, error) {
	var r approval.Request
	var e approval.Event
	var odd, damaged bool
	var required, created, at int64
	err := row.Scan(&r.ID, rows.Text(&r.Username, &odd), rows.Text(&r.ClusterID, &odd), rows.Text(&r.Mod, &odd), rows.Number(&required, &odd),
		rows.Text(&r.Reason, &odd), rows.Text(&r.Requester, &odd), rows.Number(&created, &odd),
		&e.Seq, rows.Number(&at, &damaged), rows.Text(&e.Actor, &damaged), rows.Text(&e.Detail, &damaged))
	if err != nil {
		return nil, err
	}
	r.Required = int(required)
	f := &Finding{Kind: FindingAsked, Request: r.ID, Seq: e.Seq, Differs: approval.AskedFor(r).Differs(e.Detail)}
	switch {
	case f.Differs != "":
	case approval.Storable(r.Requester) != e.Actor:
		f.Differs = "requester"
	case created != at:
		f.Differs = "time"
	case odd:
		f.Differs = "types of values"
	default:
		return nil, nil
	}
	return f, nil
}

// decisions compares each decision with the event that tells of it.
func (v *verifier) decisions(ctx context.Context, tx *sql.Tx) error {
	return v.compare(ctx, tx, `SELECT COALESCE(d.request_id, e.request_id), COALESCE(d.person, e.actor),
		COALESCE(d.verdict, ''), COALESCE(d.reason, ''), COALESCE(e.seq, 0), COALESCE(e.action, ''), COALESCE(e.detail, '')
		FROM decision d FULL JOIN (SELECT seq, request_id, actor, action, detail FROM event
			WHERE action IN ('approve', 'deny') AND EXISTS (SELECT 1 FROM request WHERE id = event.request_id)) e
		ON e.request_id = d.request_id AND e.actor = d.person ORDER BY 1, 2`, differingDecision)
}

func differingDecision(row rows.Scanner) (*Finding, error) {
	var d approval.Decision
	var action, detail string
	var odd bool
	f := &Finding{Kind: FindingDecision}
	err := row.Scan(rows.Number(&f.Request, &odd), rows.Text(&f.Person, &odd), rows.Text(&d.Verdict, &odd), rows.Text(&d.Reason, &odd),
		&f.Seq, rows.Text(&action, &odd), rows.Text(&detail, &odd))
	switch {
	case err != nil:
		return nil, err
	case f.Seq == 0:
		f.Kind = FindingDecided
	case d.Verdict == "":
		f.Kind = FindingUndecided
	case odd, string(d.Verdict) != action, d.Verdict == approval.Approve && d.Reason != "":
	case d.Verdict == approval.Deny && approval.Storable(d.Reason) != approval.Storable(detail):
	default:
		return nil, nil
	}
	return f, nil
}
