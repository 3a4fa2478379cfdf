package slacktest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

func httpPostForm(t *testing.T, address string, params url.Values) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(params.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return http.DefaultClient.Do(req)
}

// trigger has a person type a command and returns the trigger id that the bot gets.
func trigger(t *testing.T, s *slacktest.Server, user string, l *link) string {
	t.Helper()
	done := make(chan slacktest.Reply, 1)
	go func() { done <- s.Person(user).Command(t.Context(), "/ask", "") }()
	r := l.next(t, "slash_commands")
	var c slack.SlashCommand
	require.NoError(t, json.Unmarshal(r.Payload, &c))
	l.send(t, map[string]string{"envelope_id": r.EnvelopeID})
	require.NoError(t, (<-done).Err)
	return c.TriggerID
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, slacktest.WithClock(c.now))
	api := client(t, s)
	l := dial(t, s)
	l.next(t, "hello")

	id := trigger(t, s, "U1", l)
	c.advance(3 * time.Second)
	_, err := api.OpenView(id, form())
	require.NoError(t, err, "three seconds are not too late")
	_, err = api.OpenView(id, form())
	require.EqualError(t, err, "exchanged_trigger_id")
	id = trigger(t, s, "U1", l)
	c.advance(3*time.Second + time.Millisecond)
	_, err = api.OpenView(id, form())
	require.EqualError(t, err, "expired_trigger_id")
	_, err = api.OpenView("1.2.3", form())
	require.EqualError(t, err, "invalid_trigger_id")

	id = trigger(t, s, "U1", l)
	bad := form()
	bad.Title = plain(han(25))
	_, err = api.OpenView(id, bad)
	require.EqualError(t, err, "invalid_arguments")
	_, err = api.OpenView(id, form())
	require.NoError(t, err, "a refused view leaves the trigger as it is")
	_, err = api.PushView(trigger(t, s, "U1", l), form())
	require.EqualError(t, err, "not_found", "only what is done in a modal can push another onto it")
}

func TestViewLimits(t *testing.T) {
	t.Parallel()
	s := start(t)
	l := dial(t, s)
	l.next(t, "hello")
	view := func(more string) string {
		return `{"type":"modal","title":` + plainJSON(1) + `,"blocks":[]` + more + `}`
	}
	with := func(blocks string) string {
		return `{"type":"modal","title":` + plainJSON(1) + `,"submit":` + plainJSON(1) + `,"blocks":[` + blocks + `]}`
	}
	input := func(more string) string {
		return `{"type":"input","label":` + plainJSON(1) + `,"element":{"type":"plain_text_input"` + more + `}}`
	}
	for name, c := range map[string]struct {
		most int
		view func(n int) string
		says string
	}{
		"title": {24, func(n int) string { return `{"type":"modal","title":` + plainJSON(n) + `,"blocks":[]}` },
			"must be less than 25 characters [json-pointer:/view/title/text]"},
		"submit":           {24, func(n int) string { return view(`,"submit":` + plainJSON(n)) }, "must be less than 25 characters [json-pointer:/view/submit/text]"},
		"close":            {24, func(n int) string { return view(`,"close":` + plainJSON(n)) }, "must be less than 25 characters [json-pointer:/view/close/text]"},
		"private_metadata": {3000, func(n int) string { return view(`,"private_metadata":"` + han(n) + `"`) }, "must be less than 3001 characters [json-pointer:/view/private_metadata]"},
		"callback_id":      {255, func(n int) string { return view(`,"callback_id":"` + han(n) + `"`) }, "must be less than 256 characters [json-pointer:/view/callback_id]"},
		"blocks":           {100, func(n int) string { return with(repeat(n, `{"type":"divider"}`)) }, "no more than 100 items allowed [json-pointer:/view/blocks]"},
		"max_length":       {3000, func(n int) string { return with(input(fmt.Sprintf(`,"max_length":%d`, n))) }, "must be from 1 to 3000 [json-pointer:/view/blocks/0/element/max_length]"},
		"placeholder":      {150, func(n int) string { return with(input(`,"placeholder":` + plainJSON(n))) }, "must be less than 151 characters [json-pointer:/view/blocks/0/element/placeholder/text]"},
		"initial_value":    {9, func(n int) string { return with(input(`,"max_length":9,"initial_value":"` + han(n) + `"`)) }, "must be less than 10 characters [json-pointer:/view/blocks/0/element/initial_value]"},
		"label": {2000, func(n int) string {
			return with(`{"type":"input","label":` + plainJSON(n) + `,"element":{"type":"plain_text_input"}}`)
		}, "must be less than 2001 characters [json-pointer:/view/blocks/0/label/text]"},
	} {
		code, messages := call(t, s, "views.open", url.Values{"trigger_id": {trigger(t, s, "U1", l)}, "view": {c.view(c.most)}})
		require.Empty(t, code, "%s: %v", name, messages)
		code, messages = call(t, s, "views.open", url.Values{"trigger_id": {"x"}, "view": {c.view(c.most + 1)}})
		require.Equal(t, "invalid_arguments", code, name)
		require.Equal(t, []string{"[ERROR] " + c.says}, messages, name)
	}

	for source, says := range map[string]string{
		`{"type":"home","blocks":[]}`:                                                `unsupported value, should be one of ["modal"] [json-pointer:/view/type]`,
		view(`,"submit":` + mrkdwnJSON(1)):                                           "unsupported type: mrkdwn [json-pointer:/view/submit]",
		`{"type":"modal","title":` + plainJSON(1) + `,"blocks":[` + input("") + `]}`: "missing required field: submit: it is needed when there is an input block [json-pointer:/view]",
		with(input(`,"focus_on_load":true`) + "," + input(`,"focus_on_load":true`)):  "only one element can have focus_on_load [json-pointer:/view]",
		with(`{"type":"markdown","text":"x"}`):                                       "unsupported type: markdown [json-pointer:/view/blocks/0]",
		with(input(`,"min_length":5,"max_length":4`)):                                "min_length must be less than max_length [json-pointer:/view/blocks/0/element]",
		`[]`: "view should be an object [json-pointer:/view]",
		``:   "missing required field: view",
	} {
		code, messages := call(t, s, "views.open", url.Values{"trigger_id": {"x"}, "view": {source}})
		require.Equal(t, "invalid_arguments", code, source)
		require.Contains(t, messages, "[ERROR] "+says, source)
	}
	huge := view(strings.Repeat(" ", 250<<10))
	code, _ := call(t, s, "views.open", url.Values{"trigger_id": {"x"}, "view": {huge}})
	require.Equal(t, "view_too_large", code)
}

func TestFormIsFilledInAndSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	answers := make(chan any, 1)
	sent := make(chan slack.InteractionCallback, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			_, err := api.OpenView(data.TriggerID, form())
			if err == nil {
				ack(nil)
			}
		case slack.InteractionCallback:
			sent <- data
			ack(<-answers)
		}
	})
	ctx, p := patient(t), s.Person("U1")
	require.NoError(t, p.Command(ctx, "/ask", "").Err)
	v, err := p.WaitModal(ctx, func(v slacktest.View) bool { return v.CallbackID == "ask" })
	require.NoError(t, err)
	require.Equal(t, "Ask\nUsername\nPermissions\nonly me\nmy group\nReason\nSend\nCancel", v.Plain())
	require.Equal(t, []slacktest.Choice{{Text: "only me", Value: "700"}, {Text: "my group", Value: "750"}}, v.Inputs()[1].Options)
	require.Equal(t, "700", v.Inputs()[1].Initial)

	_, err = p.Submit(ctx, v, nil)
	require.ErrorIs(t, err, slacktest.ErrInput, "Username is required")
	_, err = p.Submit(ctx, v, map[string]string{"Username": strings.Repeat("x", 31)})
	require.ErrorIs(t, err, slacktest.ErrInput)
	_, err = p.Submit(ctx, v, map[string]string{"Username": "isabel", "mod": "777"})
	require.ErrorIs(t, err, slacktest.ErrInput)
	_, err = p.Submit(ctx, v, map[string]string{"Shell": "zsh"})
	require.ErrorIs(t, err, slacktest.ErrNoInput)
	require.ErrorContains(t, err, "Username (username, username)")

	answers <- slack.NewErrorsViewSubmissionResponse(map[string]string{"username": "it is taken"})
	got, err := p.Submit(ctx, v, map[string]string{"Username": "isabel", "mod": "my group"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"username": "it is taken"}, got.Errors)
	require.False(t, got.Closed)
	values := (<-sent).View.State.Values
	require.Equal(t, "isabel", values["username"]["username"].Value)
	require.Equal(t, "750", values["mod"]["mod"].SelectedOption.Value)
	require.Equal(t, "my group", values["mod"]["mod"].SelectedOption.Text.Text)
	require.Empty(t, values["reason"]["reason"].Value)

	answers <- nil
	got, err = p.Submit(ctx, v, map[string]string{"username": "isabel2"})
	require.NoError(t, err)
	require.True(t, got.Closed)
	callback := <-sent
	require.Equal(t, "750", callback.View.State.Values["mod"]["mod"].SelectedOption.Value, "what was typed before stays")
	require.Equal(t, "C1", callback.View.PrivateMetadata)
	require.Equal(t, "U1", callback.User.ID)
	require.Equal(t, slacktest.TeamID, callback.View.AppInstalledTeamID)
	_, open := p.Modal()
	require.False(t, open)
	_, err = p.Submit(ctx, v, nil)
	require.ErrorIs(t, err, slacktest.ErrNoModal)
	_, err = api.UpdateView(form(), "", "", v.ID)
	require.EqualError(t, err, "not_found")
	require.Empty(t, s.Violations())
}

