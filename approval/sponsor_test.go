package approval_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

const sara = "USARA" // a sponsor, who is no approver

func sponsored(c *approval.Config) { c.Rules.Sponsored = true }

// askSponsored asks for an account with sara as the sponsor.
func (b *bench) askSponsored(username string) approval.Story {
	b.t.Helper()
	story, err := b.service.Ask(b.t.Context(), approval.Ask{Requester: isabel, Username: username, Sponsor: sara})
	require.NoError(b.t, err)
	require.True(b.t, story.AwaitsSponsor())
	return story
}

// TestSponsorThenApprovers goes the whole way: nobody decides before the sponsor, whose approval is none of those that are
// needed, and after whom the time to decide starts anew.
func TestSponsorThenApprovers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), sponsored)
		start := time.Now().Truncate(time.Millisecond)
		b.stands.Store(&start)
		asked := b.askSponsored("isabel")
		on := asked.Target()
		for _, deed := range []func() (approval.Story, error){
			func() (approval.Story, error) { return b.service.Approve(t.Context(), on, anna) },
			func() (approval.Story, error) { return b.service.Deny(t.Context(), on, anna, "") },
			func() (approval.Story, error) { return b.service.AskBack(t.Context(), on, anna, "why?") },
			func() (approval.Story, error) {
				return b.service.ApproveChanged(t.Context(), on, anna, approval.Wish{Username: "isa"})
			},
		} {
			_, err := deed()
			require.Equal(t, approval.KindSponsorFirst, kindOf(t, err))
		}
		_, err := b.service.Approve(t.Context(), on, "USTRANGER")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		_, err = b.service.StoryFor(t.Context(), asked.ID, sara)
		require.NoError(t, err, "a sponsor sees what they decide on")
		_, err = b.service.StoryFor(t.Context(), asked.ID, anna)
		require.NoError(t, err, "and so do the approvers")
		b.requireWaitsFor(sara, asked.ID)
		b.requireWaitsFor(anna)
		digests, err := b.service.Digests(t.Context())
		require.NoError(t, err)
		require.Empty(t, digests)

		later := start.Add(50 * time.Hour)
		b.stands.Store(&later)
		story, err := b.service.Approve(t.Context(), on, sara)
		require.NoError(t, err)
		require.Equal(t, approval.Pending, story.State)
		require.Empty(t, story.Approvals())
		require.True(t, story.SponsoredAt.Equal(later))
		require.True(t, story.ExpiresAt.Equal(later.Add(b.conf.Expiry)))
		_, err = b.service.Approve(t.Context(), on, sara)
		require.Equal(t, approval.KindSponsored, kindOf(t, err))
		b.requireWaitsFor(anna, asked.ID)
		b.requireLog(asked.ID, "ask", "username=isabel cluster="+cluster+" approvals=1 sponsor="+sara)
		b.requireLog(asked.ID, "sponsor", "sponsor="+sara+" requester="+isabel+" cluster="+cluster)

		b.stands.Store(nil)
		b.passed.Store(int64(51 * time.Hour))
		b.work()
		b.eventually(func() bool { return len(b.told.said("tell 1 pending")) > 0 }, func() string { return "the requester is not told whose turn it is" })
		_, err = b.service.ApproveChanged(t.Context(), story.Target(), anna, approval.Wish{Username: "isa"})
		require.NoError(t, err, "what an approver changes is not what the sponsor has approved")
		b.requireCredentials(b.reach(asked.ID, approval.Delivered))
		_, err = b.service.Approve(t.Context(), on, sara)
		require.Error(t, err)
		ring, err := keyring.New(b.keys...)
		require.NoError(t, err)
		v, err := b.reader().Verify(t.Context(), ring, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
	})
}

// requireWaitsFor requires what a person can decide on, of several at once and in the Home tab.
func (b *bench) requireWaitsFor(person string, want ...int64) {
	b.t.Helper()
	var several, home []int64
	stories, err := b.service.Decidable(b.t.Context(), person)
	require.NoError(b.t, err)
	for _, s := range stories {
		several = append(several, s.ID)
	}
	o, err := b.service.Overview(b.t.Context(), person, 10)
	require.NoError(b.t, err)
	require.True(b.t, o.Decides)
	for _, s := range o.Waiting.Stories {
		home = append(home, s.ID)
	}
	require.Equal(b.t, want, several)
	require.Equal(b.t, want, home)
	require.Empty(b.t, o.Barred)
}

