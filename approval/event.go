package approval

import (
	"strings"
	"time"
)

// Event is one entry of the audit log: who did what to which request, when, and how its state changed. Events
// are only ever appended, in one row of hashes: each holds the hash of the one before it.
type Event struct {
	Seq       int64     `json:"seq"` // 1, 2, 3, … without a gap
	At        time.Time `json:"at"`
	RequestID int64     `json:"request_id"` // 0: about no request
	Actor     string    `json:"actor"`      // id of the person, or [System]
	Action    string    `json:"action"`     // one of [Actions]
	From      State     `json:"from_state"` // empty: there was none
	To        State     `json:"to_state"`   // equal to From where the state stayed
	Detail    string    `json:"detail"`     // a sentence for the reader; never a secret
	PrevHash  string    `json:"prev_hash"`  // of the event before; empty for the first
	Hash      string    `json:"hash"`
	MAC       string    `json:"mac,omitempty"` // over the hash, by a key of ENCRYPTION_KEY; empty in those of older versions

	// Damaged says that the database holds something for the event that can't have been written there, such as text for
	// its time. What can't be read of it is zero.
	Damaged bool `json:"-"`
}

// IsApproval tells whether an event says that its actor approves: at the time, or signed with another key later.
func (e Event) IsApproval() bool { return e.Action == "approve" || e.Action == "sign" }

// Actions lists what can happen to a request, about in the order in which it does.
func Actions() []string {
	return []string{
		"ask", "remind", "pass_on", "ask_back", "answer", "change", "sponsor", "approve", "deny", "cancel", "expire", "refused", "reopen", "provision",
		"add_user", "wait", "resume", "attempt", "provisioned", "double_uid", "fail", "abandon", "retry", "shell", "erase", "deliver", "show",
		"clear", "replace", "scrub", "works", "trouble", "rekey", "sign",
	}
}

// System is the actor of what happens by itself.
const System = "ehpcbot"

// Storable drops what PostgreSQL takes in no text. Forged ids may hold it, and are to be found in the audit log.
func Storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}
