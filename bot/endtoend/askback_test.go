package endtoend

import (
	"strings"
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"

	"github.com/stretchr/testify/require"
)

// words are what stands on buttons and in forms, in a language.
type words struct{ askBack, question, answer, deny, answered, over string }

// TestAskBack has an approver ask the requester back, who answers after the bot was killed, in both languages.
func TestAskBack(t *testing.T) {
	t.Parallel()
	for locale, say := range map[string]words{
		"en": {"Ask back", "Question", "Answer", "Deny", "is answered already", "does not wait for an answer any more"},
		"zh": {"询问申请人", "问题", "回答", "拒绝", "已经回答过了", "已不再等待回答"},
	} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			for _, who := range []string{isabel, anna, otto} {
				w.Slack.AddUser(slacktest.User{ID: who, Name: who, Locale: locale + "-XX"})
			}
			p := w.Start("LOCALE=" + locale)
			w.Command(isabel, "isabel")
			card := w.WaitMessage("the card", func(m slacktest.Message) bool { return len(m.Buttons()) > 0 })
			w.Press(otto, card, say.askBack)
			w.WaitFor("otto is refused", func() bool { return len(w.Slack.Person(otto).Ephemerals()) > 0 })

			ask := func(question string) {
				w.Press(anna, card, say.askBack)
				got := w.Fill(anna, map[string]string{say.question: question})
				require.True(t, got.Closed)
			}
			ask("who is your *supervisor* <!here>?")
			p.Kill()
			w.Start("LOCALE=" + locale)
			told := w.Told(isabel, "who is your *supervisor* <!here>?")
			require.NotContains(t, told.Text, "<!here>")
			inThread := func(text string) slacktest.Message {
				return w.WaitMessage(text, func(m slacktest.Message) bool { return m.Thread == card.TS && strings.Contains(m.Plain(), text) })
			}
			inThread("who is your *supervisor* <!here>?")

			w.Press(isabel, told, say.answer)
			got := w.Fill(isabel, map[string]string{say.answer: "<!channel> Professor Li"})
			require.NotNil(t, got.Updated, "the requester is told that the answer is stored")
			answer := inThread("<!channel> Professor Li")
			require.NotContains(t, answer.Text, "<!channel>")
			require.Contains(t, answer.Text, "<@"+anna+">", "who asked is told")
			w.WaitFor("the direct message shows the answer, and no button", func() bool {
				now := w.Latest(told)
				return strings.Contains(now.Plain(), "Professor Li") && len(now.Buttons()) == 0
			})
			w.PressOld(isabel, told, say.answer)
			w.Answered(isabel, say.answered)

			_, _ = w.Slack.Person(isabel).CloseModal(w.Ctx)
			ask("since when?")
			second := w.Told(isabel, "since when?")
			w.Press(anna, card, say.deny)
			w.Fill(anna, nil)
			w.PressOld(isabel, second, say.answer)
			w.Answered(isabel, say.over)
		})
	}
}
