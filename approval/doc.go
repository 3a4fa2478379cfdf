// Package approval is the life of a request for an account on an EHPC cluster: what a request is, who may ask for what,
// who decides, and what follows. It knows neither Slack nor HTTP, and no database.
//
// A [Request] is asked for by a person ([Service.Ask]), decided by approvers ([Service.Approve], [Service.Deny]), turned
// into an account by package provision, and handed over by the deliver job of package work. Each change of its [State]
// is one transaction of a [Store] that compares and sets the state, appends an audit [Event] and inserts the jobs that
// follow from the new state. So a process may be killed between any two instructions: what was committed is continued
// by whoever starts next, what was not has not happened.
//
// The vocabulary of the decision:
//
//   - A decision is one approver's vote. A request needs [Config.Required] approvals; one denial ends it.
//   - To ask back is to put a question to the requester before deciding; the time to decide starts anew with it.
//   - A change is what an approver makes of a request with their approval, which is then one of the changed request.
//   - To remind is to say, while nobody decides, what is due; to nudge, to remind the approvers because the requester
//     asks for it.
//   - To pass on is to let the fallback decide as well, once half of the time is over.
//   - The digest is the message that lists what waits, where that is much; from it several are decided at once.
//
// That of the account, and of what follows:
//
//   - To provision is to make the account: look the username up, seal a password, call the API, follow its job.
//   - A reset is a request for a new password of an account that was made: to provision it is to set that password.
//   - To deliver is to hand the credentials to the requester, and then to erase the sealed password; or to offer a
//     button that shows them, and to erase it once they are saved or their time is over.
//   - To prompt is to tell of credentials that nobody has opened.
//   - Trouble is what a requester reports who can't log in.
//   - To scrub is to take the credentials out of sight when their time is over.
//
// And that of messages:
//
//   - To refresh is to render the message that the approvers see from the state as it is now.
//   - To redraw is the same for the message that the requester sees, where it holds no password.
//   - A [Purpose] is what a message is for. What is to be said once is known to be said by it.
//
// What the package needs from outside it asks for through [Store] (what is remembered; package store has it), [Keys]
// (passwords are sealed; package keyring), [Directory] (who belongs to a group of approvers) and [Messenger] (the people
// to be told).
package approval
