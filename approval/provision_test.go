package approval_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/provision"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
)

// approveMany asks for n accounts and approves them all.
func (b *bench) approveMany(n int) {
	b.t.Helper()
	for i := range n {
		b.approve(cluster, fmt.Sprintf("user%d", i))
	}
}

// approve asks for an account, each for another person, and approves it.
func (b *bench) approve(clusterID, username string) approval.Story {
	b.t.Helper()
	story, err := b.service.Ask(b.t.Context(), approval.Ask{Requester: "U" + strings.ToUpper(username), Cluster: clusterID, Username: username})
	require.NoError(b.t, err)
	_, err = b.service.Approve(b.t.Context(), b.target(story.ID), anna)
	require.NoError(b.t, err)
	return story
}

func (b *bench) count(state approval.State) int {
	b.t.Helper()
	counts, err := b.service.Counts(b.t.Context())
	require.NoError(b.t, err)
	return counts[state]
}

func (b *bench) allDelivered(n int) {
	b.t.Helper()
	b.eventually(func() bool { return b.count(approval.Delivered) == n }, func() string {
		return fmt.Sprintf("%d of %d delivered", b.count(approval.Delivered), n)
	})
	for id := int64(1); id <= int64(n); id++ {
		b.requireCredentials(b.story(id))
	}
}

// underWay counts the jobs that make accounts at the moments when addUser is called, and keeps the highest number for
// each cluster. It knows of the end of a job by the time that jobs take.
type underWay struct {
	mu      sync.Mutex
	takes   time.Duration
	begun   map[string][]time.Time
	highest map[string]int
}

func watchJobs(api *ehpctest.Server, takes time.Duration) *underWay {
	u := &underWay{takes: takes, begun: map[string][]time.Time{}, highest: map[string]int{}}
	api.OnCall(func(c ehpctest.Call, phase string) {
		if c.Action != ehpctest.ActionAddUser || phase != ehpctest.PhaseBefore {
			return
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		cluster := string(c.Body[:strings.Index(string(c.Body), ",")])
		now := time.Now()
		running := slices.DeleteFunc(u.begun[cluster], func(at time.Time) bool { return now.Sub(at) >= u.takes })
		u.begun[cluster] = append(running, now)
		u.highest[cluster] = max(u.highest[cluster], len(u.begun[cluster]))
	})
	return u
}

// TestAccountsAtOnce holds that no two accounts are in the making on a cluster at the same time, unless they may be.
func TestAccountsAtOnce(t *testing.T) {
	t.Parallel()
	const jobTime, n = 500 * time.Millisecond, 4
	for name, fault := range map[string]func(*ehpctest.Server){
		"all is well":      func(*ehpctest.Server) {},
		"answers are lost": func(a *ehpctest.Server) { a.DropAfter("addUser", 2) },
		"jobs fail":        func(a *ehpctest.Server) { a.FailJobs(2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil, ehpctest.WithJobTime(jobTime))
			fault(b.api)
			jobs := watchJobs(b.api, jobTime)
			for i := range n {
				b.approve(cluster, fmt.Sprintf("a%d", i))
				b.approve("ehpc-x", fmt.Sprintf("b%d", i))
			}
			b.work()
			b.eventually(func() bool { return b.count(approval.Delivered)+b.count(approval.Failed) == 2*n }, func() string {
				return fmt.Sprintf("%d of %d delivered", b.count(approval.Delivered), 2*n)
			})
			jobs.mu.Lock()
			defer jobs.mu.Unlock()
			require.Len(t, jobs.highest, 2)
			for _, highest := range jobs.highest {
				require.Equal(t, 1, highest)
			}
		})
	}
	t.Run("three may be", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), func(conf *approval.Config) { conf.AccountsAtOnce = 3 })
		b.api.HangJobs(true)
		b.approveMany(5)
		b.work()
		b.eventually(func() bool { return b.api.CallCount(ehpctest.ActionOperation) > 5 }, func() string { return "the jobs are not followed" })
		require.Equal(t, 3, b.api.CallCount(ehpctest.ActionAddUser))
		b.api.HangJobs(false)
		b.allDelivered(5)
	})
}

// TestClass approves a class at once. One look-up serves all, and an account costs three calls, or a fourth
// where its job was asked about too early.
func TestClass(t *testing.T) {
	t.Parallel()
	const n = 12
	b := setup(t, storetest.SQLite(t), nil, ehpctest.WithJobTime(100*time.Millisecond))
	b.api.AddExisting(cluster, "user3", "Old-pass&word1A")
	b.approveMany(n)
	b.work()
	b.eventually(func() bool { return b.count(approval.Delivered) == n-1 && b.count(approval.Failed) == 1 }, func() string {
		return fmt.Sprintf("%d of %d delivered", b.count(approval.Delivered), n)
	})
	require.Equal(t, approval.FailureTaken, b.story(4).Failure)
	b.eventually(func() bool { return b.api.CallCount(ehpctest.ActionListUsers) == 2 }, func() string { return "not looked up once and compared once" })
	calls := float64(len(b.api.Calls())) / n
	t.Logf("figures: %d accounts: %.2f calls for each", n, calls)
	require.LessOrEqual(t, calls, 3.5)
	for i, username := range b.made() {
		if i > 2 {
			i++
		}
		require.Equal(t, fmt.Sprintf("user%d", i), username, "not the oldest first")
	}
}

