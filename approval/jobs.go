package approval

import (
	"context"
	"slices"
	"time"
)

// Job is work that follows from the state of a request. It reads the state as it is when it runs, so that a late or
// repeated job does no harm; and no secret is ever in one.
type Job struct {
	Kind    JobKind
	Request int64         // 0 in a ProvisionJob and the DigestJob
	Cluster string        // of a ProvisionJob: there is one for each cluster, however often it is inserted
	First   bool          // of a RefreshJob: it posts the message, which all others change
	After   time.Duration // from now
}

// JobKind is what a job does.
type JobKind string

// The kinds of jobs.
const (
	ProvisionJob JobKind = "provision" // makes the accounts of a cluster
	DeliverJob   JobKind = "deliver"   // hands the credentials over
	RefreshJob   JobKind = "refresh"   // makes the approval message follow the request
	NotifyJob    JobKind = "notify"    // tells the requester of an end without credentials
	RemindJob    JobKind = "remind"    // says what is due while nobody decides
	NudgeJob     JobKind = "nudge"     // reminds the approvers because the requester asks for it
	ExpireJob    JobKind = "expire"    // ends a request that nobody decided in time
	ScrubJob     JobKind = "scrub"     // takes away what is to be seen, or kept, no longer
	DelayJob     JobKind = "delay"     // tells the requester that it takes longer than usual
	AlarmJob     JobKind = "alarm"     // tells the approvers that two accounts have the same uid
	TellJob      JobKind = "tell"      // tells the requester, and the approvers in the thread, what was asked, answered, changed and sponsored
	DigestJob    JobKind = "digest"    // lists what waits, once a day; there is one for all channels
	PromptJob    JobKind = "prompt"    // tells of credentials that nobody opens
	RedrawJob    JobKind = "redraw"    // makes the requester's message follow, where it holds no password
	HelpJob      JobKind = "help"      // tells the approvers that somebody can't log in
)

// follows holds the jobs that a request needs when it enters a state. They are inserted in the transaction
// of the change itself, so that a state never stands without the work that leads out of it.
var follows = map[State][]JobKind{
	Pending:      {RefreshJob, RemindJob, ExpireJob},
	Approved:     {ProvisionJob, RefreshJob, DelayJob},
	Provisioning: {RefreshJob},
	Provisioned:  {DeliverJob, RefreshJob},
	Delivered:    {RefreshJob, ScrubJob, PromptJob},
	Denied:       {RefreshJob, NotifyJob},
	Expired:      {RefreshJob, NotifyJob},
	Cancelled:    {RefreshJob, NotifyJob},
	Failed:       {RefreshJob, NotifyJob, ScrubJob},
}

// usualTime is what an account takes at the most when nobody has to wait for anything. Whoever waits longer
// is told so.
const usualTime = 2 * time.Minute

// enqueue inserts jobs for a request. Timers that the configuration switches off are left out.
func (s *Service) enqueue(ctx context.Context, tx Tx, r Request, kinds ...JobKind) error {
	var jobs []Job
	for _, kind := range kinds {
		if kind == ProvisionJob {
			jobs = append(jobs, Job{Kind: kind, Cluster: r.ClusterID})
			continue
		}
		at, wanted := s.dueAt(r, kind)
		if !wanted {
			continue
		}
		job := Job{Kind: kind, Request: r.ID, First: r.Version == 1}
		if !at.IsZero() {
			job.After = at.Sub(s.now())
		}
		jobs = append(jobs, job)
	}
	return tx.Enqueue(ctx, jobs...)
}

// dueAt tells when a job is due, the zero time for at once, and whether it is wanted at all.
func (s *Service) dueAt(r Request, kind JobKind) (at time.Time, wanted bool) {
	switch kind {
	case RemindJob:
		return s.firstReminder(r)
	case ExpireJob:
		return r.ExpiresAt, true
	case ScrubJob:
		return s.scrubAt(r)
	case PromptJob:
		return s.promptAt(r, prompts[0])
	case DelayJob:
		if r.Failure == WaitingAPI {
			return time.Time{}, true // it is known already
		}
		return r.UpdatedAt.Add(usualTime), true
	}
	return time.Time{}, true
}

