package slacktest_test

import (
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := make(chan slack.SlashCommand, 1)
	answers := make(chan any, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		got <- e.Data.(slack.SlashCommand)
		ack(<-answers)
	})
	ctx, p := patient(t), s.Person("U1")

	answers <- map[string]any{"text": "a &amp; b", "blocks": []slack.Block{section("in blocks")}}
	r := p.Command(ctx, "/ask", " isabel  cluster=x ")
	require.NoError(t, r.Err)
	require.True(t, r.Acked && r.Ephemeral)
	require.Equal(t, "a & b\nin blocks", r.Plain())
	require.Equal(t, r.Plain(), p.Ephemerals()[0].Plain())
	c := <-got
	require.Equal(t, "isabel  cluster=x", c.Text)
	require.Equal(t, "isabel", c.UserName)
	require.Equal(t, slacktest.TeamID, c.TeamID)
	require.Equal(t, slacktest.TeamDomain, c.TeamDomain)
	require.Equal(t, slacktest.AppID, c.APIAppID)
	require.Equal(t, "D1", c.ChannelID)
	require.Equal(t, "directmessage", c.ChannelName)

	answers <- map[string]any{"response_type": "in_channel", "text": "for all"}
	r = p.In("C1").Command(ctx, "/ask", "")
	require.False(t, r.Ephemeral)
	require.Equal(t, "C1", (<-got).ChannelID)
	require.Equal(t, "for all", s.Messages("C1")[0].Plain())

	for i, bad := range []any{
		map[string]any{"text": "x", "blocks": []slack.Block{slack.NewHeaderBlock(plain(han(151)))}}, "words", []string{"x"},
	} {
		answers <- bad
		r = p.Command(ctx, "/ask", "")
		<-got
		require.ErrorIs(t, r.Err, slacktest.ErrBadAnswer)
		require.True(t, r.Acked)
		require.Len(t, s.Violations(), i+1)
	}
	s.SetCommands("/ask")
	require.ErrorIs(t, p.Command(ctx, "/other", "").Err, slacktest.ErrUnknownCommand)
}

func TestPress(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.AddUser(slacktest.User{ID: "U7", Name: "mallory", TeamID: "T9"})
	s.SetChannel(slacktest.Channel{ID: "C1", Name: "approvals", BotIsMember: true, Shared: true})
	got := make(chan slack.InteractionCallback, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		got <- e.Data.(slack.InteractionCallback)
		ack(nil)
	})
	api, ctx := client(t, s), patient(t)
	_, ts, err := api.PostMessage("C1", text("who?"), approval())
	require.NoError(t, err)
	posted := s.Messages("C1")[0]
	require.Equal(t, &slacktest.Confirm{Title: "Deny?", Text: "It ends here.", Confirm: "Deny", Deny: "Back"}, posted.Buttons()[1].Confirm)

	r, err := s.Person("U2").Press(ctx, posted, "Approve")
	require.NoError(t, err)
	require.NoError(t, r.Err)
	c := <-got
	require.Equal(t, slack.InteractionTypeBlockActions, c.Type)
	require.Equal(t, "U2", c.User.ID)
	require.Equal(t, "omar", c.User.Name)
	require.Equal(t, slacktest.TeamID, c.User.TeamID)
	require.Equal(t, slacktest.TeamID, c.Team.ID)
	require.Equal(t, slacktest.AppID, c.APIAppID)
	require.Equal(t, slack.Container{Type: "message", MessageTs: ts, ChannelID: "C1"}, c.Container)
	require.Equal(t, "C1", c.Channel.ID)
	require.Equal(t, "approvals", c.Channel.Name)
	require.Equal(t, ts, c.Message.Timestamp)
	require.Equal(t, "who?", c.Message.Text)
	require.NotEmpty(t, c.ResponseURL)
	require.NotEmpty(t, c.TriggerID)
	action := c.ActionCallback.BlockActions[0]
	require.Equal(t, "approve", action.ActionID)
	require.Equal(t, "decide", action.BlockID)
	require.Equal(t, "7", action.Value)
	require.EqualValues(t, "button", action.Type)

	_, err = s.Person("U7").Press(ctx, posted, "Approve")
	require.NoError(t, err)
	c = <-got
	require.Equal(t, "T9", c.User.TeamID, "somebody of another organisation in a shared channel")
	require.Equal(t, "T9", c.Team.ID)

	_, _, _, err = api.UpdateMessage("C1", ts, text("done"), slack.MsgOptionBlocks(section("done")))
	require.NoError(t, err)
	_, err = s.Person("U2").Press(ctx, posted, "Approve")
	require.ErrorIs(t, err, slacktest.ErrNoButton, "a press meets the message as it is now")
	require.EqualError(t, err, `no button "Approve" among []`)
	r = s.Person("U2").PressAction(ctx, posted, slacktest.Action{ActionID: "approve", BlockID: "forged", Value: "8"})
	require.NoError(t, r.Err)
	require.Equal(t, "forged", (<-got).ActionCallback.BlockActions[0].BlockID)
	require.Empty(t, s.Violations())
}

