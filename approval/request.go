package approval

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Request is one person's request for one account.
type Request struct {
	ID        int64  // counts from 1; what people call "request 12"
	ClusterID string // such as ehpc-8jqdq0mz
	Username  string
	Mod       string // permissions of the user's directory, three octal digits; empty: as the cluster has it
	Reason    string // as typed, may be empty
	Requester string // id of the person who asked
	State     State
	Version   int64 // counts the changes, from 1
	Required  int   // approvals needed, as configured when it was asked
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time

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

	// Envelope identifies the message that asked.
	Envelope string
	// Nonce can't be guessed. The buttons hang on it, so that none of another request, which had the same number before the
	// database was lost, decides this one; empty in those of older versions.
	Nonce string

	Making
}

// Ask returns what the request asks for, as a new one would, for the rules of the moment.
func (r Request) Ask() Ask {
	return Ask{Requester: r.Requester, Cluster: r.ClusterID, Username: r.Username, Mod: r.Mod, Reason: r.Reason}
}

// bound is what the password is sealed for.
func (r Request) bound() Bound {
	return Bound{Request: r.ID, Cluster: r.ClusterID, Username: r.Username, Requester: r.Requester}
}

// Target is a request as a button or a form names it: by its number, and by what can't be guessed and hangs on all that
// it showed.
type Target struct {
	ID   int64
	Seen string
}

// Target returns what names the request in a button. It is empty for requests of older versions, as their buttons are.
func (r Request) Target() Target {
	on := Target{ID: r.ID}
	if r.Nonce != "" {
		sum := sha256.Sum256([]byte(r.Nonce + " " + r.seen()))
		on.Seen = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return on
}

// seen is what an approver decides about, as the audit log tells it.
func (r Request) seen() string {
	return Asked{
		{"requester", r.Requester}, {"username", r.Username}, {"cluster", r.ClusterID}, {"mod", r.Mod}, {"reason", r.Reason},
	}.String()
}

// Making is how far the account of a request is made.
type Making struct {
	Sealed      []byte    // the sealed password, nil where there is none
	StartedAt   time.Time // when it began, or began again
	AskedAt     time.Time // when addUser was first called with that password, by the clock of the API; zero: not yet
	AttemptedAt time.Time // when addUser was called with an outcome that is open and that no job tells; zero: no such call
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
)

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
	Person  string
	Verdict Verdict
	Reason  string // of a denial, may be empty
	At      time.Time
}

// Purpose tells what a message is for.
type Purpose string

// The purposes of the messages that are remembered.
const (
	PurposeApproval    Purpose = "approval"    // asks the approvers, and follows the request to its end
	PurposeCredentials Purpose = "credentials" // hands the credentials over
	PurposeReminder    Purpose = "reminder"    // the one reminder of the approvers
	PurposeNotice      Purpose = "notice"      // tells the requester of an end, or of a delay
	PurposeAlarm       Purpose = "alarm"       // tells the approvers that two accounts have the same uid
	PurposePrompt      Purpose = "prompt"      // reminds the requester of credentials that they have not opened
	PurposeUnopened    Purpose = "unopened"    // tells the approvers that the requester has not opened them
	PurposeTrouble     Purpose = "trouble"     // tells the approvers that the requester can't log in; see [Trouble.Purpose]
)

// Message is a message that was sent about a request: where it stands, and what it shows.
type Message struct {
	Purpose Purpose
	Place   string // the conversation, as the messenger names it
	Ref     string // the message in it, as the messenger names it
	Version int64  // version of the request that it shows; 0: it was only posted so far
}

// Story is a request with all that belongs to it, read in one transaction. Messages are rendered from it.
type Story struct {
	Request
	Decisions []Decision // oldest first
	Messages  []Message  // oldest first
	Cluster   Cluster    // as configured now; only its ID is set where it no longer is
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

// Approvals returns the people who approved, oldest first.
func (s Story) Approvals() []string {
	var people []string
	for _, d := range s.Decisions {
		if d.Verdict == Approve {
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
