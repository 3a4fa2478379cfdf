package slacktest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

func TestPostToChannelsAndPeople(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	s.AddUser(slacktest.User{ID: "U3", Name: "gone", Deleted: true})
	s.AddUser(slacktest.User{ID: "U4", Name: "robot", Bot: true})
	s.AddChannel(slacktest.Channel{ID: "C2"})
	s.AddChannel(slacktest.Channel{ID: "C3", BotIsMember: true, Archived: true})

	channel, ts, err := api.PostMessage("U1", text("a &lt; b"))
	require.NoError(t, err)
	require.Equal(t, "D1", channel, "a post to a person answers the conversation's id")
	require.Equal(t, s.DirectID("U1"), channel)
	require.NotEmpty(t, ts)
	require.Equal(t, "a < b", s.Person("U1").DirectMessages()[0].Plain())
	channel, _, err = api.PostMessage("#approvals", approval())
	require.NoError(t, err)
	require.Equal(t, "C1", channel)

	for to, want := range map[string]string{
		"C9": "channel_not_found", "D9": "channel_not_found", "C2": "not_in_channel", "C3": "is_archived",
		"U9": "user_not_found", "U3": "user_disabled", "U4": "cannot_dm_bot", "": "channel_not_found",
	} {
		_, _, err := api.PostMessage(to, text("x"))
		require.EqualError(t, err, want, "to %q", to)
	}
	s.SetMessagesTab(false)
	_, _, err = api.PostMessage("U2", text("x"))
	require.EqualError(t, err, "messages_tab_disabled")
	require.Empty(t, s.Violations())

	_, _, err = api.PostMessage("C1")
	require.EqualError(t, err, "no_text")
	require.Equal(t, []string{"chat.postMessage: no_text"}, s.Violations())
}

func TestLongText(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	channel, ts, err := api.PostMessage("C1", text(strings.Repeat("漢", 40_000)))
	require.NoError(t, err)
	require.Empty(t, s.Violations())
	_, _, err = api.PostMessage("C1", text(strings.Repeat("漢", 40_001)))
	require.NoError(t, err)
	require.Len(t, []rune(s.Messages("C1")[1].Text), 40_000)
	require.Len(t, s.Violations(), 1)

	_, _, _, err = api.UpdateMessage(channel, ts, text(strings.Repeat("x", 3_995)+"&amp;"))
	require.NoError(t, err)
	_, _, _, err = api.UpdateMessage(channel, ts, text(strings.Repeat("x", 3_996)+"&"))
	require.EqualError(t, err, "msg_too_long", "a text is measured with its escapes")
	_, _, _, err = api.UpdateMessage(channel, ts, text(strings.Repeat("漢", 1_334)))
	require.EqualError(t, err, "msg_too_long", "a changed text is measured in bytes")
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	channel, ts, err := api.PostMessage("U1", text("first"), slack.MsgOptionBlocks(rich("first block")))
	require.NoError(t, err)

	_, _, got, err := api.UpdateMessage(channel, ts, text("second"))
	require.NoError(t, err)
	require.Equal(t, "second", got)
	m := s.Messages(channel)[0]
	require.Equal(t, "second\nfirst block", m.Plain(), "blocks that are not in the call stay")
	require.True(t, m.Edited)
	require.Equal(t, "first\nfirst block", m.History[0].Plain())

	_, _, _, err = api.UpdateMessage(channel, ts, text("x"), slack.MsgOptionBlocks(section("poor")))
	require.EqualError(t, err, "block_mismatch")
	_, _, _, err = api.UpdateMessage(channel, ts, text("third"), slack.MsgOptionBlocks(rich("p*ss&word <@U2>")))
	require.NoError(t, err)
	require.Equal(t, "third\np*ss&word <@U2>", s.Messages(channel)[0].Plain())
	require.Equal(t, []slacktest.Notification{{Channel: channel, TS: ts, Mobile: "first", Desktop: "first block"}},
		s.Person("U1").Notifications(), "changes notify nobody")

	_, _, _, err = api.UpdateMessage("U1", ts, text("x"))
	require.EqualError(t, err, "channel_not_found", "a person's id won't do")
	_, _, _, err = api.UpdateMessage(channel, "1.000001", text("x"))
	require.EqualError(t, err, "message_not_found")
	_, _, _, err = api.UpdateMessage(channel, ts, text(""))
	require.EqualError(t, err, "no_text")
	said := s.Say("U1", channel, "hello bot")
	_, _, _, err = api.UpdateMessage(channel, said.TS, text("x"))
	require.EqualError(t, err, "cant_update_message")
	_, _, err = api.DeleteMessage(channel, said.TS)
	require.EqualError(t, err, "cant_delete_message")

	_, _, err = api.DeleteMessage(channel, ts)
	require.NoError(t, err)
	m = s.Messages(channel)[0]
	require.True(t, m.Deleted)
	require.Empty(t, m.Plain())
	require.Len(t, m.History, 3)
	_, _, err = api.DeleteMessage(channel, ts)
	require.EqualError(t, err, "message_not_found")
	_, _, _, err = api.UpdateMessage(channel, ts, text("x"))
	require.EqualError(t, err, "message_not_found")
}

