package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// vanish deletes a message, as an administrator or the retention policy does.
func (o *office) vanish(m slacktest.Message) {
	o.t.Helper()
	client := slack.New(slacktest.BotToken, slack.OptionAPIURL(o.slack.APIURL()))
	_, _, err := client.DeleteMessageContext(o.t.Context(), m.Channel, m.TS)
	require.NoError(o.t, err)
}

// noted waits until the bot knows where the card of the first request is.
func (o *office) noted(card slacktest.Message) slacktest.Message {
	o.t.Helper()
	o.eventually(func() bool {
		story, err := o.service.Story(o.t.Context(), 1)
		require.NoError(o.t, err)
		m, ok := story.Message(approval.PurposeApproval)
		return ok && m.Ref == card.TS
	}, "the card is noted")
	return card
}

// restart ends the bot, and starts it anew on the same database.
func (o *office) restart(p plan) {
	o.t.Helper()
	o.cancel()
	<-o.ended
	o.closeDatabase()
	o.build(p)
	o.connected()
}

// live waits for a message with live buttons in a channel.
func (o *office) live(channel, button string) slacktest.Message {
	o.t.Helper()
	return o.says(channel, button)
}

// The message with the buttons vanishes while somebody needs them: it is there again at the reminder, when an approver
// asks how the request stands, and at the next start.
func TestMessageVanishes(t *testing.T) {
	t.Parallel()
	t.Run("at the reminder", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{before: func(o *office) { o.policy.Reminder = 2 * time.Second }}).connected()
		o.vanish(o.noted(o.asked("isabel")))
		reminder := o.says(channel, "Reminder: request 1 is still waiting")
		m := o.live(channel, "Approve")
		require.Contains(t, string(slices.Concat(reminder.Blocks...)), strings.ReplaceAll(m.TS, ".", ""), "it leads to the new message")
		o.press(anna, m, "Approve")
		o.delivered("isabel")
		o.clean()
	})
	t.Run("status", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.vanish(o.noted(o.asked("isabel")))
		require.Contains(t, o.slack.Person(anna).Command(t.Context(), command, "status 1").Plain(), "waiting for approval")
		o.press(anna, o.live(channel, "Approve"), "Approve")
		o.delivered("isabel")
		o.clean()
	})
	t.Run("status of one that failed", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.ehpc.FailJobs(1)
		o.press(anna, o.asked("isabel"), "Approve")
		o.vanish(o.live(channel, "Retry"))
		require.Contains(t, o.slack.Person(anna).Command(t.Context(), command, "status 1").Plain(), "Retry")
		o.press(anna, o.live(channel, "Retry"), "Retry")
		o.delivered("isabel")
		o.clean()
	})
	t.Run("start", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.vanish(o.noted(o.asked("isabel")))
		o.restart(plan{})
		o.press(anna, o.live(channel, "Approve"), "Approve")
		o.delivered("isabel")
		o.clean()
	})
	t.Run("start with another channel", func(t *testing.T) {
		t.Parallel()
		const former, other = "G0OLD", "C0OTHER"
		o := open(t, plan{before: func(o *office) {
			o.policy.Channel = former
			o.slack.AddChannel(slacktest.Channel{ID: former, Name: "old", BotIsMember: true})
		}}).connected()
		o.ask("isabel")
		old := o.live(former, "Approve")
		o.slack.SetChannel(slacktest.Channel{ID: former, Name: "old", BotIsMember: true, Archived: true})
		o.slack.AddChannel(slacktest.Channel{ID: other, Name: "other", BotIsMember: true})
		o.policy.Channel = other
		o.restart(plan{})
		o.press(anna, o.live(other, "Approve"), "Approve")
		o.delivered("isabel")
		o.says(other, "got the credentials")
		require.NotEmpty(t, old.Blocks)
		o.clean()
	})
}

// A conversation that takes no messages for any reason is waited for as long as people may take to decide.
func TestNoConversationForGood(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) { o.policy.Expiry = 2 * time.Second }}).connected()
	o.slack.Fail("chat.postMessage", slacktest.Fault{Error: "channel_not_found", Times: -1, Match: func(c slacktest.Call) bool {
		return c.Params.Get("channel") == isabel
	}})
	o.press(anna, o.asked("isabel"), "Approve")
	o.says(channel, "The account isabel is made, but", "Retry")
}

// A reminder that comes too late says nothing, and one whose request is decided is taken away.
func TestReminderFollows(t *testing.T) {
	t.Parallel()
	t.Run("decided", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{before: func(o *office) { o.policy.Reminder = time.Second }}).connected()
		m := o.asked("isabel")
		o.says(channel, "Reminder: request 1")
		o.press(anna, m, "Approve")
		o.delivered("isabel")
		o.eventually(func() bool { return !strings.Contains(o.shown(channel), "Reminder") }, "the reminder is gone")
		o.clean()
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{idle: true, before: func(o *office) { o.policy.Reminder, o.policy.Expiry = 100*time.Millisecond, 300*time.Millisecond }})
		require.NoError(t, o.bot.Introduce(t.Context()))
		_, err := o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
		require.NoError(t, err)
		o.eventually(func() bool {
			story, err := o.service.Story(t.Context(), 1)
			return err == nil && time.Now().After(story.ExpiresAt)
		}, "its time is over")
		o.restart(plan{})
		o.says(channel, "expired")
		require.NotContains(t, o.shown(channel), "Reminder")
		require.Zero(t, o.ehpc.CallCount(ehpctest.ActionAny))
	})
}

// shown is what can be read in a channel now.
func (o *office) shown(channel string) string {
	var all []string
	for _, m := range o.slack.Messages(channel) {
		if !m.Deleted {
			all = append(all, m.Plain())
		}
	}
	return strings.Join(all, "\n---\n")
}
