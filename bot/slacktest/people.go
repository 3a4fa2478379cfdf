package slacktest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What people can't do.
var (
	// ErrUnknownCommand is Slack's answer to a command that no app has.
	ErrUnknownCommand = errors.New("not a valid command")
	// ErrNoButton says that there is no such button, and which there are.
	ErrNoButton = errors.New("no button")
	// ErrNoModal says that the modal is not open any more.
	ErrNoModal = errors.New("the modal is not open")
	// ErrNoInput says that a modal has no such input, and which it has.
	ErrNoInput = errors.New("no input")
	// ErrInput is what Slack itself says of a form, before the app learns of it: something required is missing,
	// too long, or no option.
	ErrInput = errors.New("please complete the form")
)

// Person is somebody in the workspace, as seen from their chair.
type Person struct {
	ID      string
	s       *Server
	channel string
}

// Reply is how the app took something that a person did.
type Reply struct {
	Acked      bool          // an acknowledgement came in time
	Err        error         // what the person sees as an error: [ErrNoAck], [ErrBadAnswer]; nil if all went well
	Took       time.Duration // until the acknowledgement
	EnvelopeID string
	Text       string // of the answer in the acknowledgement, as it was sent
	Blocks     []json.RawMessage
	Ephemeral  bool            // the answer was shown to this person alone
	Payload    json.RawMessage // of the acknowledgement
}

// Plain returns everything that can be read in the answer, a line for each piece.
func (r Reply) Plain() string { return joinLines(r.Text, r.Blocks) }

// Action is what a person does to an element; the zero Type is button.
type Action struct {
	Type, ActionID, BlockID, Value, Text, Style string
}

// Person returns a person. Someone whom nobody added can act all the same; Slack's methods don't know them then.
func (s *Server) Person(userID string) *Person { return &Person{ID: userID, s: s} }

// In returns the same person with the channel open in which commands are to be typed. Default: the direct
// conversation with the bot.
func (p *Person) In(channel string) *Person { return &Person{ID: p.ID, s: p.s, channel: channel} }

// SetCommands tells which commands are the app's; others have no effect but [ErrUnknownCommand]. Without it,
// every command is.
func (s *Server) SetCommands(commands ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = map[string]bool{}
	for _, c := range commands {
		s.commands[c] = true
	}
}

// Command types a slash command and waits for its acknowledgement or the deadline.
func (p *Person) Command(ctx context.Context, command, text string) Reply {
	payload, channel, known := p.command(command, text)
	if !known {
		return Reply{Err: fmt.Errorf("%w: %s", ErrUnknownCommand, command)}
	}
	r := reply(p.s.deliver(ctx, "slash_commands", command, true, payload))
	p.show(&r, channel, str(payload, "response_url"))
	return r
}

// command is the payload of docs.slack.dev/interactivity/implementing-slash-commands.
func (p *Person) command(command, text string) (payload object, channelID string, known bool) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.direct(p.ID)
	if p.channel != "" {
		in = s.channels[p.channel]
		if in == nil {
			in = &channel{Channel: Channel{ID: p.channel, Name: strings.ToLower(p.channel)}}
		}
	}
	s.event(Event{Kind: CommandTyped, User: p.ID, SeenBy: p.ID, Channel: in.ID, Text: strings.TrimSpace(command + " " + text)})
	if s.commands != nil && !s.commands[command] {
		return nil, in.ID, false
	}
	u := s.user(p.ID)
	return object{
		"token": verificationToken, "team_id": u.TeamID, "team_domain": s.domainOf(u.TeamID),
		"channel_id": in.ID, "channel_name": in.Name, "user_id": p.ID, "user_name": u.Name,
		"command": command, "text": strings.TrimSpace(text), "api_app_id": s.appID, "is_enterprise_install": "false",
		"response_url": s.newResponseURL("commands", p.ID, in.ID, nil), "trigger_id": s.newTrigger(p.ID, false),
	}, in.ID, true
}

// verificationToken is in every payload; apps ignore it in Socket Mode.
const verificationToken = "verification-token"

// domainOf names a team. Only the home team's name is known.
func (s *Server) domainOf(team string) string {
	if team == s.teamID {
		return s.teamDomain
	}
	return strings.ToLower(team)
}

// show puts the answer in an acknowledgement before the person.
func (p *Person) show(r *Reply, channel, responseURL string) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Err == nil && r.Payload != nil {
		r.Err = s.showPayload(r, p.ID, channel, responseURL)
	}
	s.showError(p.ID, channel, r.Err)
}

func (s *Server) showError(user, channel string, err error) {
	if err != nil {
		s.event(Event{Kind: ErrorShown, User: s.botUserID, SeenBy: user, Channel: channel, Text: err.Error()})
	}
}