func TestEditWindow(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, slacktest.WithClock(c.now))
	api := client(t, s)
	channel, ts, err := api.PostMessage("C1", text("x"))
	require.NoError(t, err)
	s.SetEditWindow(time.Minute)
	c.advance(59 * time.Second)
	_, _, _, err = api.UpdateMessage(channel, ts, text("y"))
	require.NoError(t, err)
	c.advance(time.Second)
	_, _, _, err = api.UpdateMessage(channel, ts, text("z"))
	require.EqualError(t, err, "edit_window_closed")

	channel, ts, err = api.PostMessage("C1", text("x"))
	require.NoError(t, err)
	s.SetEditWindow(0)
	_, _, _, err = api.UpdateMessage(channel, ts, text("z"))
	require.EqualError(t, err, "edit_window_closed")
	_, _, err = api.DeleteMessage(channel, ts)
	require.NoError(t, err, "deleting is not editing")
}

func TestEphemeralAndMentions(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	s.AddUserGroup("S1", "admins", "U1")
	_, err := api.PostEphemeral("C1", "U1", text("psst"))
	require.NoError(t, err)
	require.Equal(t, "psst", s.Person("U1").Ephemerals()[0].Plain())
	require.Empty(t, s.Person("U2").Ephemerals())
	require.Empty(t, s.Messages("C1"))
	_, err = api.PostEphemeral("C1", "U9", text("psst"))
	require.EqualError(t, err, "user_not_found")

	_, _, err = api.PostMessage("C1", text("for <!subteam^S1>"), slack.MsgOptionBlocks(section("not <@U2>")))
	require.NoError(t, err)
	require.Equal(t, "not <@U2>", s.Person("U1").Notifications()[0].Desktop)
	require.Equal(t, "for <!subteam^S1>", s.Person("U1").Notifications()[0].Mobile)
	require.Empty(t, s.Person("U2").Notifications(), "plain_text mentions nobody")
}

