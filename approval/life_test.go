package approval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// requireCredentials checks the promise of promises: one account, and the password that was delivered is its.
func (b *bench) requireCredentials(story approval.Story) {
	b.t.Helper()
	delivered := b.told.delivered(story.ID)
	require.NotEmpty(b.t, delivered)
	password, ok := b.api.Password(story.ClusterID, story.Username)
	require.True(b.t, ok, "no account %s", story.Username)
	for _, d := range delivered {
		require.Equal(b.t, password, d.password.Reveal(), "the delivered password is not the account's")
	}
	require.Equal(b.t, 1, b.api.AddUserEffects(story.ClusterID, story.Username), "the account was made more than once")
}

func (b *bench) actions(id int64) []string {
	b.t.Helper()
	events, err := b.service.Events(b.t.Context(), id)
	require.NoError(b.t, err)
	var actions []string
	for _, e := range events {
		actions = append(actions, e.Action)
	}
	return actions
}

// refusals returns the refused events, each with its request.
func (b *bench) refusals() (refusals []string) {
	b.t.Helper()
	events, err := b.service.Events(b.t.Context(), 0)
	require.NoError(b.t, err)
	for _, e := range events {
		if e.Action == "refused" {
			refusals = append(refusals, fmt.Sprint(e.RequestID, " ", e.Detail))
		}
	}
	return refusals
}

func TestLife(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		t.Run("approved", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			b.work()
			asked := b.ask("isabel")
			require.Equal(t, approval.Pending, asked.State)
			require.Equal(t, "Training", asked.Cluster.Label())

			approved, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			require.Equal(t, approval.Approved, approved.State)
			require.Equal(t, []string{anna}, approved.Approvals())

			story := b.reach(asked.ID, approval.Delivered)
			b.requireCredentials(story)
			require.WithinDuration(t, time.Now().Add(24*time.Hour), story.CredentialsUntil, time.Minute)
			require.WithinDuration(t, story.CredentialsUntil, b.told.delivered(story.ID)[0].until, time.Millisecond, "what the requester was told")
			require.Equal(t, []string{"ask", "approve", "provision", "add_user", "provisioned", "deliver"}, b.actions(asked.ID))
			require.LessOrEqual(t, len(b.api.Calls()), 4, "calls for one account")
		})
		t.Run("denied", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			b.work()
			asked := b.ask("isabel")
			denied, err := b.service.Deny(t.Context(), b.target(asked.ID), otto, "no <!channel>")
			require.NoError(t, err)
			require.Equal(t, approval.Denied, denied.State)
			d, ok := denied.Denial()
			require.True(t, ok)
			require.Equal(t, "no <!channel>", d.Reason)
			b.eventually(func() bool { return len(b.told.said("notify")) == 1 }, func() string { return "the requester was not told" })
			require.Empty(t, b.api.Calls())

			again := b.ask("isabel") // the username is free again
			require.NotEqual(t, asked.ID, again.ID)
		})
		t.Run("cancelled", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			asked := b.ask("isabel")
			_, err := b.service.Cancel(t.Context(), asked.ID, otto)
			require.Equal(t, approval.KindNotYours, kindOf(t, err))
			story, err := b.service.Cancel(t.Context(), asked.ID, isabel)
			require.NoError(t, err)
			require.Equal(t, approval.Cancelled, story.State)
			_, err = b.service.Cancel(t.Context(), asked.ID, isabel)
			require.Equal(t, approval.KindDecided, kindOf(t, err))
			_, err = b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.Equal(t, approval.KindDecided, kindOf(t, err))
		})
		t.Run("expires and is reminded of once", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), func(c *approval.Config) { c.Reminder, c.Expiry = 100*time.Millisecond, 7*time.Second })
			b.work()
			asked := b.ask("isabel")
			b.eventually(func() bool { return len(b.told.said("remind")) == 1 }, func() string { return "no reminder" })
			b.reach(asked.ID, approval.Expired)
			b.eventually(func() bool { return len(b.told.said("notify")) == 1 }, func() string { return "the requester was not told" })
			require.Len(t, b.told.said("remind"), 1)
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.Equal(t, approval.KindDecided, kindOf(t, err))
		})
		t.Run("the credentials are cleared when their time is over", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), func(c *approval.Config) { c.CredentialsTTL = 300 * time.Millisecond })
			b.work()
			asked := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.eventually(func() bool { return !b.story(asked.ID).ClearedAt.IsZero() }, func() string { return "not cleared" })
			require.Len(t, b.told.said("scrub"), 1)
		})
		t.Run("the credentials are cleared by the requester alone", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			b.work()
			asked := b.ask("isabel")
			_, err := b.service.Clear(t.Context(), b.target(asked.ID), isabel)
			require.Equal(t, approval.KindUnknown, kindOf(t, err))
			_, err = b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.reach(asked.ID, approval.Delivered)
			_, err = b.service.Clear(t.Context(), b.target(asked.ID), anna)
			require.Equal(t, approval.KindNotYours, kindOf(t, err))
			_, err = b.service.Clear(t.Context(), b.target(asked.ID), isabel)
			require.NoError(t, err)
			b.eventually(func() bool { return len(b.told.said("scrub")) > 0 }, func() string { return "not scrubbed" })
			require.False(t, b.story(asked.ID).ClearedAt.IsZero())
		})
	})
}

