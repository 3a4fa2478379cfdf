package world

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// judge looks at what must be so whatever happened.
func (w *World) judge() {
	t := w.T
	for _, v := range w.Slack.Violations() {
		t.Errorf("Slack's rules: %s", v)
	}
	for _, p := range w.processes {
		require.NotContains(t, p.Err.String(), "panic")
		require.NotContains(t, p.Err.String(), "goroutine ")
	}
	written, calls := w.Written(), w.Calls()
	for name, secret := range w.Secrets() {
		for place, text := range written {
			require.False(t, Holds(text, secret), "the %s in the %s", name, place)
		}
		require.False(t, Holds(calls, secret), "the %s in a call of Slack", name)
	}
	for _, cluster := range []string{ehpctest.ClusterID, ehpctest.OtherClusterID} {
		for _, username := range w.EHPC.Users(cluster) {
			password, _ := w.EHPC.Password(cluster, username)
			if made := w.EHPC.AddUserEffects(cluster, username); made > 0 {
				require.Equal(t, 1, made, "%s is made once", username)
				w.judgePassword(password, written)
			}
		}
	}
}

// Secrets are those that the program is given, by name.
func (w *World) Secrets() map[string]string {
	secrets := map[string]string{"app-level token": slacktest.AppToken, "bot token": slacktest.BotToken, "API key": ehpctest.SecretAccessKey}
	if key := w.Env["ENCRYPTION_KEY"]; key != "" {
		secrets["encryption key"] = key
	}
	return secrets
}

// Written is all that the program has written and that stays, by place. A test can have a WAL looked into only
// while the program runs.
func (w *World) Written() map[string]string {
	t := w.T
	written := map[string]string{}
	for i, p := range w.processes {
		written[fmt.Sprintf("log of process %d", i)] = p.Out.String() + p.Err.String()
		written[fmt.Sprintf("metrics of process %d", i)] = p.metrics
	}
	if w.Sqlite() {
		files, err := os.ReadDir(w.Dir)
		require.NoError(t, err)
		for _, f := range files {
			content, err := os.ReadFile(filepath.Join(w.Dir, f.Name()))
			require.NoError(t, err)
			written["file "+f.Name()] = string(content)
		}
		return written
	}
	db := w.OpenDatabase()
	defer db.Close()
	var dump string
	require.NoError(t, db.QueryRow("SELECT database_to_xml(true, false, '')::text").Scan(&dump))
	written["database"] = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(dump)
	return written
}

// Calls is all that Slack was called with, but for the tokens that each call must have.
func (w *World) Calls() string {
	var text strings.Builder
	for _, c := range w.Slack.AllCalls() {
		for name, values := range c.Params {
			fmt.Fprintln(&text, c.Method, name, strings.Join(values, "\n"))
		}
	}
	return text.String()
}

// judgePassword looks for a password where it must not be.
func (w *World) judgePassword(password string, written map[string]string) {
	t := w.T
	home, byButton := "nowhere", w.Env["CREDENTIALS_DELIVERY"] == "button"
	if owner, known := w.owners[password]; known {
		home = w.Slack.DirectID(owner)
	}
	for place, text := range written {
		require.False(t, Holds(text, password), "a password in the %s", place)
	}
	for _, c := range w.Slack.AllCalls() {
		for name, values := range c.Params {
			if !Holds(strings.Join(values, "\n"), password) {
				continue
			}
			if c.Method == "views.open" && name == "view" { // the transcript tells before whom it opened
				continue
			}
			right := c.Method == "chat.update" && !byButton || c.Method == "chat.postMessage" && w.EditingForbidden
			to := c.Params.Get("channel")
			require.True(t, right && name == "blocks" && (to == home || "D"+to == home || w.Slack.DirectID(to) == home), "a password in %s of %s to %s", name, c.Method, to)
		}
	}
	for _, e := range w.Slack.Transcript() {
		where := e.Channel
		if e.View != nil {
			where = w.Slack.DirectID(e.SeenBy)
		}
		require.False(t, Holds(e.Text, password) && where != home, "a password is seen: %s in %s", e.Kind, where)
	}
	for _, who := range []string{Isabel, Otto, Anna, Ben, Carl, Gus, Robo, Dora, Fay} {
		for _, n := range w.Slack.Person(who).Notifications() {
			require.False(t, Holds(n.Mobile, password) || Holds(n.Desktop, password) && !w.EditingForbidden, "a password in a notification")
		}
	}
}

// Holds reports whether a text holds a secret, in clear or encoded in a usual way.
func Holds(text, secret string) bool {
	html, _ := json.Marshal(secret)
	for _, form := range []string{
		secret, strings.Trim(string(html), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}
