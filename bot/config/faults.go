package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with the environment.
type Fault struct {
	Variable string // its name
	Wrong    string // what is wrong with it
	Right    string // what would be right
}

// String returns the fault as a line.
func (f Fault) String() string { return f.Variable + ": " + f.Wrong + "; " + f.Right }

// Faults are all things that are wrong, in the order of [Variables].
type Faults []Fault

// Error implements error, with a line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// collector gathers the faults of one reading.
type collector struct {
	faults  Faults
	closed  map[string]bool          // variables whose value could not be had, so that nothing more is to say of it
	secrets []string                 // what must appear in no fault
	right   func(name string) string // what the table says would be right
}

func newCollector() *collector { return &collector{closed: map[string]bool{}, right: rightOf} }

// rightOf is what the table of variables says would be right.
func rightOf(name string) string {
	v, _ := variable(name)
	return v.right
}

// add notes what is wrong with a variable. What is right says the table.
func (c *collector) add(name, wrong string, args ...any) {
	c.addRight(name, c.right(name), wrong, args...)
}

// addRight is add for a fault that the words of the table would not mend.
func (c *collector) addRight(name, right, wrong string, args ...any) {
	if c.closed[name] {
		return
	}
	c.faults = append(c.faults, Fault{Variable: name, Wrong: fmt.Sprintf(wrong, args...), Right: right})
}

// missing reports a required variable that has no value.
func (c *collector) missing(name, value string) bool {
	if value == "" {
		c.add(name, "is missing")
	}
	return value == ""
}

// good reports whether nothing is wrong with any of the variables so far.
func (c *collector) good(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return c.closed[name] || slices.ContainsFunc(c.faults, func(f Fault) bool { return f.Variable == name })
	})
}

func (c *collector) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(c.faults, func(a, b Fault) int { return position(a.Variable) - position(b.Variable) })
	return c.faults
}

// keep notes a secret, as a whole and item by item.
func (c *collector) keep(secret string) {
	for _, s := range append(strings.Split(secret, ","), secret) {
		if s = strings.TrimSpace(s); len(s) >= shortestSecret {
			c.secrets = append(c.secrets, s)
		}
	}
}

const (
	shortestSecret = 6  // what is shorter is found in many a word
	longestQuote   = 60 // runes of a value that a fault shows
)

// A token of any kind that Slack gives out, or a URL with a password in it.
var secretForm = regexp.MustCompile(`xox[a-z][.-]|xapp-|://[^/\s]*:[^/\s]*@`)

// quote returns a value as a fault may show it: in quotes and of moderate length, and not at all where a secret
// seems to have come into the wrong variable.
func (c *collector) quote(value string) string {
	if c.secret(value) {
		return "its value (not shown, as it looks like a secret)"
	}
	if r := []rune(value); len(r) > longestQuote {
		return strconv.Quote(string(r[:longestQuote])) + "…"
	}
	return strconv.Quote(value)
}

func (c *collector) secret(value string) bool {
	return secretForm.MatchString(value) ||
		slices.ContainsFunc(c.secrets, func(s string) bool { return strings.Contains(value, s) })
}
