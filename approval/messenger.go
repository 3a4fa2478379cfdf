package approval

import (
	"context"
	"fmt"
	"time"

	"ehpcbot/ehpc/secret"
)

// Messenger tells people what became of requests. Each method may be called again for the same story, after a
// crash or by another process, and must do no harm then. An error means: again, later; an [*LaterError] says when.
type Messenger interface {
	// Refresh makes the approval message show the story, and remembers that with [Service.Sent], unless the
	// request has ended and there is nobody to whom it could be shown, or nobody saw it before. It takes messages away
	// that urge people to decide once that is over ([Story.IsOver]). Where there is a sponsor, so it does with the message that
	// asks them; there is no other as long as they have not approved.
	Refresh(ctx context.Context, s Story) error
	// Remind says, of a pending request, what is due: see [Service.Due].
	Remind(ctx context.Context, s Story, what Purpose) error
	// Nudge reminds the approvers, or the sponsor while it is their turn, because the requester asks for it. What reminded them so before is taken away.
	Nudge(ctx context.Context, s Story) error
	// Digest posts, changes or takes away the message that lists what waits in a channel, as there is need.
	Digest(ctx context.Context, d Digest) error
	// Alarm tells the approvers that the account has the same uid as another (Twin).
	Alarm(ctx context.Context, s Story) error
	// Tell puts the questions of the approvers to the requester, and shows them with their answers in the thread of the
	// approval message, or of the sponsor's. It tells the requester what the approvers have changed, and that their turn has come.
	Tell(ctx context.Context, s Story) error
	// Deliver shows the requester the credentials, in a way that no preview shows the password. [ErrUnreachable] says that
	// this is refused until somebody does something about it.
	Deliver(ctx context.Context, s Story, password secret.Text) error
	// Offer gives the requester a button that shows the credentials, which stand in no message. The error is as Deliver's.
	Offer(ctx context.Context, s Story) error
	// Scrub takes the credentials out of sight.
	Scrub(ctx context.Context, s Story) error
	// Redraw makes the requester's message follow the story, where no password stands in it.
	Redraw(ctx context.Context, s Story) error
	// Prompt tells of credentials that are not opened: the requester, for PurposePrompt, with the errors of Deliver, or the
	// approvers, for PurposeUnopened.
	Prompt(ctx context.Context, s Story, why Purpose) error
	// Trouble tells the approvers that the requester can't log in.
	Trouble(ctx context.Context, s Story, t Trouble, f Facts) error
	// Notify tells the requester how the request ended without an account, or, while it is active, that the
	// account takes longer than usual.
	Notify(ctx context.Context, s Story) error
}

// LaterError asks for a job to be tried again after a while, which is no fault: a limit of others, or a thing
// that takes its time.
type LaterError struct {
	After time.Duration
	Err   error // why, for the log; may be nil
}

func (e *LaterError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("again in %s", e.After)
	}
	return fmt.Sprintf("again in %s: %v", e.After, e.Err)
}

func (e *LaterError) Unwrap() error { return e.Err }
