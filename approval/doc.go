// Package approval is the life of a request for an account on an EHPC cluster: who may ask, who may
// decide, how the account is made, and what is remembered of it. It knows neither Slack nor HTTP.
//
// A [Request] is asked for by a person ([Service.Ask]), decided by approvers ([Service.Approve],
// [Service.Deny]), turned into an account by the provision job and handed over by the deliver job. Each
// change of its [State] is one transaction that compares and sets the state, appends an audit [Event] and
// inserts the jobs that follow from the new state, so that a process may be killed between any two
// instructions: what was committed is continued by whoever starts next, what was not has not happened.
//
// The vocabulary:
//
//   - A decision is one approver's vote. A request needs [Config.Required] approvals; one denial ends it.
//   - To provision is to make the account: look the username up, seal a password, call the API, follow its job.
//   - To deliver is to hand the credentials to the requester, and then to erase the sealed password.
//   - To refresh is to render the message that the approvers see from the state as it is now.
//   - To scrub is to take the credentials out of sight when their time is over.
//
// What the package needs from outside it asks for through [Accounts] (the cluster's user administration),
// [Messenger] (the people to be told) and [Directory] (who belongs to a group of approvers).
package approval
