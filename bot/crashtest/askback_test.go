package crashtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

// TestAskBackMatrix is TestMatrix for a life in which an approver asks back, and then approves with changes: the question is
// there once, the requester and the thread are told of it, and so is the answer; and the change is made and told once.
func TestAskBackMatrix(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, d database) {
		runMatrix(t, d, byMessage, (*life).liveWithQuestion, besideTheUsual(t, d))
	})
}

const question, answer = "Who is your supervisor?", "Professor Li"

func (l *life) liveWithQuestion() {
	l.aim()
	l.start()
	l.ask()
	m, askBack := l.message(l.approvals, "Ask back")
	l.press(anna, m, askBack)
	l.fill(anna, "Question", question)
	m, reply := l.message(l.slack.Person(isabel).DirectMessages, "Answer")
	l.press(isabel, m, reply)
	l.fill(isabel, "Answer", answer)
	thread := func(text string) int {
		return len(slices.DeleteFunc(l.approvals(), func(m slacktest.Message) bool { return m.Thread == "" || !strings.Contains(m.Plain(), text) }))
	}
	l.wait(func() bool { return thread(question) > 0 && thread(answer) > 0 })
	m, change := l.message(l.approvals, "Approve with changes")
	l.press(anna, m, change)
	l.fill(anna, "Directory permissions", "750")
	l.receive(applicant{isabel, "isabel"})
	l.settle()
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM change`), "changes")
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'change'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM request WHERE mod = '750'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM question WHERE answer <> ''`), "questions with their answer")
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM question`), "questions")
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'ask_back'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'answer'`))
	require.LessOrEqual(l.t, thread(question)+thread(answer), 3, "messages in the thread")
	l.judge()
	l.repeated -= 4 // the question, it and the answer in the thread, and the change
}

// fill submits the form that a person has open, until it is acknowledged.
func (w *world) fill(person, label, text string) {
	w.t.Helper()
	w.act(func(ctx context.Context) slacktest.Reply {
		form, err := w.slack.Person(person).WaitModal(ctx, func(v slacktest.View) bool { return v.Submit != "" })
		if err != nil {
			return slacktest.Reply{Err: err}
		}
		got, err := w.slack.Person(person).Submit(ctx, form, map[string]string{label: text})
		return slacktest.Reply{Err: errors.Join(err, got.Err)}
	})
}
