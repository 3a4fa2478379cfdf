package audit

import (
	"context"
	"database/sql"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// comparison compares the requests and decisions that the database holds with what the log tells of them, while each of
// them is read once, in whatever order.
//
// Of what is told of a request it keeps hashes, with a seed that no forger can know, and from their sum takes away those
// of what the database holds. A request of which anything is left is looked at closely.
type comparison struct {
	seed maphash.Seed
	told map[int64]told // by request
}

// told is what the log tells of a request.
type told struct {
	last    int64  // number of its last event
	state   uint64 // after that; 0: there is no event
	asked   uint64 // what is asked for: of the event that tells it, or of the last that changed it
	asker   uint64 // who asked, and when: sum of the events that tell it
	decided uint64 // sum of the decisions
}

type (
	// asker is what a request is compared by, beside what is asked for.
	asker struct {
		person string
		at     int64
	}
	// decision is what a decision is compared by.
	decision struct{ person, verdict, reason string }
)

func newComparison() *comparison { return &comparison{maphash.MakeSeed(), map[int64]told{}} }

// event takes in what an event tells of its request. They come in the order of their numbers.
func (c *comparison) event(e approval.Event) {
	if e.RequestID == 0 {
		return
	}
	t := c.told[e.RequestID]
	t.last, t.state = e.Seq, maphash.String(c.seed, string(e.To))
	switch {
	case e.Action == "ask" && e.Detail != "": // older versions told nothing
		t.asked = maphash.String(c.seed, e.Detail)
		t.asker += maphash.Comparable(c.seed, asker{e.Actor, e.At.UnixMilli()})
	case e.Action == "change" && t.asked != 0:
		t.asked = maphash.String(c.seed, e.Detail)
	case e.Action == "approve":
		t.decided += maphash.Comparable(c.seed, decision{e.Actor, e.Action, ""})
	case e.Action == "deny":
		t.decided += maphash.Comparable(c.seed, decision{e.Actor, e.Action, approval.Storable(e.Detail)})
	}
	c.told[e.RequestID] = t
}

// findings reads decisions and requests, and returns what differs from the events: of each kind up to a bound.
func (c *comparison) findings(ctx context.Context, tx *sql.Tx) ([]string, error) {
	if err := c.decisions(ctx, tx); err != nil {
		return nil, err
	}
	states, asked, decided, err := c.requests(ctx, tx)
	if err != nil {
		return nil, err
	}
	found, err := closely(ctx, tx, states, stateQuery, compareState)
	if err != nil {
		return nil, err
	}
	lost, undecided := c.rest()
	found = append(found, lost...)
	for _, kind := range []struct {
		suspects []int64
		query    string
		compare  func(rows.Scanner) (string, error)
	}{{asked, askedQuery, compareAsked}, {append(decided, undecided...), decidedQuery, compareDecision}} {
		more, err := closely(ctx, tx, kind.suspects, kind.query, kind.compare)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// decisions takes the decisions that are there from those that are told.
func (c *comparison) decisions(ctx context.Context, tx *sql.Tx) error {
	return scan(ctx, tx, `SELECT request_id, person, verdict, reason FROM decision`, func(row rows.Scanner) error {
		var id int64
		var d decision
		var odd bool
		err := row.Scan(rows.Number(&id, &odd), rows.Text(&d.person, &odd), rows.Text(&d.verdict, &odd), rows.Text(&d.reason, &odd))
		d.reason = approval.Storable(d.reason)
		t := c.told[id]
		if t.decided -= maphash.Comparable(c.seed, d); odd {
			t.decided++
		}
		c.told[id] = t
		return err
	})
}

// requests takes the requests that are there from what is told, and returns the numbers of those to be looked at closely.
func (c *comparison) requests(ctx context.Context, tx *sql.Tx) (states, asked, decided []int64, err error) {
	err = scan(ctx, tx, `SELECT `+askedColumns+`, r.state FROM request r ORDER BY r.id`, func(row rows.Scanner) error {
		var r askedRow
		var state string
		if err := row.Scan(append(r.columns(), &state)...); err != nil {
			return err
		}
		t := c.told[r.ID]
		delete(c.told, r.ID)
		if t.state != maphash.String(c.seed, state) {
			states = append(states, r.ID)
		}
		if t.asked != 0 && (r.odd || t.asked != maphash.String(c.seed, r.words().String()) || t.asker != maphash.Comparable(c.seed, r.asker())) {
			asked = append(asked, r.ID)
		}
		if t.decided != 0 {
			decided = append(decided, r.ID)
		}
		return nil
	})
	return states, asked, decided, err
}

// rest looks at what was told of requests that were not there. It returns the first findings, and the numbers of those
// that have decisions all the same, without any event.
func (c *comparison) rest() (lost []string, undecided []int64) {
	for _, id := range slices.Sorted(maps.Keys(c.told)) {
		t := c.told[id]
		switch {
		case t.state == 0:
			undecided = append(undecided, id)
		case len(lost) < mostFindings:
			lost = append(lost, fmt.Sprintf("request %d, of which event %d tells, was removed", id, t.last))
		}
	}
	return lost, undecided
}

// scan runs a query, and calls do with each of its rows.
func scan(ctx context.Context, tx *sql.Tx, query string, do func(rows.Scanner) error, args ...any) error {
	found, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := do(found); err != nil {
			return err
		}
	}
	return found.Err()
}

// closely compares requests and what the log tells of them value by value, up to a bound of findings.
func closely(ctx context.Context, tx *sql.Tx, suspects []int64, query string, compare func(rows.Scanner) (finding string, err error)) (found []string, err error) {
	for _, id := range suspects {
		err := scan(ctx, tx, query, func(row rows.Scanner) error {
			finding, err := compare(row)
			if finding != "" && len(found) < mostFindings {
				found = append(found, finding)
			}
			return err
		}, id)
		if err != nil || len(found) == mostFindings {
			return found, err
		}
	}
	return found, nil
}

const stateQuery = `SELECT r.id, r.state, COALESCE(e.to_state, '') FROM request r
	LEFT JOIN event e ON e.seq = (SELECT max(seq) FROM event WHERE request_id = r.id) WHERE r.id = $1`

// compareState compares the state of a request with its last event.
func compareState(row rows.Scanner) (string, error) {
	var id int64
	var state, logged string
	err := row.Scan(&id, &state, &logged)
	if logged == "" {
		return fmt.Sprintf("request %d is in no event: it was added by somebody else, or its events were removed", id), err
	}
	return fmt.Sprintf("request %d is %s, but the log says %s: the request was changed, or the end of its log", id, state, logged), err
}

// askedRow is a request as far as it tells what was asked for.
type askedRow struct {
	approval.Request
	required, created int64
	odd               bool // a value is of a type that is never written there
}

const askedColumns = `r.id, r.username, r.cluster, r.mod, COALESCE(r.reset_approvals, r.required), r.reset_approvals IS NOT NULL, r.reason,
	r.requester, r.created_at, r.until_date, r.policy, r.sponsor, r.rules, r.exempt`

func (r *askedRow) columns() []any {
	return []any{
		&r.ID, rows.Text(&r.Username, &r.odd), rows.Text(&r.ClusterID, &r.odd), rows.Text(&r.Mod, &r.odd), rows.Number(&r.required, &r.odd),
		&r.Reset, rows.Text(&r.Reason, &r.odd), rows.Text(&r.Requester, &r.odd), rows.Number(&r.created, &r.odd),
		rows.Text(&r.Until, &r.odd), rows.Text(&r.Policy, &r.odd), rows.Text(&r.Sponsor, &r.odd), rows.Text(&r.Kept, &r.odd), rows.Text(&r.Exempt, &r.odd),
	}
}

func (r *askedRow) words() approval.Asked {
	if r.Required = int(r.required); r.Exempt != "" {
		r.Required = 0
	}
	return approval.AskedFor(r.Request)
}

// asker is how the log should tell who asked.
func (r *askedRow) asker() asker { return asker{approval.Storable(r.Requester), r.created} }

const askedQuery = `SELECT ` + askedColumns + `, COALESCE(c.seq, e.seq), e.at, e.actor, COALESCE(c.detail, e.detail)
	FROM request r JOIN event e ON e.request_id = r.id
	LEFT JOIN event c ON c.seq = (SELECT max(seq) FROM event WHERE request_id = r.id AND action = 'change')
	WHERE r.id = $1 AND e.action = 'ask' AND e.detail <> '' ORDER BY e.seq`

// compareAsked compares a request with the event that tells what was asked for, or how that was changed last.
func compareAsked(row rows.Scanner) (string, error) {
	var r askedRow
	var seq, at int64
	var actor, detail string
	var damaged bool
	err := row.Scan(append(r.columns(), &seq, rows.Number(&at, &damaged), rows.Text(&actor, &damaged), rows.Text(&detail, &damaged))...)
	if err != nil {
		return "", err
	}
	differs := r.words().Differs(detail)
	switch {
	case differs != "":
	case approval.Storable(r.Requester) != actor:
		differs = "requester"
	case r.created != at:
		differs = "time"
	case r.odd:
		differs = "types of values"
	default:
		return "", nil
	}
	return fmt.Sprintf("request %d and event %d, which tells what was asked for, differ in the %s: one of them was changed", r.ID, seq, differs), nil
}

const decidedQuery = `SELECT COALESCE(d.request_id, e.request_id), COALESCE(d.person, e.actor),
	COALESCE(d.verdict, ''), COALESCE(d.reason, ''), COALESCE(e.seq, 0), COALESCE(e.action, ''), COALESCE(e.detail, '')
	FROM (SELECT * FROM decision WHERE request_id = $1) d
	FULL JOIN (SELECT * FROM event WHERE request_id = $1 AND action IN ('approve', 'deny')) e ON e.actor = d.person ORDER BY 2`

// compareDecision compares a decision with the event that tells of it.
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
