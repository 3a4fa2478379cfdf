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
	t.row(strconv.FormatInt(e.Seq, 10), stamp(e.At), numberOf(e), e.Actor, e.Action, state, e.Detail)
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
		cells := []string{
			strconv.FormatInt(e.Seq, 10), e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), numberOf(e), e.Actor, e.Action,
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

// noFormula puts a ' before what a spreadsheet would compute, and what would make it call others; the wide signs
// are those that East Asian keyboards write.
func noFormula(cell string) string {
	if trimmed := strings.TrimLeft(cell, string([]rune{' ', wideSpace, joiner})); trimmed != "" && strings.ContainsAny(firstRune(trimmed), "=+-@＝＋－＠") {
		return "'" + cell
	}
	return cell
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
