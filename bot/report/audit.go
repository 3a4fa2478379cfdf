package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"ehpcbot/approval"
)

// eventTable is a table of audit events.
type eventTable struct{ *table }

func newEventTable(w io.Writer, prefix string) eventTable {
	return eventTable{newTable(w, prefix, "SEQ", "TIME (UTC)", "REQUEST", "ACTOR", "ACTION", "STATE", "DETAIL")}
}

func (t eventTable) event(e approval.Event) {
	state := string(e.To)
	if e.From != e.To && e.From != "" {
		state = string(e.From) + " → " + state
	}
	at := "?"
	if !e.At.IsZero() {
		at = stamp(e.At)
	}
	t.row(strconv.FormatInt(e.Seq, 10), at, numberOf(e), e.Actor, e.Action, state, e.Detail)
}

// damage is what was met of events that hold what the bot can't have written.
type damage struct {
	first approval.Event
	n     int
}

func (d *damage) note(e approval.Event) {
	if !e.Damaged {
		return
	}
	if d.n++; d.n == 1 {
		d.first = e
	}
}

// watch passes events on, and notes what is wrong with them.
func (d *damage) watch(events iter.Seq2[approval.Event, error]) iter.Seq2[approval.Event, error] {
	return func(yield func(approval.Event, error) bool) {
		for e, err := range events {
			d.note(e)
			if !yield(e, err) {
				return
			}
		}
	}
}

// err names the first of them, so that nobody takes what was printed for what the bot wrote.
func (d *damage) err() error {
	if d.n == 0 {
		return nil
	}
	others := ""
	if d.n > 1 {
		others = fmt.Sprintf(", nor can %d more", d.n-1)
	}
	return fmt.Errorf("event %d can't be read as the bot wrote it%s: ehpcbot audit verify tells what was changed", d.first.Seq, others)
}

// numberOf is empty for an event that is about no request.
func numberOf(e approval.Event) string {
	if e.RequestID == 0 {
		return ""
	}
	return strconv.FormatInt(e.RequestID, 10)
}

func eventsAsTable(w io.Writer, events iter.Seq2[approval.Event, error]) error {
	t := newEventTable(w, "")
	none := true
	for e, err := range events {
		if err != nil {
			t.flush()
			return err
		}
		t.event(e)
		none = false
	}
	t.flush()
	if none {
		fmt.Fprintln(w, "No events.")
	}
	return nil
}

func eventsAsCSV(w io.Writer, events iter.Seq2[approval.Event, error]) error {
	c := csv.NewWriter(w)
	// A fault of writing is kept by c, and told by Error.
	_ = c.Write([]string{"seq", "at", "request_id", "actor", "action", "from_state", "to_state", "detail", "prev_hash", "hash"})
	for e, err := range events {
		if err != nil {
			c.Flush()
			return err
		}
		at := ""
		if !e.At.IsZero() {
			at = e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00")
		}
		cells := []string{
			strconv.FormatInt(e.Seq, 10), at, numberOf(e), e.Actor, e.Action,
			string(e.From), string(e.To), e.Detail, e.PrevHash, e.Hash,
		}
		for i, cell := range cells {
			cells[i] = noFormula(printable(cell))
		}
		_ = c.Write(cells)
	}
	c.Flush()
	return c.Error()
}

// eventsForExcel puts a byte order mark in front, without which Excel takes UTF-8 for something else.
func eventsForExcel(w io.Writer, events iter.Seq2[approval.Event, error]) error {
	fmt.Fprint(w, "\ufeff")
	return eventsAsCSV(w, events)
}

// noFormula puts a ' before what a spreadsheet would compute, and what would make it call others; the wide signs
// are those that East Asian keyboards write.
func noFormula(cell string) string {
	if strings.IndexAny(strings.TrimLeft(cell, string([]rune{' ', wideSpace, joiner})), "=+-@＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}
