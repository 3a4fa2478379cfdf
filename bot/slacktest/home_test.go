package slacktest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

func homeOf(blocks ...slack.Block) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}
}

func publish(t *testing.T, api *slack.Client, user, hash string, v slack.HomeTabViewRequest) (*slack.ViewResponse, error) {
	t.Helper()
	return api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: user, View: v, Hash: &hash})
}

func TestHomeTab(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	l := dial(t, s)
	l.next(t, "hello")
	isabel := s.Person("U1")
	opened := func() slackevents.AppHomeOpenedEvent {
		done := make(chan slacktest.Reply, 1)
		go func() { done <- isabel.OpenHome(t.Context()) }()
		r := l.next(t, "events_api")
		l.send(t, map[string]string{"envelope_id": r.EnvelopeID})
		require.NoError(t, (<-done).Err)
		e, err := slackevents.ParseEvent(r.Payload, slackevents.OptionNoVerifyToken())
		require.NoError(t, err)
		require.Equal(t, slacktest.TeamID, e.TeamID)
		return *e.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent)
	}
	e := opened()
	require.Equal(t, "U1 home D1", e.User+" "+e.Tab+" "+e.Channel)
	require.Nil(t, e.View, "nothing was published yet")
	_, there := isabel.Home()
	require.False(t, there)

	button := slack.NewActionBlock("b1", slack.NewButtonBlockElement("ask", "1", plain("Ask")))
	first, err := publish(t, api, "U1", "", homeOf(button))
	require.NoError(t, err)
	v, err := isabel.WaitHome(patient(t))
	require.NoError(t, err)
	require.Equal(t, []string{first.ID, first.Hash, "Ask"}, []string{v.ID, v.Hash, v.Plain()})
	require.Equal(t, first.Hash, opened().View.Hash)
	second, err := publish(t, api, "U1", first.Hash, homeOf(button, slack.NewDividerBlock()))
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID)
	_, err = publish(t, api, "U1", first.Hash, homeOf(button))
	require.EqualError(t, err, "hash_conflict")
	_, err = publish(t, api, "U2", first.Hash, homeOf(button))
	require.EqualError(t, err, "hash_conflict")

	pressed := make(chan slacktest.Reply, 1)
	go func() {
		r, _ := isabel.PressInHome(t.Context(), "Ask")
		pressed <- r
	}()
	r := l.next(t, "interactive")
	l.send(t, map[string]string{"envelope_id": r.EnvelopeID})
	require.NoError(t, (<-pressed).Err)
	var press slack.InteractionCallback
	require.NoError(t, json.Unmarshal(r.Payload, &press))
	require.Equal(t, "view "+first.ID+" home", press.Container.Type+" "+press.Container.ViewID+" "+string(press.View.Type))
	require.Equal(t, second.Hash, press.View.Hash)
	require.Empty(t, press.Channel.ID+press.ResponseURL)
	_, err = api.OpenView(press.TriggerID, form())
	require.NoError(t, err)
	_, err = isabel.PressInHome(t.Context(), "Approve")
	require.ErrorIs(t, err, slacktest.ErrNoButton)

	s.SetHomeTab(false)
	_, err = publish(t, api, "U1", "", homeOf(button))
	require.EqualError(t, err, "not_enabled")
	require.Equal(t, slacktest.Reply{}, isabel.OpenHome(t.Context()), "there is nothing to open")
	require.Empty(t, s.Violations())
}

func TestHomeTabLimits(t *testing.T) {
	t.Parallel()
	s := start(t)
	api := client(t, s)
	rows := func(n int) slack.HomeTabViewRequest {
		var blocks []slack.Block
		for range n {
			blocks = append(blocks, slack.NewDividerBlock())
		}
		return homeOf(blocks...)
	}
	_, err := publish(t, api, "U1", "", rows(100))
	require.NoError(t, err)
	_, err = publish(t, api, "U1", "", rows(101))
	require.EqualError(t, err, "invalid_arguments")
	large := rows(0)
	for range 90 {
		large.Blocks.BlockSet = append(large.Blocks.BlockSet, slack.NewSectionBlock(plain(strings.Repeat("a", 3000)), nil, nil))
	}
	_, err = publish(t, api, "U1", "", large)
	require.EqualError(t, err, "view_too_large")
	_, err = publish(t, api, "U9", "", rows(1))
	require.EqualError(t, err, "user_not_found")
	modal := rows(1)
	modal.Type = slack.VTModal
	_, err = publish(t, api, "U1", "", modal)
	require.EqualError(t, err, "invalid_arguments")
	require.Len(t, s.Violations(), 3)
}

func TestShortcut(t *testing.T) {
	t.Parallel()
	s := start(t)
	var got slack.InteractionCallback
	connect(t, s, func(e socketmode.Event, ack func(any)) {
		got, _ = e.Data.(slack.InteractionCallback)
		ack(nil)
	})
	r := s.Person("U1").Shortcut(patient(t), "ask")
	require.NoError(t, r.Err)
	require.Equal(t, "shortcut ask U1", string(got.Type)+" "+got.CallbackID+" "+got.User.ID)
	require.NotEmpty(t, got.TriggerID)
	require.Empty(t, s.Violations())
}
