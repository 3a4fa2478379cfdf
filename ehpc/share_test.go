package ehpc_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

const (
	sharedCluster  = "ehpc-8jqdq0mz"
	sharedZone     = "jn1a"
	sharedPassword = "Abcdefgh1234!"
)

func newShared(t *testing.T, options ...ehpctest.Option) (*ehpc.Shared, *ehpctest.Server) {
	t.Helper()
	api := ehpctest.NewServer(options...)
	t.Cleanup(api.Close)
	client, err := ehpc.NewClient(ehpc.Config{
		Endpoint: api.URL, AccessKeyID: ehpctest.AccessKeyID, SecretAccessKey: secret.New(ehpctest.SecretAccessKey),
	})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return ehpc.NewShared(client), api
}

// findAll looks names up at the same time.
func findAll(t *testing.T, s *ehpc.Shared, names []string) map[string]bool {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	found := map[string]bool{}
	for _, name := range names {
		wg.Go(func() {
			user, ok, err := s.FindUser(t.Context(), sharedZone, sharedCluster, name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || ok && user.Username != name {
				t.Errorf("find %s: %v, %v", name, user.Username, err)
			}
			found[name] = ok
		})
	}
	wg.Wait()
	return found
}

func TestSharedLookUps(t *testing.T) {
	t.Parallel()
	t.Run("a burst costs a few listings", func(t *testing.T) {
		t.Parallel()
		s, api := newShared(t)
		for i := range 250 {
			api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
		}
		var names []string
		for i := range 200 {
			names = append(names, fmt.Sprintf("old%d", i), fmt.Sprintf("new%d", i))
		}
		for name, ok := range findAll(t, s, names) {
			require.Equal(t, name[:3] == "old", ok, name)
		}
		require.LessOrEqual(t, api.CallCount("listUsers"), 40, "for 400 look-ups")
	})
	t.Run("one question is one call, whatever the size of the cluster", func(t *testing.T) {
		t.Parallel()
		s, api := newShared(t)
		for i := range 250 {
			api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
		}
		require.Equal(t, map[string]bool{"isabel": false}, findAll(t, s, []string{"isabel"}))
		require.Equal(t, 1, api.CallCount("listUsers"))
	})
	t.Run("few names of a large cluster are asked for one by one", func(t *testing.T) {
		t.Parallel()
		s, api := newShared(t)
		for i := range 950 {
			api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
		}
		findAll(t, s, []string{"a", "b", "c"})
		require.LessOrEqual(t, api.CallCount("listUsers"), 4)
	})
	t.Run("an answer is not older than its question", func(t *testing.T) {
		t.Parallel()
		s, api := newShared(t)
		var once sync.Once
		listing, goOn := make(chan struct{}), make(chan struct{})
		api.OnCall(func(c ehpctest.Call, phase string) {
			if c.Action == "listUsers" && phase == "after" { // it has been looked, the answer is not out yet
				once.Do(func() { close(listing); <-goOn })
			}
		})
		first := make(chan map[string]bool)
		go func() { first <- findAll(t, s, []string{"isabel"}) }()
		<-listing
		api.AddExisting(sharedCluster, "isabel", sharedPassword)
		second := make(chan map[string]bool)
		go func() { second <- findAll(t, s, []string{"isabel"}) }()
		close(goOn)
		require.False(t, (<-first)["isabel"])
		require.True(t, (<-second)["isabel"], "the account that was there before was overlooked")
	})
	t.Run("a fault is everybody's who asked", func(t *testing.T) {
		t.Parallel()
		s, api := newShared(t)
		api.Fail("listUsers", ehpctest.Fault{Code: 5000, Times: -1})
		_, _, err := s.FindUser(t.Context(), sharedZone, sharedCluster, "isabel")
		require.ErrorIs(t, err, ehpc.ErrOutcomeUnknown)
		api.ClearFaults()
		_, _, err = s.FindUser(t.Context(), sharedZone, sharedCluster, "isabel")
		require.NoError(t, err)
	})
	t.Run("who asks can stop waiting", func(t *testing.T) {
		t.Parallel()
		s, api := newShared(t)
		api.Fail("listUsers", ehpctest.Fault{Delay: 200 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := s.FindUser(ctx, sharedZone, sharedCluster, "isabel")
		require.ErrorIs(t, err, context.Canceled)
		_, found, err := s.FindUser(t.Context(), sharedZone, sharedCluster, "isabel")
		require.NoError(t, err)
		require.False(t, found)
	})
}

func TestSharedJobs(t *testing.T) {
	t.Parallel()
	s, api := newShared(t, ehpctest.WithJobTime(time.Hour))
	jobs := map[string]string{}
	for i := range 60 {
		name := fmt.Sprintf("user%d", i)
		job, err := s.AddUser(t.Context(), ehpc.AddUserRequest{
			ClusterID: sharedCluster, Zone: sharedZone, Username: name, Password: secret.New(sharedPassword),
		})
		require.NoError(t, err)
		jobs[job] = name
	}
	var wg sync.WaitGroup
	for id := range jobs {
		wg.Go(func() {
			job, known, err := s.Operation(t.Context(), sharedZone, id)
			if err != nil || !known || job.ID != id || job.Status != ehpc.JobPending {
				t.Errorf("job %s: %+v %v %v", id, job, known, err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, api.CallCount("operation"), 10, "for 60 jobs")
	_, known, err := s.Operation(t.Context(), sharedZone, "j-unknown")
	require.NoError(t, err)
	require.False(t, known)
}

// TestSharedListingWithoutAnEnd has servers that give no total: what they list
// proves nothing, and each name is asked for.
func TestSharedListingWithoutAnEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pages int                        // that are read
		user  func(offset, i int) string // what is listed
		total string                     // that is given
	}{
		"repeats a page":                 {2, func(_, i int) string { return fmt.Sprintf("u%d", i) }, ""},
		"repeats a page, and has totals": {2, func(_, i int) string { return fmt.Sprintf("u%d", i) }, `"total_count": 300,`},
		"has ever more users":            {3, func(offset, i int) string { return fmt.Sprintf("u%d", offset+i) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pages, searches := 0, 0
				config := configFor("http://localhost")
				config.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					q := r.URL.Query()
					if word := q.Get("search_word"); word != "" {
						searches++
						return response(http.StatusOK, fmt.Sprintf(`{"ret_code": 0, "total_count": 1, "users_set": [{"username": %q}]}`, word)), nil
					}
					pages++
					offset, err := strconv.Atoi(q.Get("offset"))
					require.NoError(t, err)
					var users []string
					for i := range 100 {
						users = append(users, fmt.Sprintf(`{"username": %q}`, c.user(offset, i)))
					}
					return response(http.StatusOK, `{"ret_code": 0, `+c.total+` "users_set": [`+strings.Join(users, ",")+`]}`), nil
				})}
				shared := ehpc.NewShared(newClient(t, config))
				_, _, err := shared.FindUser(t.Context(), sharedZone, sharedCluster, "isabel") // those who ask next have time to gather
				require.NoError(t, err)
				require.Equal(t, map[string]bool{"isabel": true, "u5": true, "ken": true}, findAll(t, shared, []string{"isabel", "u5", "ken"}))
				require.Equal(t, c.pages, pages)
				require.Equal(t, 3, searches, "u5 was listed")
			})
		})
	}
}

