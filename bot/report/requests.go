package report

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/store"
)

func listAsTable(w io.Writer, requests iter.Seq2[store.Summary, error], now time.Time, limit int) error {
	t := newTable(w, "", "ID", "STATE", "AGE", "CLUSTER", "USERNAME", "REQUESTER", "NOTE")
	n := 0
	for s, err := range requests {
		if err != nil {
			t.flush()
			return err
		}
		n++
		t.row(strconv.FormatInt(s.ID, 10), string(s.State), age(now.Sub(s.CreatedAt)), s.ClusterID, s.Username, s.Requester,
			note(s.Request, s.Approvals, now))
	}
	t.flush()
	switch {
	case n == 0:
		fmt.Fprintln(w, "No requests.")
	case n == limit:
		fmt.Fprintf(w, "\nThese are the newest %d; --limit 0 lists all.\n", n)
	}
	return nil
}

// note tells what a request is for, where that is no account, and how it stands.
func note(r approval.Request, approvals int, now time.Time) string {
	words := standing(r, approvals, now)
	if r.Reset {
		return strings.TrimSuffix("new password: "+words, ": ")
	}
	return words
}

// standing tells in a few words what a request waits for, why it failed, or what became of it.
func standing(r approval.Request, approvals int, now time.Time) string {
	if words := failure(r); words != "" {
		return words
	}
	switch r.State {
	case approval.Pending:
		if r.AwaitsSponsor() {
			return "waits for the sponsor, " + inOrSince("expires", r.ExpiresAt, now)
		}
		return fmt.Sprintf("%d of %s, %s", approvals, count(r.Required, "approval"), inOrSince("expires", r.ExpiresAt, now))
	case approval.Approved:
		return "waits for its turn"
	case approval.Provisioning:
		if r.Reset {
			return "it is being set"
		}
		return "the account is being made"
	case approval.Provisioned:
		return "the credentials are on their way"
	case approval.Delivered:
		if !r.ClearedAt.IsZero() {
			return "credentials cleared"
		}
		words := "credentials shown"
		if r.ShownAt.IsZero() {
			words = "credentials not opened"
		}
		if !r.CredentialsUntil.IsZero() {
			words += ", " + inOrSince("cleared", r.CredentialsUntil, now)
		}
		return words
	}
	return ""
}

func inOrSince(what string, at, now time.Time) string {
	if d := at.Sub(now); d > 0 {
		return what + " in " + left(d)
	}
	return what + " about now"
}

var failures = map[approval.Failure]string{
	approval.FailureTaken:       "the username is taken",
	approval.FailureUnclear:     "the username is there, and nothing shows whose it is",
	approval.FailureRefused:     "the API refuses it",
	approval.FailureOperator:    "key, balance or clock",
	approval.FailureJob:         "the API's job failed",
	approval.FailureTimeout:     "the outcome is unknown: look whether the account exists",
	approval.FailureCluster:     "the cluster is not configured any more",
	approval.FailureKey:         "ENCRYPTION_KEY does not open the sealed password",
	approval.FailureDamaged:     "the sealed password is damaged",
	approval.FailureGone:        "the requester can have no account any more",
	approval.FailureUnreachable: "the account is made, and the requester can't be given the password",
	approval.FailureNotAllowed:  "not allowed any more",
	approval.FailureAbandoned:   "ended by hand: look whether the account exists",
	approval.FailureMissing:     "the account is not there any more",
	approval.FailureReplaced:    "another account has the username by now",
	approval.FailureTooOften:    "the API takes no further password for it for now",
	approval.EndedFromShell:     "cancelled from the shell",
	approval.WaitingAPI:         "waits for the API",
	approval.WaitingDelivery:    "waits for Slack to take the credentials",
}

// resetFailures are those of a new password that say something else of an account.
var resetFailures = map[approval.Failure]string{
	approval.FailureTimeout:     "the outcome is unknown: the account has the former password or the new one",
	approval.FailureUnreachable: "the password is set, and the requester can't be given it",
	approval.FailureAbandoned:   "ended by hand: the account has the former password or the new one",
}

// failure tells why a request failed, or what keeps it waiting.
func failure(r approval.Request) string {
	if r.Failure == "" {
		return ""
	}
	words := cmp.Or(failures[r.Failure], string(r.Failure))
	if r.Reset {
		words = cmp.Or(resetFailures[r.Failure], words)
	}
	if r.FailureDetail != "" {
		words += ": " + r.FailureDetail
	}
	return words
}

func showHistory(w io.Writer, s approval.Story, events []approval.Event, now time.Time) error {
	fmt.Fprintf(w, "Request %d: %s\n", s.ID, s.State)
	facts := newTable(w, "  ", "account", printable(s.Username+" on "+s.ClusterID))
	if s.Reset {
		facts.row("for", "a new password")
	} else {
		facts.row("directory", cmp.Or(s.Mod, "as the cluster has it"))
	}
	facts.row("requester", s.Requester)
	if !s.Reset {
		facts.row("reason", cmp.Or(s.Reason, "none given"))
	}
	if s.Until != "" {
		facts.row("until", s.Until)
	}
	if s.Sponsor != "" {
		since := ""
		if !s.SponsoredAt.IsZero() {
			since = fmt.Sprintf(", approved %s UTC", stamp(s.SponsoredAt))
		}
		facts.row("sponsor", s.Sponsor+since)
	}
	facts.row("asked", fmt.Sprintf("%s UTC (%s ago)", stamp(s.CreatedAt), age(now.Sub(s.CreatedAt))))
	facts.row("changed", fmt.Sprintf("%s UTC (%s ago)", stamp(s.UpdatedAt), age(now.Sub(s.UpdatedAt))))
	facts.row("approvals", fmt.Sprintf("%d of %d", len(s.Approvals()), s.Required))
	if note := standing(s.Request, len(s.Approvals()), now); note != "" {
		facts.row("note", note)
	}
	facts.flush()

	part(w, "Decisions", len(s.Decisions))
	decisions := newTable(w, "  ", "TIME (UTC)", "PERSON", "VERDICT", "REASON")
	for _, d := range s.Decisions {
		decisions.row(stamp(d.At), d.Person, string(d.Verdict), d.Reason)
	}
	decisions.flush()

	part(w, "Messages", len(s.Messages))
	messages := newTable(w, "  ", "PURPOSE", "CONVERSATION", "MESSAGE", "SHOWS VERSION")
	for _, m := range s.Messages {
		messages.row(string(m.Purpose), m.Place, m.Ref, fmt.Sprintf("%d of %d", m.Version, s.Version))
	}
	messages.flush()

	part(w, "History", len(events))
	log := newEventTable(w, "  ")
	for _, e := range events {
		log.event(e)
	}
	log.flush()
	return nil
}

func part(w io.Writer, title string, n int) {
	if n == 0 {
		title += ": none"
	}
	fmt.Fprintf(w, "\n%s\n", title)
}
