package approval

import (
	"errors"
	"fmt"

	"ehpcbot/ehpc"
)

// Refusal is a request or a decision that is not accepted, for a reason that the person can be told.
// Nothing was changed. Whoever shows it chooses the words by Kind; the other fields fill them.
type Refusal struct {
	Kind  Kind
	Value string   // what was given: a username, a cluster, a person
	Right []string // what would be right: cluster ids, permissions
	Limit int      // of KindTooMany, KindTooManyResets, KindTooOften, KindReasonTooLong and KindTooLong, and in years of KindUntil
	Free  string   // a username that can be had instead of Value, as far as is known; may be empty
	Rule  *ehpc.RuleError
	Story Story    // the request it is about, where there is one
	Why   *Refusal // of KindNotAllowed: what is said to who asks for it now
	Cause error    // of KindNoAnswer
}

// Kind is why something is refused.
type Kind string

// The kinds of refusal.
const (
	KindUsername      Kind = "username"        // breaks the username rule (Rule)
	KindDigits        Kind = "digits"          // Value is a username of digits only
	KindPattern       Kind = "pattern"         // Value does not match the pattern of usernames
	KindReserved      Kind = "reserved"        // Value is on the list of names that are never made
	KindCluster       Kind = "cluster"         // Value is no configured cluster; Right lists them
	KindMod           Kind = "mod"             // Value may not be asked for; Right lists what may
	KindReasonTooLong Kind = "reason_too_long" // more than Limit characters
	KindActive        Kind = "active"          // Story is an active request for the same username
	KindTwin          Kind = "twin"            // Story is an active request for a username that differs by case alone
	KindFormer        Kind = "former"          // Value was the username of somebody else, whose home directory is still there
	KindTaken         Kind = "taken"           // Value is the username of an account that the cluster has
	KindUntil         Kind = "until"           // Value is no day after today, or one that is too far
	KindPolicy        Kind = "policy"          // the use policy is not accepted, or another version of it was
	KindSponsor       Kind = "sponsor"         // no sponsor is named, and the cluster asks for one
	KindSponsorSelf   Kind = "sponsor_self"    // one's own sponsor
	KindSponsorGone   Kind = "sponsor_gone"    // Value is somebody who could have no account, and can't be a sponsor
	KindTooMany       Kind = "too_many"        // the requester has Limit active requests already
	KindNoAccount     Kind = "no_account"      // the bot has made no account Value for the person
	KindUnproven      Kind = "unproven"        // nothing that the bot has signed shows that it has made the account Value for the person
	KindTooManyResets Kind = "too_many_resets" // the person has asked for Limit new passwords within a day

	KindUnknown       Kind = "unknown_request" // there is no such request
	KindNotYours      Kind = "not_yours"       // only the requester may do this
	KindNotApprover   Kind = "not_approver"    // the person is no approver
	KindSelf          Kind = "self"            // one's own request
	KindSponsorFirst  Kind = "sponsor_first"   // the sponsor of Story decides before
	KindSponsored     Kind = "sponsored"       // the person has approved Story as its sponsor, and the approvers decide now
	KindVoted         Kind = "voted"           // the same person decided before; Story tells what
	KindDecided       Kind = "decided"         // too late: Story tells what became of it
	KindNoRetry       Kind = "no_retry"        // only a failed request can be retried
	KindStale         Kind = "stale"           // what was pressed is of another request that had the number before
	KindNoAnswer      Kind = "no_answer"       // it can't be found out now whether the person is an approver
	KindGone          Kind = "gone"            // the requester can have no account any more
	KindUntold        Kind = "untold"          // it can't be found out now whether the requester still can have one
	KindUnexempt      Kind = "unexempt"        // the requester is no member any more of the group (Value) whose members need no approval
	KindNotAllowed    Kind = "not_allowed"     // what was asked for is not allowed any more (Why)
	KindOver          Kind = "over"            // the credentials are not shown any more, or not yet
	KindNoKey         Kind = "no_key"          // the sealed password can't be opened, for want of its key
	KindDamaged       Kind = "damaged"         // the sealed password can't be opened with any key
	KindUnopened      Kind = "unopened"        // the credentials were not opened yet
	KindTooOften      Kind = "too_often"       // trouble was reported Limit times within a day
	KindTypedPassword Kind = "typed_password"  // a text that others read holds what looks like a password
	KindNotStuck      Kind = "not_stuck"       // only what is approved and not at its end can be abandoned
	KindReminded      Kind = "reminded"        // the requester had the approvers reminded of Story within the last day
	KindNothingSaid   Kind = "nothing_said"    // a question or an answer without words
	KindTooLong       Kind = "too_long"        // a question or an answer of more than Limit characters
	KindAnswered      Kind = "answered"        // the question has its answer
	KindTooLate       Kind = "too_late"        // the request does not wait for an answer any more: Story tells what became of it
)

// Error implements error, in English and for the log; it holds no text that a person typed but Value.
func (r *Refusal) Error() string {
	switch {
	case r.Rule != nil:
		return fmt.Sprintf("refused: %s: %v", r.Kind, r.Rule)
	case r.Story.ID != 0:
		return fmt.Sprintf("refused: %s (request %d is %s)", r.Kind, r.Story.ID, r.Story.State)
	}
	return fmt.Sprintf("refused: %s %q", r.Kind, r.Value)
}

// Refusals is all that speaks against what somebody asks for; the first is what is told where there is room for one.
type Refusals []*Refusal

// Error implements error.
func (r Refusals) Error() string { return r[0].Error() }

// Unwrap lets [Refused] find the first.
func (r Refusals) Unwrap() error { return r[0] }

// Refused returns the refusal in err's chain, or nil.
func Refused(err error) *Refusal {
	r, _ := errors.AsType[*Refusal](err)
	return r
}

// AllRefused returns all refusals in err's chain.
func AllRefused(err error) Refusals {
	if all, ok := errors.AsType[Refusals](err); ok {
		return all
	}
	if r := Refused(err); r != nil {
		return Refusals{r}
	}
	return nil
}
