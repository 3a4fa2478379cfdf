package endtoend

import (
	"testing"

	"ehpcbot/bot/endtoend/world"

	"github.com/stretchr/testify/require"
)

// TestFromShell decides from the shell, beside a bot that runs on PostgreSQL, and in between on SQLite. Each name is one
// voice, the account is made, and what people see says who it was.
func TestFromShell(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.Env["APPROVALS_REQUIRED"] = "2"
		p := w.Start()
		for _, username := range []string{"isabel", "denied", "back"} {
			w.Command(isabel, username)
			w.Request(username)
		}
		if w.Sqlite() {
			out, code := w.Run([]string{"approve", "1", "--as", "Maria"})
			require.NotZero(t, code)
			require.Contains(t, out, "the bot runs on this database: stop it, run ehpcbot approve, and start it again")
			w.Stop(p)
		}
		run := func(right bool, says string, args ...string) {
			t.Helper()
			out, code := w.Run(args)
			require.Equal(t, right, code == 0, out)
			require.Contains(t, out, says)
		}
		run(false, "--as is missing", "approve", "1")
		run(false, "only one that is approved and not at its end", "abandon", "1")
		run(false, "only a failed one can be tried again", "retry", "1")
		run(true, "Request 1 has 1 of 2 approvals.", "approve", "1", "--as", "Maria Weber", "--reason", "Slack is down")
		run(false, "Maria Weber has decided on request 1 already", "approve", "1", "--as", "Maria Weber")
		run(true, "Request 1 is approved: the account isabel on ehpc-8jqdq0mz", "approve", "1", "--as", "Jan")
		run(true, "Request 2 is denied.", "deny", "2", "--as", "Jan", "--reason", "no supervisor")
		run(false, "request 2 is denied: only one that waits for approval can be approved", "approve", "2", "--as", "Maria")
		run(true, "Request 3 is cancelled.", "cancel", "3", "--reason", "asked by telephone")
		if w.Sqlite() {
			w.Start()
		}
		w.Credentials(isabel, "isabel")
		m := w.WaitState("isabel", "delivered")
		require.Contains(t, m.Plain(), "Approved by Maria Weber (from the shell), Jan (from the shell).")
		w.Told(isabel, "no supervisor")
		w.Told(isabel, "An administrator of this bot has cancelled it")
		w.WaitState("back", "cancelled")

		out, code := w.Run([]string{"audit", "--person", "shell:Jan"})
		require.Zero(t, code, out)
		require.Regexp(t, `shell:Jan +shell +pending +action=approve user=\S+`, out)
		require.Regexp(t, `shell:Jan +approve +pending → approved`, out)
		out, code = w.Run([]string{"audit", "verify"})
		require.Zero(t, code, out)
	})
}