func TestPeopleAndGroups(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	s.AddUser(slacktest.User{ID: "U5", Name: "eve", TeamID: "T9", Stranger: true, UltraRestricted: true, TZ: "Asia/Shanghai"})
	u, err := api.GetUserInfo("U5")
	require.NoError(t, err)
	require.Equal(t, "T9", u.TeamID)
	require.True(t, u.IsStranger && u.IsRestricted && u.IsUltraRestricted)
	require.Equal(t, "Asia/Shanghai", u.TZ)
	u, err = api.GetUserInfo("U2")
	require.NoError(t, err)
	require.Equal(t, "zh-CN", u.Locale)
	u, err = api.GetUserInfo("U2", slack.GetUserInfoOptionIncludeLocale(false))
	require.NoError(t, err)
	require.Empty(t, u.Locale)
	_, err = api.GetUserInfo("U9")
	require.EqualError(t, err, "user_not_found")
	all, err := api.GetUsers()
	require.NoError(t, err)
	require.Len(t, all, 4)

	s.AddUserGroup("S1", "admins", "U1")
	s.SetUserGroup("S1", "U1", "U2")
	members, err := api.GetUserGroupMembers("S1")
	require.NoError(t, err)
	require.Equal(t, []string{"U1", "U2"}, members)
	groups, err := api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	require.NoError(t, err)
	require.Equal(t, "admins", groups[0].Handle)
	require.Len(t, groups[0].Users, 2)
	_, err = api.GetUserGroupMembers("S9")
	require.EqualError(t, err, "no_such_subteam")
	s.SetFreePlan(true)
	_, err = api.GetUserGroupMembers("S1")
	require.EqualError(t, err, "plan_upgrade_required")

	c, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U1"}})
	require.NoError(t, err)
	require.Equal(t, "D1", c.ID)
}

func TestTokensAndScopes(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	who, err := api.AuthTest()
	require.NoError(t, err)
	require.Equal(t, slacktest.BotUserID, who.UserID)
	require.Equal(t, slacktest.TeamID, who.TeamID)
	require.Equal(t, "commands,chat:write,im:write,users:read,usergroups:read", who.Header.Get("X-OAuth-Scopes"))

	_, err = api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C1"})
	var refused slack.SlackErrorResponse
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "missing_scope", refused.Err)
	require.Contains(t, refused.Needed, "channels:read")
	require.Contains(t, refused.Provided, "chat:write")
	s.SetScopes("channels:read")
	info, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C1"})
	require.NoError(t, err)
	require.Equal(t, "approvals", info.Name)
	_, _, err = api.PostMessage("C1", text("x"))
	require.EqualError(t, err, "missing_scope")

	for token, want := range map[string]string{
		"": "not_authed", "xoxb-other": "invalid_auth", slacktest.AppToken: "not_allowed_token_type",
	} {
		_, err := slack.New(token, slack.OptionAPIURL(s.APIURL())).AuthTest()
		require.EqualError(t, err, want)
	}
	_, _, err = slack.New("", slack.OptionAppLevelToken(slacktest.BotToken), slack.OptionAPIURL(s.APIURL())).StartSocketModeContext(t.Context())
	require.EqualError(t, err, "not_allowed_token_type")
	s.Revoke("bot", "token_revoked")
	_, err = api.AuthTest()
	require.EqualError(t, err, "token_revoked")
	s.Revoke("bot", "")
	_, err = api.AuthTest()
	require.NoError(t, err)
	_, err = api.GetEmoji()
	require.EqualError(t, err, "unknown_method")
	_, err = api.GetBotInfo(slack.GetBotInfoParameters{Bot: who.BotID})
	require.EqualError(t, err, "missing_scope")
	s.SetScopes("users:read")
	self, err := api.GetBotInfo(slack.GetBotInfoParameters{Bot: who.BotID})
	require.NoError(t, err)
	require.Equal(t, slacktest.AppID, self.AppID)
	_, err = api.GetBotInfo(slack.GetBotInfoParameters{Bot: "B0OTHER"})
	require.EqualError(t, err, "bot_not_found")
	require.Equal(t, "bot", s.Calls("auth.test")[0].Token)
}