// TestSharedListingThatIsRefusedAPage has the API say at the second page that there
// were too many calls: the pages before it are not read again, unless it never ends.
func TestSharedListingThatIsRefusedAPage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		skip, times int
		calls       int
		err         error
	}{
		"the first":      {skip: 0, times: 1, calls: 1, err: ehpc.ErrQuota},
		"for a while":    {skip: 1, times: 4, calls: 7},
		"without an end": {skip: 1, times: -1, calls: 12, err: ehpc.ErrQuota},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 0, nil, func(t *testing.T, b *burst) {
				for i := range 250 {
					b.api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
				}
				_, _, err := b.shared.FindUser(t.Context(), sharedZone, sharedCluster, "old1") // those who ask next have time to gather
				require.NoError(t, err)
				b.api.Fail("listUsers", ehpctest.Fault{Skip: c.skip, Times: c.times, Code: 2500})
				var wg sync.WaitGroup
				errs := make([]error, 5)
				for i := range errs {
					wg.Go(func() {
						_, _, errs[i] = b.shared.FindUser(t.Context(), sharedZone, sharedCluster, fmt.Sprintf("new%d", i))
					})
				}
				wg.Wait()
				for _, err := range errs {
					require.ErrorIs(t, err, c.err)
				}
				require.Equal(t, 1+c.calls, b.api.CallCount("listUsers"))
			})
		})
	}
}

// TestSharedQuestionsThatNobodyWaitsFor has those who asked leave: at a page of a
// listing, or before its first.
func TestSharedQuestionsThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	const quota = 100
	for name, c := range map[string]struct {
		pages int // that were read by then
		stay  bool
		want  int // pages in all
	}{
		"while they gather":            {pages: 0, want: 0},
		"at a page":                    {pages: 2, want: 2},
		"but one, while they gather":   {pages: 0, stay: true, want: 3},
		"but one, at a page":           {pages: 2, stay: true, want: 3},
		"but one, at the last page":    {pages: 3, stay: true, want: 3},
		"when everything was answered": {pages: 3, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, quota, nil, func(t *testing.T, b *burst) {
				for i := range 250 {
					b.api.AddExisting(sharedCluster, fmt.Sprintf("old%d", i), sharedPassword)
				}
				b.drain(quota)
				before := b.api.CallCount("listUsers")
				leaving, leave := context.WithCancel(t.Context())
				answers := make(chan error, 4)
				ask := func(ctx context.Context, name string) {
					_, _, err := b.shared.FindUser(ctx, sharedZone, sharedCluster, name)
					answers <- err
				}
				for i := range 3 {
					go ask(leaving, fmt.Sprintf("new%d", i))
				}
				if c.stay {
					go ask(t.Context(), "old249")
				}
				time.Sleep(time.Duration(float64(c.pages)/b.rate*float64(time.Second)) + 5*time.Second)
				require.Equal(t, c.pages, b.api.CallCount("listUsers")-before)
				leave()
				synctest.Wait()
				if c.pages < 3 {
					require.Len(t, answers, 3)
					require.ErrorIs(t, <-answers, context.Canceled)
					<-answers
					<-answers
				}
				time.Sleep(time.Hour)
				require.Equal(t, c.want, b.api.CallCount("listUsers")-before)
				for len(answers) > 0 {
					require.NoError(t, <-answers)
				}

				_, found, err := b.shared.FindUser(t.Context(), sharedZone, sharedCluster, "old7")
				require.NoError(t, err, "those who come later are answered")
				require.True(t, found)
			})
		})
	}
}