func TestAsking(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), func(c *approval.Config) { c.MaxActive = 2 })
		ask := func(a approval.Ask) error {
			if a.Requester == "" {
				a.Requester = isabel
			}
			_, err := b.service.Ask(t.Context(), a)
			return err
		}
		for name, c := range map[string]struct {
			ask  approval.Ask
			kind approval.Kind
		}{
			"no username":        {approval.Ask{}, approval.KindUsername},
			"long username":      {approval.Ask{Username: "isabella9"}, approval.KindUsername},
			"accent":             {approval.Ask{Username: "zoé"}, approval.KindUsername},
			"Arabic digit":       {approval.Ask{Username: "u٣"}, approval.KindUsername},
			"reserved":           {approval.Ask{Username: "ROOT"}, approval.KindReserved},
			"unknown cluster":    {approval.Ask{Username: "ok", Cluster: "ehpc-no"}, approval.KindCluster},
			"mod not allowed":    {approval.Ask{Username: "ok", Mod: "777"}, approval.KindMod},
			"mod no permissions": {approval.Ask{Username: "ok", Mod: "rwx"}, approval.KindMod},
			"long reason":        {approval.Ask{Username: "ok", Reason: strings.Repeat("é", 501)}, approval.KindReasonTooLong},
		} {
			c.ask.Requester = "U " + name // of one person the audit log holds the first of a kind
			t.Run(name, func(t *testing.T) { require.Equal(t, c.kind, kindOf(t, ask(c.ask))) })
		}
		counts, err := b.service.Counts(t.Context())
		require.NoError(t, err)
		require.Empty(t, counts, "a refused request was stored")

		require.NoError(t, ask(approval.Ask{Username: "isabel", Envelope: "e1", Cluster: "training", Mod: "750", Reason: strings.Repeat("é", 500)}))
		t.Run("the same envelope again", func(t *testing.T) {
			err := ask(approval.Ask{Username: "isabel", Envelope: "e1"})
			require.Equal(t, approval.KindActive, kindOf(t, err))
			require.Equal(t, isabel, approval.Refused(err).Story.Requester)
		})
		t.Run("the same username", func(t *testing.T) {
			require.Equal(t, approval.KindActive, kindOf(t, ask(approval.Ask{Username: "isabel", Requester: "UOTHER", Envelope: "e2"})))
		})
		require.NoError(t, ask(approval.Ask{Username: "isabel", Cluster: "ehpc-x"}), "the same username on another cluster")
		t.Run("too many", func(t *testing.T) {
			err := ask(approval.Ask{Username: "another"})
			require.Equal(t, approval.KindTooMany, kindOf(t, err))
			require.Equal(t, 2, approval.Refused(err).Limit)
		})
		require.NoError(t, ask(approval.Ask{Username: "another", Requester: "UOTHER"}))
		t.Run("in the audit log", func(t *testing.T) {
			require.NoError(t, ask(approval.Ask{Username: "last", Requester: "UOTHER"}))
			require.Equal(t, approval.KindActive, kindOf(t, ask(approval.Ask{Username: "isabel"})), "one's own request again")
			require.Equal(t, approval.KindReserved, kindOf(t, ask(approval.Ask{Username: "root", Cluster: "training", Mod: "750", Reason: "no event tells it"})))
			require.Equal(t, approval.KindUsername, kindOf(t, ask(approval.Ask{Username: strings.Repeat("é", 3000)})))
			require.ElementsMatch(t, []string{
				"0 ask: username", "0 ask: username (username=isabella9)", `0 ask: username (username="zoé")`, `0 ask: username (username="u٣")`,
				"0 ask: reserved (username=ROOT)", "0 ask: cluster (username=ok cluster=ehpc-no)",
				"0 ask: mod (username=ok mod=777)", "0 ask: mod (username=ok mod=rwx)", "0 ask: reason_too_long (username=ok)",
				"1 ask: active (username=isabel)", "0 ask: too_many (username=another)",
				"0 ask: reserved (username=root cluster=training mod=750)",
				`0 ask: username (username="` + strings.Repeat("é", 50) + `…")`,
			}, b.refusals())
		})
		t.Run("the audit log out of reach", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := b.service.Ask(ctx, approval.Ask{Requester: isabel, Username: "root"})
			require.Equal(t, approval.KindReserved, kindOf(t, err), "a person is told the same")
		})
		stories, err := b.service.StoriesOf(t.Context(), isabel)
		require.NoError(t, err)
		require.Len(t, stories, 2)
		require.Equal(t, "ehpc-x", stories[0].ClusterID, "newest first")
		require.Equal(t, "750", stories[1].Mod)
	})
}

