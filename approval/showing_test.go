package approval_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

func byButton(c *approval.Config) { c.ByButton = true }

// offered brings a request of isabel's to where its credentials are behind a button.
func (b *bench) offered(username string) approval.Story {
	b.t.Helper()
	asked := b.ask(username)
	_, err := b.service.Approve(b.t.Context(), b.target(asked.ID), anna)
	require.NoError(b.t, err)
	story := b.reach(asked.ID, approval.Delivered)
	require.Empty(b.t, b.told.delivered(story.ID), "the messenger is given no password")
	require.Len(b.t, b.told.said("offer"), 1)
	return story
}

// TestShown has the password shown at a press: to the requester alone, as often as they like, until they have saved it.
func TestShown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), byButton)
		b.work()
		story := b.offered("isabel")
		on := story.Target()
		require.NotNil(t, story.Sealed)
		require.Zero(t, story.ShownAt)

		_, _, err := b.service.Show(t.Context(), on, otto)
		require.Equal(t, approval.KindNotYours, kindOf(t, err))
		_, _, err = b.service.Show(t.Context(), approval.Target{ID: on.ID, Seen: "forged"}, isabel)
		require.Equal(t, approval.KindStale, kindOf(t, err))
		_, err = b.service.Clear(t.Context(), on, isabel)
		require.Equal(t, approval.KindUnopened, kindOf(t, err), "what nobody has seen is not erased by a slip")
		_, err = b.service.Works(t.Context(), on, isabel)
		require.Equal(t, approval.KindUnopened, kindOf(t, err))

		want, _ := b.api.Password(cluster, "isabel")
		for range 2 {
			shown, password, err := b.service.Show(t.Context(), on, isabel)
			require.NoError(t, err)
			require.Equal(t, want, password.Reveal())
			require.NotZero(t, shown.ShownAt)
		}
		b.restart()
		_, password, err := b.service.Show(t.Context(), on, isabel)
		require.NoError(t, err)
		require.Equal(t, want, password.Reveal())
		shows := slices.DeleteFunc(b.actions(story.ID), func(a string) bool { return a != "show" })
		require.Len(t, shows, 3, "each showing is recorded")

		saved, err := b.service.Clear(t.Context(), on, isabel)
		require.NoError(t, err)
		require.Nil(t, saved.Sealed)
		b.eventually(func() bool { return len(b.told.said("scrub")) > 0 }, func() string { return "the message is not changed" })
		_, _, err = b.service.Show(t.Context(), on, isabel)
		require.Equal(t, approval.KindOver, kindOf(t, err))
		_, err = b.service.Works(t.Context(), on, isabel)
		require.NoError(t, err)
		b.eventually(func() bool { return len(b.told.said("redraw")) > 0 }, func() string { return "the message is not changed" })
		require.NotZero(t, b.story(story.ID).WorksAt)
		_, err = b.service.Works(t.Context(), on, isabel)
		require.NoError(t, err)
		works := slices.DeleteFunc(b.actions(story.ID), func(a string) bool { return a != "works" })
		require.Len(t, works, 1)

		verified, err := b.reader().Verify(t.Context(), ring(t, b.keys...), nil)
		require.NoError(t, err)
		require.Empty(t, verified.Findings)
	})
}

// TestShownBeforeItIsDelivered has the button pressed in the moment in which the message is there, and the database does
// not know.
func TestShownBeforeItIsDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), byButton)
	b.told.fail("offer", 1000)
	b.work()
	asked := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.reach(asked.ID, approval.Provisioned)
	_, password, err := b.service.Show(t.Context(), b.target(asked.ID), isabel)
	require.NoError(t, err)
	want, _ := b.api.Password(cluster, "isabel")
	require.Equal(t, want, password.Reveal())
	story, err := b.service.Clear(t.Context(), b.target(asked.ID), isabel)
	require.NoError(t, err)
	require.Equal(t, approval.Delivered, story.State)
	require.Nil(t, story.Sealed)
	require.NotZero(t, story.DeliveredAt)
}