func TestFormsThatFollow(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	answers := make(chan any, 1)
	triggers := make(chan string, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			_, _ = api.OpenView(data.TriggerID, form())
			ack(nil)
		case slack.InteractionCallback:
			if data.Type == slack.InteractionTypeBlockActions {
				triggers <- data.TriggerID
				ack(nil)
				return
			}
			ack(<-answers)
		}
	})
	ctx, p := patient(t), s.Person("U1")
	require.NoError(t, p.Command(ctx, "/ask", "").Err)
	v, err := p.WaitModal(ctx)
	require.NoError(t, err)
	name := map[string]string{"Username": "x"}

	next := form()
	next.Title = plain("Next")
	next.Blocks.BlockSet = append(next.Blocks.BlockSet, slack.NewActionBlock("", slack.NewButtonBlockElement("more", "1", plain("More"))))
	answers <- slack.NewUpdateViewSubmissionResponse(&next)
	got, err := p.Submit(ctx, v, name)
	require.NoError(t, err)
	require.Equal(t, "Next", got.Updated.Title)
	require.Equal(t, v.ID, got.Updated.ID)
	require.NotEqual(t, v.Hash, got.Updated.Hash)
	require.Equal(t, "x", got.Updated.Typed["username username"], "what was typed stays")

	_, err = api.UpdateView(next, "", v.Hash, v.ID)
	require.EqualError(t, err, "hash_conflict")
	_, err = api.UpdateView(next, "", got.Updated.Hash, v.ID)
	require.NoError(t, err)

	r, err := p.PressInModal(ctx, v, "More")
	require.NoError(t, err)
	require.NoError(t, r.Err)
	second, err := api.PushView(<-triggers, next)
	require.NoError(t, err)
	require.Equal(t, v.ID, second.RootViewID)
	require.Equal(t, v.ID, second.PreviousViewID)
	answers <- map[string]any{"response_action": "push", "view": next}
	top, _ := p.Modal()
	got, err = p.Submit(ctx, top, name)
	require.NoError(t, err)
	require.NotNil(t, got.Pushed)
	answers <- map[string]any{"response_action": "push", "view": next}
	got, err = p.Submit(ctx, *got.Pushed, name)
	require.NoError(t, err)
	require.ErrorIs(t, got.Err, slacktest.ErrBadAnswer, "a stack of three is the most")
	top, _ = p.Modal()
	_, err = p.PressInModal(ctx, top, "More")
	require.NoError(t, err)
	_, err = api.PushView(<-triggers, next)
	require.EqualError(t, err, "push_limit_reached")
	answers <- slack.NewClearViewSubmissionResponse()
	got, err = p.Submit(ctx, top, name)
	require.NoError(t, err)
	require.True(t, got.Closed)
	_, open := p.Modal()
	require.False(t, open, "clear closes them all")
}

func TestBadAnswersToForms(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	answers := make(chan any, 1)
	closed := make(chan bool, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			f := form()
			f.NotifyOnClose = true
			_, _ = api.OpenView(data.TriggerID, f)
			ack(nil)
		case slack.InteractionCallback:
			if data.Type == slack.InteractionTypeViewClosed {
				closed <- true
				ack(nil)
				return
			}
			ack(<-answers)
		}
	})
	ctx, p := patient(t), s.Person("U1")
	require.NoError(t, p.Command(ctx, "/ask", "").Err)
	v, err := p.WaitModal(ctx)
	require.NoError(t, err)
	long := form()
	long.Title = plain(han(25))
	for i, answer := range []any{
		slack.NewErrorsViewSubmissionResponse(map[string]string{"nothing": "x"}),
		slack.NewErrorsViewSubmissionResponse(nil),
		slack.NewUpdateViewSubmissionResponse(&long),
		map[string]string{"response_action": "explode"},
		"words",
	} {
		answers <- answer
		got, err := p.Submit(ctx, v, map[string]string{"Username": "x"})
		require.NoError(t, err)
		require.ErrorIs(t, got.Err, slacktest.ErrBadAnswer)
		require.Len(t, s.Violations(), i+1)
		_, open := p.Modal()
		require.True(t, open)
	}
	r, err := p.CloseModal(ctx)
	require.NoError(t, err)
	require.True(t, r.Acked)
	require.True(t, <-closed)
	_, err = p.CloseModal(ctx)
	require.ErrorIs(t, err, slacktest.ErrNoModal)
}