func (s *Server) showPayload(r *Reply, user, channel, responseURL string) error {
	a, readable := payloadArgs(r.Payload)
	if !readable {
		return s.badAnswer("not an object")
	}
	c, refusal, good := s.content(a)
	if !good {
		return s.badAnswer(strings.Join(append([]string{refusal.code()}, refusal.failing...), ": "))
	}
	if c.empty() {
		return nil
	}
	r.Text, r.Blocks = c.text, raws(c.blocks)
	if to := s.channels[channel]; a.Get("response_type") == "in_channel" && to != nil {
		s.post(to, s.botUserID, c, "")
		return nil
	}
	r.Ephemeral = true
	m := s.whisper(channel, user, c)
	if u := s.responseURLs[strings.TrimPrefix(responseURL, s.URL())]; u != nil {
		u.message = m
	}
	return nil
}

func (s *Server) badAnswer(why string) error {
	s.violate("payload of an acknowledgement: %s", why)
	return fmt.Errorf("%w: %s", ErrBadAnswer, why)
}

// DirectMessages returns the conversation with the bot, deleted messages too.
func (p *Person) DirectMessages() []Message { return p.s.Messages(directID(p.ID)) }

// Ephemerals returns what only this person was shown: answers to commands, posts to response URLs and
// chat.postEphemeral, deleted ones too.
func (p *Person) Ephemerals() []Message {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return copies(slices.DeleteFunc(slices.Clone(p.s.ephemerals), func(m *Message) bool { return m.To != p.ID }))
}

// Notifications returns what the person's devices showed of new messages, in their order.
func (p *Person) Notifications() []Notification {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.s.notifications[p.ID])
}

// Press presses the button with exactly this text in the message as it is now, and waits for the
// acknowledgement or the deadline. A dialog that asks first is confirmed.
func (p *Person) Press(ctx context.Context, m Message, text string) (Reply, error) {
	now := p.s.latest(m)
	b, err := choose(now.Buttons(), text)
	if err != nil {
		return Reply{}, err
	}
	return p.PressAction(ctx, now, Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style}), nil
}

func choose(all []Button, text string) (Button, error) {
	var names []string
	for _, b := range all {
		if b.Text == text {
			return b, nil
		}
		names = append(names, b.Text)
	}
	return Button{}, fmt.Errorf("%w %q among %q", ErrNoButton, text, names)
}

// latest returns the message as it is now, or as given when there is none such.
func (s *Server) latest(m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if live := s.live(m); live != nil {
		return live.copy()
	}
	return m
}

func (s *Server) live(m Message) *Message {
	messages := s.ephemerals
	if c := s.channels[m.Channel]; c != nil && !m.Ephemeral {
		messages = c.messages
	}
	for _, other := range messages {
		if other.Channel == m.Channel && other.TS == m.TS {
			return other
		}
	}
	return nil
}

// PressAction sends any action at all on a message, such as one of a button that is not there any more or that
// was forged. The message is described as given.
func (p *Person) PressAction(ctx context.Context, m Message, a Action) Reply {
	r := reply(p.s.deliver(ctx, "interactive", "the press of "+cmp.Or(a.Text, a.ActionID), false, p.press(m, a)))
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.showError(p.ID, m.Channel, r.Err)
	return r
}

// press is the payload of docs.slack.dev/reference/interaction-payloads/block_actions-payload.
func (p *Person) press(m Message, a Action) object {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.event(Event{Kind: ButtonPressed, User: p.ID, SeenBy: p.ID, Channel: m.Channel, Text: cmp.Or(a.Text, a.ActionID), Message: &m})
	o := s.interaction("block_actions", p.ID)
	o["container"] = object{
		"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": m.Ephemeral,
	}
	name := "unknown"
	if c := s.channels[m.Channel]; c != nil {
		name = c.Name
	}
	o["channel"] = object{"id": m.Channel, "name": name}
	if !m.Ephemeral {
		o["message"] = s.json(&m) // ephemeral messages are not described
	}
	o["state"] = object{"values": object{}}
	o["response_url"] = s.newResponseURL("actions", p.ID, m.Channel, s.live(m))
	o["trigger_id"] = s.newTrigger(p.ID, false)
	o["actions"] = []object{s.action(a)}
	return o
}

// interaction is what the payloads of all interactions have in common. In a channel that is shared with
// another organisation, team is the person's, as user.team_id is.
func (s *Server) interaction(kind, user string) object {
	u := s.user(user)
	return object{
		"type": kind, "api_app_id": s.appID, "token": verificationToken,
		"user":       object{"id": user, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"team":       object{"id": u.TeamID, "domain": s.domainOf(u.TeamID)},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

func (s *Server) action(a Action) object {
	o := object{
		"type": cmp.Or(a.Type, "button"), "action_id": a.ActionID, "block_id": a.BlockID, "action_ts": s.timestamp(),
		"text": object{"type": "plain_text", "text": a.Text, "emoji": true},
	}
	if a.Value != "" {
		o["value"] = a.Value
	}
	if a.Style != "" {
		o["style"] = a.Style
	}
	return o
}