func TestDeciding(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		setup := func(t *testing.T, change func(*approval.Config)) *bench { return setup(t, url(t), change) }
		t.Run("by whom", func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *approval.Config) { c.Approvers = append(c.Approvers, isabel) })
			asked := b.ask("isabel")
			for name, c := range map[string]struct {
				person string
				kind   approval.Kind
			}{
				"a stranger": {"USTRANGER", approval.KindNotApprover},
				"the group":  {staff, ""},
				"oneself":    {isabel, approval.KindSelf},
			} {
				if c.kind == "" {
					continue
				}
				_, err := b.service.Approve(t.Context(), b.target(asked.ID), c.person)
				require.Equal(t, c.kind, kindOf(t, err), name)
				_, err = b.service.Deny(t.Context(), b.target(asked.ID), c.person, "")
				require.Equal(t, c.kind, kindOf(t, err), name)
				_, err = b.service.MayDecide(t.Context(), b.target(asked.ID), c.person)
				require.Equal(t, c.kind, kindOf(t, err), name)
			}
			require.Equal(t, approval.Pending, b.story(asked.ID).State)
			require.Contains(t, b.actions(asked.ID), "refused", "a refused decision is in the audit log")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), greta)
			require.NoError(t, err, "a member of the group")
		})
		t.Run("nobody is an approver when the group can't be asked about", func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			asked := b.ask("isabel")
			b.people.err = errors.New("away")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), greta)
			require.Equal(t, approval.KindNoAnswer, kindOf(t, err))
			_, err = b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err, "who is listed by name needs no group")
		})
		t.Run("one's own request where that is allowed", func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *approval.Config) { c.Approvers, c.AllowSelf = []string{isabel}, true })
			_, err := b.service.Approve(t.Context(), b.target(b.ask("isabel").ID), isabel)
			require.NoError(t, err)
		})
		t.Run("two approvals", func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *approval.Config) { c.Required = 2 })
			asked := b.ask("isabel")
			story, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			require.Equal(t, approval.Pending, story.State)
			_, err = b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.Equal(t, approval.KindVoted, kindOf(t, err))
			_, err = b.service.Deny(t.Context(), b.target(asked.ID), anna, "")
			require.Equal(t, approval.KindVoted, kindOf(t, err), "nobody takes a vote back")
			story, err = b.service.Approve(t.Context(), b.target(asked.ID), otto)
			require.NoError(t, err)
			require.Equal(t, approval.Approved, story.State)
			require.ElementsMatch(t, []string{anna, otto}, story.Approvals())
		})
		t.Run("at the same moment", func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *approval.Config) { c.Approvers = []string{anna, otto, greta} })
			b.work()
			asked := b.ask("isabel")
			var wg sync.WaitGroup
			results := make(chan error, 30)
			for range 10 {
				for _, person := range []string{anna, otto, greta} {
					wg.Go(func() {
						_, err := b.service.Approve(t.Context(), b.target(asked.ID), person)
						results <- err
					})
				}
			}
			wg.Wait()
			close(results)
			var good int
			for err := range results {
				if err == nil {
					good++
				} else {
					require.NotNil(t, approval.Refused(err), "%v", err)
				}
			}
			require.Equal(t, 1, good)
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		})
		t.Run("an unknown request", func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			_, err := b.service.Approve(t.Context(), b.target(4711), anna)
			require.Equal(t, approval.KindUnknown, kindOf(t, err))
			_, err = b.service.Story(t.Context(), 4711)
			require.Equal(t, approval.KindUnknown, kindOf(t, err))
		})
		t.Run("others do not see a request", func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			asked := b.ask("isabel")
			_, err := b.service.StoryFor(t.Context(), asked.ID, "UOTHER")
			require.Equal(t, approval.KindUnknown, kindOf(t, err))
			_, err = b.service.StoryFor(t.Context(), 4711, isabel)
			require.Equal(t, approval.KindUnknown, kindOf(t, err))
			for _, person := range []string{isabel, anna, greta} {
				_, err := b.service.StoryFor(t.Context(), asked.ID, person)
				require.NoError(t, err)
			}
			b.people.err = errors.New("away")
			_, err = b.service.StoryFor(t.Context(), asked.ID, greta)
			require.Equal(t, approval.KindNoAnswer, kindOf(t, err))
			_, err = b.service.StoryFor(t.Context(), 4711, greta)
			require.Equal(t, approval.KindNoAnswer, kindOf(t, err), "nor is it told whether there is one")
			require.Equal(t, []string{"1 status: not_approver", "0 status: unknown_request (request 4711)", "1 status: no_answer"}, b.refusals())
		})
		t.Run("a reason that is too long", func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			asked := b.ask("isabel")
			long := strings.Repeat("é", 501)
			_, err := b.service.Deny(t.Context(), b.target(asked.ID), anna, long)
			require.Equal(t, approval.KindReasonTooLong, kindOf(t, err))
			_, err = b.service.Deny(t.Context(), b.target(asked.ID), "USTRANGER", long)
			require.Equal(t, approval.KindNotApprover, kindOf(t, err))
			require.Equal(t, []string{"1 deny: reason_too_long", "1 deny: not_approver"}, b.refusals())
		})
	})
}

