package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// View is a modal, or a Home tab, as it is now.
type View struct {
	ID, CallbackID, PrivateMetadata, ExternalID string
	Title, Submit, Close                        string // empty: there is no such text
	Blocks                                      []json.RawMessage
	Body                                        json.RawMessage // all of it, as the app gave it
	Hash                                        string          // changes with every change of the view
	RootID, PreviousID                          string          // of the stack; PreviousID is empty at its root
	NotifyOnClose, ClearOnClose                 bool
	Typed                                       map[string]string // what was filled in already, by block id and action id with a space between
}

// Input is something to fill in.
type Input struct {
	BlockID, ActionID, Label, Hint, Placeholder, Type string
	Options                                           []Choice
	Initial                                           string // text, or the value of the option; several are separated by commas
	Optional, Multiline                               bool
	MinLength, MaxLength                              int // of plain_text_input
}

// Choice is an option of a menu, radio button or checkbox.
type Choice struct{ Text, Value, Description string }

// Plain returns everything that can be read in the view, a line for each piece.
func (v View) Plain() string {
	lines := slices.Concat([]string{v.Title}, readBlocks(fromRaw(v.Blocks)), []string{v.Submit, v.Close})
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
}

// Buttons returns the view's own buttons in their order; Submit and Close are not among them.
func (v View) Buttons() []Button { return buttons(v.Blocks) }

// Inputs returns what can be filled in, in its order: input blocks, and menus in sections and actions.
func (v View) Inputs() []Input {
	var found []Input
	for _, b := range fromRaw(v.Blocks) {
		for _, e := range elementsOf(b) {
			if stateful(str(e, "type")) {
				found = append(found, input(b, e))
			}
		}
	}
	return found
}

func input(b, e object) Input {
	optional, _ := b["optional"].(bool)
	multiline, _ := e["multiline"].(bool)
	in := Input{
		BlockID: str(b, "block_id"), ActionID: str(e, "action_id"), Type: str(e, "type"),
		Label: str(obj(b, "label"), "text"), Hint: str(obj(b, "hint"), "text"), Placeholder: str(obj(e, "placeholder"), "text"),
		Initial:  initialOf(e),
		Optional: optional || str(b, "type") != "input", Multiline: multiline,
		MinLength: number(e, "min_length", 0), MaxLength: number(e, "max_length", 3000),
	}
	for _, o := range optionsOf(e) {
		in.Options = append(in.Options, Choice{readTextObject(obj(o, "text")), str(o, "value"), readTextObject(obj(o, "description"))})
	}
	return in
}

// modal is a view that a person has open; their Home tab is one, too.
type modal struct {
	id, hash       string
	root, previous string
	user           string
	body           object            // as the app gave it, with ids for all blocks
	typed          map[string]string // by block id and action id with a space between
}

func (m *modal) view() View {
	text := func(key string) string { return str(obj(m.body, key), "text") }
	notify, _ := m.body["notify_on_close"].(bool)
	clearAll, _ := m.body["clear_on_close"].(bool)
	typed := map[string]string{}
	for key, value := range m.typed {
		typed[key] = value
	}
	return View{
		ID: m.id, CallbackID: str(m.body, "callback_id"), PrivateMetadata: str(m.body, "private_metadata"),
		ExternalID: str(m.body, "external_id"), Title: text("title"), Submit: text("submit"), Close: text("close"),
		Blocks: raws(list(m.body, "blocks")), Body: encode(m.body), Hash: m.hash, RootID: m.root, PreviousID: m.previous,
		NotifyOnClose: notify, ClearOnClose: clearAll, Typed: typed,
	}
}

// json is the view as answers and payloads hold it: docs.slack.dev/reference/interaction-payloads/view-interactions-payload.
func (s *Server) viewJSON(m *modal) object {
	o := object{
		"id": m.id, "team_id": s.user(m.user).TeamID, "type": "modal", "hash": m.hash,
		"root_view_id": m.root, "previous_view_id": nil, "app_id": s.appID, "bot_id": s.botID,
		"app_installed_team_id": s.teamID, "state": object{"values": m.values()},
		"private_metadata": "", "callback_id": "", "external_id": "",
		"clear_on_close": false, "notify_on_close": false, "close": nil, "submit": nil,
	}
	if m.previous != "" {
		o["previous_view_id"] = m.previous
	}
	for key, value := range m.body {
		o[key] = clone(value)
	}
	return o
}

