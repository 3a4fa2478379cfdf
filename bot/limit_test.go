package bot_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
)

// What is one person's limit is nobody else's, and those who decide have none.
func TestRequestsPerMinute(t *testing.T) {
	t.Parallel()
	limited := func(t *testing.T, perMinute int, people ...slacktest.User) *office {
		t.Parallel()
		o := open(t, plan{before: func(o *office) {
			o.conf.RequestsPerMinute = perMinute
			for _, u := range people {
				o.slack.AddUser(u)
			}
		}, bot: func(o *office) { o.bot.LimitBy(newClock().now) }}).connected()
		t.Cleanup(func() { o.clean() })
		return o
	}
	t.Run("a command", func(t *testing.T) {
		o := limited(t, 3, slacktest.User{ID: "U0LI", Name: "li", Locale: "zh-CN"})
		li := o.slack.Person("U0LI")
		for _, text := range []string{"help", "li", "status 1"} {
			require.NotContains(t, li.Command(t.Context(), command, text).Plain(), "秒后再试")
		}
		o.says(channel, "li", "Approve")
		calls := len(o.slack.Calls("users.info"))
		for _, text := range []string{"li2", "list", "", "li reason="} {
			require.Contains(t, li.Command(t.Context(), command, text).Plain(), "这一次我没有处理。请在 20 秒后再试")
		}
		require.Len(t, o.slack.Calls("users.info"), calls, "it costs no call")
		require.Empty(t, o.slack.Calls("views.open"))
		require.Contains(t, o.ask("isabel").Plain(), "Request 2 is in")
	})
	t.Run("a form keeps what was typed", func(t *testing.T) {
		o := limited(t, 2)
		require.Empty(t, o.ask("").Plain())
		form, err := o.slack.Person(isabel).WaitModal(o.patient())
		require.NoError(t, err)
		o.ask("help")
		answer, err := o.slack.Person(isabel).Submit(t.Context(), form, map[string]string{"Username": "isabel"})
		require.NoError(t, err)
		require.Len(t, answer.Errors, 1)
		require.Contains(t, answer.Errors["username"], "Please try again in 30 s.")
	})
	t.Run("a button that opens a form", func(t *testing.T) {
		o := limited(t, 4)
		o.press(anna, o.asked("isabel"), "Approve")
		o.press(isabel, o.delivered("isabel"), "I have saved it")
		m := o.reads(isabel, "You have saved the password")
		for range 10 {
			o.press(isabel, m, "I can't log in")
		}
		o.told(isabel, "Please try again in 15 s")
		require.Len(t, o.slack.Calls("views.open"), 3)
	})
	t.Run("two ids of a person", func(t *testing.T) {
		o := limited(t, 2, slacktest.User{ID: "U0BEA", Name: "bea", OrgID: "W0BEA", Teams: []string{slacktest.TeamID}})
		for _, id := range []string{"U0BEA", "W0BEA", "U0BEA", "W0BEA"} {
			o.slack.Person(id).Command(t.Context(), command, "help")
		}
		for _, id := range []string{"U0BEA", "W0BEA"} {
			require.Contains(t, o.slack.Person(id).Command(t.Context(), command, "help").Plain(), "Please try again in")
		}
	})
	t.Run("an approver decides", func(t *testing.T) {
		o := limited(t, 1)
		m := o.asked("isabel")
		o.slack.Person(anna).Command(t.Context(), command, "help")
		require.Contains(t, o.slack.Person(anna).Command(t.Context(), command, "help").Plain(), "Please try again in")
		o.press(anna, m, "Deny")
		form, err := o.slack.Person(anna).WaitModal(o.patient())
		require.NoError(t, err)
		answer, err := o.slack.Person(anna).Submit(t.Context(), form, nil)
		require.NoError(t, err)
		require.True(t, answer.Closed)
		o.says(channel, "Denied by")
	})
}

// What was asked for and taken back again shows nowhere in the channel, and holds up nobody else's request there.
func TestTakenBackBeforeItWasShown(t *testing.T) {
	t.Parallel()
	t.Run("before its turn", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{bot: func(o *office) {
			for range 20 {
				story, err := o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
				require.NoError(t, err)
				_, err = o.service.Cancel(t.Context(), story.ID, isabel)
				require.NoError(t, err)
			}
			_, err := o.service.Ask(t.Context(), approval.Ask{Requester: greta, Username: "greta"})
			require.NoError(t, err)
		}}).connected()
		o.says(channel, "greta", "Approve")
		require.Len(t, o.slack.Messages(channel), 1)
		o.clean()
	})
	t.Run("as fast as one can type", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.slack.SetChannelRate(1, 60)
		for id := range 100 {
			require.Contains(t, o.ask("isabel").Plain(), fmt.Sprintf("Request %d is in", id+1))
			require.Contains(t, o.ask(fmt.Sprint("cancel ", id+1)).Plain(), "is cancelled")
		}
		o.slack.Person(greta).Command(t.Context(), command, "greta")
		o.says(channel, "greta", "Approve")
		o.clean()
	})
}

// Slack opens so many forms a minute and no more: those of requesters leave room for those of approvers.
func TestRoomForTheFormsOfApprovers(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) {
		o.conf.RequestsPerMinute = 10
		for i := range 12 {
			o.slack.AddUser(slacktest.User{ID: fmt.Sprint("U0P", i), Name: username(i)})
		}
		o.slack.SetRateLimit("views.open", 100, 100)
	}, bot: func(o *office) { o.bot.LimitBy(newClock().now) }}).connected()
	m := o.asked("isabel")
	var people sync.WaitGroup
	var turnedAway atomic.Int64
	for i := range 12 {
		people.Go(func() {
			for range 10 {
				r := o.slack.Person(fmt.Sprint("U0P", i)).Command(t.Context(), command, "")
				if holds(r.Plain(), "Please ask without it: /ehpc-adduser isabel", "try again in a minute") {
					turnedAway.Add(1)
				} else if r.Err != nil || r.Plain() != "" {
					t.Errorf("%v %s", r.Err, r.Plain())
				}
			}
		})
	}
	people.Wait()
	require.Zero(t, o.slack.RateLimited("views.open"))
	require.Positive(t, turnedAway.Load())
	o.press(anna, m, "Deny")
	form, err := o.slack.Person(anna).WaitModal(o.patient())
	require.NoError(t, err, o.log)
	_, err = o.slack.Person(anna).Submit(t.Context(), form, nil)
	require.NoError(t, err)
	o.says(channel, "Denied by")
	o.clean()
}

// The forms of those who can't log in leave room for those of approvers.
func TestFormsOfTroubleLeaveRoom(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) { o.slack.SetRateLimit("views.open", 100, 100) }}).connected()
	o.press(anna, o.asked("isabel"), "Approve")
	credentials := o.delivered("isabel")
	for range 110 {
		o.press(isabel, credentials, "I can't log in")
		_, _ = o.slack.Person(isabel).CloseModal(t.Context())
	}
	require.Zero(t, o.slack.RateLimited("views.open"))
	require.Less(t, len(o.slack.Calls("views.open")), 100)
	o.press(anna, o.asked("isabel2"), "Deny")
	_, err := o.slack.Person(anna).WaitModal(o.patient())
	require.NoError(t, err)
}