// TestSealedUntilItsTimeIsOver erases what is sealed for a button whether or not anybody can be told.
func TestSealedUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), func(c *approval.Config) { c.ByButton, c.CredentialsTTL = true, 2*time.Hour })
		b.told.fail("scrub", 3)
		b.work()
		story := b.offered("isabel")
		b.close()
		b.passed.Store(int64(3 * time.Hour)) // while no bot runs
		b.open()
		_, _, err := b.service.Show(t.Context(), story.Target(), isabel)
		require.Equal(t, approval.KindOver, kindOf(t, err), "before the timer has run")
		do(t, raw(t, b.url), `UPDATE river_job SET scheduled_at = created_at WHERE kind = 'scrub'`)
		b.work()
		b.eventually(func() bool { return !b.story(story.ID).ClearedAt.IsZero() }, func() string { return "not cleared" })
		require.Nil(t, b.story(story.ID).Sealed)
		require.Empty(t, b.told.said("prompt"))
		actions := b.actions(story.ID)
		require.Equal(t, []string{"deliver", "refused", "erase", "scrub"}, actions[len(actions)-4:])
	})
}

// TestSealedWithAnotherKey tells the requester what keeps the password from being opened, and rekey seals it anew.
func TestSealedWithAnotherKey(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), byButton)
	b.work()
	story := b.offered("isabel")
	want, _ := b.api.Password(cluster, "isabel")
	b.close()
	other := newKey('o')
	b.keys = [][]byte{other}
	b.open()
	_, _, err := b.service.Show(t.Context(), story.Target(), isabel)
	require.Equal(t, approval.KindNoKey, kindOf(t, err))

	done, err := ring(t, other, key).Rekey(t.Context(), b.db)
	require.NoError(t, err)
	require.Equal(t, keyring.Rekeyed{Resealed: 1}, done)
	_, password, err := b.service.Show(t.Context(), story.Target(), isabel)
	require.NoError(t, err)
	require.Equal(t, want, password.Reveal())

	do(t, raw(t, b.url), `UPDATE request SET requester = '`+otto+`'`)
	_, _, err = b.service.Show(t.Context(), b.target(story.ID), otto)
	require.Equal(t, approval.KindDamaged, kindOf(t, err), "it is sealed for isabel")
}

// TestOfferedAccountIsRemoved has the account removed by hand while its password is sealed still: whoever asks for the
// name next gets the account that is made for them.
func TestOfferedAccountIsRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), byButton)
	b.work()
	b.offered("isabel")
	b.api.RemoveUser(cluster, "isabel")
	again := b.ask("isabel")
	b.api.DropAfter(ehpctest.ActionAddUser, 1) // so that it is claimed by the look-up
	_, err := b.service.Approve(t.Context(), b.target(again.ID), anna)
	require.NoError(t, err)
	b.reach(again.ID, approval.Delivered)
	_, password, err := b.service.Show(t.Context(), b.target(again.ID), isabel)
	require.NoError(t, err)
	want, _ := b.api.Password(cluster, "isabel")
	require.Equal(t, want, password.Reveal())
}

// TestPrompts reminds, once each, of credentials that nobody opens, as far as there is time for it.
func TestPrompts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ttl    time.Duration
		opened bool
		want   []string
	}{
		"long":    {ttl: 72 * time.Hour, want: []string{"prompt 1 delivered", "unopened 1 delivered"}},
		"kept":    {ttl: 0, want: []string{"prompt 1 delivered", "unopened 1 delivered"}},
		"shorter": {ttl: 36 * time.Hour, want: []string{"prompt 1 delivered"}},
		"a day":   {ttl: 24 * time.Hour},
		"opened":  {ttl: 72 * time.Hour, opened: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, storetest.SQLite(t), func(conf *approval.Config) { conf.ByButton, conf.CredentialsTTL = true, c.ttl })
			b.work()
			story := b.offered("isabel")
			if c.opened {
				_, _, err := b.service.Show(t.Context(), story.Target(), isabel)
				require.NoError(t, err)
			}
			promptd := func() []string { return append(b.told.said("prompt"), b.told.said("unopened")...) }
			for range 2 { // what was told is not told again after a restart
				for _, hours := range []int{12, 25, 49} {
					if time.Duration(hours)*time.Hour > c.ttl && c.ttl > 0 {
						continue
					}
					b.close()
					b.passed.Store(int64(time.Duration(hours) * time.Hour))
					b.open()
					do(t, raw(t, b.url), `UPDATE river_job SET scheduled_at = created_at WHERE kind = 'prompt' AND state IN ('scheduled', 'available')`)
					var why approval.Purpose
					left := time.Duration(0)
					b.work()
					b.eventually(func() bool {
						var wanted bool
						why, left, wanted = b.service.PromptDue(b.story(story.ID))
						return !wanted || left > 0
					}, func() string { return string(why) + " was not told" })
				}
			}
			require.Equal(t, c.want, promptd())
		})
	}
}

