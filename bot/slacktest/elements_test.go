package slacktest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

// everyInput is a modal with an input of each kind.
const everyInput = `{"type":"modal","callback_id":"all","clear_on_close":true,
"title":{"type":"plain_text","text":"All"},"submit":{"type":"plain_text","text":"Send"},"blocks":[
{"type":"input","block_id":"text","label":{"type":"plain_text","text":"Text"},"hint":{"type":"plain_text","text":"a word"},
 "element":{"type":"plain_text_input","action_id":"a","initial_value":"first","multiline":true,"placeholder":{"type":"plain_text","text":"here"},
  "dispatch_action_config":{"trigger_actions_on":["on_enter_pressed"]}}},
{"type":"input","block_id":"number","optional":true,"label":{"type":"plain_text","text":"Number"},
 "element":{"type":"number_input","is_decimal_allowed":false,"action_id":"a","min_value":"1"}},
{"type":"input","block_id":"email","optional":true,"label":{"type":"plain_text","text":"Email"},"element":{"type":"email_text_input","action_id":"a"}},
{"type":"input","block_id":"user","label":{"type":"plain_text","text":"User"},"element":{"type":"users_select","action_id":"a","initial_user":"U2"}},
{"type":"input","block_id":"users","label":{"type":"plain_text","text":"Users"},"element":{"type":"multi_users_select","action_id":"a","initial_users":["U1","U2"]}},
{"type":"input","block_id":"talk","optional":true,"label":{"type":"plain_text","text":"Talk"},
 "element":{"type":"conversations_select","action_id":"a","default_to_current_conversation":true,"filter":{"include":["im"]}}},
{"type":"input","block_id":"radio","label":{"type":"plain_text","text":"Radio"},"element":{"type":"radio_buttons","action_id":"a","options":[
 {"text":{"type":"mrkdwn","text":"*A* &amp; B"},"value":"a","description":{"type":"plain_text","text":"both"}},{"text":{"type":"plain_text","text":"C"},"value":"c"}]}},
{"type":"input","block_id":"boxes","optional":true,"label":{"type":"plain_text","text":"Boxes"},"element":{"type":"checkboxes","action_id":"a",
 "options":[{"text":{"type":"plain_text","text":"C"},"value":"c"}],"initial_options":[{"text":{"type":"plain_text","text":"C"},"value":"c"}]}},
{"type":"input","block_id":"several","label":{"type":"plain_text","text":"Several"},"element":{"type":"multi_static_select","action_id":"a","max_selected_items":2,
 "option_groups":[{"label":{"type":"plain_text","text":"G"},"options":[{"text":{"type":"plain_text","text":"One"},"value":"1"},{"text":{"type":"plain_text","text":"Two"},"value":"2"}]}]}},
{"type":"input","block_id":"day","label":{"type":"plain_text","text":"Day"},"element":{"type":"datepicker","action_id":"a","initial_date":"2026-11-23"}},
{"type":"input","block_id":"hour","optional":true,"label":{"type":"plain_text","text":"Hour"},"element":{"type":"timepicker","action_id":"a"}},
{"type":"input","block_id":"when","label":{"type":"plain_text","text":"When"},"element":{"type":"datetimepicker","action_id":"a","initial_date_time":1795435200}},
{"type":"section","block_id":"more","text":{"type":"mrkdwn","text":"more"},"accessory":{"type":"overflow","action_id":"a",
 "options":[{"text":{"type":"plain_text","text":"Help"},"value":"h","url":"https://example.org"}]}},
{"type":"context","elements":[{"type":"image","image_url":"https://example.org/a.png","alt_text":"a picture"}]}
]}`

