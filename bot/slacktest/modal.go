package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// SubmitResult is how the app took a form.
type SubmitResult struct {
	Acked      bool          // an acknowledgement came in time
	Err        error         // what the person sees as an error; the form stays open then
	Took       time.Duration // until the acknowledgement
	EnvelopeID string
	Errors     map[string]string // by block id: errors at fields; the form stays open then
	Closed     bool              // the form is gone
	Updated    *View             // the form has become this
	Pushed     *View             // this has come on top of the form
	Payload    json.RawMessage   // of the acknowledgement
}

// Modal returns the modal that the person has before them.
func (p *Person) Modal() (View, bool) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	stack := p.s.modals[p.ID]
	if len(stack) == 0 {
		return View{}, false
	}
	return stack[len(stack)-1].view(), true
}

// WaitModal waits until the person has a modal before them that all of preds accept.
func (p *Person) WaitModal(ctx context.Context, preds ...func(View) bool) (found View, err error) {
	err = p.s.Wait(ctx, func() bool {
		v, open := p.Modal()
		for _, pred := range preds {
			open = open && pred(v)
		}
		found = v
		return open
	})
	return found, err
}

// Submit fills in the modal as it is now and sends it off. Values go by an input's label, block id or action
// id; a menu takes an option's value or text, one with several choices takes them separated by commas. What is
// not named keeps its initial value, or what was typed before. The error says what Slack itself does not let
// through ([ErrNoModal], [ErrNoInput], [ErrInput]); then the app learns of nothing.
func (p *Person) Submit(ctx context.Context, v View, values map[string]string) (SubmitResult, error) {
	m, payload, err := p.submission(v, values)
	if err != nil {
		return SubmitResult{}, err
	}
	r := p.s.deliver(ctx, "interactive", "the form "+v.Title, true, payload)
	result := SubmitResult{Acked: r.err == nil, Err: r.err, Took: r.took, EnvelopeID: r.id, Payload: r.payload}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if r.err == nil {
		p.s.react(m, &result)
	}
	p.s.showError(p.ID, "", result.Err)
	return result, nil
}

// submission is the payload of docs.slack.dev/reference/interaction-payloads/view-interactions-payload.
func (p *Person) submission(v View, values map[string]string) (*modal, object, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.opened(p.ID, v.ID)
	if m == nil {
		return nil, nil, ErrNoModal
	}
	if m.body["submit"] == nil {
		return nil, nil, fmt.Errorf("%w to submit the modal %q", ErrNoButton, v.Title)
	}
	if err := m.fill(values); err != nil {
		return nil, nil, err
	}
	s.modalEvent(ModalSubmitted, p.ID, m)
	o := s.interaction("view_submission", p.ID)
	o["trigger_id"] = s.newTrigger(p.ID, true)
	o["view"] = s.viewJSON(m)
	o["response_urls"] = []object{}
	return m, o, nil
}

func (s *Server) opened(user, id string) *modal {
	return s.modal(func(m *modal) bool { return m.id == id && m.user == user })
}

// react does what the acknowledgement of a form asks for: docs.slack.dev/surfaces/modals.
func (s *Server) react(m *modal, r *SubmitResult) {
	if r.Payload == nil {
		s.finish(m, r)
		return
	}
	v, err := decode(r.Payload)
	payload, isObject := v.(object)
	if err != nil || !isObject {
		r.Err = s.badAnswer("not an object")
		return
	}
	switch action := str(payload, "response_action"); action {
	case "clear":
		if stack := s.modals[m.user]; len(stack) > 0 {
			m = stack[0]
		}
		s.finish(m, r)
	case "errors":
		s.fieldErrors(m, payload, r)
	case "update", "push":
		s.showNext(m, action, payload, r)
	default:
		r.Err = s.badAnswer(fmt.Sprintf("unknown response_action %q", action))
	}
}

func (s *Server) finish(m *modal, r *SubmitResult) {
	r.Closed = true
	s.closeModal(m)
	s.modalEvent(ModalClosed, m.user, m)
}