func TestAnswerToAPressIsAViolation(t *testing.T) {
	t.Parallel()
	s := start(t)
	connect(t, s, func(_ socketmode.Event, ack func(any)) { ack(map[string]string{"text": "thanks"}) })
	_, _, err := client(t, s).PostMessage("C1", approval())
	require.NoError(t, err)
	r, err := s.Person("U1").Press(patient(t), s.Messages("C1")[0], "Approve")
	require.NoError(t, err)
	require.True(t, r.Acked)
	require.Empty(t, r.Payload)
	require.Equal(t, []string{"acknowledgement of the press of Approve: a payload is not accepted there"}, s.Violations())
}

func TestResponseURL(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := start(t, slacktest.WithClock(c.now))
	urls := make(chan string, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			urls <- data.ResponseURL
			ack(map[string]any{"text": "working"})
		case slack.InteractionCallback:
			urls <- data.ResponseURL
			ack(nil)
		}
	})
	api, ctx, p := client(t, s), patient(t), s.Person("U1")
	require.NoError(t, p.Command(ctx, "/ask", "").Err)
	address := <-urls
	answer := func(opts ...slack.MsgOption) error {
		_, _, err := api.PostMessage("", opts...)
		return err
	}
	require.NoError(t, answer(text("more"), slack.MsgOptionResponseURL(address, slack.ResponseTypeEphemeral)))
	require.Equal(t, "more", p.Ephemerals()[1].Plain())
	require.NoError(t, answer(text("done"), slack.MsgOptionReplaceOriginal(address)))
	require.Equal(t, "done", p.Ephemerals()[0].Plain(), "the answer in the acknowledgement is the original")
	require.NoError(t, answer(slack.MsgOptionDeleteOriginal(address)))
	require.True(t, p.Ephemerals()[0].Deleted)
	require.NoError(t, slack.PostWebhookContext(ctx, address, &slack.WebhookMessage{Text: "four"}))
	require.ErrorContains(t, answer(slack.MsgOptionResponseURL(address, ""), text("x"), slack.MsgOptionBlocks(slack.NewHeaderBlock(plain(han(151))))), "400")
	require.NoError(t, slack.PostWebhookContext(ctx, address, &slack.WebhookMessage{Text: "five"}))
	require.ErrorContains(t, slack.PostWebhookContext(ctx, address, &slack.WebhookMessage{Text: "six"}), "404")
	require.Equal(t, "used_url", s.Calls(slacktest.ResponseURL)[6].Answer)

	_, _, err := api.PostMessage("C1", approval(), text("who?"))
	require.NoError(t, err)
	_, err = p.Press(ctx, s.Messages("C1")[0], "Approve")
	require.NoError(t, err)
	address = <-urls
	require.NoError(t, answer(text("approved"), slack.MsgOptionBlocks(section("approved")), slack.MsgOptionReplaceOriginal(address)))
	require.Equal(t, "approved\napproved", s.Messages("C1")[0].Plain())
	c.advance(30*time.Minute + time.Second)
	require.ErrorContains(t, slack.PostWebhookContext(ctx, address, &slack.WebhookMessage{Text: "late"}), "404")
	require.ErrorContains(t, slack.PostWebhookContext(ctx, address+"x", &slack.WebhookMessage{Text: "guess"}), "404")
}