// TestSponsorIsAsked holds who can be named, and where nobody is.
func TestSponsorIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
		wanting := c.Rules
		wanting.Sponsored = true
		c.ByCluster = approval.NewPolicies(map[string]approval.Rules{cluster: wanting, "ehpc-x": c.Rules})
	})
	b.people.people = map[string]approval.Person{isabel: {ID: isabel, Also: "WISABEL"}, "WSARA": {ID: sara, Also: "WSARA"}}
	ask := func(cluster, sponsor string) (approval.Story, error) {
		return b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Cluster: cluster, Sponsor: sponsor})
	}
	b.people.say("UGUEST", approval.ErrGone)
	for sponsor, kind := range map[string]approval.Kind{
		"": approval.KindSponsor, isabel: approval.KindSponsorSelf, "WISABEL": approval.KindSponsorSelf, "UGUEST": approval.KindSponsorGone,
	} {
		_, err := ask(cluster, sponsor)
		require.Equal(t, kind, kindOf(t, err), sponsor)
	}
	_, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "much_too_long"})
	require.Equal(t, approval.KindUsername, kindOf(t, err), "what is wrong with the rest is told first")
	require.Contains(t, approval.AllRefused(err), &approval.Refusal{Kind: approval.KindSponsor})
	events, err := b.service.Events(t.Context(), 0)
	require.NoError(t, err)
	for _, e := range events {
		require.NotContains(t, e.Detail, string(approval.KindSponsor)+" (", "who is shown the form is refused nothing")
	}

	b.people.say(sara, errors.New("Slack is silent"))
	story, err := ask(cluster, "WSARA")
	require.NoError(t, err, "Slack's silence is no reason to refuse anybody")
	require.Equal(t, sara, story.Sponsor, "by the id by which people are stored")
	story, err = ask("ehpc-x", sara)
	require.NoError(t, err)
	require.Empty(t, story.Sponsor, "where none is wanted none is asked")
	require.False(t, story.AwaitsSponsor())
}

// Nobody is their own sponsor, not by another id that was not known when they asked, and not where approvers may decide on
// their own requests.
func TestNobodySponsorsThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Rules.Sponsored, c.AllowSelf = true, true })
	asked := b.askSponsored("isabel")
	b.people.people = map[string]approval.Person{sara: {ID: isabel, Also: sara}}
	_, err := b.service.Approve(t.Context(), asked.Target(), sara)
	require.Equal(t, approval.KindSelf, kindOf(t, err))
}

// A sponsor who is an approver, too, has two voices, one after the other.
func TestSponsorWhoApproves(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), sponsored)
	asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Sponsor: anna})
	require.NoError(t, err)
	story, err := b.service.Approve(t.Context(), asked.Target(), anna)
	require.NoError(t, err)
	require.Equal(t, approval.Pending, story.State)
	for _, again := range []func() (approval.Story, error){
		func() (approval.Story, error) { return b.service.Approve(t.Context(), asked.Target(), anna) },
		func() (approval.Story, error) { return b.service.Deny(t.Context(), asked.Target(), anna, "") },
		func() (approval.Story, error) {
			return b.service.ApproveChanged(t.Context(), asked.Target(), anna, story.Wish())
		},
	} {
		_, err := again()
		require.Equal(t, approval.KindSponsored, kindOf(t, err), "the button of the sponsor pressed twice is no approver's vote")
	}
	story, err = b.service.Approve(t.Context(), story.Target(), anna)
	require.NoError(t, err)
	require.Equal(t, approval.Approved, story.State)
}

// The form of a sponsor who is an approver as well is sent twice, as its acknowledgement got lost.
func TestSponsorsFormTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), sponsored)
	asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Sponsor: anna})
	require.NoError(t, err)
	story, err := b.service.ApproveChanged(t.Context(), asked.Target(), anna, approval.Wish{Username: "isa"})
	require.NoError(t, err)
	require.Equal(t, approval.Pending, story.State)
	_, err = b.service.ApproveChanged(t.Context(), asked.Target(), anna, approval.Wish{Username: "isa"})
	require.Equal(t, approval.KindSponsored, kindOf(t, err))
	require.Empty(t, b.story(asked.ID).Approvals())
}

// meeting is a directory in which those who ask about the requester wait for each other.
type meeting struct {
	*directory
	all *sync.WaitGroup
}

