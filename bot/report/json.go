package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"
	"unicode"

	"ehpcbot/approval"
	"ehpcbot/approval/store"
)

// request is a request as JSON. It holds nothing that is sealed.
type request struct {
	ID               int64            `json:"id"`
	State            approval.State   `json:"state"`
	Cluster          string           `json:"cluster"`
	Username         string           `json:"username"`
	Reset            bool             `json:"reset"` // for a new password of the account
	Mod              string           `json:"mod"`
	Requester        string           `json:"requester"`
	Reason           string           `json:"reason"`
	Until            string           `json:"until"`        // a day such as 2027-03-31; empty: for good
	Policy           string           `json:"policy"`       // version of the use policy that was accepted with it; empty: none, or before
	Sponsor          string           `json:"sponsor"`      // id of the person who approves before the approvers decide; empty: none
	SponsoredAt      *time.Time       `json:"sponsored_at"` // null: not yet
	Approvals        int              `json:"approvals"`
	Required         int              `json:"required"`
	Failure          approval.Failure `json:"failure"`
	FailureDetail    string           `json:"failure_detail"`
	CreatedAt        time.Time        `json:"created_at"`
	UpdatedAt        time.Time        `json:"updated_at"`
	ExpiresAt        time.Time        `json:"expires_at"`
	CredentialsUntil *time.Time       `json:"credentials_until"` // null: they stay, or were not delivered
	ShownAt          *time.Time       `json:"shown_at"`          // null: nobody has seen them
	ClearedAt        *time.Time       `json:"cleared_at"`        // null: they were not
	WorksAt          *time.Time       `json:"works_at"`          // null: the requester has not said that the login works
	Version          int64            `json:"version"`
}

// history is a request with all that belongs to it.
type history struct {
	request
	Decisions []approval.Decision `json:"decisions"`
	Messages  []approval.Message  `json:"messages"`
	Events    []approval.Event    `json:"events"`
}

func requestOf(r approval.Request, approvals int) request {
	return request{
		ID: r.ID, State: r.State, Cluster: r.ClusterID, Username: r.Username, Reset: r.Reset, Mod: r.Mod, Requester: r.Requester, Reason: r.Reason,
		Until: r.Until, Policy: r.Policy, Sponsor: r.Sponsor, SponsoredAt: orNull(r.SponsoredAt),
		Approvals: approvals, Required: r.Required, Failure: r.Failure, FailureDetail: r.FailureDetail,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, ExpiresAt: r.ExpiresAt,
		CredentialsUntil: orNull(r.CredentialsUntil), ShownAt: orNull(r.ShownAt), ClearedAt: orNull(r.ClearedAt), WorksAt: orNull(r.WorksAt), Version: r.Version,
	}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func historyOf(s approval.Story, events []approval.Event) history {
	return history{requestOf(s.Request, len(s.Approvals())), orEmpty(s.Decisions), orEmpty(s.Messages), orEmpty(events)}
}

// orEmpty has JSON show a list without entries as one.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// listAsJSON writes an array, one request after the other.
func listAsJSON(w io.Writer, requests iter.Seq2[store.Summary, error]) error {
	before := "[\n  "
	for s, err := range requests {
		if err != nil {
			return err
		}
		fmt.Fprint(w, before)
		if err := writeJSONPart(w, requestOf(s.Request, s.Approvals), "  ", "  "); err != nil {
			return err
		}
		before = ",\n  "
	}
	if before == "[\n  " {
		fmt.Fprintln(w, "[]")
		return nil
	}
	_, err := fmt.Fprintln(w, "\n]")
	return err
}

func writeJSON(w io.Writer, v any, prefix, indent string) error {
	if err := writeJSONPart(w, v, prefix, indent); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func writeJSONPart(w io.Writer, v any, prefix, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent != "" {
		enc.SetIndent(prefix, indent)
	}
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := w.Write(quiet(bytes.TrimRight(b.Bytes(), "\n")))
	return err
}

// quiet escapes what JSON allows as it is, but a terminal could take for a command. Such characters stand in
// strings only, where they may be escaped. (Those above U+FFFF that are not printable do nothing there.)
func quiet(text []byte) []byte {
	loud := func(r rune) bool { return r > '~' && r <= 0xFFFF && !unicode.IsPrint(r) }
	if bytes.IndexFunc(text, loud) < 0 {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if loud(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

func eventsAsJSONLines(w io.Writer, events iter.Seq2[approval.Event, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if err := writeJSON(w, e, "", ""); err != nil {
			return err
		}
	}
	return nil
}