// TestTurnAway writes a forged press into the audit log, with what PostgreSQL would not take as it is.
func TestTurnAway(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		require.NoError(t, b.service.TurnAway(t.Context(), 7, "U\x00FORGED", "approve", "not a person\xff\x00"))
		events, err := b.service.Events(t.Context(), 0)
		require.NoError(t, err)
		require.Len(t, events, 1)
		require.Equal(t, "UFORGED", events[0].Actor)
		require.Equal(t, "approve: not a person\uFFFD (request 7)", events[0].Detail)
		require.Equal(t, "refused", events[0].Action)
	})
}

// TestHangingGroup has a group of approvers that can't be asked about: it holds up no other.
func TestHangingGroup(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Approvers = []string{hanging, staff} })
	asked := b.ask("isabel")
	story, err := b.service.Approve(t.Context(), b.target(asked.ID), greta)
	require.NoError(t, err)
	require.Equal(t, approval.Approved, story.State)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = b.service.Approve(ctx, b.target(b.ask("nina").ID), otto)
	require.Error(t, err, "whether otto is in it is not known")
	require.Equal(t, 1, b.count(approval.Pending))
}

// TestProvisioningFaults lets the API misbehave in the middle, once for each way in which the bot must not be
// misled about what it has done.
func TestProvisioningFaults(t *testing.T) {
	t.Parallel()
	const add, list, op = "addUser", "listUsers", "operation"
	for name, c := range map[string]struct {
		prepare func(api *ehpctest.Server)
		end     approval.State
		failure approval.Failure
	}{
		"the answer to addUser is lost":  {func(a *ehpctest.Server) { a.DropAfter(add, 1) }, approval.Delivered, ""},
		"addUser does not arrive":        {func(a *ehpctest.Server) { a.DropBefore(add, 1) }, approval.Delivered, ""},
		"addUser does not arrive, twice": {func(a *ehpctest.Server) { a.DropBefore(add, 2) }, approval.Delivered, ""},
		"5000 with the account made":     {func(a *ehpctest.Server) { a.Fail(add, ehpctest.Fault{Code: 5000, Effect: true}) }, approval.Delivered, ""},
		"5000 without":                   {func(a *ehpctest.Server) { a.Answer(add, 5000, 1) }, approval.Delivered, ""},
		"502 with the account made":      {func(a *ehpctest.Server) { a.Fail(add, ehpctest.Fault{Status: 502, Effect: true}) }, approval.Delivered, ""},
		"an answer cut short":            {func(a *ehpctest.Server) { a.Fail(add, ehpctest.Fault{Truncate: true, Effect: true}) }, approval.Delivered, ""},
		"busy for a moment":              {func(a *ehpctest.Server) { a.Answer(add, 5100, 2) }, approval.Delivered, ""},
		"over quota for a moment":        {func(a *ehpctest.Server) { a.Answer(list, 2500, 1) }, approval.Delivered, ""},
		"the look-up breaks":             {func(a *ehpctest.Server) { a.DropBefore(list, 2) }, approval.Delivered, ""},
		"the job is asked about in vain": {func(a *ehpctest.Server) { a.Answer(op, 5000, 2) }, approval.Delivered, ""},
		"the job is not listed":          {func(a *ehpctest.Server) { a.LoseJobs(1) }, approval.Delivered, ""},
		"an answer of 10 MB, with the account made": {func(a *ehpctest.Server) {
			a.Fail(add, ehpctest.Fault{Body: bytes.Repeat([]byte("{"), 10<<20), Effect: true})
		}, approval.Delivered, ""},
		"an answer that is no JSON": {func(a *ehpctest.Server) { a.Fail(add, ehpctest.Fault{Body: []byte("<html>"), Effect: true}) }, approval.Delivered, ""},
		"an answer without a job":   {func(a *ehpctest.Server) { a.Fail(add, ehpctest.Fault{Body: []byte(`{"ret_code":0}`), Effect: true}) }, approval.Delivered, ""},
		"an unknown code":           {func(a *ehpctest.Server) { a.Answer(add, 9999, 1) }, approval.Delivered, ""},
		"at work": {func(a *ehpctest.Server) {
			a.Fail(add, ehpctest.Fault{Code: 1400, Message: "PermissionDenied, [ehpc-8jqdq0mz] is in transition status", Times: 2})
		}, approval.Delivered, ""},
		"being updated":                 {func(a *ehpctest.Server) { a.Answer(add, 5300, 1) }, approval.Delivered, ""},
		"a dependency":                  {func(a *ehpctest.Server) { a.Answer(add, 5400, 1) }, approval.Delivered, ""},
		"the clock is off for a moment": {func(a *ehpctest.Server) { a.Answer(list, 1300, 1) }, approval.Delivered, ""},
		"HTTP 429":                      {func(a *ehpctest.Server) { a.Fail(list, ehpctest.Fault{Status: 429}) }, approval.Delivered, ""},
		"HTTP 503 to the look-up":       {func(a *ehpctest.Server) { a.Fail(list, ehpctest.Fault{Status: 503}) }, approval.Delivered, ""},
		"HTTP 404":                      {func(a *ehpctest.Server) { a.Fail(list, ehpctest.Fault{Status: 404, Body: []byte("not here")}) }, approval.Failed, approval.FailureRefused},
		"HTTP 403":                      {func(a *ehpctest.Server) { a.Fail(add, ehpctest.Fault{Status: 403, Body: []byte("no")}) }, approval.Failed, approval.FailureOperator},
		"malformed":                     {func(a *ehpctest.Server) { a.Answer(add, 1100, 1) }, approval.Failed, approval.FailureRefused},
		"a wrong parameter":             {func(a *ehpctest.Server) { a.Answer(add, 1101, 1) }, approval.Failed, approval.FailureRefused},
		"the clock stays off":           {func(a *ehpctest.Server) { a.Answer(list, 1300, 2) }, approval.Failed, approval.FailureOperator},
		"the username exists":           {func(a *ehpctest.Server) { a.AddExisting(cluster, "isabel", "Old-pass&word1A") }, approval.Failed, approval.FailureTaken},
		"the username is taken at the last moment": {func(a *ehpctest.Server) { a.Answer(add, 2110, 1) }, approval.Failed, approval.FailureTaken},
		"no such cluster":                          {func(a *ehpctest.Server) { a.Answer(list, 2100, 1) }, approval.Failed, approval.FailureRefused},
		"refused for good":                         {func(a *ehpctest.Server) { a.Answer(add, 1400, 1) }, approval.Failed, approval.FailureRefused},
		"not enough resources":                     {func(a *ehpctest.Server) { a.Answer(add, 5200, 1) }, approval.Failed, approval.FailureRefused},
		"a wrong key":                              {func(a *ehpctest.Server) { a.Answer(list, 1200, 1) }, approval.Failed, approval.FailureOperator},
		"no balance":                               {func(a *ehpctest.Server) { a.Answer(add, 2400, 1) }, approval.Failed, approval.FailureOperator},
		"the job fails":                            {func(a *ehpctest.Server) { a.FailJobs(1) }, approval.Failed, approval.FailureJob},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil)
			c.prepare(b.api)
			b.work()
			asked := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			story := b.reach(asked.ID, c.end)
			require.Equal(t, c.failure, story.Failure)
			if c.end == approval.Delivered {
				b.requireCredentials(story)
				return
			}
			b.eventually(func() bool { return len(b.told.said("notify")) == 1 }, func() string { return "the requester was not told" })
			require.Empty(t, b.told.delivered(asked.ID))
			if c.failure == approval.FailureTaken && name == "the username exists" {
				return // it stays taken
			}
			_, err = b.service.Retry(t.Context(), b.target(asked.ID), isabel)
			require.Equal(t, approval.KindNotApprover, kindOf(t, err))
			_, err = b.service.Retry(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
			_, err = b.service.Retry(t.Context(), b.target(asked.ID), anna)
			require.Equal(t, approval.KindNoRetry, kindOf(t, err))
		})
	}
}

