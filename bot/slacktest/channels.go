package slacktest

import (
	"cmp"
	"strings"
)

// Channel is a conversation of many. Name has the id as its default.
type Channel struct {
	ID, Name    string
	Archived    bool
	BotIsMember bool
	Shared      bool // with another organisation, through Slack Connect
}

type channel struct {
	Channel
	user     string // of a direct conversation with the bot: who the other is
	messages []*Message
}

// AddChannel adds a channel.
func (s *Server) AddChannel(c Channel) { s.SetChannel(c) }

// SetChannel changes the channel with this id and keeps its messages; an unknown one is added.
func (s *Server) SetChannel(c Channel) {
	c.Name = cmp.Or(c.Name, strings.ToLower(c.ID))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[c.ID] == nil {
		s.channels[c.ID] = &channel{}
	}
	s.channels[c.ID].Channel = c
	s.change()
}

// AddAlias lets a channel be called by another id as well, as one that was private and became public. Slack answers
// with its own.
func (s *Server) AddAlias(alias, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[alias] = s.channels[id]
}

// SetMessagesTab says whether people can be written to at all: the messages tab of the app's home, which the
// app's manifest switches on. It is on by default; off, posts to people answer messages_tab_disabled.
func (s *Server) SetMessagesTab(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messagesTab = on
}

// direct returns the bot's conversation with a person, which begins with that. D… follows from U….
func (s *Server) direct(user string) *channel {
	id := directID(user)
	if s.channels[id] == nil {
		s.channels[id] = &channel{Channel: Channel{ID: id, Name: "directmessage", BotIsMember: true}, user: user}
	}
	return s.channels[id]
}

func directID(user string) string {
	if user == "" {
		return ""
	}
	return "D" + user[1:]
}

// DirectID returns the id, D…, of the bot's conversation with a person.
func (s *Server) DirectID(userID string) string { return directID(userID) }

func isUser(id string) bool { return strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") }

// refuseDirect says why the bot can't write to a person; empty if it can.
func (s *Server) refuseDirect(id string) string {
	u, known := s.users[id]
	switch {
	case !known:
		return "user_not_found"
	case u.Bot:
		return "cannot_dm_bot"
	case u.Deleted:
		return "user_disabled"
	case !s.messagesTab:
		return "messages_tab_disabled"
	}
	return ""
}

// target finds where a message is to go: chat.postMessage takes a conversation's id, #name, or a person's id.
func (s *Server) target(to string) (*channel, string) {
	if isUser(to) {
		if code := s.refuseDirect(to); code != "" {
			return nil, code
		}
		return s.direct(to), ""
	}
	if name, named := strings.CutPrefix(to, "#"); named {
		to = s.channelNamed(name)
	}
	return s.writable(to)
}

// writable finds a conversation to post to by its id.
func (s *Server) writable(id string) (*channel, string) {
	c := s.channels[id]
	switch {
	case c == nil:
		return nil, "channel_not_found"
	case c.user != "":
		return c, s.refuseDirect(c.user)
	case c.Archived:
		return nil, "is_archived"
	case !c.BotIsMember:
		return nil, "not_in_channel"
	}
	return c, ""
}

// editable finds the conversation of a message to change; a person's id won't do there.
func (s *Server) editable(id string) (*channel, string) {
	c := s.channels[id]
	switch {
	case c == nil:
		return nil, "channel_not_found"
	case c.Archived:
		return nil, "is_inactive" // what is_archived is to a post: docs.slack.dev/reference/methods/chat.update
	}
	return c, ""
}

func (s *Server) channelNamed(name string) string {
	for _, id := range sortedKeys(s.channels) {
		if s.channels[id].Name == name && s.channels[id].user == "" {
			return id
		}
	}
	return ""
}

func (s *Server) openConversation(a args) answer {
	if id := a.Get("channel"); id != "" {
		if c := s.channels[id]; c == nil || c.user == "" {
			return fail("channel_not_found")
		}
		return success(object{"no_op": true, "already_open": true, "channel": object{"id": id}})
	}
	user := a.Get("users")
	if user == "" {
		return fail("users_list_not_supplied")
	}
	if strings.Contains(user, ",") {
		return fail("method_not_supported_for_channel_type")
	}
	if code := s.refuseDirect(user); code != "" && code != "messages_tab_disabled" {
		return fail(code)
	}
	return success(object{"channel": object{"id": s.direct(user).ID}})
}

func (s *Server) conversationInfo(a args) answer {
	c := s.channels[a.Get("channel")]
	if c == nil {
		return fail("channel_not_found")
	}
	o := object{
		"id": c.ID, "name": c.Name, "is_channel": c.user == "", "is_im": c.user != "", "is_archived": c.Archived,
		"is_member": c.BotIsMember, "is_ext_shared": c.Shared, "is_shared": c.Shared, "context_team_id": s.teamID,
	}
	if c.user != "" {
		o["user"] = c.user
	}
	return success(object{"channel": o})
}

func (s *Server) conversationMembers(a args) answer {
	c := s.channels[a.Get("channel")]
	if c == nil {
		return fail("channel_not_found")
	}
	members := []string{}
	if c.BotIsMember {
		members = append(members, s.botUserID)
	}
	for _, id := range s.order {
		if id != s.botUserID && (c.user == "" || c.user == id) {
			members = append(members, id)
		}
	}
	return success(object{"members": members, "response_metadata": object{"next_cursor": ""}})
}