// made are the usernames of the accounts that the API made, in their order.
func (b *bench) made() (usernames []string) {
	for _, call := range b.api.Calls() {
		if call.Effect != "" && call.Action == ehpctest.ActionAddUser {
			usernames = append(usernames, strings.Fields(call.Effect)[1])
		}
	}
	return usernames
}

// TestTroubleThatPasses is over for the first of a class before the last has its account.
func TestTroubleThatPasses(t *testing.T) {
	t.Parallel()
	const n = 12
	b := setup(t, storetest.SQLite(t), nil, ehpctest.WithJobTime(100*time.Millisecond))
	b.approveMany(n)
	b.api.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Code: 5000})
	b.work()
	b.allDelivered(n)
	require.Equal(t, n+1, b.api.CallCount(ehpctest.ActionAddUser), "one had no effect")
	require.Less(t, slices.Index(b.made(), "user0"), n/2, "the others had their accounts first")
}

// poisoned answers 5000 to every addUser of one username.
type poisoned struct{ provision.Accounts }

func (p poisoned) AddUser(ctx context.Context, r ehpc.AddUserRequest) (string, error) {
	if r.Username == "poison" {
		return "", &ehpc.Error{Action: "addUser", Code: 5000}
	}
	return p.Accounts.AddUser(ctx, r)
}

func TestOneInTroubleHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.wrap = func(a provision.Accounts) provision.Accounts { return poisoned{a} }
	b.approve(cluster, "poison")
	for _, username := range []string{"isabel", "nina"} {
		b.approve(cluster, username)
	}
	b.approve("ehpc-x", "otto")
	b.work()
	b.eventually(func() bool { return b.count(approval.Delivered) == 3 }, func() string { return "somebody is held up" })
	require.Equal(t, approval.WaitingAPI, b.story(1).Failure)
}

// TestLongJob lets a job take more than five minutes, after which the next account is asked for.
func TestLongJob(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.HangJobs(true)
	b.work()
	b.approve(cluster, "isabel")
	b.approve(cluster, "nina")
	b.eventually(func() bool { return b.api.CallCount(ehpctest.ActionOperation) > 3 }, func() string { return "the job was not followed" })
	require.Equal(t, 1, b.api.CallCount(ehpctest.ActionAddUser))
	b.later(6 * time.Minute)
	b.eventually(func() bool { return b.api.CallCount(ehpctest.ActionAddUser) == 2 }, func() string { return "the long job holds the other up" })
	b.api.HangJobs(false)
	b.allDelivered(2)
}

// TestApprovedWhileOthersAreMade approves one request after the other while the cluster is at work: none is overlooked
// at the moment when the job of the cluster ends.
func TestApprovedWhileOthersAreMade(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		const n = 9
		b := setup(t, url(t), nil)
		b.work()
		for i := range n {
			b.approve(cluster, fmt.Sprintf("user%d", i))
			if i%3 == 0 {
				b.reach(int64(i+1), approval.Provisioned, approval.Delivered)
			}
		}
		b.allDelivered(n)
	})
}

// BenchmarkClass measures how long a class of a hundred takes that is approved at once, with jobs of a second, until all
// have their credentials, and how many calls of the API an account costs.
func BenchmarkClass(b *testing.B) {
	const n = 100
	for b.Loop() {
		o := setup(b, storetest.SQLite(b), nil, ehpctest.WithJobTime(time.Second))
		o.approveMany(n)
		start := time.Now()
		o.work()
		often := time.NewTicker(50 * time.Millisecond)
		for o.count(approval.Delivered) < n {
			<-often.C
		}
		often.Stop()
		b.ReportMetric(time.Since(start).Seconds(), "s")
		b.ReportMetric(float64(len(o.api.Calls()))/n, "EHPC-calls/account")
		o.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// A new account whose uid is another's as well is told to the approvers, once, also over a restart before that.
func TestDoubleUID(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.api.AddExisting(cluster, "nina", "Old-pass&word1A")
		b.api.ShareNumber(cluster)
		b.api.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Skip: 1, Code: 5100, Times: 2})
		b.work()
		asked := b.approve(cluster, "isabel")
		b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		b.eventually(func() bool { return len(b.told.said("alarm nina 1")) == 1 }, func() string { return "the approvers are not told" })
		require.Contains(t, b.actions(asked.ID), "double_uid")
		require.NotZero(t, b.story(asked.ID).UID)

		well := b.approve(cluster, "carl")
		b.reach(well.ID, approval.Delivered)
		b.eventually(func() bool { return b.story(well.ID).UID != 0 }, func() string { return "it is not compared" })
		require.Empty(t, b.story(well.ID).Twin)
		b.restart()
		require.Len(t, b.told.said("alarm"), 1)
	})
}
