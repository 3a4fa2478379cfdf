package work

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

// This file holds the jobs that follow once credentials are handed over.

// Clusters is what the API tells of clusters; *ehpc.Client is one.
type Clusters interface {
	Cluster(ctx context.Context, zone, clusterID string) (ehpc.Cluster, error)
	LoginAddresses(ctx context.Context, zone, clusterID string) ([]netip.Addr, error)
}

// prompt tells, each once, the requester and later the approvers of credentials that nobody opens.
func (r runner) prompt(ctx context.Context, story approval.Story) error {
	why, left, wanted := r.Service.PromptDue(story)
	switch {
	case !wanted:
		return nil
	case left > 0:
		return &approval.LaterError{After: left, Err: errNotYet}
	}
	err := r.Messenger.Prompt(ctx, story, why)
	if errors.Is(err, approval.ErrUnreachable) {
		return &approval.LaterError{After: time.Hour, Err: err}
	}
	if err != nil {
		return err
	}
	return &approval.LaterError{After: time.Second, Err: errNotYet} // there may be another
}

// redraw makes the requester's message follow. It looks again after it has written, since what takes the credentials away
// may have been faster.
func (r runner) redraw(ctx context.Context, id int64) error {
	for drawn := int64(0); ; {
		story, err := r.Service.Story(ctx, id)
		if err != nil || story.State != approval.Delivered || story.Version == drawn {
			return err
		}
		if err := r.Messenger.Redraw(ctx, story); err != nil {
			return err
		}
		drawn = story.Version
	}
}

// help tells the approvers of each report that they are not told of yet.
func (r runner) help(ctx context.Context, story approval.Story) error {
	troubles, err := r.Service.Troubles(ctx, story.ID)
	if err != nil {
		return err
	}
	for _, t := range troubles {
		if _, told := story.Message(t.Purpose()); told {
			continue
		}
		facts, err := r.facts(ctx, story)
		if err != nil && r.Service.Now().Sub(t.At) < factsTime {
			return &approval.LaterError{After: factsTime / 5, Err: err}
		}
		if err != nil {
			r.Log.Warn("not all is known of an account at which somebody can't log in", "request", story.ID, "error", err)
		}
		if err := r.Messenger.Trouble(ctx, story, t, facts); err != nil {
			return err
		}
	}
	return nil
}

// factsTime is how long the approvers are not told for want of facts.
const factsTime = 5 * time.Second

// facts asks the API, one thing after the other. The error says what it did not tell in time.
func (r runner) facts(ctx context.Context, story approval.Story) (f approval.Facts, err error) {
	ctx, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	id, zone := story.ClusterID, story.Cluster.Zone
	users, noUsers := r.Accounts.FindUsers(ctx, zone, id, []string{story.Username})
	_, f.Listed = users[story.Username]
	f.ListedKnown = noUsers == nil
	cluster, noCluster := r.Clusters.Cluster(ctx, zone, id)
	f.Status = cluster.Status
	addresses, noLogins := r.Clusters.LoginAddresses(ctx, zone, id)
	for _, a := range addresses {
		f.Logins = append(f.Logins, a.String())
	}
	f.LoginsKnown = noLogins == nil
	return f, errors.Join(noUsers, noCluster, noLogins)
}
