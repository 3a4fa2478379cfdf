package slacktest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SetEditWindow lets messages be changed only so long after they were posted, as a workspace's rule on editing
// does; zero forbids all changes, less than zero is no rule, which is the default. Deleting is not concerned.
func (s *Server) SetEditWindow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.editWindow = d
}

// content is what a call wants a message to say.
type content struct {
	text      string
	hasBlocks bool
	blocks    []any
	metadata  json.RawMessage
}

// content reads text, blocks and metadata of a call and refuses what Slack does.
func (s *Server) content(a args) (content, answer, bool) {
	c := content{text: a.Get("text")}
	if legacy := strings.TrimSpace(a.Get("attachments")); legacy != "" && legacy != "[]" {
		return c, fail("invalid_attachments", "legacy attachments are not modelled"), false
	}
	if a.Get("metadata") != "" {
		v, err := decode([]byte(a.Get("metadata")))
		metadata, isObject := v.(object)
		if err != nil || !isObject {
			return c, fail("invalid_metadata_format"), false
		}
		if str(metadata, "event_type") != "" {
			c.metadata = encode(metadata)
		}
	}
	if a.Get("blocks") != "" {
		v, err := decode([]byte(a.Get("blocks")))
		if _, isList := v.([]any); err != nil || !isList {
			return c, fail("invalid_blocks_format"), false
		}
		if refusal, good := s.setBlocks(&c, v); !good {
			return c, refusal, false
		}
	}
	return c, answer{}, true
}

func (s *Server) setBlocks(c *content, v any) (answer, bool) {
	blocks, faults := s.checkBlocks(v)
	if faults != nil {
		return fail("invalid_blocks", faults...), false
	}
	if tooLong(blocks) {
		return fail("msg_blocks_too_long"), false
	}
	c.blocks, c.hasBlocks = blocks, true
	return answer{}, true
}

func (c content) empty() bool { return strings.TrimSpace(c.text) == "" && len(c.blocks) == 0 }

// cut shortens a new message's text to what Slack keeps of it.
func (s *Server) cut(c *content) {
	if runes := []rune(c.text); len(runes) > maxMessageText {
		c.text = string(runes[:maxMessageText])
		s.violate("a text of %d characters was cut to %d", len(runes), maxMessageText)
	}
}

func (s *Server) postMessage(a args) answer {
	to, code := s.target(a.Get("channel"))
	if code != "" {
		return fail(code)
	}
	c, refusal, good := s.content(a)
	if !good {
		return refusal
	}
	if c.empty() {
		return fail("no_text")
	}
	if wait := s.takeChannel(to.ID); wait > 0 {
		return s.limit("chat.postMessage", wait)
	}
	m := s.post(to, s.botUserID, c, a.Get("thread_ts"))
	return success(object{"channel": to.ID, "ts": m.TS, "message": s.json(m)})
}

// post puts a message into a conversation and notifies whom it concerns.
func (s *Server) post(to *channel, user string, c content, thread string) *Message {
	s.cut(&c)
	m := &Message{
		Channel: to.ID, TS: s.timestamp(), Text: c.text, Blocks: raws(c.blocks), Metadata: c.metadata,
		User: user, Thread: thread, PostedAt: s.now(),
	}
	to.messages = append(to.messages, m)
	s.notify(to, m)
	s.seen(MessagePosted, m)
	return m
}

// seen makes an event of what happened to a message.
func (s *Server) seen(kind EventKind, m *Message) {
	now := m.copy()
	e := Event{Kind: kind, User: m.User, Channel: m.Channel, Text: now.Plain(), Message: &now, SeenBy: m.To}
	if c := s.channels[m.Channel]; e.SeenBy == "" && c != nil {
		e.SeenBy = c.user
	}
	s.event(e)
}

var mention = regexp.MustCompile(`<(@|!subteam\^|!)([A-Za-z0-9]+)[^>]*>`)

// notify shows previews: of every message in a direct conversation, elsewhere to those whom it mentions.
func (s *Server) notify(to *channel, m *Message) {
	n := Notification{Channel: to.ID, TS: m.TS, Mobile: unescape(m.Text)}
	n.Desktop = strings.Join(readBlocks(fromRaw(m.Blocks)), "\n")
	if n.Desktop == "" {
		n.Desktop = n.Mobile
	}
	for _, id := range s.concerned(to, m) {
		s.notifications[id] = append(s.notifications[id], n)
	}
}

func (s *Server) concerned(to *channel, m *Message) []string {
	if to.user != "" {
		return []string{to.user}
	}
	found := map[string]bool{}
	for _, match := range mention.FindAllStringSubmatch(mentions(m), -1) {
		for _, id := range s.mentioned(match[1], match[2]) {
			found[id] = true
		}
	}
	return sortedKeys(found)
}

