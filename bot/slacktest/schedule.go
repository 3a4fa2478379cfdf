package slacktest

import (
	"fmt"
	"strconv"
	"time"
)

// scheduledAhead is how far ahead a message can be scheduled, by
// https://docs.slack.dev/reference/methods/chat.scheduleMessage.
const scheduledAhead = 120 * 24 * time.Hour

// scheduleMessage takes a message for later. It is kept until it is taken back; the double's days are too short
// for it to be posted.
func (s *Server) scheduleMessage(a args) answer {
	to, code := s.writable(a.Get("channel"))
	if code != "" {
		return fail(code)
	}
	seconds, err := strconv.ParseInt(a.Get("post_at"), 10, 64)
	at := time.Unix(seconds, 0)
	switch {
	case err != nil:
		return fail("invalid_time")
	case !at.After(s.now()):
		return fail("time_in_past")
	case at.Sub(s.now()) > scheduledAhead:
		return fail("time_too_far")
	}
	c, refusal, good := s.content(a)
	if !good {
		return refusal
	}
	if c.empty() {
		return fail("no_text")
	}
	id := fmt.Sprintf("Q%010d", s.next())
	s.scheduled[id] = to.ID
	return success(object{"channel": to.ID, "scheduled_message_id": id, "post_at": seconds})
}

func (s *Server) deleteScheduledMessage(a args) answer {
	id := a.Get("scheduled_message_id")
	if channel, ok := s.scheduled[id]; !ok || channel != a.Get("channel") {
		return fail("invalid_scheduled_message_id")
	}
	delete(s.scheduled, id)
	return success(object{})
}

// Scheduled returns how many messages are waiting for their time.
func (s *Server) Scheduled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.scheduled)
}