// TestJobThatNeverEnds waits until the outcome has been unknown for too long, and tries again when the job ends.
func TestJobThatNeverEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.HangJobs(true)
	b.work()
	asked := b.fails("isabel", approval.FailureTimeout)
	_, err := b.service.Retry(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.api.HangJobs(false)
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	require.Equal(t, 1, b.api.CallCount("addUser"), "the job that was there was followed further")
}

// TestClockIsSet sets the process's own clock while an account is in the making. That is neither the time in which it
// takes too long, nor does it keep anything from being done.
func TestClockIsSet(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.AccountsAtOnce = 2 })
			b.api.HangJobs(true)
			b.work()
			for i, username := range []string{"isabel", "nina"} { // one before the step, one after it
				asked := b.ask(username)
				_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
				require.NoError(t, err)
				calls := b.api.CallCount("operation")
				b.eventually(func() bool { return b.api.CallCount("operation") > calls }, func() string { return "the job was not followed" })
				if i == 0 {
					b.passed.Store(int64(by))
				}
			}
			b.eventually(func() bool { return b.count(approval.Provisioning) == 2 }, func() string { return "the second account is not begun" })
			b.api.HangJobs(false)
			b.requireCredentials(b.reach(1, approval.Delivered))
			b.requireCredentials(b.reach(2, approval.Delivered))
			require.Equal(t, 2, b.api.CallCount("addUser"))
		})
	}
}

