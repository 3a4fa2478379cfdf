package audit

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/rows"
)

// Mark names an event by its number and its hash. Noted outside the database, it shows later that the log up to there
// is still the same, whatever was done to the database meanwhile.
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
	Events   int64    // how many there are, from number 1 on
	Whole    int64    // how many of them, from the first on, are as they were written
	Last     Mark     // of the last event
	Signed   int64    // how many are known to be signed by the bot
	Findings []string // what ehpcbot did not write so, a sentence each
}

// mostFindings bounds the findings of each comparison.
const mostFindings = 20

// Progress is told how many events of how many are read, at the first one and then every progressStep.
type Progress func(read, of int64)

const progressStep = 10_000

// Verify reads the whole audit log and finds the first event that was changed, removed or moved; it compares the end
// of the log with the head that the database keeps, each request with what was asked for and with its last event, each
// decision with its event, and the event of a mark that was noted before, unless that is nil. Keys verify that each event
// is signed, from the first one on that is; nil leaves that out. The transaction must see one moment of the database, or a
// bot that writes meanwhile is taken for a forger. progress may be nil.
//
// Who can write to the database and has the key can also write the whole log anew. Only the mark shows that.
func Verify(ctx context.Context, tx *sql.Tx, keys *keyring.Keyring, noted *Mark, progress Progress) (Verification, error) {
	v := &verifier{keys: keys, noted: noted, progress: progress, comparison: newComparison()}
	if err := v.readHead(ctx, tx); err != nil {
		return Verification{}, fmt.Errorf("read the head of the audit log: %w", err)
	}
	if err := each(ctx, tx, Filter{}, nil, 0, v.event); err != nil {
		return Verification{}, err
	}
	v.explain()
	v.end()
	found, err := v.comparison.findings(ctx, tx)
	if err != nil {
		return Verification{}, fmt.Errorf("compare the requests: %w", err)
	}
	v.Findings = append(v.Findings, found...)
	return v.Verification, nil
}

// verifier is one verification under way.
type verifier struct {
	Verification
	keys       *keyring.Keyring
	unknown    [2]int64 // first and last event that an unknown key has signed, and no known one after it
	unsigned   int      // events that should be signed, and are not
	noted      *Mark
	progress   Progress
	comparison *comparison     // of the requests with the events
	head       Mark            // that the database keeps
	oddHead    bool            // and that is none
	met        bool            // the event that was noted
	broken     bool            // the chain is: nothing can be told of what follows
	changed    *approval.Event // where it is broken by an event that does not fit its hash
}

func (v *verifier) found(format string, args ...any) {
	v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
}

// event looks at the next event.
func (v *verifier) event(e approval.Event) {
	v.comparison.event(e)
	if e.Seq < 1 {
		if len(v.Findings) < mostFindings {
			v.found("event %d was added by somebody else: the first one is event 1", e.Seq)
		}
		return
	}
	if !v.broken {
		v.link(e)
	}
	if v.noted != nil && e.Seq == v.noted.Seq {
		v.met = e.Hash == v.noted.Hash
	}
	if v.progress != nil && v.Events%progressStep == 0 {
		v.progress(v.Events, v.head.Seq)
	}
	v.Events++
	v.Last = Mark{e.Seq, e.Hash}
}

// link looks whether an event is whole and follows the last one, given that all before it do.
func (v *verifier) link(e approval.Event) {
	v.broken = true
	switch {
	case e.Seq > v.Last.Seq+1:
		v.removed(v.Last.Seq+1, e.Seq-1)
	case e.Damaged:
		v.found("event %d was changed", e.Seq)
	case hashOf(e) != e.Hash:
		v.changed = &e
	case e.PrevHash != v.Last.Hash:
		v.found("event %d does not follow event %d: one of them was changed, and its hash with it", e.Seq, e.Seq-1)
		v.Whole-- // it may be the one before
	default:
		v.broken = false
		v.Whole++
		v.signature(e)
	}
}

// signature looks at the signature of an event that is whole. Where keys were changed, those that are no longer there
// come before the others: what is signed by a known key covers all before it.
func (v *verifier) signature(e approval.Event) {
	if v.keys == nil || e.MAC == "" && v.Signed == 0 && v.unknown[1] == 0 {
		return
	}
	right, known := v.keys.Verify(e.Hash, e.MAC)
	switch {
	case right:
		v.Signed++
		v.unknown = [2]int64{}
	case !known && v.Signed == 0:
		v.unknown = [2]int64{cmp.Or(v.unknown[0], e.Seq), e.Seq}
	default:
		if v.unsigned++; v.unsigned > mostFindings {
			return
		}
		if known {
			v.found("event %d is not signed by ehpcbot: it was added by somebody else, or changed with its hash", e.Seq)
		} else {
			v.found("event %d is signed with a key that is not given: give all that there were since, as ENCRYPTION_KEY=NEW,MIDDLE,OLD; "+
				"if there was no other, it was added by somebody else, or changed with its hash", e.Seq)
		}
	}
}

func (v *verifier) removed(first, last int64) {
	if first == last {
		v.found("event %d was removed", first)
	} else {
		v.found("events %d to %d were removed", first, last)
	}
}

// explain tells of an event that does not fit its hash whether it was moved or changed, once all are counted.
func (v *verifier) explain() {
	if v.changed == nil {
		return
	}
	if place := v.placeOf(*v.changed); place != 0 {
		v.found("event %d was moved to the place of event %d", place, v.changed.Seq)
	} else {
		v.found("event %d was changed", v.changed.Seq)
	}
}

// placeOf finds the number under which an event was written that has another one now; 0 if there is none. It tries
// them all, which costs a microsecond each.
func (v *verifier) placeOf(e approval.Event) int64 {
	last := min(v.Last.Seq, v.Events+100_000) // somebody may have put an enormous number there
	last += 100                               // those that were removed from the end
	for e.Seq = 1; e.Seq <= last; e.Seq++ {
		if hashOf(e) == e.Hash {
			return e.Seq
		}
	}
	return 0
}

func (v *verifier) readHead(ctx context.Context, tx *sql.Tx) error {
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM event_head`).Scan(rows.Number(&v.head.Seq, &v.oddHead), rows.Text(&v.head.Hash, &v.oddHead))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// end compares the end of the log with the head, and with what was noted.
func (v *verifier) end() {
	switch {
	case v.broken:
	case !v.oddHead && v.head.Seq > v.Last.Seq:
		v.removed(v.Last.Seq+1, v.head.Seq)
	case v.oddHead || v.head != v.Last:
		v.found("event %d is not the one that ehpcbot wrote last: it was changed with its hash, or added by somebody else", v.Last.Seq)
	}
	if v.unknown[0] != 0 {
		v.found("events %d to %d are signed with a key that ENCRYPTION_KEY does not hold: add the key that was used then, as in NEW,OLD", v.unknown[0], v.unknown[1])
	}
	if v.noted != nil && !v.met {
		v.found("event %d is not the one that was noted: the log was written anew, up to there at least", v.noted.Seq)
		v.Whole = 0 // or so it may be
	}
}
