package bot_test

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
)

// A button decides only about the request that its reader saw, and only where the bot asks for approval.
func TestPressIsBoundToWhatWasSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action, nonce, channel, why string
		view                        slack.ViewType
		may                         bool
	}{
		"the button":                  {action: "approve", channel: channel, may: true},
		"of another request":          {action: "approve", channel: channel, nonce: "ANOTHER", why: "approve: stale"},
		"of an older version":         {action: "approve", channel: channel, nonce: "-", why: "approve: stale"},
		"no form for another request": {action: "deny", channel: channel, nonce: "ANOTHER", why: "decide: stale"},
		"in another channel":          {action: "approve", channel: "C0OTHER", why: "approve: it was not pressed where requests are approved"},
		"no form in another channel":  {action: "deny", channel: "C0OTHER", why: "deny: it was not pressed where requests are approved"},
		"in no channel":               {action: "approve", why: "approve: it was not pressed where requests are approved"},
		"in the Home tab":             {action: "approve", view: slack.VTHomeTab, may: true},
		"there, of another request":   {action: "approve", view: slack.VTHomeTab, nonce: "ANOTHER", why: "approve: stale"},
		"in a modal":                  {action: "approve", view: slack.VTModal, why: "approve: it was not pressed where requests are approved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{idle: true})
			require.NoError(t, o.bot.Introduce(t.Context()))
			story, err := o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
			require.NoError(t, err)
			card := approval.Message{Purpose: approval.PurposeApproval, Place: channel, Ref: "1.1", Version: 1}
			require.NoError(t, o.service.Sent(t.Context(), 1, card))
			if c.nonce == "" {
				c.nonce = story.Target().Seen
			}
			value := strings.TrimSpace("1 " + strings.Trim(c.nonce, "-"))
			press := slack.InteractionCallback{
				Type: slack.InteractionTypeBlockActions, User: slack.User{ID: anna},
				ActionCallback: slack.ActionCallbacks{BlockActions: []*slack.BlockAction{{ActionID: c.action, Value: value}}},
			}
			press.Container.ChannelID = c.channel
			if c.view != "" {
				press.Container.Type, press.View.Type = "view", c.view
			}
			o.bot.Handle(t.Context(), socketmode.Event{Type: socketmode.EventTypeInteractive, Data: press, Request: &socketmode.Request{}})
			story, err = o.service.Story(t.Context(), 1)
			require.NoError(t, err)
			require.Equal(t, c.may, story.State == approval.Approved)
			events, err := o.service.Events(t.Context(), 1)
			require.NoError(t, err)
			require.Equal(t, c.why, map[bool]string{false: events[len(events)-1].Detail}[c.may])
			_, opened := o.slack.Person(anna).Modal()
			require.False(t, opened)
		})
	}
}

// What Slack calls the approval channel is the approval channel, whatever it is called in the configuration.
func TestChannelByAnotherName(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) {
		o.slack.AddAlias("G0APPROVALS", channel)
		o.policy.Channel = "G0APPROVALS"
	}})
	o.slack.Fail("chat.postMessage", slacktest.Fault{DropAfter: true})
	o.connected()
	o.ask("isabel")
	o.eventually(func() bool { return len(o.slack.Messages(channel)) == 2 }, "the message is posted again, as its answer was lost")
	first, second := o.slack.Messages(channel)[0], o.slack.Messages(channel)[1]
	o.press(anna, first, "Approve")
	o.delivered("isabel")
	for _, m := range []slacktest.Message{first, second} {
		o.eventually(func() bool {
			for _, now := range o.slack.Messages(channel) {
				if now.TS == m.TS {
					return len(now.Buttons()) == 0
				}
			}
			return true
		}, "both messages follow the request")
	}
}