func TestBodies(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, c := range map[string]struct{ kind, token, body, want, warning string }{
		"form":                 {"application/x-www-form-urlencoded", "", "token=" + slacktest.BotToken + "&channel=C1&text=hi", "", ""},
		"json":                 {"application/json; charset=utf-8", slacktest.BotToken, `{"channel":"C1","text":"hi"}`, "", ""},
		"json without charset": {"application/json", slacktest.BotToken, `{"channel":"C1","text":"hi"}`, "", "missing_charset"},
		"token in json":        {"application/json; charset=utf-8", "", `{"token":"` + slacktest.BotToken + `"}`, "not_authed", ""},
		"broken json":          {"application/json; charset=utf-8", slacktest.BotToken, `{"channel":`, "invalid_json", ""},
		"list":                 {"application/json; charset=utf-8", slacktest.BotToken, `[]`, "json_not_object", ""},
		"xml":                  {"text/xml", slacktest.BotToken, `<a/>`, "invalid_post_type", ""},
		"broken blocks":        {"application/json; charset=utf-8", slacktest.BotToken, `{"channel":"C1","blocks":"[{"}`, "invalid_blocks_format", ""},
		"attachments":          {"application/json; charset=utf-8", slacktest.BotToken, `{"channel":"C1","attachments":[{"text":"x"}]}`, "invalid_attachments", ""},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+"chat.postMessage", strings.NewReader(c.body))
			require.NoError(t, err)
			req.Header.Set("Content-Type", c.kind)
			if c.token != "" {
				req.Header.Set("Authorization", "Bearer "+c.token)
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			var answer struct{ Error, Warning string }
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
			require.Equal(t, c.want, answer.Error)
			require.Equal(t, c.warning, answer.Warning)
		})
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, slacktest.WithClock(c.now))
	api := client(t, s)
	s.SetRateLimit("users.info", 20, 2)
	for range 2 {
		_, err := api.GetUserInfo("U1")
		require.NoError(t, err)
	}
	_, err := api.GetUserInfo("U1")
	var limited *slack.RateLimitedError
	require.ErrorAs(t, err, &limited)
	require.Equal(t, 3*time.Second, limited.RetryAfter)
	require.Equal(t, 1, s.RateLimited("users.info"))
	c.advance(limited.RetryAfter)
	_, err = api.GetUserInfo("U1")
	require.NoError(t, err)

	s.SetChannelRate(1, 1)
	_, _, err = api.PostMessage("C1", text("x"))
	require.NoError(t, err)
	_, _, err = api.PostMessage("U1", text("another channel"))
	require.NoError(t, err)
	_, _, err = api.PostMessage("C1", text("x"))
	require.True(t, errors.As(err, &limited))
	require.Len(t, s.Messages("C1"), 1)
	s.SetChannelRate(0, 0)
	s.SetRateLimit("users.info", 0, 0)
	_, _, err = api.PostMessage("C1", text("x"))
	require.NoError(t, err)
	_, err = api.GetUserInfo("U1")
	require.NoError(t, err)
	require.Empty(t, s.Violations())
}

func TestScheduledMessages(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	s.AddChannel(slacktest.Channel{ID: "C2"})
	in := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	for name, c := range map[string]struct{ to, at, want string }{
		"another channel": {"C2", in(time.Hour), "not_in_channel"},
		"no channel":      {"C9", in(time.Hour), "channel_not_found"},
		"the past":        {"C1", in(-time.Hour), "time_in_past"},
		"too far":         {"C1", in(121 * 24 * time.Hour), "time_too_far"},
		"no time":         {"C1", "soon", "invalid_time"},
	} {
		_, _, err := api.ScheduleMessage(c.to, c.at, text("x"))
		require.EqualError(t, err, c.want, name)
	}
	channel, id, err := api.ScheduleMessage("C1", in(time.Hour), text("x"))
	require.NoError(t, err)
	require.Equal(t, 1, s.Scheduled())
	require.Empty(t, s.Messages("C1"))
	for _, want := range []string{"", "invalid_scheduled_message_id"} {
		_, err = api.DeleteScheduledMessage(&slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: id})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
	}
	require.Zero(t, s.Scheduled())
}
