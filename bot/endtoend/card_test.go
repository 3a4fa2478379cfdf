package endtoend

import (
	"encoding/json"
	"strings"
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"

	"github.com/stretchr/testify/require"
)

// TestCard shows the approvers who asks, what they have asked for before, and the buttons to them alone; and without what
// Slack does not take, where it takes not all.
func TestCard(t *testing.T) {
	t.Parallel()
	for locale, say := range map[string]struct{ deny, person, first, earlier string }{
		"en": {"Deny", "is Isabel Moreno, Doctoral student.", "It is the first request of", "1 denied"},
		"zh": {"拒绝", "Isabel Moreno、Doctoral student", "的第一次申请", "1 个被拒绝"},
	} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			const photo = "https://avatars.slack-edge.com/isabel_72.png"
			w.Slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", RealName: "Isabel Moreno", Title: "Doctoral student", Photo: photo})
			w.Start("LOCALE="+locale, "APPROVERS="+anna+","+admins)
			card := func(username string) slacktest.Message {
				w.Command(isabel, username)
				m := w.WaitMessage(username, func(m slacktest.Message) bool { return strings.Contains(m.Plain(), username) && len(m.Buttons()) > 0 })
				require.Contains(t, m.Plain(), say.person)
				require.Contains(t, m.Text, "Isabel Moreno", "those who hear it hear all")
				return m
			}
			first := card("first")
			require.Contains(t, first.Plain(), say.first)
			require.Contains(t, picture(t, first), photo)
			for _, b := range first.Buttons() {
				require.ElementsMatch(t, []string{anna, carl}, b.VisibleTo, "the members of a group are named")
			}
			w.Press(anna, first, say.deny)
			w.Fill(anna, nil)
			w.WaitFor("the photo goes with the decision", func() bool { return picture(t, w.Latest(first)) == "" })

			w.Slack.Fail("chat.postMessage", slacktest.Fault{Error: "invalid_blocks", Match: func(c slacktest.Call) bool {
				return strings.Contains(c.Params.Get("blocks"), photo)
			}, Times: -1})
			second := card("second")
			require.Contains(t, second.Plain(), say.earlier)
			require.Empty(t, picture(t, second))
			require.Empty(t, second.Buttons()[0].VisibleTo)
			w.Slack.ClearFaults()

			w.Slack.SetFreePlan(true) // from now on nobody tells who is in a group, but what was said before will do
			third := card("third")
			require.Len(t, third.Buttons()[0].VisibleTo, 2)
		})
	}
}

// picture returns where the picture in a message is.
func picture(t *testing.T, m slacktest.Message) string {
	t.Helper()
	for _, raw := range m.Blocks {
		var block struct {
			Type     string
			Elements []json.RawMessage
		}
		require.NoError(t, json.Unmarshal(raw, &block))
		if block.Type != "context" {
			continue
		}
		var image struct {
			URL string `json:"image_url"`
		}
		require.NoError(t, json.Unmarshal(block.Elements[0], &image))
		return image.URL
	}
	return ""
}
