package crashtest

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

// byButton hands the credentials over behind a button. The requester opens them, has saved them, can't log in, and then
// can.
var byButton = flow{
	name: "button", env: map[string]string{"CREDENTIALS_DELIVERY": "button"},
	take: (*life).takeButton, end: (*life).judgeButton,
}

func (l *life) takeButton() {
	l.t.Helper()
	direct := l.slack.Person(isabel).DirectMessages
	l.message(direct, "Show credentials")
	times := l.open("Show credentials", "Your credentials", l.password())
	if l.target == (point{"slack views.open", "after", 1}) {
		require.Equal(l.t, 2, times, "the window was open and the press not acknowledged")
	}
	m, saved := l.message(direct, "I have saved it")
	l.press(isabel, m, saved)
	l.wait(func() bool { return holds(direct(), "You have saved the password") > 0 })

	l.open("I can't log in", "I can't log in", "What do you see?")
	form, _ := l.slack.Person(isabel).Modal()
	l.act(func(ctx context.Context) slacktest.Reply {
		r, err := l.slack.Person(isabel).Submit(ctx, form, map[string]string{"sees": "refusal", "reason": "Permission denied"})
		require.NoError(l.t, err)
		return slacktest.Reply{Err: r.Err}
	})
	l.wait(func() bool { return holds(l.approvals(), "Permission denied") > 0 })

	m, works := l.message(direct, "It works")
	l.press(isabel, m, works)
	l.wait(func() bool { return holds(direct(), "Thank you for telling me") > 0 })
}

// open presses a button until Isabel has a window of a title before her, in which a text stands: a machine that is slow may
// tell her to press it again.
func (l *life) open(button, title, text string) (times int) {
	l.t.Helper()
	told := func() int { return len(l.slack.Person(isabel).Ephemerals()) }
	for open := false; !open; {
		m, b := l.message(l.slack.Person(isabel).DirectMessages, button)
		before := told()
		times += l.press(isabel, m, b)
		l.wait(func() bool {
			v, is := l.slack.Person(isabel).Modal()
			open = is && v.Title == title && strings.Contains(v.Plain(), text)
			return open || told() > before
		})
	}
	return times
}

func (l *life) judgeButton() {
	l.t.Helper()
	direct, approvals, password := l.slack.Person(isabel).DirectMessages(), l.approvals(), l.password()
	require.Zero(l.t, holds(direct, password), "messages that ever held the credentials")
	windows := 0
	for _, e := range l.slack.Transcript() {
		if strings.Contains(e.Text, password) {
			windows++
			require.Equal(l.t, isabel, e.SeenBy, "who sees the credentials")
			require.NotNil(l.t, e.View)
		}
	}
	shows := number(l.db, `SELECT count(*) FROM event WHERE action = 'show'`)
	require.GreaterOrEqual(l.t, shows, windows, "each showing is recorded")
	require.Positive(l.t, windows)
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'clear'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'works'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM event WHERE action = 'trouble'`))
	require.Equal(l.t, 1, number(l.db, `SELECT count(*) FROM trouble`))
	cards, reports := 0, 0
	for _, m := range approvals {
		if strings.Contains(m.Plain(), "Permission denied") {
			reports++
			require.NotEmpty(l.t, m.Thread)
			continue
		}
		cards++
		require.Contains(l.t, m.Plain(), "says that the login works", "the approvers are told of the end")
	}
	require.Positive(l.t, reports)
	l.repeated = len(direct) + cards + reports - 3
}
