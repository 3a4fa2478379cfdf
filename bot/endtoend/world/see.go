package world

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// Names returns what stands on buttons.
func Names(buttons []slacktest.Button) []string {
	var list []string
	for _, b := range buttons {
		list = append(list, b.Text)
	}
	return list
}

// Digest is what the message says that lists what waits.
const Digest = "requests are waiting for approval"

// Requests returns the approval messages as they are now.
func (w *World) Requests() []slacktest.Message {
	return slices.DeleteFunc(w.Slack.Messages(Channel), func(m slacktest.Message) bool {
		return m.Deleted || m.Thread != "" || strings.Contains(m.Plain(), "Reminder") || strings.Contains(m.Plain(), Digest)
	})
}

// Request waits for the approval message of a username.
func (w *World) Request(username string) slacktest.Message {
	w.T.Helper()
	return w.WaitMessage("the request for "+username, func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "account "+username+" on ") })
}

// RequestID waits for the approval message of a request.
func (w *World) RequestID(id int) slacktest.Message {
	w.T.Helper()
	return w.WaitMessage(fmt.Sprint("request ", id), func(m slacktest.Message) bool { return strings.Contains(m.Plain(), fmt.Sprintf("Request %d:", id)) })
}

// WaitState waits until the approval message of a username shows a state.
func (w *World) WaitState(username, state string) slacktest.Message {
	w.T.Helper()
	return w.WaitMessage(username+" "+state, func(m slacktest.Message) bool {
		first, _, _ := strings.Cut(m.Plain(), "\n")
		return strings.Contains(m.Plain(), "account "+username+" on ") && strings.Contains(first, state)
	})
}

func (w *World) WaitMessage(what string, pred func(slacktest.Message) bool) slacktest.Message {
	w.T.Helper()
	m, err := w.Slack.WaitMessage(w.Ctx, Channel, func(m slacktest.Message) bool { return !m.Deleted && pred(m) })
	require.NoError(w.T, err, "%s\n%s", what, w.situation())
	return m
}

// Told waits for a direct message.
func (w *World) Told(who, text string) slacktest.Message {
	w.T.Helper()
	m, err := w.Slack.WaitDirectMessage(w.Ctx, who, func(m slacktest.Message) bool { return strings.Contains(m.Plain(), text) })
	require.NoError(w.T, err, "%s is told %q\n%s", who, text, w.situation())
	return m
}

// Answered waits for an answer that only this person sees.
func (w *World) Answered(who, text string) {
	w.T.Helper()
	w.WaitFor(fmt.Sprintf("%s is answered %q", who, text), func() bool {
		return slices.ContainsFunc(w.Slack.Person(who).Ephemerals(), func(m slacktest.Message) bool { return strings.Contains(m.Plain(), text) })
	})
}

// Refused returns the refusals that an act earned, waiting for an answer or a modal.
func (w *World) Refused(who, text string, act func()) []slacktest.Message {
	w.T.Helper()
	before := len(w.Slack.Person(who).Ephemerals())
	act()
	w.WaitFor(who+" gets an answer", func() bool {
		_, open := w.Slack.Person(who).Modal()
		return open || len(w.Slack.Person(who).Ephemerals()) > before
	})
	_, _ = w.Slack.Person(who).CloseModal(w.Ctx)
	return slices.DeleteFunc(w.Slack.Person(who).Ephemerals()[before:], func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), text) })
}

// Credentials waits until a person sees the password that the account has.
func (w *World) Credentials(who, username string) (slacktest.Message, string) {
	w.T.Helper()
	return w.CredentialsOn(ehpctest.ClusterID, who, username)
}

// CredentialsOn is Credentials for a cluster.
func (w *World) CredentialsOn(cluster, who, username string) (slacktest.Message, string) {
	w.T.Helper()
	var password string
	var at time.Time
	find := func(m slacktest.Message) bool {
		p, made := w.EHPC.Password(cluster, username)
		if !made {
			return false
		}
		password = p
		w.mu.Lock()
		w.owners[password] = who
		w.mu.Unlock()
		shown := m.Plain()
		for _, v := range m.History {
			shown += v.Plain()
		}
		at = m.PostedAt
		return strings.Contains(shown, password)
	}
	m, err := w.Slack.WaitDirectMessage(w.Ctx, who, find)
	require.NoError(w.T, err, "%s gets the credentials of %s\n%s", who, username, w.situation())
	require.False(w.T, at.IsZero())
	blocks := m.Blocks
	for i := len(m.History) - 1; i >= 0 && !slices.Contains(texts(blocks), password); i-- {
		blocks = m.History[i].Blocks
	}
	require.Contains(w.T, texts(blocks), password, "an element of rich_text is exactly the password")
	return m, password
}

// Opened has a person press the button that shows the credentials, and returns the password that the account has and that
// stands in what opens.
func (w *World) Opened(who string, m slacktest.Message, username string) string {
	w.T.Helper()
	password := w.Password(ehpctest.ClusterID, username)
	w.mu.Lock()
	w.owners[password] = who
	w.mu.Unlock()
	w.Press(who, m, "Show credentials")
	v, err := w.Slack.Person(who).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Title == "Your credentials" })
	require.NoError(w.T, err, w.situation())
	require.Contains(w.T, texts(v.Blocks), password, "an element of rich_text is exactly the password")
	_, err = w.Slack.Person(who).CloseModal(w.Ctx)
	require.NoError(w.T, err)
	return password
}

// texts returns the texts of all rich_text elements.
func texts(blocks []json.RawMessage) []string {
	var list []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if s, isText := v["text"].(string); isText && v["type"] == "text" {
				list = append(list, s)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, raw := range blocks {
		var v map[string]any
		if json.Unmarshal(raw, &v) == nil && v["type"] == "rich_text" {
			walk(v)
		}
	}
	return list
}

// Cleared waits until no message to a person shows the password.
func (w *World) Cleared(who, password string) {
	w.T.Helper()
	w.WaitFor("the credentials are cleared", func() bool {
		return !slices.ContainsFunc(w.Slack.Person(who).DirectMessages(), func(m slacktest.Message) bool { return strings.Contains(m.Plain(), password) })
	})
}

// Latest returns a message as it is now.
func (w *World) Latest(m slacktest.Message) slacktest.Message {
	for _, now := range w.Slack.Messages(m.Channel) {
		if now.TS == m.TS {
			return now
		}
	}
	return m
}
