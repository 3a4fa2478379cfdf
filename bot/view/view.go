// Package view is everything that people see in Slack, in English and in Chinese: messages, forms and the
// sentences for what is refused. All of it is a pure function of data.
//
// Every text is a phrase of a catalogue, one for each language, with fields for what differs from request to
// request. A builder fills the phrases line by line and makes a message of them: blocks, and a top-level text that
// says the same. Forms and notices are modals; the Home tab is made of the same blocks.
//
// What people typed never becomes markup. It stands in plain_text, or as a text element of rich_text, where
// Slack reads no formatting, no mention and no link, and it is escaped in the top-level text of a message.
// Lengths are cut by characters, so that nothing is cut inside of one.
package view

import (
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// View renders in one language.
type View struct {
	Locale  Locale // English where it is none of the languages
	Command string // the slash command, with its slash
	Reader  string // id of the person who reads, whose own requests are spoken of as such; empty: a channel
}

// Message is a message as chat.postMessage, chat.update and an acknowledgement take it.
type Message struct {
	// Text is what notifications show and screen readers read: all that the blocks say, but no secret.
	// It is escaped as Slack wants it.
	Text   string
	Blocks []slack.Block
}

// The action ids of the buttons. A button's value names its request, see [Target].
const (
	ActionApprove = "approve"
	ActionDeny    = "deny"
	ActionChange  = "change" // "Approve with changes"
	ActionAskBack = "ask_back"
	ActionAnswer  = "answer"
	ActionRetry   = "retry"
	ActionCancel  = "cancel"
	ActionRemind  = "remind"  // "Remind them"
	ActionSaved   = "saved"   // "I have saved it"
	ActionShow    = "show"    // "Show credentials"
	ActionReset   = "reset"   // "New password"
	ActionWorks   = "works"   // "It works"
	ActionTrouble = "trouble" // "I can't log in"
)

// Target reads from a button's value, or from a form's private metadata, of which request it is. What comes back from
// Slack is not trusted: anything but a positive number, and maybe what it can't be guessed by, names none.
func Target(value string) (on approval.Target, ok bool) {
	value, ofSponsor := strings.CutSuffix(value, turnOfSponsor)
	number, seen, _ := strings.Cut(value, " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 {
		return approval.Target{}, false
	}
	return approval.Target{ID: id, Seen: seen, OfSponsor: ofSponsor}, true
}

// turnOfSponsor ends the value of a button that is drawn while it is the sponsor's turn.
const turnOfSponsor = " sponsor"

// formatTarget is what [Target] reads.
func formatTarget(on approval.Target) string {
	value := strings.TrimSpace(formatID(on.ID) + " " + on.Seen)
	if on.OfSponsor {
		value += turnOfSponsor
	}
	return value
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
