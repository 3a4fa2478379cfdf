package approval

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"ehpcbot/ehpc"
)

// Trouble is what a person reports who can't log in.
type Trouble struct {
	Number   int    // counts from 1, for each request
	Envelope string // identifies the message that reported it, so that a repetition of it reports nothing twice
	Sees     Sees
	Words    string // as typed, may be empty
	At       time.Time
}

// Purpose is that of the message that tells the approvers: there is one for each report.
func (t Trouble) Purpose() Purpose { return PurposeTrouble.Of(t.Number) }

// Sees is what a person sees who can't log in.
type Sees string

// What a person may see.
const (
	SeesRefusal  Sees = "refusal"  // the password is refused
	SeesNothing  Sees = "nothing"  // the connection is refused, or times out
	SeesQuestion Sees = "question" // something else is asked for, such as a key
	SeesOther    Sees = "other"
)

// AllSees lists what a person may see, in the order of a menu.
func AllSees() []Sees { return []Sees{SeesRefusal, SeesNothing, SeesQuestion, SeesOther} }

// Facts are what the cluster's API tells of an account at which somebody can't log in.
type Facts struct {
	Status      string // of the cluster, such as active; empty: it is not known now
	Logins      []string
	LoginsKnown bool // or it is not known now at which addresses people log in
	Listed      bool // the account
	ListedKnown bool // or it is not known now
}

// troublesADay is how many reports a person can make of one request within a day.
const troublesADay = 3

// MayReport reports, with a *Refusal, whether a report of this person would be refused as things stand.
func (s *Service) MayReport(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "trouble"}, func(ctx context.Context, tx Tx, _ *Request, at scene) error {
		_, err := s.mayReport(ctx, tx, at)
		return err
	})
}

// Report stores that the requester can't log in, and has the approvers told.
func (s *Service) Report(ctx context.Context, on Target, person string, t Trouble) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "trouble"}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		before, err := tx.Troubles(ctx, r.ID)
		if err != nil || slices.ContainsFunc(before, func(b Trouble) bool { return b.Envelope == t.Envelope }) {
			return err
		}
		if t.Number, err = s.mayReport(ctx, tx, at); err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return err
		}
		t.At = s.now()
		if err := tx.AddTrouble(ctx, r.ID, t); err != nil {
			return err
		}
		if err := s.record(ctx, tx, *r, at.who.ID, "trouble", r.State, string(t.Sees)); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, *r, HelpJob)
	})
}

// mayReport returns the number of the next report.
func (s *Service) mayReport(ctx context.Context, tx Tx, at scene) (number int, err error) {
	if !at.isHandedOver() {
		return 0, &Refusal{Kind: KindOver, Story: at.Story}
	}
	before, err := tx.Troubles(ctx, at.ID)
	if err != nil {
		return 0, err
	}
	if n := len(before); n >= troublesADay && s.now().Sub(before[n-troublesADay].At) < 24*time.Hour {
		return 0, &Refusal{Kind: KindTooOften, Limit: troublesADay, Story: at.Story}
	}
	return len(before) + 1, nil
}

// check refuses what approvers are not to read. The audit log does not get the words: they can't be taken out of it.
func (t Trouble) check() error {
	isPassword := func(word string) bool { return ehpc.ValidatePassword(word) == nil }
	switch {
	case len([]rune(t.Words)) > ReasonMaxLength:
		return &Refusal{Kind: KindReasonTooLong, Limit: ReasonMaxLength}
	case slices.ContainsFunc(strings.FieldsFunc(t.Words, endsWord), isPassword):
		return &Refusal{Kind: KindTypedPassword}
	}
	return nil
}

// endsWord tells what can't stand in a password.
func endsWord(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsPunct(r) && !strings.ContainsRune("!@#%^&()*", r) || strings.ContainsRune("=`<>", r)
}

// Troubles returns what was reported of a request, the oldest first.
func (s *Service) Troubles(ctx context.Context, requestID int64) ([]Trouble, error) {
	return reading(ctx, s, func(ctx context.Context, tx Tx) ([]Trouble, error) { return tx.Troubles(ctx, requestID) })
}
