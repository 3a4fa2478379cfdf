package approval_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
)

const (
	head  = "UHEAD"  // of the fallback
	hera  = "UHERA"  // of the fallback through the group
	heads = "SHEADS" // the group
)

// waiting is a bench with a fallback, whose clock stands at the moment at which the request 1 is asked for.
type waiting struct {
	*bench
	began time.Time
	runs  atomic.Int64 // of the job that reminds
	heard int          // how many lines of what was said are known
}

func newWaiting(t *testing.T, url string) *waiting {
	w := &waiting{bench: setup(t, url, func(c *approval.Config) {
		c.Reminder, c.Expiry, c.Fallback = 24*time.Hour, 120*time.Hour, []string{head, heads}
	}), began: time.Now().Truncate(time.Second)}
	w.people.members[heads] = []string{hera}
	w.observe = func(kind, _ string) {
		if kind == string(approval.RemindJob) {
			w.runs.Add(1)
		}
	}
	w.stands.Store(&w.began)
	w.ask("isabel")
	return w
}

// after sets the clock, has the job run, and returns what is said then.
func (w *waiting) after(d time.Duration) (said []string) {
	w.t.Helper()
	now := w.began.Add(d)
	w.stands.Store(&now)
	w.hurry(approval.RemindJob, &w.runs)
	w.told.mu.Lock()
	defer w.told.mu.Unlock()
	for _, line := range w.told.lines[w.heard:] {
		if strings.HasPrefix(line, "say ") || strings.HasPrefix(line, "remind") {
			said = append(said, line)
		}
	}
	w.heard = len(w.told.lines)
	return said
}

// hurry has a job run that has put itself off, and waits until it has. runs counts its runs.
func (b *bench) hurry(kind approval.JobKind, runs *atomic.Int64) {
	b.t.Helper()
	var before int64
	b.eventually(func() bool {
		before = runs.Load()
		res, err := b.db.SQL().ExecContext(context.Background(),
			`UPDATE river_job SET state = 'available', scheduled_at = $1 WHERE kind = $2 AND state = 'scheduled'`, b.db.RiverTime(b.db.Clock().Now()), string(kind))
		require.NoError(b.t, err)
		n, err := res.RowsAffected()
		require.NoError(b.t, err)
		return n == 1
	}, func() string { return "no job waits" })
	b.eventually(func() bool { return runs.Load() > before }, func() string { return "the job does not run" })
}

// kind returns why a person may not decide on the request; empty where they may.
func (w *waiting) kind(person string) approval.Kind {
	_, err := w.service.MayDecide(context.Background(), w.target(1), person)
	if r := approval.Refused(err); r != nil {
		return r.Kind
	}
	require.NoError(w.t, err)
	return ""
}

// Each step of waiting is said once when its time has come, and who may decide changes at half of the time.
func TestWaiting(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		w := newWaiting(t, url(t))
		w.work()
		require.Equal(t, []string{"remind 1 pending", "say reminded 1 pending"}, w.after(24*time.Hour))
		require.Empty(t, w.after(47*time.Hour))
		require.Equal(t, []string{"say daily 1 pending"}, w.after(48*time.Hour))
		require.Empty(t, w.after(60*time.Hour-time.Second))
		for _, person := range []string{head, hera} {
			require.Equal(t, approval.KindNotApprover, w.kind(person), "it is not their turn yet")
			_, err := w.service.StoryFor(t.Context(), 1, person)
			require.Equal(t, approval.KindUnknown, kindOf(t, err))
		}
		require.Equal(t, []string{"say fallback 1 pending", "say passed_on 1 pending"}, w.after(60*time.Hour))
		for _, person := range []string{head, hera, anna, greta} {
			require.Empty(t, w.kind(person), person)
			_, err := w.service.StoryFor(t.Context(), 1, person)
			require.NoError(t, err)
		}
		require.Equal(t, approval.KindNotApprover, w.kind("USTRANGER"))
		require.Empty(t, w.after(83*time.Hour), "they were asked less than a day ago")
		require.Equal(t, []string{"say daily 1 pending"}, w.after(84*time.Hour))
		require.Equal(t, 1, strings.Count(strings.Join(w.actions(1), " "), "pass_on"))
		require.Empty(t, w.after(120*time.Hour), "its time is over")
	})
}

// After an outage only what is due then is said, once, be the process killed at any moment of it.
func TestWaitingAfterAnOutage(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, storetest.SQLite(t))
	now := w.began.Add(100 * time.Hour)
	w.stands.Store(&now)
	w.told.fail("say fallback", 1) // as if it were killed in between
	w.told.fail("say passed_on", 1)
	w.gone()
	w.restart()
	w.eventually(func() bool { return len(w.told.said("say passed_on")) == 1 }, func() string { return "the requester is not told" })
	require.Len(t, w.told.said("remind"), 1)
	require.Len(t, w.told.said("say fallback"), 1)
	require.Empty(t, w.told.said("say reminded"), "of two steps the last is told")
	w.gone()
	w.restart()
	w.heard = len(w.told.lines)
	require.Empty(t, w.after(101*time.Hour), "a job that is put back says nothing again")
}

// gone takes all jobs away.
func (w *waiting) gone() {
	w.stop()
	db := raw(w.t, w.url)
	defer db.Close()
	do(w.t, db, `DELETE FROM river_job`)
}

// The vote of the fallback counts for good, for as long as they are of the fallback.
func TestVoteOfTheFallback(t *testing.T) {
	t.Parallel()
	approve := func(t *testing.T) *waiting {
		w := newWaiting(t, storetest.SQLite(t))
		w.work()
		w.after(60 * time.Hour)
		w.stop()
		_, err := w.service.Approve(t.Context(), w.target(1), hera)
		require.NoError(t, err)
		return w
	}
	t.Run("who stays", func(t *testing.T) {
		t.Parallel()
		w := approve(t)
		w.restart()
		w.requireCredentials(w.reach(1, approval.Delivered))
	})
	t.Run("who has left the group", func(t *testing.T) {
		t.Parallel()
		w := approve(t)
		w.people.leave(heads)
		w.restart()
		story := w.reach(1, approval.Pending)
		require.Empty(t, story.Approvals())
		require.Equal(t, approval.KindNotApprover, w.kind(hera))
		require.Empty(t, w.kind(head), "it stays with the fallback")
	})
	t.Run("no fallback any more", func(t *testing.T) {
		t.Parallel()
		w := approve(t)
		w.conf.Fallback = nil
		w.restart()
		w.reach(1, approval.Pending)
		require.Equal(t, approval.KindNotApprover, w.kind(head))
	})
}
