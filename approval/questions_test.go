package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
)

// TestAskingBack lets approvers ask and the requester answer, several times and again and again, as people and messengers do
// whose acknowledgement got lost, and holds who may do what, and when.
func TestAskingBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), func(c *approval.Config) { c.Required, c.Reminder = 2, 24*time.Hour })
		start := time.Now().Truncate(time.Millisecond)
		b.stands.Store(&start)
		asked := b.ask("isabel")
		on := asked.Target()
		ask := func(person, question string) (approval.Story, error) {
			return b.service.AskBack(t.Context(), on, person, question)
		}
		for question, kind := range map[string]approval.Kind{" \n": approval.KindNothingSaid, strings.Repeat("é", 501): approval.KindTooLong} {
			_, err := ask(anna, question)
			require.Equal(t, kind, kindOf(t, err))
		}
		_, err := ask("USTRANGER", "why?")
		require.Equal(t, approval.KindNotApprover, kindOf(t, err))
		_, err = b.service.AskBack(t.Context(), approval.Target{ID: asked.ID, Seen: "forged"}, anna, "why?")
		require.Equal(t, approval.KindStale, kindOf(t, err))
		require.NoError(t, b.service.Sent(t.Context(), asked.ID, approval.Message{Purpose: approval.PurposeReminder, Place: "P", Ref: "1", Version: 1}))

		later := start.Add(30 * time.Hour)
		b.stands.Store(&later)
		for range 2 {
			story, err := ask(anna, " who is your supervisor? ")
			require.NoError(t, err)
			require.Len(t, story.Questions, 1, "the same question is asked once")
			require.Equal(t, "who is your supervisor?", story.Questions[0].Text)
			require.True(t, later.Add(b.conf.Expiry).Equal(story.ExpiresAt), "the time to decide starts anew")
			say, next := b.service.Due(story)
			require.NotContains(t, say, approval.PurposeDaily)
			require.Equal(t, 24*time.Hour, next, "and that of the reminder")
		}
		story, err := b.service.Approve(t.Context(), on, otto)
		require.NoError(t, err, "a question holds up nobody")
		story, err = ask(otto, "since when?")
		require.NoError(t, err, "who has approved may still ask")
		require.Len(t, story.Questions, 2)
		require.Equal(t, []string{otto}, story.Approvals(), "and the approval counts on")
		first, second := asked.Asking(story.Questions[0]), asked.Asking(story.Questions[1])

		answer := func(on approval.Target, person, text string) (approval.Story, error) {
			return b.service.Answer(t.Context(), on, person, text)
		}
		_, err = answer(first, anna, "me")
		require.Equal(t, approval.KindNotYours, kindOf(t, err))
		_, err = answer(on, isabel, "me")
		require.Equal(t, approval.KindStale, kindOf(t, err), "a button of the request names no question")
		_, err = answer(first, isabel, "")
		require.Equal(t, approval.KindNothingSaid, kindOf(t, err))
		for range 2 {
			story, err = answer(second, isabel, "since May")
			require.NoError(t, err)
		}
		require.Equal(t, []approval.Question{story.Questions[0]}, story.OpenQuestions(), "each answer is for its own question")
		_, err = answer(second, isabel, "since June")
		require.Equal(t, approval.KindAnswered, kindOf(t, err))
		require.Equal(t, "since May", b.story(asked.ID).Questions[1].Answer)

		_, err = b.service.Deny(t.Context(), on, anna, "no supervisor")
		require.NoError(t, err)
		_, err = answer(first, isabel, "Professor Li")
		require.Equal(t, approval.KindTooLate, kindOf(t, err))
		_, err = ask(greta, "why?")
		require.Equal(t, approval.KindDecided, kindOf(t, err))
		b.requireLog(asked.ID, "ask_back", `until=`+`"`+later.Add(b.conf.Expiry).UTC().Format(time.RFC3339)+`" question="who is your supervisor?"`)
		b.requireLog(asked.ID, "answer", "since May")
		v, err := b.reader().Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
	})
}

// requireLog requires an event with a detail in the audit log of a request.
func (b *bench) requireLog(id int64, action, detail string) {
	b.t.Helper()
	events, err := b.service.Events(b.t.Context(), id)
	require.NoError(b.t, err)
	var found []string
	for _, e := range events {
		if e.Action == action {
			found = append(found, e.Detail)
		}
	}
	require.Contains(b.t, found, detail)
}

// TestQuestionsOutliveTheProcess has the bot stopped between a question and its being told, and the time run out that it
// began anew.
func TestQuestionsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.Expiry = time.Hour })
	asked := b.ask("isabel")
	b.passed.Store(int64(50 * time.Minute))
	_, err := b.service.AskBack(t.Context(), asked.Target(), anna, "why?")
	require.NoError(t, err)
	b.told.fail("tell", 2)
	b.restart()
	b.eventually(func() bool { return len(b.told.said("tell 1")) > 0 }, func() string { return "nobody is asked" })
	b.stop()
	do(t, raw(t, b.url), `DELETE FROM river_job`)
	b.restart()
	b.eventually(func() bool { return len(b.told.said("tell 1")) > 1 }, func() string { return "a job that is gone is not put back" })
	for _, p := range []approval.Purpose{approval.PurposeQuestion, approval.PurposeThreadQuestion} {
		require.NoError(t, b.service.Sent(t.Context(), asked.ID, approval.Message{Purpose: p.Of(1), Place: "P", Ref: "1", Version: 1}))
	}
	put, err := b.service.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, put, "what is told needs no job")
	b.passed.Store(int64(90 * time.Minute))
	left, err := b.service.Expire(t.Context(), asked.ID)
	require.NoError(t, err)
	require.Positive(t, left, "the time began anew")
	b.passed.Store(int64(2 * time.Hour))
	left, err = b.service.Expire(t.Context(), asked.ID)
	require.NoError(t, err)
	require.Zero(t, left)
	require.Equal(t, approval.Expired, b.story(asked.ID).State)
}
