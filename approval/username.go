package approval

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"ehpcbot/ehpc"
)

// This file tells before anybody is asked to approve whether a username can be had, and which else.

// Accounts tells which usernames a cluster has.
type Accounts interface {
	ListUsers(ctx context.Context, request ehpc.ListUsersRequest) (ehpc.UserPage, error)
}

// LookAt has the service look at the clusters when somebody asks. It is called before anything else.
func (s *Service) LookAt(accounts Accounts) { s.accounts = accounts }

// lookTime is what a look at a cluster may take of the time in which somebody is to be answered, of which so much has to
// stay for what follows.
const lookTime, afterLook = 1500 * time.Millisecond, 700 * time.Millisecond

// examineUsername returns why a username of the right form can't be had, and one that can. seen says that the cluster
// has told whether it has it.
func (s *Service) examineUsername(ctx context.Context, a Ask, who Person, cluster Cluster) (refusal *Refusal, seen bool, err error) {
	if refusal = s.conf.checkUsername(a.Username); refusal == nil {
		err = s.store.Read(ctx, func(ctx context.Context, tx Tx) error { return s.admit(ctx, tx, &a, who, cluster) })
		refusal = Refused(err)
	}
	switch {
	case err != nil && refusal == nil:
		return nil, false, err
	case refusal != nil && (refusal.Kind == KindTooMany || who.Is(refusal.Story.Requester)):
		return refusal, false, nil // another username would not help
	}
	on := s.look(ctx, cluster, a.Username)
	if refusal == nil && on.has(a.Username) {
		refusal = &Refusal{Kind: KindTaken, Value: a.Username}
	}
	if refusal != nil {
		refusal.Free = s.firstFree(ctx, who, cluster, on, a.Username)
	}
	return refusal, on.complete, nil
}

// Suggest returns a username for a person on the first cluster: the first of some stems that can be had, as far as that
// is known in the time that ctx has, or it with a number behind. It is empty where there is none.
func (s *Service) Suggest(ctx context.Context, person string, stems []string) string {
	if len(stems) == 0 {
		return ""
	}
	who, cluster := s.people.Identify(ctx, person), s.conf.Clusters[0]
	on := s.look(ctx, cluster, stems[0])
	for _, stem := range stems {
		if free := s.firstFree(ctx, who, cluster, on, stem); free != "" {
			return free
		}
	}
	return ""
}

// firstFree returns a username, or the first with a number behind it, that can be had as far as is known.
func (s *Service) firstFree(ctx context.Context, who Person, cluster Cluster, on listing, stem string) (free string) {
	err := s.store.Read(ctx, func(ctx context.Context, tx Tx) error {
		for name := range variants(stem) {
			if s.conf.checkUsername(name) != nil || on.has(name) {
				continue
			}
			err := s.admitUsername(ctx, tx, name, who, cluster)
			if err == nil {
				free = name
			}
			if err == nil || Refused(err) == nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.log.Warn("look for a username that can be had", "error", err)
	}
	return free
}

// mostVariants is the highest number that is put behind a username.
const mostVariants = 99

// variants yields a username, and then the same with numbers behind it, cut to the length that a username may have.
func variants(stem string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(stem) {
			return
		}
		for n := 2; n <= mostVariants; n++ {
			number := strconv.Itoa(n)
			if !yield(stem[:min(len(stem), ehpc.UsernameMaxLength-len(number))] + number) {
				return
			}
		}
	}
}

// listing is what a look at a cluster told.
type listing struct {
	names    []string
	complete bool // it holds all usernames like the one that was looked for
}

func (l listing) has(username string) bool { return isListed(l.names, username) }

// look asks a cluster for the usernames like one, with its variants, in one call. That it does not answer in time, or
// that its quota is used up, is no reason to send anybody away: it is looked at again before the account is made. The
// call goes on when it is waited for no longer, so that who watches the API learns how it ended.
func (s *Service) look(ctx context.Context, cluster Cluster, username string) listing {
	most := lookTime
	if deadline, bounded := ctx.Deadline(); bounded {
		most = min(most, time.Until(deadline)-afterLook)
	}
	if s.accounts == nil || most <= 0 {
		return listing{}
	}
	told := make(chan listing, 1)
	go func() { told <- s.list(context.WithoutCancel(ctx), cluster, username) }()
	select {
	case on := <-told:
		return on
	case <-time.After(most):
		s.log.Info("the cluster does not tell in time which usernames it has", "cluster", cluster.ID)
	case <-ctx.Done():
	}
	return listing{}
}

func (s *Service) list(ctx context.Context, cluster Cluster, username string) (on listing) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("looking at a cluster panicked", "cluster", cluster.ID, "panic", fmt.Sprint(p))
			on = listing{}
		}
	}()
	const most = 100
	// What all variants have in common.
	like := username[:min(len(username), ehpc.UsernameMaxLength-len(strconv.Itoa(mostVariants)))]
	page, err := s.accounts.ListUsers(ctx, ehpc.ListUsersRequest{ClusterID: cluster.ID, Zone: cluster.Zone, SearchWord: like, Limit: most})
	if err != nil {
		s.log.Info("the cluster does not tell which usernames it has", "cluster", cluster.ID, "error", err)
		return listing{}
	}
	on.complete = len(page.Users) >= page.Total && (page.Total > 0 || len(page.Users) < most)
	for _, user := range page.Users {
		on.names = append(on.names, user.Username)
	}
	return on
}