func (m meeting) Requester(ctx context.Context, id string, within time.Duration) error {
	m.all.Done()
	m.all.Wait()
	return m.directory.Requester(ctx, id, within)
}

// A sponsor who is no approver presses on two devices at once: both presses find that it is their turn.
func TestSponsorPressesTwiceAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), sponsored)
	asked := b.askSponsored("isabel")
	keys, err := keyring.New(b.keys...)
	require.NoError(t, err)
	const presses = 2
	var all, over sync.WaitGroup
	all.Add(presses)
	service := approval.NewService(b.conf, b.db, keys, meeting{b.people, &all}, b.log, b.now)
	kinds := make(chan approval.Kind, presses)
	for range presses {
		over.Go(func() {
			_, err := service.Approve(t.Context(), asked.Target(), sara)
			if refusal := approval.Refused(err); refusal != nil {
				kinds <- refusal.Kind
			}
		})
	}
	over.Wait()
	require.Len(t, kinds, 1)
	require.Equal(t, approval.KindSponsored, <-kinds)
	story := b.story(asked.ID)
	require.Equal(t, approval.Pending, story.State)
	require.Empty(t, story.Approvals())
}

func TestSponsorDenies(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), sponsored)
		b.work()
		asked := b.askSponsored("isabel")
		story, err := b.service.Deny(t.Context(), asked.Target(), sara, "I don't know them")
		require.NoError(t, err)
		require.Equal(t, approval.Denied, story.State)
		denial, _ := story.Denial()
		require.Equal(t, sara, denial.Person)
		b.eventually(func() bool { return len(b.told.said("notify 1 denied")) > 0 }, func() string { return "the requester is not told" })
		_, err = b.service.Approve(t.Context(), asked.Target(), sara)
		require.Equal(t, approval.KindDecided, kindOf(t, err))
		v, err := b.reader().Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
	})
}

// A sponsor is reminded, and nobody else, until the request expires; what they do in time gives the approvers theirs.
func TestSilentSponsor(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
		c.Rules.Sponsored, c.Reminder, c.Fallback = true, 24*time.Hour, []string{"UHEAD"}
	})
	start := time.Now().Truncate(time.Millisecond)
	at := func(hours float64) {
		now := start.Add(time.Duration(hours * float64(time.Hour)))
		b.stands.Store(&now)
	}
	at(0)
	asked := b.askSponsored("isabel")
	due := func() []approval.Purpose {
		story, err := b.service.PassOn(t.Context(), b.story(asked.ID))
		require.NoError(t, err)
		require.Zero(t, story.PassedAt, "the fallback is for the approvers")
		say, next := b.service.Due(story)
		require.Positive(t, next)
		require.LessOrEqual(t, next, 24*time.Hour, "it is looked again before the approvers could have waited for too long")
		return say
	}
	for hours, want := range map[float64][]approval.Purpose{
		1: nil, 23.9: nil, 24: {approval.PurposeSponsorReminder}, 40: {approval.PurposeSponsorReminder}, 71: {approval.PurposeSponsorReminder},
	} {
		at(hours)
		require.Equal(t, want, due(), hours)
	}
	at(24)
	reminder := approval.Message{Purpose: approval.PurposeSponsorReminder, Place: "D", Ref: "1", Version: 1}
	require.NoError(t, b.service.Sent(t.Context(), asked.ID, reminder))
	at(47.9)
	require.Empty(t, due())
	at(48)
	require.Equal(t, []approval.Purpose{approval.PurposeSponsorReminder}, due(), "a day later again")

	at(71)
	story, err := b.service.Nudge(t.Context(), asked.Target(), isabel)
	require.NoError(t, err)
	require.NotZero(t, story.RemindedAt)
	_, err = b.service.Approve(t.Context(), asked.Target(), sara)
	require.NoError(t, err)
	story = b.story(asked.ID)
	require.Zero(t, story.RemindedAt, "the approvers can be reminded at once")
	require.True(t, story.IsOver(story.Messages[0]), "what reminded the sponsor is taken away")
	say, next := b.service.Due(story)
	require.Empty(t, say)
	require.Equal(t, 24*time.Hour, next)
	at(71 + 72)
	left, err := b.service.Expire(t.Context(), asked.ID)
	require.NoError(t, err)
	require.Zero(t, left)
	require.False(t, b.story(asked.ID).SponsorSilent(), "the sponsor did answer")

	silent := b.askSponsored("nina")
	at(71 + 72 + 72)
	left, err = b.service.Expire(t.Context(), silent.ID)
	require.NoError(t, err)
	require.Zero(t, left)
	require.True(t, b.story(silent.ID).SponsorSilent())
}

