package bot_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
)

// The reminder of each day stands in the thread of the approval message in the place of the one before, and is taken
// away when the request is decided.
func TestDailyReminder(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) { o.policy.Reminder = 0 }}).connected()
	card := o.asked("isabel")
	o.eventually(func() bool {
		story, err := o.service.Story(t.Context(), 1)
		require.NoError(t, err)
		_, known := story.Message(approval.PurposeApproval)
		return known
	}, "the message is known")
	reminders := func() (live []slacktest.Message) {
		for _, m := range o.slack.Messages(channel) {
			if !m.Deleted && strings.Contains(m.Plain(), "Reminder: request 1") {
				live = append(live, m)
			}
		}
		return live
	}
	var former string
	for range 2 {
		story, err := o.service.Story(t.Context(), 1)
		require.NoError(t, err)
		require.NoError(t, o.bot.Messenger().Remind(t.Context(), story, approval.PurposeDaily))
		require.Len(t, reminders(), 1)
		today := reminders()[0]
		require.Equal(t, card.TS, today.Thread)
		require.NotEqual(t, former, today.TS)
		require.Contains(t, today.Plain(), "<@"+anna+">, <!subteam^"+staff+">")
		former = today.TS
	}
	o.press(anna, card, "Approve")
	o.delivered("isabel")
	o.eventually(func() bool { return len(reminders()) == 0 }, "nobody is reminded any more")
	o.clean()
}
