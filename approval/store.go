package approval

import (
	"context"
	"time"
)

// Store keeps requests, and what belongs to them. Package store has the one that there is.
type Store interface {
	// Write runs f in a transaction that is the only one writing: f may read, decide and write without ever meeting a
	// competitor. Nothing is written where f returns an error.
	Write(ctx context.Context, f func(context.Context, Tx) error) error
	// Read runs f in a transaction that sees one moment of the store.
	Read(ctx context.Context, f func(context.Context, Tx) error) error
	// Ping reports whether the store can be used.
	Ping(ctx context.Context) error
}

// Tx is a transaction of a [Store].
type Tx interface {
	// Insert stores a new request, and gives it its number.
	Insert(ctx context.Context, r *Request) error
	// Save compares and sets: it stores all that can change of a request, if its state and version are still those it
	// was read with, and counts the version up.
	Save(ctx context.Context, r *Request, from State) error
	// Request returns a request, or a *Refusal of KindUnknown.
	Request(ctx context.Context, id int64) (Request, error)
	// ByEnvelope returns the request that a message asked for, if it did.
	ByEnvelope(ctx context.Context, envelope string) (Request, bool, error)
	// Active returns the active request for a username, whatever its case, if there is one.
	Active(ctx context.Context, clusterID, username string) (Request, bool, error)
	// DeliveredAfter returns a later request by which an account of the same username was delivered, if there is one.
	DeliveredAfter(ctx context.Context, r Request) (Request, bool, error)
	// MayBeAnothers tells whether an account of the same username may be that of another request: of a later one that was
	// delivered, or of any that may have made one and has not handed it over.
	MayBeAnothers(ctx context.Context, r Request) (bool, error)
	// HadByAnother tells whether an account of a username, whatever its case, was delivered to another person.
	HadByAnother(ctx context.Context, clusterID, username string, who Person) (bool, error)
	// Accepted tells whether a person has accepted a version of the use policy with any request.
	Accepted(ctx context.Context, who Person, version string) (bool, error)
	// Account returns the last request for an account of a username, whatever its case, by which one was delivered, or may
	// have been made.
	Account(ctx context.Context, clusterID, username string) (Request, bool, error)
	// CountResets counts the new passwords that a person has asked for since a moment.
	CountResets(ctx context.Context, who Person, since time.Time) (int, error)
	// ShownBefore returns the earlier requests of the same username whose credentials are still to be seen.
	ShownBefore(ctx context.Context, r Request) ([]Request, error)
	// ToMake returns the requests of a cluster whose accounts are to be made, the oldest first.
	ToMake(ctx context.Context, clusterID string) ([]Request, error)
	// Uncompared returns the requests of a cluster whose accounts are made, and not compared with the others yet.
	Uncompared(ctx context.Context, clusterID string) ([]Request, error)
	// Compared stores the uid of an account, and another account that has the same.
	Compared(ctx context.Context, requestID, uid int64, twin string) error
	// Unsettled returns the requests that are not at their end, and those of which something is still to be taken away.
	Unsettled(ctx context.Context) ([]Request, error)
	// Pending returns the requests that wait for approval, the oldest first.
	Pending(ctx context.Context) ([]Request, error)
	// RequestsOf returns the last hundred requests of a person, the newest first.
	RequestsOf(ctx context.Context, who Person) ([]Request, error)
	// Count counts the requests in any of some states.
	Count(ctx context.Context, states ...State) (int, error)
	// CountActive counts the active requests of a person for accounts.
	CountActive(ctx context.Context, who Person) (int, error)
	// WaitingSince returns since when the one request waits that has waited longest for nobody but the bot; the zero time
	// where there is none.
	WaitingSince(ctx context.Context) (time.Time, error)
	// Counts counts the requests in each state.
	Counts(ctx context.Context) (map[State]int, error)

	// Story reads what belongs to a request. Of the cluster it knows the id alone.
	Story(ctx context.Context, r Request) (Story, error)
	// Decide stores a decision on a request.
	Decide(ctx context.Context, requestID int64, d Decision) error
	// SaveQuestion stores a question about a request, or the answer to it.
	SaveQuestion(ctx context.Context, requestID int64, q Question) error
	// Change stores what is changed of what a request asks for, beside the request itself.
	Change(ctx context.Context, requestID int64, c Change) error
	// Messages returns the messages about a request, the oldest first.
	Messages(ctx context.Context, requestID int64) ([]Message, error)
	// SaveMessage remembers a message, or the version of the request that it shows by now.
	SaveMessage(ctx context.Context, requestID int64, m Message, at time.Time) error
	// DeleteMessage forgets a message.
	DeleteMessage(ctx context.Context, requestID int64, m Message) error

	// Digests returns where the digests are, one for each channel that has one.
	Digests(ctx context.Context) ([]DigestMessage, error)
	// SaveDigest remembers where the digest of a channel is.
	SaveDigest(ctx context.Context, m DigestMessage) error
	// DeleteDigest forgets the digest of a channel.
	DeleteDigest(ctx context.Context, channel string) error
	// Troubles returns what was reported by who can't log in, the oldest first.
	Troubles(ctx context.Context, requestID int64) ([]Trouble, error)
	// AddTrouble stores such a report.
	AddTrouble(ctx context.Context, requestID int64, t Trouble) error

	// Append adds an event to the audit log.
	Append(ctx context.Context, e Event) error
	// Events returns the events of a request, the oldest first; of all for 0.
	Events(ctx context.Context, requestID int64) ([]Event, error)

	// LastEvent returns the number of the last event; 0 where there is none.
	LastEvent(ctx context.Context) (int64, error)

	// Signed returns those of them that nobody can have written who does not have the key.
	Signed(ctx context.Context, requestID int64) ([]Event, error)

	// Enqueue inserts jobs, which run once the transaction is committed.
	Enqueue(ctx context.Context, jobs ...Job) error
	// Unfinished returns the jobs that wait or run, of which only kind, request and cluster are told.
	Unfinished(ctx context.Context) (map[Job]bool, error)
}
