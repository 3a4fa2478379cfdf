package endtoend

import (
	"maps"
	"slices"
	"testing"
	"time"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

// TestSecretsAreNowhere lets requests go all ways in which something can be written that should not be, at the most
// detailed log level, and then looks for the passwords, the tokens and the keys in all that was written.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		p := w.Start("MAX_ACTIVE_REQUESTS=50")
		echo := func(c slacktest.Call) bool { return c.Params.Get("blocks") != "" }
		faults := map[string]func(){
			"plain":    func() {},
			"lost":     func() { w.EHPC.DropAfter(ehpctest.ActionAddUser, 1) },
			"unsent":   func() { w.EHPC.DropBefore(ehpctest.ActionAddUser, 1) },
			"internal": func() { w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Code: 5000, Effect: true}) },
			"cut":      func() { w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Truncate: true}) },
			"gateway": func() {
				w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Status: 502, Body: []byte("<html>"), Effect: true})
			},
			"limited":  func() { w.EHPC.Answer(ehpctest.ActionAddUser, 2500, 1) },
			"unposted": func() { w.Slack.Fail("chat.postMessage", slacktest.Fault{Status: 500, Match: echo}) },
			"unshown":  func() { w.Slack.Fail("chat.update", slacktest.Fault{Error: "internal_error", Match: echo}) },
			"unnoted":  func() { w.Slack.Fail("chat.update", slacktest.Fault{DropAfter: true, Match: echo}) },
			"refused":  func() { w.Slack.Fail("chat.update", slacktest.Fault{Error: "invalid_blocks", Match: echo}) },
			"toomany":  func() { w.Slack.Fail("chat.postMessage", slacktest.Fault{RetryAfter: time.Second, Match: echo}) },
			"unclear":  func() { w.Slack.Fail("chat.update", slacktest.Fault{Body: []byte("<html>"), Match: echo}) },
		}
		for _, username := range slices.Sorted(maps.Keys(faults)) {
			w.Command(isabel, username)
			m := w.Request(username)
			faults[username]()
			w.Press(anna, m, "Approve")
			dm, password := w.Credentials(isabel, username)
			w.Press(isabel, dm, "I have saved it")
			w.Cleared(isabel, password)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			for name, secret := range w.Secrets() {
				require.False(t, world.Holds(p.Get(path), secret), "the %s at %s", name, path)
			}
		}
		require.Contains(t, p.Get("/metrics"), "ehpcbot_")
		p.Kill() // so that the WAL stays
		bytes := len(w.Calls())
		written := w.Written()
		for _, text := range written {
			bytes += len(text)
		}
		if w.Sqlite() {
			require.Contains(t, written, "file ehpcbot.db-wal")
		}
		t.Logf("figures: %d passwords and %d tokens and keys are looked for in %d bytes of log, metrics, calls of Slack and data",
			len(w.EHPC.Users(ehpctest.ClusterID)), len(w.Secrets()), bytes)
	})
}
