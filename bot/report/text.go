package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What [unicode.IsPrint] leaves out, but people write and no terminal obeys.
const (
	wideSpace = '\u3000' // between Chinese words
	joiner    = '\u200d' // in many an emoji, and in the scripts of India
)

func clean(r rune) bool {
	return (unicode.IsPrint(r) || r == wideSpace || r == joiner) && r != utf8.RuneError
}

// printable escapes what a terminal could take for a command, or what would rearrange the line: control
// characters, marks that turn the direction of writing, and bytes that are no UTF-8.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if clean(r) {
			b.WriteString(s[:size])
		} else {
			quoted := strconv.QuoteToASCII(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

const dateTime = "2006-01-02 15:04:05"

func stamp(t time.Time) string { return t.UTC().Format(dateTime) }

// age is a time that has passed, in its largest unit.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s" // the clocks of two machines differ
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}

// left is a time that is still to pass, to the minute or the hour: a request that has just come expires in 3d.
func left(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= time.Minute {
		d = d.Round(time.Minute)
	}
	if d >= time.Hour {
		d = d.Round(time.Hour)
	}
	if hours := d % day / time.Hour; d >= 2*day && hours > 0 {
		return fmt.Sprintf("%dd%dh", d/day, hours)
	}
	return age(d)
}

// table aligns columns. Their widths are those of the first rows, so that a long table need not be held in
// memory; a longer cell further down pushes the rest of its row aside.
type table struct {
	w      io.Writer
	head   []string
	rows   [][]string // those that are not yet written
	widths []int
	prefix string
}

// held is how many rows are looked at for the widths.
const held = 200

func newTable(w io.Writer, prefix string, head ...string) *table {
	return &table{w: w, head: head, prefix: prefix}
}

// row adds a row. Its cells are made printable.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	if t.widths != nil {
		t.write(cells)
		return
	}
	if t.rows = append(t.rows, cells); len(t.rows) == held {
		t.flush()
	}
}

// flush writes the rows that are held.
func (t *table) flush() {
	if t.widths != nil || len(t.rows) == 0 {
		return
	}
	t.widths = make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
	for _, cells := range all {
		for i, c := range cells {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, cells := range all {
		t.write(cells)
	}
	t.rows = nil
}

func (t *table) write(cells []string) {
	var b strings.Builder
	b.WriteString(t.prefix)
	for i, c := range cells {
		fmt.Fprintf(&b, "%-*s  ", t.widths[i], c)
	}
	fmt.Fprintln(t.w, strings.TrimRight(b.String(), " "))
}
