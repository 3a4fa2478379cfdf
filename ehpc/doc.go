// Package ehpc is a client of the QingCloud EHPC API, as far as accounts on a cluster are concerned: asking for one,
// listing them, following the job that makes one, giving one a new password, and telling of the cluster that it is on. It
// also holds the rules of usernames, directory permissions and passwords. "The API document" is QingCloud's public
// documentation of that API; every rule and code here is taken from it.
//
// # Words
//
// A user is an account on a cluster. A cluster is in a zone. Making a user is a job: [Client.AddUser] returns its id,
// and the account exists once [Client.Operations] shows the job as successful. A mod is the octal permissions of the
// user's directory. [Client.ModifyUser] sets a password at once, with no job.
//
// # Errors
//
// Each error of a [Client] answers one question through [errors.Is], namely what to do next: [ErrRefused], [ErrBusy],
// [ErrOperator] or [ErrOutcomeUnknown]. The last is the one to take care of: the request may have been carried out, so
// it must not simply be repeated. The client repeats nothing itself but a request that was refused because of a wrong
// clock.
//
// # Limits
//
// The API allows some 2,000 calls an hour. Each call is taken out of a [Quota], which tells with a [LimitedError] how
// long to wait where none is left.
//
// # Promises
//
// Passwords, the secret key, signatures and the access key id are in no error text, and values of this package can be
// printed. An answer of any content leads to a value or to an error, never to a panic.
package ehpc
