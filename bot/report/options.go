package report

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/store"
	"ehpcbot/bot/config"
	"ehpcbot/ehpc"
)

// listOptions are the flags of requests.
type listOptions struct {
	states               []string
	person, cluster      string
	olderThan, newerThan string
	limit                number
	json                 bool
}

// number is the text of a flag that takes a whole number. It is read with the other flags, so that its fault is
// worded as theirs are.
type number string

func (n *number) Set(text string) error { *n = number(text); return nil }
func (n *number) String() string        { return string(*n) }
func (n *number) Type() string          { return "int" } // help shows the default of one without quotes

func (o listOptions) filter(now time.Time) (store.RequestFilter, error) {
	var f store.RequestFilter
	var faults [6]error
	f.States, faults[0] = states(o.states)
	f.Requester, faults[1] = person(o.person)
	f.CreatedBefore, faults[2] = ago("--older-than", o.olderThan, now)
	f.CreatedSince, faults[3] = ago("--newer-than", o.newerThan, now)
	f.Cluster, faults[4] = clusterID(o.cluster)
	f.Limit, faults[5] = limit(string(o.limit))
	if err := errors.Join(faults[:]...); err != nil {
		return f, err
	}
	if o.olderThan != "" && o.newerThan != "" && !f.CreatedSince.Before(f.CreatedBefore) {
		return f, fmt.Errorf("--older-than %s and --newer-than %s: no request can be both; the first has to be the shorter time", o.olderThan, o.newerThan)
	}
	return f, nil
}

func states(words []string) ([]approval.State, error) {
	var all []approval.State
	for _, word := range words {
		state := approval.State(strings.ToLower(strings.TrimSpace(word)))
		switch {
		case state == "active":
			all = append(all, activeStates()...)
		case state.Validate() != nil:
			return nil, fmt.Errorf("--state: %q is no state; give one of %s, or active for the first four", word, stateNames())
		default:
			all = append(all, state)
		}
	}
	return all, nil
}

func limit(text string) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("--limit: %q is no whole number; give one such as 50, or 0 for all", text)
	case n < 0:
		return 0, fmt.Errorf("--limit: %d is less than 0; give a whole number, or 0 for all", n)
	}
	return n, nil
}

// clusterID refuses what is no id, such as a cluster's name: the database knows ids only, and nothing would be found.
func clusterID(id string) (string, error) {
	if id != "" && ehpc.ValidateClusterID(id) != nil {
		return "", fmt.Errorf("--cluster: %q is no id of a cluster; give one such as ehpc-8jqdq0mz (in EHPC_CLUSTERS, before the @)", id)
	}
	return id, nil
}

var personForm = regexp.MustCompile(`^[UW][A-Z0-9]+$`)

func person(id string) (string, error) {
	if id != "" && !personForm.MatchString(id) {
		return "", fmt.Errorf("--person: %q is no Slack id of a person; give one such as U0123456789 (in the person's profile: ⋮, Copy member ID)", id)
	}
	return id, nil
}

func ago(flag, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	d, err := config.ParseDuration(value)
	if err != nil || d < 0 {
		return time.Time{}, fmt.Errorf("%s: %q is no time; give one such as 90m, 12h or 3d", flag, value)
	}
	return now.Add(-d), nil
}

func requestNumber(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is no number of a request; give one such as 12", text)
	}
	return id, nil
}

// auditOptions are the flags of audit.
type auditOptions struct {
	request, person, action string
	since, until            string
	format                  string
	excel                   bool
}

func (o auditOptions) filter(now time.Time) (audit.Filter, error) {
	f := audit.Filter{Action: o.action}
	var faults [5]error
	if o.request != "" {
		if f.RequestID, faults[0] = requestNumber(o.request); faults[0] != nil {
			faults[0] = fmt.Errorf("--request: %w", faults[0])
		}
	}
	_, shell := approval.ShellName(o.person)
	if f.Actor = o.person; !shell && o.person != approval.System {
		f.Actor, faults[1] = person(o.person)
	}
	f.Since, faults[2] = moment("--since", o.since, now, false)
	f.Until, faults[3] = moment("--until", o.until, now, true)
	if o.action != "" && !slices.Contains(approval.Actions(), o.action) {
		faults[4] = fmt.Errorf("--action: %q is no action; give one of %s", o.action, strings.Join(approval.Actions(), ", "))
	}
	if err := errors.Join(faults[:]...); err != nil {
		return f, err
	}
	if o.since != "" && o.until != "" && !f.Since.Before(f.Until) {
		return f, fmt.Errorf("--since %s is not before --until %s", o.since, o.until)
	}
	return f, nil
}

// moment reads a time ago, a date, or a time of UTC unless it says otherwise. A date is the start of the day, or
// the end of it.
func moment(flag, value string, now time.Time, end bool) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, value); err == nil {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, value); err == nil {
			return at, nil
		}
	}
	if d, err := config.ParseDuration(value); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%s: %q is no moment; give a time ago such as 3d, a date such as 2026-11-23, or 2026-11-23T15:04 for a time of UTC", flag, value)
}

// writer returns what writes events in the chosen format.
func (o auditOptions) writer() (func(io.Writer, iter.Seq2[approval.Event, error]) error, error) {
	switch {
	case o.excel && o.format == "csv":
		return eventsForExcel, nil
	case o.excel:
		return nil, errors.New("--excel is for --format csv")
	case o.format == "table":
		return eventsAsTable, nil
	case o.format == "csv":
		return eventsAsCSV, nil
	case o.format == "jsonl":
		return eventsAsJSONLines, nil
	}
	return nil, fmt.Errorf("--format: %q is not known; give table, csv or jsonl", o.format)
}