// TestRetryFindsTheAccount fails a request for a reason of its own after the account was made, unnoticed.
func TestRetryFindsTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.DropAfter("addUser", 1)
	b.api.Fail("listUsers", ehpctest.Fault{Code: 1200, Skip: 1})
	b.work()
	asked := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	require.Equal(t, approval.FailureOperator, b.reach(asked.ID, approval.Failed).Failure)
	_, err = b.service.Retry(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	require.Equal(t, 1, b.api.CallCount("addUser"))
}

// fails asks for an account that can't be made, and lets the half hour pass in which that may stay unclear.
func (b *bench) fails(username string, why approval.Failure) approval.Story {
	b.t.Helper()
	asked := b.ask(username)
	_, err := b.service.Approve(b.t.Context(), b.target(asked.ID), anna)
	require.NoError(b.t, err)
	if why == approval.FailureTimeout {
		b.eventually(func() bool { return b.api.CallCount("operation") > 0 }, func() string { return "the job was not followed" })
		b.later(31 * time.Minute)
	}
	require.Equal(b.t, why, b.reach(asked.ID, approval.Failed).Failure)
	return asked
}

// later starts the bot again after a while.
func (b *bench) later(d time.Duration) {
	b.t.Helper()
	b.passed.Add(int64(d))
	b.close()
	b.open()
	b.work()
}

func (b *bench) retry(id int64, state approval.State) approval.Story {
	b.t.Helper()
	_, err := b.service.Retry(b.t.Context(), b.target(id), anna)
	require.NoError(b.t, err)
	return b.reach(id, state)
}

// TestRetryLeavesTheAccountsOfOthers has an account of the name made by hand after the API's job has failed.
func TestRetryLeavesTheAccountsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.FailJobs(1)
	b.work()
	asked := b.fails("isabel", approval.FailureJob)
	b.api.AddExisting(cluster, "isabel", "By-hand&word1A")
	require.Equal(t, approval.FailureTaken, b.retry(asked.ID, approval.Failed).Failure)
	require.Empty(t, b.told.delivered(asked.ID))
	b.api.RemoveUser(cluster, "isabel")
	b.requireCredentials(b.retry(asked.ID, approval.Delivered))
}