func TestStateOfEveryInput(t *testing.T) {
	t.Parallel()
	s := start(t)
	l := dial(t, s)
	l.next(t, "hello")
	code, messages := call(t, s, "views.open", url.Values{"trigger_id": {trigger(t, s, "U1", l)}, "view": {everyInput}})
	require.Empty(t, code, "%v", messages)
	p := s.Person("U1")
	v, open := p.Modal()
	require.True(t, open)
	require.Len(t, v.Inputs(), 12)
	require.Contains(t, v.Plain(), "*A* & B\nboth")

	type result struct {
		slacktest.SubmitResult
		err error
	}
	done := make(chan result, 1)
	go func() {
		r, err := p.Submit(t.Context(), v, map[string]string{
			"Number": "7", "radio": "*A* & B", "Several": "One, 2", "Hour": "12:30", "Boxes": "",
		})
		done <- result{r, err}
	}()
	envelope := l.next(t, "interactive")
	l.send(t, ackOf(envelope.EnvelopeID, nil))
	got := <-done
	require.NoError(t, got.err)
	require.True(t, got.Closed)
	var payload struct {
		View struct {
			State struct{ Values json.RawMessage }
		}
	}
	require.NoError(t, json.Unmarshal(envelope.Payload, &payload))
	require.JSONEq(t, `{
	"text":{"a":{"type":"plain_text_input","value":"first"}},
	"number":{"a":{"type":"number_input","value":"7"}},
	"email":{"a":{"type":"email_text_input","value":null}},
	"user":{"a":{"type":"users_select","selected_user":"U2"}},
	"users":{"a":{"type":"multi_users_select","selected_users":["U1","U2"]}},
	"talk":{"a":{"type":"conversations_select","selected_conversation":null}},
	"radio":{"a":{"type":"radio_buttons","selected_option":{"text":{"type":"mrkdwn","text":"*A* &amp; B"},"value":"a","description":{"type":"plain_text","text":"both"}}}},
	"boxes":{"a":{"type":"checkboxes","selected_options":[]}},
	"several":{"a":{"type":"multi_static_select","selected_options":[{"text":{"type":"plain_text","text":"One"},"value":"1"},{"text":{"type":"plain_text","text":"Two"},"value":"2"}]}},
	"day":{"a":{"type":"datepicker","selected_date":"2026-11-23"}},
	"hour":{"a":{"type":"timepicker","selected_time":"12:30"}},
	"when":{"a":{"type":"datetimepicker","selected_date_time":1795435200}}
	}`, string(payload.View.State.Values))
	require.Empty(t, s.Violations())
}

func TestUpdateByExternalID(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	l := dial(t, s)
	l.next(t, "hello")
	named := form()
	named.ExternalID = "mine"
	_, err := api.OpenView(trigger(t, s, "U1", l), named)
	require.NoError(t, err)
	_, err = api.OpenView(trigger(t, s, "U2", l), named)
	require.EqualError(t, err, "duplicate_external_id")
	named.Title = plain("Renamed")
	_, err = api.UpdateView(named, "mine", "", "")
	require.NoError(t, err)
	v, _ := s.Person("U1").Modal()
	require.Equal(t, "Renamed", v.Title)
	_, err = api.UpdateView(named, "other", "", "")
	require.EqualError(t, err, "not_found")
}

func TestWrongTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for blocks, says := range map[string]string{
		`{"type":"divider","block_id":7}`:                               "should be a string [json-pointer:/blocks/0/block_id]",
		`{"type":"section","text":` + plainJSON(1) + `,"expand":"yes"}`: "should be a boolean [json-pointer:/blocks/0/expand]",
		`{"type":"section","fields":{}}`:                                "should be an array [json-pointer:/blocks/0/fields]",
		actions(buttonJSON(`"confirm":"sure?"`)):                        "should be an object [json-pointer:/blocks/0/elements/0/confirm]",
		`{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[],"indent":"1"}]}`:               "should be an integer [json-pointer:/blocks/0/elements/0/indent]",
		`{"type":"context","elements":[{"type":"image","alt_text":"x"}]}`:                                                       "must define either `image_url` or `slack_file` [json-pointer:/blocks/0/elements/0]",
		actions(`{"type":"overflow","options":[` + repeat(6, optionJSON(1, 1)) + `]}`):                                          "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
		actions(`{"type":"radio_buttons","options":[` + repeat(11, optionJSON(1, 1)) + `]}`):                                    "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]",
		actions(selectJSON(optionJSON(1, 1), `,"option_groups":[{"label":`+plainJSON(1)+`,"options":[`+optionJSON(1, 1)+`]}]`)): "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
	} {
		code, messages := call(t, s, "chat.postMessage", url.Values{"channel": {"C1"}, "text": {"x"}, "blocks": {"[" + blocks + "]"}})
		require.Equal(t, "invalid_blocks", code, blocks)
		require.Contains(t, messages, "[ERROR] "+says, blocks)
	}
}

