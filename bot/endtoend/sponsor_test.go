package endtoend

import (
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"

	"github.com/stretchr/testify/require"
)

const sara = "U0SARA"

// TestSponsor has two accounts made that a sponsor approves first: by a direct message that outlives the bot, and from the
// shell, where the sponsor's step and that of an approver are two.
func TestSponsor(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.Slack.AddUser(slacktest.User{ID: sara, Name: "sara"})
		w.Env["SPONSOR_REQUIRED"] = "true"
		p := w.Start()
		ask := func(username string) slacktest.Message {
			w.Command(isabel, username)
			got := w.Fill(isabel, map[string]string{"Sponsor": sara})
			require.NotNil(t, got.Updated)
			require.Contains(t, got.Updated.Plain(), "It is the turn of the sponsor")
			_, _ = w.Slack.Person(isabel).CloseModal(w.Ctx)
			return w.Told(sara, "account "+username+" on ")
		}
		card := ask("isabel")
		p.Kill()
		p = w.Start()
		require.Empty(t, w.Requests())
		w.Press(sara, card, "Approve")
		w.Told(isabel, "has approved your request 1")
		w.Press(anna, w.Request("isabel"), "Approve")
		w.Credentials(isabel, "isabel")

		ask("other")
		if w.Sqlite() {
			w.Stop(p)
		}
		for _, says := range []string{"Request 2 is approved for its sponsor.", "Request 2 is approved: the account other on"} {
			out, code := w.Run([]string{"approve", "2", "--as", "Maria"})
			require.Zero(t, code, out)
			require.Contains(t, out, says)
		}
		if w.Sqlite() {
			w.Start()
		}
		w.Credentials(isabel, "other")
		w.WaitFor("the sponsor sees what became of it", func() bool { return len(w.Latest(card).Buttons()) == 0 })
		out, code := w.Run([]string{"audit", "verify"})
		require.Zero(t, code, out)
	})
}