// TestJobThatFailsAfterAnOpenCall fails the second call of addUser when what became of the first is not known. The
// account that the first one made is the request's own: at once where it is there, else at a retry.
func TestJobThatFailsAfterAnOpenCall(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"the account is there": false, "it comes later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil)
			b.api.Answer("addUser", 5000, 1)
			b.api.FailJobs(1)
			var asked approval.Story
			if late {
				b.work()
				asked = b.fails("isabel", approval.FailureJob)
				b.api.AddExisting(cluster, "isabel", b.sentPassword())
				b.retry(asked.ID, approval.Delivered)
			} else {
				var once sync.Once
				b.api.OnCall(func(c ehpctest.Call, phase string) {
					if c.Action == ehpctest.ActionOperation && phase == ehpctest.PhaseBefore {
						once.Do(func() { b.api.AddExisting(cluster, "isabel", b.sentPassword()) })
					}
				})
				b.work()
				asked = b.ask("isabel")
				_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
				require.NoError(t, err)
				b.reach(asked.ID, approval.Delivered)
			}
			require.Equal(t, b.sentPassword(), b.told.delivered(asked.ID)[0].password.Reveal())
			require.Equal(t, 2, b.api.CallCount("addUser"))
		})
	}
}

// TestRefusedLookUp ends a request at its first look-up. No job is left that goes on beside the one of a retry.
func TestRefusedLookUp(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	var ended atomic.Int64
	b.observe = func(kind, _ string) {
		if kind == "provision" {
			ended.Add(1)
		}
	}
	b.api.Answer("listUsers", 1400, 1)
	b.work()
	asked := b.fails("isabel", approval.FailureRefused)
	b.requireCredentials(b.retry(asked.ID, approval.Delivered))
	// The job that was refused may take the retry as well.
	b.eventually(func() bool { return ended.Load() > 0 }, func() string { return "no job has ended" })
}

// TestQuestionsAboutTheJobFail lets the API never tell of the job again. The account itself tells that it is made; and
// where that can't be seen either, the request ends, and a retry follows the same job.
func TestQuestionsAboutTheJobFail(t *testing.T) {
	t.Parallel()
	for code, why := range map[int]approval.Failure{1200: approval.FailureOperator, 1400: approval.FailureRefused, 5000: approval.FailureTimeout} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), nil)
			b.api.HangJobs(true)
			b.api.Fail(ehpctest.ActionOperation, ehpctest.Fault{Code: code, Times: -1})
			b.api.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Skip: 1, Code: code, Times: -1})
			b.work()
			failed := b.story(b.fails("isabel", why).ID)
			require.Contains(t, failed.FailureDetail, fmt.Sprint(code))
			b.api.ClearFaults()
			b.api.HangJobs(false)
			b.requireCredentials(b.retry(failed.ID, approval.Delivered))
			require.Equal(t, 1, b.api.CallCount("addUser"))
		})
	}
	t.Run("but the account is there", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), nil)
		b.api.Fail(ehpctest.ActionOperation, ehpctest.Fault{Code: 1400, Times: -1})
		b.work()
		asked := b.ask("isabel")
		_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
		require.NoError(t, err)
		b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	})
}

// TestExistsAfterAnOpenCall lets an account come late whose call got no answer: it is looked for, and addUser is not
// called again for each look.
func TestExistsAfterAnOpenCall(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil, ehpctest.WithJobTime(2*time.Second))
	b.api.DropAfter("addUser", 1)
	b.work()
	asked := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	require.LessOrEqual(t, b.api.CallCount("addUser"), 3)
}

// TestReplicaWithoutTheKey has a request tried again by a replica that can't open its password. It calls nothing, so an
// account that somebody makes by hand after that is not taken for the request's own.
func TestReplicaWithoutTheKey(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	a := setup(t, url, nil)
	other := &bench{
		t: t, url: url, conf: policy(), people: a.people, told: &messenger{}, grace: 2 * time.Second,
		keys: [][]byte{[]byte("fedcba9876543210fedcba9876543210")}, log: a.log, api: a.api,
	}
	other.open() // before anything is sealed
	t.Cleanup(func() { other.close() })
	a.api.FailJobs(1)
	a.work()
	asked := a.fails("isabel", approval.FailureJob)
	a.stop()
	other.work()
	require.Equal(t, approval.FailureKey, other.retry(asked.ID, approval.Failed).Failure)
	other.stop()
	require.Equal(t, 1, a.api.CallCount("addUser"))

	a.api.AddExisting(cluster, "isabel", "By-hand&word1A")
	a.work()
	require.Equal(t, approval.FailureTaken, a.retry(asked.ID, approval.Failed).Failure)
	require.Empty(t, a.told.delivered(asked.ID))
}