// TestSweepPutsPromptsBack has the timers lost with a backup.
func TestSweepPutsPromptsBack(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.ByButton, c.CredentialsTTL = true, 72*time.Hour })
	b.work()
	b.offered("isabel")
	b.eventually(func() bool { return len(b.told.said("refresh 1 delivered")) > 0 }, func() string { return "not shown" })
	b.close()
	do(t, raw(t, b.url), `DELETE FROM river_job`)
	b.open()
	put, err := b.service.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, put, "the prompt, and what takes the credentials away")
	put, err = b.service.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, put)
}

// TestTrouble tells the approvers that somebody can't log in, with what the API tells.
func TestTrouble(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.api.AddNode(cluster, ehpctest.Node{Name: "login", Role: "login", PublicIP: "203.0.113.7"})
		b.work()
		asked := b.ask("isabel")
		on := b.target(asked.ID)
		report := func(person, envelope, words string) error {
			_, err := b.service.Report(t.Context(), on, person, approval.Trouble{Envelope: envelope, Sees: approval.SeesRefusal, Words: words})
			return err
		}
		require.Equal(t, approval.KindOver, kindOf(t, report(isabel, "0", "")), "there is no account yet")
		_, err := b.service.Approve(t.Context(), on, anna)
		require.NoError(t, err)
		b.reach(asked.ID, approval.Delivered)

		_, err = b.service.MayReport(t.Context(), on, otto)
		require.Equal(t, approval.KindNotYours, kindOf(t, err))
		require.Equal(t, approval.KindNotYours, kindOf(t, report(otto, "1", "")))
		password, _ := b.api.Password(cluster, "isabel")
		require.Equal(t, approval.KindTypedPassword, kindOf(t, report(isabel, "1", `I type "`+password+`", and it says no`)))
		require.Equal(t, approval.KindReasonTooLong, kindOf(t, report(isabel, "1", strings.Repeat("x", 501))))
		for range 2 { // Slack repeats it
			require.NoError(t, report(isabel, "1", "Permission denied (publickey,password)."))
		}
		known := `{Status:active Logins:[203.0.113.7] LoginsKnown:true Listed:true ListedKnown:true}`
		b.eventually(func() bool { return len(b.told.said("trouble")) == 1 }, func() string { return "the approvers are not told" })
		require.Equal(t, []string{"trouble 1 " + known + " 1 delivered"}, b.told.said("trouble"))

		b.api.RemoveUser(cluster, "isabel")
		b.api.SetStatus(cluster, "suspended")
		b.api.Fail(ehpctest.ActionListNodes, ehpctest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
		require.NoError(t, report(isabel, "2", ""))
		b.eventually(func() bool { return len(b.told.said("trouble 2")) == 1 }, func() string { return "the approvers are not told" })
		require.Equal(t, []string{"trouble 2 {Status:suspended Logins:[] LoginsKnown:false Listed:false ListedKnown:true} 1 delivered"}, b.told.said("trouble 2"))

		b.api.ClearFaults()
		require.NoError(t, report(isabel, "3", ""))
		require.Equal(t, approval.KindTooOften, kindOf(t, report(isabel, "4", "")))
		_, err = b.service.MayReport(t.Context(), on, isabel)
		require.Equal(t, approval.KindTooOften, kindOf(t, err))
		b.passed.Store(int64(25 * time.Hour))
		require.NoError(t, report(isabel, "4", ""))
		b.eventually(func() bool { return len(b.told.said("trouble")) == 4 }, func() string { return "the approvers are not told" })
		told := slices.DeleteFunc(b.actions(asked.ID), func(a string) bool { return a != "trouble" })
		require.Len(t, told, 4)
		for name, content := range b.everything() {
			require.NotContains(t, string(content), ehpctest.NodeSecret, name)
		}
	})
}