// fieldErrors takes errors for input blocks of the form only: Slack shows a general error otherwise.
func (s *Server) fieldErrors(m *modal, payload object, r *SubmitResult) {
	given := obj(payload, "errors")
	if len(given) == 0 {
		r.Err = s.badAnswer("response_action errors without errors")
		return
	}
	known := map[string]bool{}
	for _, b := range objects(list(m.body, "blocks")) {
		known[str(b, "block_id")] = str(b, "type") == "input"
	}
	r.Errors = map[string]string{}
	for _, id := range sortedKeys(given) {
		words, isText := given[id].(string)
		if !known[id] || !isText || words == "" {
			r.Errors = nil
			r.Err = s.badAnswer(fmt.Sprintf("error at %q, which is no input block, or no text", id))
			return
		}
		r.Errors[id] = words
	}
	view := m.view()
	lines := make([]string, 0, len(r.Errors))
	for _, id := range sortedKeys(r.Errors) {
		lines = append(lines, r.Errors[id])
	}
	s.event(Event{Kind: ModalErrors, User: s.botUserID, SeenBy: m.user, Text: strings.Join(lines, "\n"), View: &view})
}

func (s *Server) showNext(m *modal, action string, payload object, r *SubmitResult) {
	source := ""
	if payload["view"] != nil {
		source = string(encode(payload["view"]))
	}
	body, refusal, good := s.viewOf(modalView, source)
	if !good {
		r.Err = s.badAnswer(strings.Join(append([]string{refusal.code()}, refusal.failing...), ": "))
		return
	}
	if action == "update" {
		s.replace(m, body)
		view := m.view()
		r.Updated = &view
		return
	}
	if len(s.modals[m.user]) >= maxViewStack {
		r.Err = s.badAnswer("push_limit_reached")
		return
	}
	view := s.push(m.user, body).view()
	r.Pushed = &view
}

// PressInModal presses the button with exactly this text in the modal as it is now.
func (p *Person) PressInModal(ctx context.Context, v View, text string) (Reply, error) {
	payload, err := p.pressInModal(v, text)
	if err != nil {
		return Reply{}, err
	}
	r := reply(p.s.deliver(ctx, "interactive", "the press of "+text, false, payload))
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.showError(p.ID, "", r.Err)
	return r, nil
}

func (p *Person) pressInModal(v View, text string) (object, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.opened(p.ID, v.ID)
	if m == nil {
		return nil, ErrNoModal
	}
	b, err := choose(m.view().Buttons(), text)
	if err != nil {
		return nil, err
	}
	view := m.view()
	s.event(Event{Kind: ButtonPressed, User: p.ID, SeenBy: p.ID, Text: text, View: &view})
	o := s.interaction("block_actions", p.ID)
	o["container"] = object{"type": "view", "view_id": m.id}
	o["view"] = s.viewJSON(m)
	o["trigger_id"] = s.newTrigger(p.ID, true)
	o["actions"] = []object{s.action(Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style})}
	return o, nil
}

// CloseModal closes the modal that the person has before them, with all below it if it says so. An app that
// asked to be told is told; otherwise the Reply is empty.
func (p *Person) CloseModal(ctx context.Context) (Reply, error) {
	payload, title, err := p.close()
	if err != nil || payload == nil {
		return Reply{}, err
	}
	return reply(p.s.deliver(ctx, "interactive", "the closing of "+title, false, payload)), nil
}

func (p *Person) close() (payload object, title string, err error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	stack := s.modals[p.ID]
	if len(stack) == 0 {
		return nil, "", ErrNoModal
	}
	top := stack[len(stack)-1]
	v := top.view()
	if v.NotifyOnClose {
		payload = s.interaction("view_closed", p.ID)
		payload["view"] = s.viewJSON(top)
		payload["is_cleared"] = v.ClearOnClose
	}
	if v.ClearOnClose {
		s.closeModal(stack[0])
	} else {
		s.closeModal(top)
	}
	s.modalEvent(ModalClosed, p.ID, top)
	return payload, v.Title, nil
}