// The database alone does not suffice to do without the sponsor.
func TestForgedSponsor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), sponsored)
		asked := b.askSponsored("isabel")
		db := raw(t, b.url)
		do(t, db, `UPDATE request SET sponsored_at = created_at`)
		forge(t, db, b, approval.Event{RequestID: 1, Actor: sara, Action: "sponsor", From: approval.Pending, To: approval.Pending,
			Detail: "sponsor=" + sara + " requester=" + isabel + " cluster=" + cluster})
		_, err := b.service.Approve(t.Context(), asked.Target(), anna)
		require.Equal(t, approval.KindSponsorFirst, kindOf(t, err))

		// Nor does it to take the sponsor away, or to put another in their place.
		for _, other := range []string{"", otto} {
			do(t, db, `UPDATE request SET sponsor = '`+other+`' WHERE id = 1`)
			require.Equal(t, sara, b.story(1).Sponsor)
			for _, who := range []string{anna, otto} {
				_, err = b.service.Approve(t.Context(), b.target(1), who)
				require.Equal(t, approval.KindStale, kindOf(t, err))
			}
		}
		do(t, db, `UPDATE request SET state = 'approved', version = version + 1`)
		b.work()
		require.True(t, b.reach(1, approval.Pending).AwaitsSponsor())
		require.Zero(t, b.api.CallCount(ehpctest.ActionAddUser))
	})
}

// From the shell the sponsor's step and that of an approver are two.
func TestSponsorFromShell(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), sponsored)
	asked := b.askSponsored("isabel")
	for _, want := range []approval.State{approval.Pending, approval.Approved} {
		story, err := b.service.FromShell(t.Context(), asked.ID, approval.ShellApprove, approval.Shell{Name: "Maria", User: "root"}, "")
		require.NoError(t, err)
		require.Equal(t, want, story.State)
		require.NotZero(t, story.SponsoredAt)
	}
	b.work()
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
	other := b.askSponsored("nina")
	story, err := b.service.FromShell(t.Context(), other.ID, approval.ShellDeny, approval.Shell{Name: "Maria", User: "root"}, "")
	require.NoError(t, err)
	require.Equal(t, approval.Denied, story.State)
}

// The sponsor's approval outlives a failure, the process and the key with which it was signed.
func TestSponsorOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), sponsored)
	asked := b.askSponsored("isabel")
	_, err := b.service.Approve(t.Context(), asked.Target(), sara)
	require.NoError(t, err)
	b.close()
	b.keys = [][]byte{newKey('n'), key}
	b.open()
	_, err = ring(t, b.keys...).Rekey(t.Context(), b.db)
	require.NoError(t, err)
	b.close()
	b.keys = b.keys[:1]
	b.restart()
	require.False(t, b.story(asked.ID).AwaitsSponsor())
	b.api.FailJobs(1)
	_, err = b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.reach(asked.ID, approval.Failed)
	b.restart()
	_, err = b.service.Retry(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.requireCredentials(b.reach(asked.ID, approval.Delivered))
}

// A new password needs no sponsor, even where it needs approvals.
func TestResetNeedsNoSponsor(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Rules.Sponsored, c.ResetsDecided = true, true })
	b.work()
	asked := b.askSponsored("isabel")
	for _, person := range []string{sara, anna} {
		_, err := b.service.Approve(t.Context(), b.target(asked.ID), person)
		require.NoError(t, err)
	}
	b.reach(asked.ID, approval.Delivered)
	reset, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Reset: true})
	require.NoError(t, err)
	require.False(t, reset.AwaitsSponsor())
}

// Who needs no approval needs no sponsor.
func TestSponsorOfMembers(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
		sponsored(c)
		c.Exempt = tutors
	})
	b.people.members[tutors] = []string{isabel}
	asked := b.ask("isabel")
	require.Equal(t, approval.Approved, asked.State)
	require.Empty(t, asked.Sponsor)
	_, err := b.service.Ask(t.Context(), approval.Ask{Requester: "UNINA", Username: "nina"})
	require.Equal(t, approval.KindSponsor, approval.AllRefused(err)[0].Kind)
}
