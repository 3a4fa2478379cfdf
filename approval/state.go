package approval

import (
	"fmt"
	"slices"
)

// State is where a request stands. It is stored as text, so that a row can be read without this program.
type State string

// The states of a request. The first four are active: at most one active request exists for a username of
// a cluster. The others are ends, of which the requester is told.
const (
	Pending      State = "pending"      // waits for the approvers
	Approved     State = "approved"     // waits for the provision job
	Provisioning State = "provisioning" // a password is sealed, and the account is being made with it
	Provisioned  State = "provisioned"  // the account exists, its credentials are on their way
	Delivered    State = "delivered"    // the requester has the credentials, or a button that shows them
	Denied       State = "denied"       // an approver said no
	Expired      State = "expired"      // nobody decided in time
	Cancelled    State = "cancelled"    // the requester took it back
	Failed       State = "failed"       // the account could not be made; an approver may retry
)

// States lists every state in the order of a request's life.
func States() []State {
	return []State{Pending, Approved, Provisioning, Provisioned, Delivered, Denied, Expired, Cancelled, Failed}
}

// next holds every change of state there is. The constraint in the schema and the property test are
// compared with it.
var next = map[State][]State{
	Pending:      {Approved, Denied, Expired, Cancelled},
	Approved:     {Provisioning, Failed, Pending}, // back to Pending, where its approvals do not suffice any more
	Provisioning: {Provisioned, Failed, Pending},
	Provisioned:  {Delivered, Failed},
	Failed:       {Approved}, // Retry: on with the password that is sealed already, where there is one
}

// Validate reports a state that is none of [States].
func (s State) Validate() error {
	if !slices.Contains(States(), s) {
		return fmt.Errorf("unknown state %q", string(s))
	}
	return nil
}

// Active reports whether a request in this state still holds its username.
func (s State) Active() bool {
	switch s {
	case Pending, Approved, Provisioning, Provisioned:
		return true
	}
	return false
}

// Final reports whether nothing follows by itself: the requester has been, or is being, told the end.
func (s State) Final() bool { return !s.Active() }

func (s State) canBecome(to State) bool { return slices.Contains(next[s], to) }
