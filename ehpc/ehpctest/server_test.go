package ehpctest

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAddUserMakesTheAccountWhenTheJobEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, WithJobTime(time.Minute))
	added := b.do(t, addUser("isabel"))
	require.Zero(t, added.RetCode)

	require.Equal(t, "pending", b.do(t, get("/api/operation", pair{"job_ids", added.JobID})).Jobs[0]["status"])
	require.Empty(t, b.do(t, listUsers()).Users)
	require.Zero(t, b.api.AddUserEffects(ClusterID, "isabel"))
	require.Equal(t, 2110, b.do(t, addUser("isabel")).RetCode, "the name is taken while the job is at work")

	b.now = noon().Add(time.Minute)
	job := b.do(t, get("/api/operation", pair{"job_ids", added.JobID}).set("timestamp", b.now.Format(timestampLayout))).Jobs[0]
	require.Equal(t, "successful", job["status"])
	require.Equal(t, "2024-02-29T12:00:00Z", job["create_time"])
	require.Equal(t, "2024-02-29T12:01:00Z", job["status_time"])
	require.Equal(t, []string{"isabel"}, b.api.Users(ClusterID))
	require.Empty(t, b.api.Users(OtherClusterID))
	require.Equal(t, 1, b.api.AddUserEffects(ClusterID, "isabel"))
	password, ok := b.api.Password(ClusterID, "isabel")
	require.True(t, ok)
	require.Equal(t, goodPassword, password)
	_, ok = b.api.Password(ClusterID, "isabell")
	require.False(t, ok)
}

func TestUserItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Zero(t, b.do(t, addUserWith(pair{"mod", "750"})).RetCode)
	b.api.AddExisting(ClusterID, "old", goodPassword)
	users := b.do(t, listUsers()).Users
	require.Len(t, users, 2)
	require.Equal(t, map[string]any{
		"cluster_id": ClusterID, "create_time": "2024-02-29T12:00:00Z", "gid_number": 10001.0, "hpcuser_id": "hpcuser-00010001",
		"mod": "750", "nas_mount_point": "/jn1a/ehpc-8jqdq0mz", "role": "member", "uid_number": 10001.0,
		"update_time": "2024-02-29T12:00:00Z", "user_id": "usr-GxkSGFDs", "username": "isabel",
	}, users[0])
	require.Nil(t, users[1]["mod"])
}

func TestTakenName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.AddExisting(ClusterID, "isabel", goodPassword)
	require.Equal(t, 2110, b.do(t, addUser("isabel")).RetCode)
	require.Zero(t, b.api.AddUserEffects(ClusterID, "isabel"), "it was there before")
}

func TestSearchIsFuzzyAndPaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"isabel", "anna", "ISA", "xisay", "bob"} {
		b.api.AddExisting(ClusterID, name, goodPassword)
	}
	found := b.do(t, listUsers().set("search_word", "isa"))
	require.Equal(t, []string{"isabel", "ISA", "xisay"}, usernames(found))
	require.Equal(t, 3, found.Total)
	second := b.do(t, listUsers().set("search_word", "isa").set("limit", "1").set("offset", "1"))
	require.Equal(t, []string{"ISA"}, usernames(second))
	require.Equal(t, 3, second.Total)
	beyond := b.do(t, listUsers().set("offset", "9"))
	require.Empty(t, beyond.Users)
	require.Contains(t, beyond.body, `"users_set":[]`)
}

func TestLimitOfTenByDefault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 12 {
		b.do(t, addUser(fmt.Sprintf("user%d", i)))
	}
	require.Len(t, b.do(t, listUsers()).Users, 10)
	require.Len(t, b.do(t, listUsers().set("limit", "100")).Users, 12)
	require.Len(t, b.do(t, get("/api/operation")).Jobs, 10)
}

func TestOperationFilters(t *testing.T) {
	t.Parallel()
	b := setup(t, WithCluster("ehpc-a", Zone), WithCluster("ehpc-8jqdq0mz", Zone), WithCluster("ehpc-far", "pek3"))
	b.api.FailJobs(1)
	first := b.do(t, addUser("a")).JobID
	second := b.do(t, addUser("b")).JobID
	third := b.do(t, addUser("c")).JobID
	ids := func(params ...pair) []any {
		var ids []any
		for _, job := range b.do(t, get("/api/operation", params...)).Jobs {
			ids = append(ids, job["job_id"])
		}
		return ids
	}
	require.Equal(t, []any{first, second, third}, ids())
	require.Equal(t, []any{third, second, first}, ids(pair{"reverse", "1"}))
	require.Equal(t, []any{first, third}, ids(pair{"job_ids", third + "," + first}))
	require.Equal(t, []any{first}, ids(pair{"status", "failed"}))
	require.Equal(t, []any{second}, ids(pair{"offset", "1"}, pair{"limit", "1"}))
	require.Empty(t, ids(pair{"resource_ids", "ehpc-a"}))
	require.Len(t, ids(pair{"resource_ids", ClusterID}), 3)
	require.Empty(t, b.do(t, get("/api/operation").set("zone", "pek3")).Jobs)
}

func TestClusters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 2, b.do(t, get("/api/cluster/list")).Total)
	one := b.do(t, get("/api/cluster/list", pair{"cluster_id", ClusterID}))
	require.Equal(t, 1, one.Total)
	require.Equal(t, ClusterID, one.Cluster[0]["cluster_id"])
	require.Zero(t, b.do(t, get("/api/cluster/list").set("zone", "pek3")).Total)
}

func TestModifyUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.AddExisting(ClusterID, "isabel", goodPassword)
	require.Zero(t, b.do(t, modifyUser("isabel")).RetCode)
	password, _ := b.api.Password(ClusterID, "isabel")
	require.Equal(t, goodPassword+"2", password)
	b.api.AddExisting(ClusterID, "isabel", goodPassword)
	password, _ = b.api.Password(ClusterID, "isabel")
	require.Equal(t, goodPassword, password)
	require.Len(t, b.api.Users(ClusterID), 1)
}

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	b := setup(t, WithJobTime(time.Second))
	b.api.AddExisting(ClusterID, "isabel", goodPassword)
	require.Zero(t, b.do(t, deleteUser("isabel")).RetCode)
	require.Equal(t, []string{"isabel"}, b.api.Users(ClusterID))
	require.Equal(t, 2110, b.do(t, addUser("isabel")).RetCode)
	b.now = b.now.Add(time.Second)
	require.Empty(t, b.api.Users(ClusterID))
	require.Zero(t, b.do(t, addUser("isabel")).RetCode)
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.FailJobs(1)
	id := b.do(t, addUser("isabel")).JobID
	job := b.do(t, get("/api/operation", pair{"job_ids", id})).Jobs[0]
	require.Equal(t, "failed", job["status"])
	require.Equal(t, "ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED", job["error_codes"])
	require.Empty(t, b.api.Users(ClusterID))
	require.Zero(t, b.do(t, addUser("isabel")).RetCode, "the name is free again")
	require.Equal(t, 1, b.api.AddUserEffects(ClusterID, "isabel"))
}

func TestJobsThatHang(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.HangJobs(true)
	id := b.do(t, addUser("isabel")).JobID
	require.Equal(t, "pending", b.do(t, get("/api/operation", pair{"job_ids", id})).Jobs[0]["status"])
	require.Empty(t, b.api.Users(ClusterID))
	b.api.HangJobs(false)
	require.Equal(t, []string{"isabel"}, b.api.Users(ClusterID))
}

func TestJobsThatAreLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.LoseJobs(1)
	id := b.do(t, addUser("isabel")).JobID
	require.NotEmpty(t, id)
	require.Empty(t, b.do(t, get("/api/operation")).Jobs)
	require.Equal(t, []string{"isabel"}, b.api.Users(ClusterID))
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	added := b.do(t, addUser("isabel"))
	b.do(t, addUser("isabel"))
	b.do(t, modifyUser("isabel"))
	b.do(t, get("/api/nothing"))
	calls := b.api.Calls()
	require.Len(t, calls, 4)
	first := calls[0]
	require.Equal(t, ActionAddUser, first.Action)
	require.Equal(t, "POST", first.Method)
	require.Equal(t, "/api/user/addUser", first.Path)
	require.Equal(t, Zone, first.Query.Get("zone"))
	require.JSONEq(t, addUser("isabel").body, string(first.Body))
	require.Equal(t, noon(), first.At)
	require.Equal(t, "addUser isabel "+added.JobID, first.Effect)
	require.Equal(t, 2110, calls[1].Code)
	require.Equal(t, "modifyUser isabel", calls[2].Effect)
	require.Empty(t, calls[3].Action)

	first.Body[0], first.Query["zone"][0] = 'x', "x"
	require.Equal(t, byte('{'), b.api.Calls()[0].Body[0], "what a test does to a call stays with the test")
	require.Equal(t, Zone, b.api.Calls()[0].Query.Get("zone"))
}

func TestUnknownClusterPanics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.PanicsWithValue(t, `ehpctest: there is no cluster "x"`, func() { b.api.Users("x") })
	require.NotPanics(t, func() { b.api.Users(ClusterID) }, "the panic must not leave the lock behind")
}

func TestAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := b.api.URL[len("http://"):]
	require.Panics(t, func() { NewServer(WithAddr(address)) }, "it is in use")
	b.api.Close()
	again := NewServer(WithAddr(address))
	defer again.Close()
	require.Equal(t, b.api.URL, again.URL)
}

func TestCloseStopsListening(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.do(t, listUsers())
	b.api.Close()
	b.api.Close()
	_, err := net.Dial("tcp", b.api.URL[len("http://"):])
	require.Error(t, err)
}

func TestCloseEndsDelays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.Fail(ActionAddUser, Fault{Delay: time.Hour})
	arrived := make(chan struct{})
	b.api.OnCall(func(Call, string) { close(arrived) })
	failed := make(chan error)
	go func() {
		_, err := b.try(t, addUser("isabel"))
		failed <- err
	}()
	<-arrived
	b.api.Close()
	require.Error(t, <-failed)
	require.Empty(t, b.api.Users(ClusterID))
}

func TestServerIsSafeForSeveralGoroutines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.OnCall(func(Call, string) { b.api.Calls() })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _ = b.try(t, addUser("isabel"))
			b.api.Users(ClusterID)
		})
	}
	all.Wait()
	require.Equal(t, 1, b.api.AddUserEffects(ClusterID, "isabel"))
	require.Equal(t, 8, b.api.CallCount(ActionAddUser))
}
