package approval

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// Request is one person's request for one account.
type Request struct {
	ID        int64  // counts from 1; what people call "request 12"
	ClusterID string // such as ehpc-8jqdq0mz
	Username  string
	Mod       string // permissions of the user's directory, three octal digits; empty: as the cluster has it
	Reason    string // as typed, may be empty
	Until     string // the last day on which the account is needed, as 2027-03-31; empty: for good
	Policy    string // version of the use policy that was accepted with it; empty: none, or before
	Requester string // id of the person who asked
	Kept      string // the rules of the moment at which it was asked for, as JSON; empty: those of now hold for it
	Exempt    string // the group to which the requester belongs, and whose members need no approval; empty: none
	Sponsor   string // id of the person who is to approve before the approvers decide; empty: none
	Reset     bool   // for a new password of an account that is there, and not for an account
	State     State
	Version   int64 // counts the changes, from 1
	Required  int   // approvals needed, as configured when it was asked
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time
	// SponsoredAt is when the sponsor's approval was given; zero: not yet.
	SponsoredAt time.Time
	PassedAt    time.Time // when the fallback was asked as well, who may decide from then on; zero: not yet

	// Failure tells why a failed request failed, or what an active one is waiting for; empty otherwise.
	Failure Failure
	// FailureDetail is the API's own sentence for it, or the person's reason; never a secret.
	FailureDetail string

	// DeliveredAt is when the requester got the credentials, or the button that shows them.
	DeliveredAt time.Time
	// ShownAt is when the password was first there for the requester to see: with the message, or at the first press of the
	// button; zero: not yet.
	ShownAt time.Time
	// CredentialsUntil is when the credentials are to be cleared; zero: never, or not yet delivered.
	CredentialsUntil time.Time
	// ClearedAt is when the credentials were taken out of sight; zero while they can be seen.
	ClearedAt time.Time
	// WorksAt is when the requester said that the login works; zero: not yet.
	WorksAt time.Time

	// RemindedAt is when the requester last had the approvers reminded; zero: never.
	RemindedAt time.Time

	// Envelope identifies the message that asked.
	Envelope string
	// Nonce can't be guessed. The buttons hang on it, so that none of another request, which had the same number before the
	// database was lost, decides this one; empty in those of older versions.
	Nonce string

	Making
}

// Ask returns what the request asks for, as a new one would, for the rules of the moment.
func (r Request) Ask() Ask {
	return Ask{
		Requester: r.Requester, Cluster: r.ClusterID, Username: r.Username, Mod: r.Mod, Reason: r.Reason, Until: r.Until, Reset: r.Reset,
	}
}

// bound is what the password is sealed for.
func (r Request) bound() Bound {
	return Bound{Request: r.ID, Cluster: r.ClusterID, Username: r.Username, Requester: r.Requester}
}

// Target is a request as a button or a form names it: by its number, and by what can't be guessed and hangs on all that
// it showed.
type Target struct {
	ID        int64
	Seen      string
	OfSponsor bool // it was the sponsor's turn to decide
}

// Target returns what names the request in a button. It is empty for requests of older versions, as their buttons are.
func (r Request) Target() Target {
	on := Target{ID: r.ID, OfSponsor: r.AwaitsSponsor()}
	if r.Nonce != "" {
		sum := sha256.Sum256([]byte(r.Nonce + " " + r.seen()))
		on.Seen = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return on
}

// seen is what an approver decides about, as the audit log tells it.
func (r Request) seen() string {
	return Asked{
		{"requester", r.Requester}, r.Ask().named(), {"cluster", r.ClusterID}, {"mod", r.Mod}, {"until", r.Until}, {"sponsor", r.Sponsor},
		{"reason", r.Reason},
	}.String()
}

// Making is how far the account of a request is made.
type Making struct {
	Sealed      []byte    // the sealed password, nil where there is none
	StartedAt   time.Time // when it began, or began again
	AskedAt     time.Time // when the API was first called with that password, by its clock; zero: not yet
	AttemptedAt time.Time // when it was called with an outcome that is open and that no job tells; zero: no such call
	JobID       string    // the API's job that makes the account; empty where there is none, or it has failed

	UID  int64  // of the account, once it was compared with the others of the cluster; 0: not yet, or it is not told
	Twin string // another account that has the same; empty: none
}

// Forget erases the sealed password, and all that was tried with it: an account that it may have made can't be handed
// over any more, and counts as anybody's.
func (m *Making) Forget() { *m = Making{StartedAt: m.StartedAt} }

// Failure is why a request failed, or what keeps an active one waiting. The bot has a sentence for each.
type Failure string

// The ways in which a request fails.
const (
	FailureTaken    Failure = "taken"    // the username exists on the cluster, and not by this request
	FailureUnclear  Failure = "unclear"  // the username exists on the cluster, and nothing shows that it is by this request
	FailureRefused  Failure = "refused"  // the API refuses the request for good
	FailureOperator Failure = "operator" // key, balance or clock: an administrator must act first
	FailureJob      Failure = "job"      // the API's job ended as failed
	FailureTimeout  Failure = "timeout"  // the job, or its outcome, stayed unknown for too long
	FailureCluster  Failure = "cluster"  // the cluster is no longer configured
	FailureKey      Failure = "key"      // the sealed password can't be opened with the configured keys

	FailureDamaged     Failure = "damaged"     // the sealed password can't be opened with any key
	FailureGone        Failure = "gone"        // the requester can have no account any more; none was made
	FailureUnreachable Failure = "unreachable" // the account is made, and the requester can't be given its credentials
	FailureNotAllowed  Failure = "not_allowed" // what was asked for is not allowed any more
	FailureAbandoned   Failure = "abandoned"   // an approver ended it

	// Of a new password alone.
	FailureMissing  Failure = "missing"   // the account is not there any more
	FailureReplaced Failure = "replaced"  // an account of that name is there, and not the one that the bot has made
	FailureTooOften Failure = "too_often" // the API gives the account no other password for now
)

// EndedFromShell is of a request that was cancelled, and not by its requester.
const EndedFromShell Failure = "ended_from_shell"

// What keeps an active request waiting. It is tried again by itself.
const (
	WaitingAPI      Failure = "waiting_api"      // the API is busy, out of reach, or its quota is used up
	WaitingDelivery Failure = "waiting_delivery" // the direct message with the credentials is not accepted
)

// Verdict is what an approver decided.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Deny    Verdict = "deny"
)

