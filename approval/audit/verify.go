package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// Mark names an audit event by its number and its hash. Noted outside the database, it shows later that the log up
// to there is still the same, whatever was done to the database meanwhile.
type Mark struct {
	Seq  int64
	Hash string
}

// String returns the mark as number:hash.
func (m Mark) String() string { return strconv.FormatInt(m.Seq, 10) + ":" + m.Hash }

// ParseMark reads what [Mark.String] wrote.
func ParseMark(text string) (Mark, error) {
	number, hash, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 1 || len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return Mark{}, fmt.Errorf("%q is no mark: a number, a colon and 64 hexadecimal digits", text)
	}
	return Mark{Seq: seq, Hash: hash}, nil
}

// Verification is what [Verify] found.
type Verification struct {
	Events   int64 // how many there are, from number 1 on
	Whole    int64 // how many of them, from the first on, are as they were written
	Last     Mark  // of the last event
	Findings []Finding
}

// Finding is something in the audit log, or in the requests, that ehpcbot did not write so.
type Finding struct {
	Kind    FindingKind
	Seq     int64 // the first event that it is about
	Until   int64 // of FindingRemoved: the last event; of FindingMoved: where it belongs
	Request int64
	State   approval.State // of FindingState: the request's
	Logged  approval.State // of FindingState: the log's
	Person  string         // who decided
	Differs string         // of FindingAsked: what of the request is not as the event tells it, such as username
}

// FindingKind is what is wrong.
type FindingKind string

// The kinds of findings.
const (
	FindingChanged FindingKind = "changed" // the event Seq is not as it was written
	FindingMoved   FindingKind = "moved"   // in the place of event Seq stands event Until
	FindingRemoved FindingKind = "removed" // the events Seq to Until are gone
	FindingAdded   FindingKind = "added"   // the event Seq stands before the first that can be
	FindingRelink  FindingKind = "relink"  // the event Seq does not follow the one before: one of them was changed, with its hash
	FindingEnd     FindingKind = "end"     // the event Seq is not the one that was appended last
	FindingMark    FindingKind = "mark"    // the event Seq is not the one that was noted
	FindingState   FindingKind = "state"   // the request's state is not the one that the log tells
	FindingUnknown FindingKind = "unknown" // the log tells nothing of the request
	FindingLost    FindingKind = "lost"    // the log tells of a request that is gone
	FindingAsked   FindingKind = "wish"    // the request is not what was asked for in the event Seq

	FindingDecision  FindingKind = "decision"  // the decision of a person is not the one that the event Seq tells of
	FindingDecided   FindingKind = "decided"   // the log tells nothing of the decision
	FindingUndecided FindingKind = "undecided" // the event Seq tells of a decision that is gone
)

// String returns the finding as a line.
func (f Finding) String() string {
	switch f.Kind {
	case FindingChanged:
		return fmt.Sprintf("event %d was changed", f.Seq)
	case FindingMoved:
		return fmt.Sprintf("event %d was moved to the place of event %d", f.Until, f.Seq)
	case FindingRemoved:
		if f.Until == f.Seq {
			return fmt.Sprintf("event %d was removed", f.Seq)
		}
		return fmt.Sprintf("events %d to %d were removed", f.Seq, f.Until)
	case FindingAdded:
		return fmt.Sprintf("event %d was added by somebody else: the first one is event 1", f.Seq)
	case FindingRelink:
		return fmt.Sprintf("event %d does not follow event %d: one of them was changed, and its hash with it", f.Seq, f.Seq-1)
	case FindingEnd:
		return fmt.Sprintf("event %d is not the one that ehpcbot wrote last: it was changed with its hash, or added by somebody else", f.Seq)
	case FindingMark:
		return fmt.Sprintf("event %d is not the one that was noted: the log was written anew, up to there at least", f.Seq)
	case FindingState:
		return fmt.Sprintf("request %d is %s, but the log says %s: the request was changed, or the end of its log", f.Request, f.State, f.Logged)
	case FindingUnknown:
		return fmt.Sprintf("request %d is in no event: it was added by somebody else, or its events were removed", f.Request)
	case FindingLost:
		return fmt.Sprintf("request %d, of which event %d tells, was removed", f.Request, f.Seq)
	case FindingAsked:
		return fmt.Sprintf("request %d and event %d, which tells what was asked for, differ in the %s: one of them was changed", f.Request, f.Seq, f.Differs)
	case FindingDecision:
		return fmt.Sprintf("the decision of %s on request %d and event %d, which tells of it, differ: one of them was changed", f.Person, f.Request, f.Seq)
	case FindingDecided:
		return fmt.Sprintf("the decision of %s on request %d is in no event: it was added by somebody else, or its event was changed or removed", f.Person, f.Request)
	case FindingUndecided:
		return fmt.Sprintf("the decision of %s on request %d, of which event %d tells, is gone", f.Person, f.Request, f.Seq)
	}
	return string(f.Kind)
}