// sentPassword reads the password of the last call of addUser.
func (b *bench) sentPassword() string {
	b.t.Helper()
	var sent struct{ Password string }
	for _, call := range b.api.Calls() {
		if call.Action == "addUser" {
			require.NoError(b.t, json.Unmarshal(call.Body, &sent))
		}
	}
	require.NotEmpty(b.t, sent.Password)
	return sent.Password
}

// TestRetryOfAJobThatVanished calls addUser again where nothing came of a job that the API does not know any more.
func TestRetryOfAJobThatVanished(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.LoseJobs(1)
	b.api.FailJobs(1)
	b.work()
	asked := b.fails("isabel", approval.FailureTimeout)
	b.requireCredentials(b.retry(asked.ID, approval.Delivered))
	require.Equal(t, 2, b.api.CallCount("addUser"))
}

// TestRetryAfterThePasswordIsErased lets a job end after the time in which its request could be retried with the
// password that is sealed for it. Nobody knows the password of that account any more, so it is not handed over.
func TestRetryAfterThePasswordIsErased(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Expiry = 3 * time.Second })
	b.api.HangJobs(true)
	b.work()
	asked := b.fails("isabel", approval.FailureTimeout)
	version := b.story(asked.ID).Version
	b.eventually(func() bool { return b.story(asked.ID).Version > version }, func() string { return "the password is not erased" })
	b.api.HangJobs(false)
	require.Equal(t, approval.FailureTaken, b.retry(asked.ID, approval.Failed).Failure)
	require.Empty(t, b.told.delivered(asked.ID))
	b.api.RemoveUser(cluster, "isabel")
	b.retry(asked.ID, approval.Delivered)
	require.Equal(t, b.sentPassword(), b.told.delivered(asked.ID)[0].password.Reveal())
}

// TestSamePassword looks at what is sent: all calls of addUser for a request carry one password.
func TestSamePassword(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	b.api.DropBefore("addUser", 1)
	b.api.Answer("addUser", 5000, 1)
	b.work()
	asked := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	bodies := map[string]int{}
	for _, call := range b.api.Calls() {
		if call.Action == "addUser" {
			bodies[string(call.Body)]++
		}
	}
	require.Len(t, bodies, 1)
	for _, n := range bodies {
		require.Equal(t, 3, n)
	}
}

// TestRestart stops the jobs at an awkward moment and starts them again on the same database.
func TestRestart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		t.Run("while the API's job runs", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			b.api.HangJobs(true)
			b.work()
			asked := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.eventually(func() bool { return b.api.CallCount("operation") > 0 }, func() string { return "the job was not followed" })
			b.restart()
			b.api.HangJobs(false)
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
			require.Equal(t, 1, b.api.CallCount("addUser"))
		})
		t.Run("while the messenger is away", func(t *testing.T) {
			t.Parallel()
			b := setup(t, url(t), nil)
			b.told.fail("deliver", 2)
			b.work()
			asked := b.ask("isabel")
			_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
			require.NoError(t, err)
			b.reach(asked.ID, approval.Provisioned)
			b.restart()
			b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		})
	})
}

func TestMessagesAreRepeatedUntilTheyArrive(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	for _, what := range []string{"refresh", "deliver", "scrub"} {
		b.told.fail(what, 1)
	}
	b.work()
	asked := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.reach(asked.ID, approval.Delivered)
	b.eventually(func() bool {
		story := b.story(asked.ID)
		m, ok := story.Message(approval.PurposeApproval)
		return ok && m.Version == story.Version
	}, func() string { return "the approval message is stale" })
	_, err = b.service.Clear(t.Context(), b.target(asked.ID), isabel)
	require.NoError(t, err)
	b.eventually(func() bool { return len(b.told.said("scrub")) > 0 }, func() string { return "not scrubbed" })
}

// TestClearedWhileDelivering lets the requester press the button while the delivery is still under way: what it
// shows after that is cleared again.
func TestClearedWhileDelivering(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	asked := b.ask("isabel")
	b.told.onDeliver = func() {
		_, err := b.service.Clear(context.Background(), b.target(asked.ID), isabel)
		require.NoError(t, err)
		b.eventually(func() bool { return len(b.told.said("scrub")) == 1 }, func() string { return "not scrubbed" })
	}
	b.work()
	_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.eventually(func() bool { return len(b.told.said("scrub")) == 2 }, func() string { return "what was shown later stays" })
	require.Equal(t, approval.Delivered, b.story(asked.ID).State)
}
