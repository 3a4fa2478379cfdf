package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// trigger lets a modal be opened for a person, once and soon after what they did:
// docs.slack.dev/interactivity/handling-user-interaction.
type trigger struct {
	user  string
	modal bool // it comes from a modal, onto which another can be pushed
	until time.Time
	used  bool
}

func (s *Server) newTrigger(user string, modal bool) string {
	id := fmt.Sprintf("%d.%d.%08x", 1_000_000+s.next(), 2_000_000, s.next())
	s.triggers[id] = &trigger{user: user, modal: modal, until: s.now().Add(triggerLife)}
	return id
}

// exchange uses up a trigger id, or says why it can't be used.
func (s *Server) exchange(id string) (*trigger, string) {
	t := s.triggers[id]
	switch {
	case t == nil:
		return nil, "invalid_trigger_id"
	case t.used:
		return nil, "exchanged_trigger_id"
	case s.now().After(t.until):
		return nil, "expired_trigger_id"
	}
	t.used = true
	return t, ""
}

// responseURL is an address for up to 5 answers within 30 minutes:
// docs.slack.dev/interactivity/handling-user-interaction.
type responseURL struct {
	user, channel string
	message       *Message // on which a button was pressed; nil for commands
	uses          int
	until         time.Time
}

func (s *Server) newResponseURL(kind, user, channel string, m *Message) string {
	path := fmt.Sprintf("/%s/%s/%d/%08x", kind, s.teamID, s.next(), s.next())
	s.responseURLs[path] = &responseURL{user: user, channel: channel, message: m, until: s.now().Add(responseURLLife)}
	return s.URL() + path
}

// serveResponseURL answers as hooks.slack.com does: ok in JSON, or an error with the status 404 or 400.
func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	params, refusal := readHook(w, r)
	c := s.record(ResponseURL, params, "")
	a := s.serve(c, func() answer {
		if refusal != "" {
			return answer{body: fail(refusal).body, status: http.StatusBadRequest}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.respond(r.URL.Path, args{params, ResponseURL, ""})
	})
	a.write(w)
}

func readHook(w http.ResponseWriter, r *http.Request) (params url.Values, refusal string) {
	params = url.Values{}
	if r.Method != http.MethodPost {
		return params, "invalid_post_type"
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		payload := r.PostFormValue("payload")
		r.Body = io.NopCloser(strings.NewReader(payload))
	}
	return params, readJSON(r, params)
}

func (s *Server) respond(path string, a args) answer {
	u := s.responseURLs[path]
	switch {
	case u == nil:
		return refuseHook(http.StatusNotFound, fail("no_active_hooks"))
	case s.now().After(u.until):
		return refuseHook(http.StatusNotFound, fail("expired_url"))
	case u.uses >= responseURLUses:
		return refuseHook(http.StatusNotFound, fail("used_url"))
	}
	c, refusal, good := s.content(a)
	if !good {
		return refuseHook(http.StatusBadRequest, refusal)
	}
	if c.empty() && !a.flag("delete_original") {
		return refuseHook(http.StatusBadRequest, fail("no_text"))
	}
	if a.flag("replace_original") && u.message != nil && mismatch(u.message, c) {
		return refuseHook(http.StatusBadRequest, fail("block_mismatch"))
	}
	u.uses++
	s.follow(u, a, c)
	return success(nil)
}

func refuseHook(status int, a answer) answer {
	a.status = status
	return a
}

// follow does what a post to a response URL asks for. Where there is no original to replace, it is shown as a
// new message.
func (s *Server) follow(u *responseURL, a args, c content) {
	original := u.message
	switch {
	case a.flag("delete_original"):
		if original != nil && !original.Deleted {
			s.remove(original)
		}
	case a.flag("replace_original") && original != nil && !original.Deleted:
		s.rewrite(original, c)
	case a.Get("response_type") == "in_channel" && s.channels[u.channel] != nil:
		s.post(s.channels[u.channel], s.botUserID, c, a.Get("thread_ts"))
	default:
		m := s.whisper(u.channel, u.user, c)
		if original == nil {
			u.message = m
		}
	}
}

// payloadArgs reads a message out of the payload of an acknowledgement.
func payloadArgs(payload json.RawMessage) (args, bool) {
	v, err := decode(payload)
	o, isObject := v.(object)
	if err != nil || !isObject {
		return args{}, false
	}
	a := args{Values: url.Values{}, method: "ack"}
	for key, value := range o {
		a.Set(key, argument(value))
	}
	return a, true
}