func TestEphemeralButtons(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := make(chan slack.InteractionCallback, 1)
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		got <- e.Data.(slack.InteractionCallback)
		ack(nil)
	})
	_, err := client(t, s).PostEphemeral("C1", "U1", text("sure?"), approval())
	require.NoError(t, err)
	_, err = s.Person("U1").Press(patient(t), s.Person("U1").Ephemerals()[0], "Approve")
	require.NoError(t, err)
	c := <-got
	require.True(t, c.Container.IsEphemeral)
	require.Empty(t, c.Message.Timestamp, "ephemeral messages are not described")
}

func TestEventsInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	seen := make(chan slacktest.Event, 10)
	cancel := s.OnEvent(func(e slacktest.Event) { seen <- e })
	connect(t, s, func(_ socketmode.Event, ack func(any)) { ack(map[string]string{"text": "hello"}) })
	api, ctx := client(t, s), patient(t)
	require.NoError(t, s.Person("U1").Command(ctx, "/ask", "me").Err)
	channel, ts, err := api.PostMessage("U1", text("hi"))
	require.NoError(t, err)
	_, _, _, err = api.UpdateMessage(channel, ts, text("hi again"))
	require.NoError(t, err)
	_, _, err = api.DeleteMessage(channel, ts)
	require.NoError(t, err)
	_, _, err = api.PostMessage("C1", text("to all"))
	require.NoError(t, err)
	for _, want := range []slacktest.Event{
		{Kind: slacktest.CommandTyped, User: "U1", SeenBy: "U1", Channel: "D1", Text: "/ask me"},
		{Kind: slacktest.EphemeralShown, User: slacktest.BotUserID, SeenBy: "U1", Channel: "D1", Text: "hello"},
		{Kind: slacktest.MessagePosted, User: slacktest.BotUserID, SeenBy: "U1", Channel: "D1", Text: "hi"},
		{Kind: slacktest.MessageUpdated, User: slacktest.BotUserID, SeenBy: "U1", Channel: "D1", Text: "hi again"},
		{Kind: slacktest.MessageDeleted, User: slacktest.BotUserID, SeenBy: "U1", Channel: "D1"},
		{Kind: slacktest.MessagePosted, User: slacktest.BotUserID, Channel: "C1", Text: "to all"},
	} {
		e := <-seen
		require.False(t, e.At.IsZero())
		e.At, e.Message = time.Time{}, nil
		require.Equal(t, want, e)
	}
	cancel()
	require.Len(t, s.Transcript(), 6)
}

func TestOnEnvelope(t *testing.T) {
	t.Parallel()
	s := start(t)
	var ended []slacktest.Envelope
	cancel := s.OnEnvelope(func(e slacktest.Envelope) { ended = append(ended, e) })
	ctx := patient(t)
	require.ErrorIs(t, s.Person("U1").Command(ctx, "/ask", "me").Err, slacktest.ErrNotConnected)
	connect(t, s, func(_ socketmode.Event, ack func(any)) { ack(nil) })
	r := s.Person("U1").Command(ctx, "/ask", "me")
	require.NoError(t, r.Err)
	cancel()
	require.NoError(t, s.Person("U1").Command(ctx, "/ask", "again").Err)
	require.Len(t, ended, 2)
	require.ErrorIs(t, ended[0].Err, slacktest.ErrNotConnected)
	require.Equal(t, r.EnvelopeID, ended[1].ID)
	require.Equal(t, "/ask", ended[1].What)
	require.Equal(t, r.Took, ended[1].Took)
	require.NoError(t, ended[1].Err)
}

func TestWaits(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	posted := make(chan error, 1)
	go func() {
		_, _, err := api.PostMessage("U1", text("one"))
		if err == nil {
			_, _, err = api.PostMessage("U1", text("two"))
		}
		posted <- err
	}()
	m, err := s.WaitDirectMessage(patient(t), "U1", func(m slacktest.Message) bool { return m.Text == "two" })
	require.NoError(t, err)
	require.Equal(t, "D1", m.Channel)
	require.NoError(t, <-posted)
	m, err = s.WaitMessage(patient(t), "D1", nil)
	require.NoError(t, err)
	require.Equal(t, "one", m.Text)
}