func TestRichTextThatMentions(t *testing.T) {
	t.Parallel()
	s := start(t)
	blocks := richJSON(`{"type":"broadcast","range":"here"},{"type":"usergroup","usergroup_id":"S1"},{"type":"color","value":"#fff"},` +
		`{"type":"date","timestamp":1,"format":"{date}","fallback":"then"},{"type":"link","url":"https://example.org","text":"site"},{"type":"team","team_id":"T1"}`)
	code, messages := call(t, s, "chat.postMessage", url.Values{"channel": {"C1"}, "blocks": {"[" + blocks + "]"}})
	require.Empty(t, code, "%v", messages)
	require.Equal(t, "<!here><!subteam^S1>#fffthensite", s.Messages("C1")[0].Plain())
	require.Len(t, s.Person("U1").Notifications(), 1)
	require.Empty(t, s.Person(slacktest.BotUserID).Notifications())
}

func TestConversations(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetScopes("im:read", "im:write")
	api := client(t, s)
	members, _, err := api.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: "C1"})
	require.NoError(t, err)
	require.Equal(t, []string{slacktest.BotUserID, "U1", "U2"}, members)
	c, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U1"}})
	require.NoError(t, err)
	members, _, err = api.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: c.ID})
	require.NoError(t, err)
	require.Equal(t, []string{slacktest.BotUserID, "U1"}, members)
	_, _, alreadyOpen, err := api.OpenConversation(&slack.OpenConversationParameters{ChannelID: c.ID})
	require.NoError(t, err)
	require.True(t, alreadyOpen)
	for users, want := range map[string]string{"": "users_list_not_supplied", "U9": "user_not_found", slacktest.BotUserID: "cannot_dm_bot"} {
		code, _ := call(t, s, "conversations.open", url.Values{"users": {users}})
		require.Equal(t, want, code)
	}
}

func TestAnotherWorkspaceBehindAnotherListener(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, slacktest.WithAddr("127.0.0.1:0"), slacktest.WithTokens("xapp-2", "xoxb-2"),
		slacktest.WithTeam("T2", "two"), slacktest.WithBot("U2BOT", "B2", "A2"), slacktest.WithClock(c.now))
	front := httptest.NewServer(s)
	defer front.Close()
	api := slack.New("xoxb-2", slack.OptionAppLevelToken("xapp-2"), slack.OptionAPIURL(front.URL+"/api/"))
	who, err := api.AuthTest()
	require.NoError(t, err)
	require.Equal(t, []string{"T2", "two", "U2BOT", "B2"}, []string{who.TeamID, who.Team, who.UserID, who.BotID})
	_, address, err := api.StartSocketModeContext(t.Context())
	require.NoError(t, err)
	require.Contains(t, address, front.Listener.Addr().String(), "a connection is made where the call was")
	_, ts, err := api.PostMessage("C1", text("x"))
	require.NoError(t, err)
	require.Equal(t, "1795435200.000000", ts)
	c.advance(-time.Hour)
	_, ts, err = api.PostMessage("C1", text("x"))
	require.NoError(t, err)
	require.Equal(t, "1795435200.000001", ts, "ids grow even when the clock does not")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/elsewhere", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}