// scrubAt tells when something of a request is to be taken away: the credentials of a delivered one, the
// sealed password of one that failed and that nobody retried in the time in which they could have decided.
func (s *Service) scrubAt(r Request) (at time.Time, wanted bool) {
	switch {
	case r.State == Failed:
		return r.UpdatedAt.Add(s.rules(r).Expiry), r.Sealed != nil
	case !r.ClearedAt.IsZero():
		return time.Time{}, true
	}
	return r.CredentialsUntil, !r.CredentialsUntil.IsZero()
}

// Sweep puts jobs back that the state of a request calls for and that are not there, whatever became of them: a backup
// that was restored, a slip of an administrator. It returns how many there were.
func (s *Service) Sweep(ctx context.Context) (put int, err error) {
	err = s.writeJob(ctx, func(ctx context.Context, tx Tx) error {
		requests, err := tx.Unsettled(ctx)
		if err != nil {
			return err
		}
		there, err := tx.Unfinished(ctx)
		if err != nil {
			return err
		}
		for _, r := range requests {
			missing, err := s.missing(ctx, tx, r, there)
			if err != nil && ctx.Err() == nil {
				s.log.Error("the jobs of a request can't be looked after", "request", r.ID, "error", err)
				continue
			}
			if err := s.enqueue(ctx, tx, r, missing...); err != nil {
				return err
			}
			put += len(missing)
		}
		if err := s.sweepDigest(ctx, tx, requests, there); err != nil {
			s.log.Error("the digest can't be looked after", "error", err)
		}
		return nil
	})
	return put, err
}

// sweepDigest puts the job of the digests there when enough waits in a channel. It ends by itself.
func (s *Service) sweepDigest(ctx context.Context, tx Tx, unsettled []Request, there map[Job]bool) error {
	pending := slices.DeleteFunc(slices.Clone(unsettled), func(r Request) bool { return r.State != Pending || r.AwaitsSponsor() })
	digests, err := s.digests(ctx, tx, pending)
	job := Job{Kind: DigestJob}
	if err != nil || there[job] || !slices.ContainsFunc(digests, Digest.IsThere) {
		return err
	}
	return tx.Enqueue(ctx, job)
}

// missing returns the kinds of jobs that lead out of the state of a request, and that are not there.
func (s *Service) missing(ctx context.Context, tx Tx, r Request, there map[Job]bool) (missing []JobKind, err error) {
	for _, kind := range leadsOut[r.State] {
		job := Job{Kind: kind, Request: r.ID}
		if kind == ProvisionJob {
			job = Job{Kind: kind, Cluster: r.ClusterID}
		}
		if there[job] {
			continue
		}
		there[job] = true
		done, err := s.isTold(ctx, tx, r, kind)
		if err != nil {
			return nil, err
		}
		if _, wanted := s.dueAt(r, kind); wanted && !done {
			missing = append(missing, kind)
		}
	}
	return missing, nil
}

// leadsOut holds the jobs without which a request would stay in its state, or something of it in sight.
var leadsOut = map[State][]JobKind{
	Pending:      {RefreshJob, RemindJob, ExpireJob, TellJob},
	Approved:     {ProvisionJob},
	Provisioning: {ProvisionJob},
	Provisioned:  {DeliverJob},
	Delivered:    {ScrubJob, PromptJob},
	Failed:       {ScrubJob},
}

// isTold reports whether the message is there that a job was to post.
func (s *Service) isTold(ctx context.Context, tx Tx, r Request, kind JobKind) (bool, error) {
	if kind == TellJob {
		story, err := tx.Story(ctx, r)
		return story.questionsAreTold() && story.SponsoringIsTold(), err
	}
	if kind != RefreshJob && kind != PromptJob {
		return false, nil
	}
	messages, err := tx.Messages(ctx, r.ID)
	if kind == PromptJob {
		_, _, wanted := s.PromptDue(Story{Request: r, Messages: messages})
		return !wanted, err
	}
	return slices.ContainsFunc(messages, func(m Message) bool { return m.Purpose == r.Card() }), err
}
