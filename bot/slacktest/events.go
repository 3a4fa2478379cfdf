package slacktest

import "time"

// EventKind is the kind of thing that happened in the workspace.
type EventKind string

// The kinds of events. Those of the second group are things that people do.
const (
	MessagePosted  EventKind = "message posted"
	MessageUpdated EventKind = "message updated"
	MessageDeleted EventKind = "message deleted"
	EphemeralShown EventKind = "ephemeral"
	ModalOpened    EventKind = "modal opened"
	ModalUpdated   EventKind = "modal updated"
	ModalErrors    EventKind = "modal errors" // a form came back with errors at its fields
	HomePublished  EventKind = "home published"
	ErrorShown     EventKind = "error" // what a person did had no effect: no, or no usable, acknowledgement

	CommandTyped   EventKind = "command"
	ButtonPressed  EventKind = "press"
	ModalSubmitted EventKind = "modal submitted"
	ModalClosed    EventKind = "modal closed"
	HomeOpened     EventKind = "home opened"
	ShortcutUsed   EventKind = "shortcut"
)

// Event is something that somebody sees.
type Event struct {
	Kind    EventKind
	At      time.Time
	User    string   // who did it; the bot's user id for what the app did
	SeenBy  string   // the one person who sees it; empty: all in Channel
	Channel string   // empty for modals
	Text    string   // what is seen: a command as typed, a button's text, everything readable in a message or modal
	Message *Message // of message and ephemeral events: as it is now
	View    *View    // of modals and Home tabs: as it is now
}

// OnEvent calls f for each event from now on, one after the other and in order, on a goroutine of the server's.
// f may call the server's methods, but not Close. The function that it returns ends the subscription.
func (s *Server) OnEvent(f func(Event)) (cancel func()) { return subscribe(s, s.onEvent, f) }

// Transcript returns all events so far, in order.
func (s *Server) Transcript() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

func (s *Server) event(e Event) {
	e.At = s.now()
	s.events = append(s.events, e)
	s.change()
}

// dispatch hands events to subscribers until the server is closed and none is left.
func (s *Server) dispatch() {
	for {
		e, subscribers, changed, ok := s.nextEvent()
		if ok {
			for _, f := range subscribers {
				f(e)
			}
			continue
		}
		select {
		case <-changed:
		case <-s.done:
			return
		}
	}
}

func (s *Server) nextEvent() (e Event, subscribers []func(Event), changed chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delivered == len(s.events) {
		return Event{}, nil, s.changed, false
	}
	e = s.events[s.delivered]
	s.delivered++
	for _, id := range sortedKeys(s.onEvent) {
		subscribers = append(subscribers, s.onEvent[id])
	}
	return e, subscribers, nil, true
}