// Verify reads the whole audit log and reports the first event that was changed, removed or moved; it compares
// the end of the log with the head that the database keeps, each request with what was asked for and with its last
// event, each decision with its event, and the event of a mark that was noted before, unless that is nil. It
// needs one transaction, so that a bot that writes meanwhile is not taken for a forger.
//
// Who can write to the database can also write the whole log anew, with all hashes. Only the mark shows that.
func Verify(ctx context.Context, tx *sql.Tx, noted *Mark) (Verification, error) {
	v := &verifier{noted: noted}
	for _, part := range []func(context.Context, *sql.Tx) error{v.events, v.end, v.requests, v.asked, v.decisions} {
		if err := part(ctx, tx); err != nil {
			return Verification{}, fmt.Errorf("verify the audit log: %w", err)
		}
	}
	return v.Verification, nil
}

// verifier is one verification under way.
type verifier struct {
	Verification
	noted  *Mark
	broken bool // the chain is: nothing can be told of what follows
	met    bool // the event that was noted
}

func (v *verifier) found(f Finding) { v.Findings = append(v.Findings, f) }

func (v *verifier) events(ctx context.Context, tx *sql.Tx) error {
	var last *approval.Event
	for {
		events, err := Events(ctx, tx, Filter{}, last, batch)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return nil
		}
		for _, e := range events {
			if err := v.step(ctx, tx, e); err != nil {
				return err
			}
		}
		last = &events[len(events)-1]
	}
}

// step looks at the next event.
func (v *verifier) step(ctx context.Context, tx *sql.Tx, e approval.Event) error {
	if e.Seq < 1 {
		if len(v.Findings) < mostFindings {
			v.found(Finding{Kind: FindingAdded, Seq: e.Seq})
		}
		return nil
	}
	if !v.broken {
		f, err := v.judge(ctx, tx, e)
		if err != nil {
			return err
		}
		if f != nil {
			v.broken = true
			v.found(*f)
			if f.Kind == FindingRelink {
				v.Whole-- // it may be the one before
			}
		} else {
			v.Whole++
		}
	}
	if v.noted != nil && e.Seq == v.noted.Seq {
		v.met = e.Hash == v.noted.Hash
	}
	v.Events++
	v.Last = Mark{e.Seq, e.Hash}
	return nil
}

// judge returns what is wrong with an event, given that all before it are whole.
func (v *verifier) judge(ctx context.Context, tx *sql.Tx, e approval.Event) (*Finding, error) {
	if e.Seq > v.Last.Seq+1 {
		return &Finding{Kind: FindingRemoved, Seq: v.Last.Seq + 1, Until: e.Seq - 1}, nil
	}
	hash, err := hashOf(e)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Damaged:
		return &Finding{Kind: FindingChanged, Seq: e.Seq}, nil
	case hash != e.Hash:
		place, err := placeOf(ctx, tx, e)
		if err != nil || place == 0 {
			return &Finding{Kind: FindingChanged, Seq: e.Seq}, err
		}
		return &Finding{Kind: FindingMoved, Seq: e.Seq, Until: place}, nil
	case e.PrevHash != v.Last.Hash:
		return &Finding{Kind: FindingRelink, Seq: e.Seq}, nil
	}
	return nil, nil
}

// placeOf finds the number under which an event was written whose hash does not fit the one that it has now; 0
// if there is none. It tries them all, which costs a microsecond each.
func placeOf(ctx context.Context, tx *sql.Tx, e approval.Event) (int64, error) {
	var last, events int64
	if err := tx.QueryRowContext(ctx, `SELECT max(seq), count(*) FROM event`).Scan(&last, &events); err != nil {
		return 0, err
	}
	last = min(last, events+100_000) // somebody may have put an enormous number there
	last += 100                      // those that were removed from the end
	for e.Seq = 1; e.Seq <= last; e.Seq++ {
		hash, err := hashOf(e)
		if err != nil {
			return 0, err
		}
		if hash == e.Hash {
			return e.Seq, nil
		}
	}
	return 0, nil
}

// end compares the end of the log with the head, and with what was noted.
func (v *verifier) end(ctx context.Context, tx *sql.Tx) error {
	var head Mark
	var odd bool
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM event_head`).Scan(rows.Number(&head.Seq, &odd), rows.Text(&head.Hash, &odd))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch {
	case v.broken:
	case odd:
		v.found(Finding{Kind: FindingEnd, Seq: v.Last.Seq})
	case head.Seq > v.Last.Seq:
		v.found(Finding{Kind: FindingRemoved, Seq: v.Last.Seq + 1, Until: head.Seq})
	case head != v.Last:
		v.found(Finding{Kind: FindingEnd, Seq: v.Last.Seq})
	}
	if v.noted != nil && !v.met {
		v.found(Finding{Kind: FindingMark, Seq: v.noted.Seq})
		v.Whole = 0 // or so it may be
	}
	return nil
}

// batch is how many events are read at once.
const batch = 500

// mostFindings bounds the findings of each kind of comparison.
const mostFindings = 20
