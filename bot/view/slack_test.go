package view

import (
	"net/http"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

// A workspace takes each message, new and as an update of each kind of message before it.
func TestSlackTakesEveryMessage(t *testing.T) {
	t.Parallel()
	server := slacktest.NewServer()
	t.Cleanup(server.Close)
	server.AddChannel(slacktest.Channel{ID: "C0APPROVE", BotIsMember: true})
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	api := slack.New(slacktest.BotToken, slack.OptionAPIURL(server.APIURL()), slack.OptionHTTPClient(client))
	for _, locale := range []Locale{English, Chinese} {
		all := messages(testView(locale))
		_, ts, err := api.PostMessageContext(t.Context(), "C0APPROVE", options(all["credentials-ready"])...)
		require.NoError(t, err)
		for name, m := range all {
			_, _, err := api.PostMessageContext(t.Context(), "C0APPROVE", options(m)...)
			require.NoError(t, err, "%s %s", locale, name)
			_, _, _, err = api.UpdateMessageContext(t.Context(), "C0APPROVE", ts, options(m)...)
			require.NoError(t, err, "%s %s", locale, name)
		}
	}
	require.Empty(t, server.Violations())
}

func options(m Message) []slack.MsgOption {
	return []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...)}
}