// Decision is one approver's vote on a request.
type Decision struct {
	Person  string    `json:"person"`
	Verdict Verdict   `json:"verdict"`
	Reason  string    `json:"reason"` // of a denial, may be empty
	At      time.Time `json:"at"`
}

// Purpose tells what a message is for.
type Purpose string

// The purposes of the messages that are remembered.
const (
	PurposeApproval    Purpose = "approval"    // asks the approvers, and follows the request to its end
	PurposeCredentials Purpose = "credentials" // hands the credentials over
	PurposeReminder    Purpose = "reminder"    // reminds the approvers the first time, in the channel
	PurposeDaily       Purpose = "daily"       // reminds them since, once a day in the thread of the approval message
	PurposeFallback    Purpose = "fallback"    // asks the fallback, in that thread
	PurposeReminded    Purpose = "reminded"    // tells the requester that the approvers were reminded
	PurposePassedOn    Purpose = "passed_on"   // tells the requester that the fallback is asked
	PurposeNotice      Purpose = "notice"      // tells the requester of an end, or of a delay
	PurposeAlarm       Purpose = "alarm"       // tells the approvers that two accounts have the same uid
	PurposeNudge       Purpose = "nudge"       // reminds the approvers, or the sponsor, because the requester asks for it

	PurposeQuestion       Purpose = "question"        // puts a question to the requester, and shows the answer
	PurposeThreadQuestion Purpose = "thread_question" // shows the question in the thread of the approval message
	PurposeThreadAnswer   Purpose = "thread_answer"   // shows the answer there
	PurposeChange         Purpose = "change"          // tells the requester what an approver has changed
	PurposePrompt         Purpose = "prompt"          // reminds the requester of credentials that they have not opened
	PurposeUnopened       Purpose = "unopened"        // tells the approvers that the requester has not opened them
	PurposeTrouble        Purpose = "trouble"         // tells the approvers that the requester can't log in; see [Trouble.Purpose]

	PurposeSponsor         Purpose = "sponsor"          // asks the sponsor, and follows the request to its end
	PurposeSponsorReminder Purpose = "sponsor_reminder" // reminds the sponsor
	PurposeSponsored       Purpose = "sponsored"        // tells the requester that the approvers decide now
	PurposeSponsorOver     Purpose = "sponsor_over"     // tells the sponsor that the request has expired without their answer
)

// Urges reports whether messages of this purpose ask people to decide, and are taken away once that is over.
func (p Purpose) Urges() bool {
	return p == PurposeReminder || p == PurposeDaily || p == PurposeFallback || p == PurposeNudge || p == PurposeSponsorReminder
}

// Of returns the purpose of the message that is for the n-th of its kind.
func (p Purpose) Of(n int) Purpose { return Purpose(fmt.Sprintf("%s %d", p, n)) }

// Message is a message that was sent about a request: where it stands, and what it shows.
type Message struct {
	Purpose Purpose   `json:"purpose"`
	Place   string    `json:"place"`   // the conversation, as the messenger names it
	Ref     string    `json:"ref"`     // the message in it, as the messenger names it
	Version int64     `json:"version"` // version of the request that it shows; 0: it was only posted so far
	At      time.Time `json:"-"`       // when it became known, as the store tells it
}

// Story is a request with all that belongs to it, read in one transaction. Messages are rendered from it.
type Story struct {
	Request
	Decisions []Decision // oldest first
	Questions []Question // oldest first
	Changes   []Change   // oldest first
	Messages  []Message  // oldest first
	Cluster   Cluster    // as configured now; only its ID is set where it no longer is
	Rules     Rules      // that hold for it
	Former    bool       // which are others than those that hold for new requests now
	Fallback  []string   // who may decide as well, once it is passed on to them
	RemindAt  time.Time  // when the approvers are reminded the first time since it waits; zero: never
	Replaced  bool       // the account was given another password since its credentials were cleared

	// Unseen says of a request that was just asked for that the cluster could not tell in time whether it has the
	// username already. It is looked at again before the account is made.
	Unseen bool
}

// Message returns the first message of a purpose.
func (s Story) Message(p Purpose) (Message, bool) {
	for _, m := range s.Messages {
		if m.Purpose == p {
			return m, true
		}
	}
	return Message{}, false
}

// Approvals returns the people who approved what the request asks for now, oldest first.
func (s Story) Approvals() []string {
	var people []string
	for _, d := range s.Decisions {
		if d.Verdict == Approve && s.counts(d) {
			people = append(people, d.Person)
		}
	}
	return people
}

// Denial returns the decision that denied the request.
func (s Story) Denial() (Decision, bool) {
	for _, d := range s.Decisions {
		if d.Verdict == Deny {
			return d, true
		}
	}
	return Decision{}, false
}

// AwaitsApprover reports whether the approval message has buttons that somebody may need.
func (s Story) AwaitsApprover() bool { return s.State == Pending || s.CanRetry() }

// CanRetry reports whether an approver may try the request again.
func (s Story) CanRetry() bool { return s.State == Failed }