// mentions is the part of a message in which <@U1> is a mention: not its plain_text, where it is only characters.
func mentions(m *Message) string {
	lines := []string{m.Text}
	for _, b := range fromRaw(m.Blocks) {
		if str(b, "type") == "rich_text" {
			lines = append(lines, richMentions(list(b, "elements"))...)
			continue
		}
		for _, t := range append(objects(list(b, "fields")), append(objects(list(b, "elements")), obj(b, "text"))...) {
			if str(t, "type") == "mrkdwn" {
				lines = append(lines, str(t, "text"))
			}
		}
	}
	return strings.Join(lines, "\n")
}

func richMentions(parts []any) []string {
	var found []string
	for _, e := range objects(parts) {
		switch str(e, "type") {
		case "user", "usergroup", "broadcast":
			found = append(found, readInline(e))
		default:
			found = append(found, richMentions(list(e, "elements"))...)
		}
	}
	return found
}

func (s *Server) mentioned(sign, id string) []string {
	switch sign {
	case "@":
		return []string{id}
	case "!":
		if id != "here" && id != "channel" && id != "everyone" {
			return nil
		}
		return slices.DeleteFunc(slices.Clone(s.order), func(id string) bool { return id == s.botUserID })
	}
	if g := s.group(id); g != nil {
		return g.members
	}
	return nil
}

func (s *Server) updateMessage(a args) answer {
	m, code := s.own(a, "cant_update_message")
	if code != "" {
		return fail(code)
	}
	c, refusal, good := s.content(a)
	switch {
	case !good:
		return refusal
	case c.empty():
		return fail("no_text")
	case len(escape(unescape(c.text))) > maxUpdateText:
		return fail("msg_too_long")
	case s.editWindow >= 0 && s.now().Sub(m.PostedAt) >= s.editWindow:
		return fail("edit_window_closed")
	case mismatch(m, c):
		return fail("block_mismatch")
	}
	s.rewrite(m, c)
	return success(object{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": s.json(m)})
}

// mismatch is Slack's rule that rich text is not replaced by blocks without it.
func mismatch(m *Message, c content) bool {
	var old []any
	for _, b := range fromRaw(m.Blocks) {
		old = append(old, b)
	}
	return c.hasBlocks && hasRichText(old) && !hasRichText(c.blocks)
}

// rewrite changes a message. Blocks that are not in the call stay as they are:
// docs.slack.dev/reference/methods/chat.update.
func (s *Server) rewrite(m *Message, c content) {
	blocks := m.Blocks
	if c.hasBlocks {
		blocks = raws(c.blocks)
	}
	m.revise(s.now(), c.text, blocks)
	m.Edited = true
	if c.metadata != nil {
		m.Metadata = c.metadata
	}
	s.seen(MessageUpdated, m)
}

func (s *Server) deleteMessage(a args) answer {
	m, code := s.own(a, "cant_delete_message")
	if code != "" {
		return fail(code)
	}
	s.remove(m)
	return success(object{"channel": m.Channel, "ts": m.TS})
}

func (s *Server) remove(m *Message) {
	m.revise(s.now(), "", nil)
	m.Metadata, m.Deleted = nil, true
	s.seen(MessageDeleted, m)
}

// own finds the message that a call names, if it is the bot's.
func (s *Server) own(a args, otherwise string) (*Message, string) {
	c, code := s.editable(a.Get("channel"))
	if code != "" {
		return nil, code
	}
	m := c.find(a.Get("ts"))
	if m == nil {
		return nil, "message_not_found"
	}
	if m.User != s.botUserID {
		return nil, otherwise
	}
	return m, ""
}

func (s *Server) postEphemeral(a args) answer {
	to, code := s.writable(a.Get("channel"))
	if code != "" {
		return fail(code)
	}
	if _, known := s.users[a.Get("user")]; !known {
		return fail("user_not_found")
	}
	if to.user != "" && to.user != a.Get("user") {
		return fail("user_not_in_channel")
	}
	c, refusal, good := s.content(a)
	if !good {
		return refusal
	}
	if c.empty() {
		return fail("no_text")
	}
	m := s.whisper(to.ID, a.Get("user"), c)
	return success(object{"message_ts": m.TS})
}

// whisper shows a message to one person only.
func (s *Server) whisper(channel, user string, c content) *Message {
	s.cut(&c)
	m := &Message{
		Channel: channel, TS: s.timestamp(), Text: c.text, Blocks: raws(c.blocks), User: s.botUserID,
		Ephemeral: true, To: user, PostedAt: s.now(),
	}
	s.ephemerals = append(s.ephemerals, m)
	s.seen(EphemeralShown, m)
	return m
}

// Say posts a message of a person's own, which the bot can't change. It is not notified of it.
func (s *Server) Say(userID, channelID, text string) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[channelID] == nil {
		s.channels[channelID] = &channel{Channel: Channel{ID: channelID, Name: strings.ToLower(channelID)}}
	}
	return s.post(s.channels[channelID], userID, content{text: text}, "").copy()
}