// viewOf reads and checks the view of a call or of an acknowledgement.
func (s *Server) viewOf(kind, source string) (object, answer, bool) {
	if source == "" {
		return nil, missing("view"), false
	}
	v, err := decode([]byte(source))
	body, isObject := v.(object)
	if err != nil || !isObject {
		return nil, fail("invalid_arguments", "view should be an object [json-pointer:/view]"), false
	}
	if len(source) > maxViewBytes {
		return nil, fail("view_too_large"), false
	}
	if faults := checkView(kind, body); faults != nil {
		return nil, fail("invalid_arguments", faults...), false
	}
	body = clone(body)
	s.nameBlocks(list(body, "blocks"))
	return body, answer{}, true
}

// taken says whether another open view has the external id.
func (s *Server) taken(body object, except *modal) bool {
	id := str(body, "external_id")
	if id == "" {
		return false
	}
	m := s.modal(func(m *modal) bool { return str(m.body, "external_id") == id })
	return m != nil && m != except
}

func (s *Server) modal(pred func(*modal) bool) *modal {
	for _, user := range sortedKeys(s.modals) {
		for _, m := range s.modals[user] {
			if pred(m) {
				return m
			}
		}
	}
	return nil
}

func (s *Server) openView(a args) answer {
	body, refusal, good := s.viewOf(modalView, a.Get("view"))
	switch {
	case !good:
		return refusal
	case s.taken(body, nil):
		return fail("duplicate_external_id")
	}
	t, code := s.exchange(a.Get("trigger_id"))
	if code != "" {
		return fail(code)
	}
	s.modals[t.user] = nil
	return success(object{"view": s.viewJSON(s.push(t.user, body))})
}

func (s *Server) pushView(a args) answer {
	body, refusal, good := s.viewOf(modalView, a.Get("view"))
	switch {
	case !good:
		return refusal
	case s.taken(body, nil):
		return fail("duplicate_external_id")
	}
	t, code := s.exchange(a.Get("trigger_id"))
	switch {
	case code != "":
		return fail(code)
	case !t.modal || len(s.modals[t.user]) == 0:
		return fail("not_found")
	case len(s.modals[t.user]) >= maxViewStack:
		return fail("push_limit_reached")
	}
	return success(object{"view": s.viewJSON(s.push(t.user, body))})
}

// push puts a new view on top of a person's stack.
func (s *Server) push(user string, body object) *modal {
	m := &modal{id: fmt.Sprintf("V%07d", s.next()), user: user, body: body, typed: map[string]string{}}
	m.root = m.id
	if stack := s.modals[user]; len(stack) > 0 {
		m.root, m.previous = stack[0].id, stack[len(stack)-1].id
	}
	m.hash = s.newHash()
	s.modals[user] = append(s.modals[user], m)
	s.modalEvent(ModalOpened, s.botUserID, m)
	return m
}

func (s *Server) newHash() string { return fmt.Sprintf("%d.%08x", s.now().Unix(), s.next()) }

func (s *Server) modalEvent(kind EventKind, by string, m *modal) {
	v := m.view()
	s.event(Event{Kind: kind, User: by, SeenBy: m.user, Text: v.Plain(), View: &v})
}

func (s *Server) updateView(a args) answer {
	if a.Get("view_id") == "" && a.Get("external_id") == "" {
		return missing("view_id")
	}
	body, refusal, good := s.viewOf(modalView, a.Get("view"))
	if !good {
		return refusal
	}
	m := s.modal(func(m *modal) bool {
		return m.id == a.Get("view_id") || a.Get("view_id") == "" && str(m.body, "external_id") == a.Get("external_id")
	})
	switch {
	case m == nil:
		return fail("not_found")
	case a.Get("hash") != "" && a.Get("hash") != m.hash:
		return fail("hash_conflict")
	case s.taken(body, m):
		return fail("duplicate_external_id")
	}
	s.replace(m, body)
	return success(object{"view": s.viewJSON(m)})
}

// replace changes a view. What was typed into blocks that keep their ids stays:
// docs.slack.dev/surfaces/modals.
func (s *Server) replace(m *modal, body object) {
	m.body, m.hash = body, s.newHash()
	s.modalEvent(ModalUpdated, s.botUserID, m)
}

// closeModal takes a view, and all on top of it, off its stack.
func (s *Server) closeModal(m *modal) {
	stack := s.modals[m.user]
	if i := slices.Index(stack, m); i >= 0 {
		s.modals[m.user] = stack[:i:i]
	}
	s.change()
}
