package slacktest

import (
	"encoding/json"
	"slices"
	"time"
)

// Message is a message as it is now. A deleted one has neither text nor blocks, only a history.
type Message struct {
	Channel   string
	TS        string // the id within the channel
	Text      string // the top-level text as it was sent, escaped
	Blocks    []json.RawMessage
	Metadata  json.RawMessage
	User      string // the author's user id
	Thread    string // TS of the message that it answers to
	Ephemeral bool
	To        string // of an ephemeral message: the one who sees it
	Edited    bool
	Deleted   bool
	PostedAt  time.Time
	History   []Version // former versions, the first as posted
}

// Version is what a message was until it was changed or deleted.
type Version struct {
	Until  time.Time
	Text   string
	Blocks []json.RawMessage
}

// Button is a button in a message or modal.
type Button struct {
	Text, ActionID, BlockID, Value, URL, Style, AccessibilityLabel string
	Confirm                                                        *Confirm // asked before the press counts
	VisibleTo                                                      []string // ids of those who see it; none: everybody
}

// Confirm is a dialog that a button asks first.
type Confirm struct{ Title, Text, Confirm, Deny, Style string }

// Notification is what a person's devices showed of a new message. Mobile previews show the top-level text,
// desktop ones the text of the blocks if there are any (docs.slack.dev/changelog, 13 July 2026; that rich_text
// counts is an inference). Changes of a message notify nobody.
type Notification struct{ Channel, TS, Mobile, Desktop string }

// Plain returns everything that can be read in the message, a line for each piece: its text, without escapes,
// and the texts of its blocks.
func (m Message) Plain() string { return joinLines(m.Text, m.Blocks) }

// Buttons returns the message's buttons in their order.
func (m Message) Buttons() []Button { return buttons(m.Blocks) }

// Plain is [Message.Plain] of a former version.
func (v Version) Plain() string { return joinLines(v.Text, v.Blocks) }

// Messages returns the messages of a conversation in the order in which they were posted, deleted ones too.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[channel] == nil {
		return nil
	}
	return copies(s.channels[channel].messages)
}

func copies(messages []*Message) []Message {
	all := make([]Message, len(messages))
	for i, m := range messages {
		all[i] = m.copy()
	}
	return all
}

func (m *Message) copy() Message {
	copied := *m
	copied.Blocks = slices.Clone(m.Blocks)
	copied.History = slices.Clone(m.History)
	return copied
}

// find returns a message of the channel that is still there.
func (c *channel) find(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts && !m.Deleted {
			return m
		}
	}
	return nil
}

// revise replaces what a message says and keeps what it said.
func (m *Message) revise(at time.Time, text string, blocks []json.RawMessage) {
	m.History = append(m.History, Version{at, m.Text, m.Blocks})
	m.Text, m.Blocks = text, blocks
}

// json is the message as answers and payloads hold it: docs.slack.dev/reference/events/message.
func (s *Server) json(m *Message) object {
	o := object{
		"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": s.teamID,
		"bot_id": s.botID, "app_id": s.appID,
		"bot_profile": object{"id": s.botID, "app_id": s.appID, "name": s.users[s.botUserID].Name, "team_id": s.teamID},
	}
	if m.Blocks != nil {
		o["blocks"] = m.Blocks
	}
	if m.Thread != "" {
		o["thread_ts"] = m.Thread
	}
	if m.Metadata != nil {
		o["metadata"] = m.Metadata
	}
	if m.Edited {
		o["edited"] = object{"user": m.User, "ts": m.TS}
	}
	return o
}
