package slacktest

import (
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Call is a call of a Web API method, or of a response URL under the name [ResponseURL].
type Call struct {
	Method string
	Params url.Values // all arguments but the token; those that are not strings as JSON
	Token  string     // "bot", "app", "unknown" or "none"
	At     time.Time
	Answer string        // "ok", Slack's error, "http 503", "dropped"; empty while the call is under way
	Took   time.Duration // from its arguments to its answer
}

// ResponseURL is the Method of calls of response URLs.
const ResponseURL = "response_url"

// The phases of a call at which [Server.OnCall] is told.
const (
	Before = "before" // the arguments are known, nothing has been done
	After  = "after"  // all has been done, the caller does not know yet
)

// Calls returns the calls of a method so far, refused ones too, in the order in which they came.
func (s *Server) Calls(method string) []Call {
	return slices.DeleteFunc(s.AllCalls(), func(c Call) bool { return c.Method != method })
}

// AllCalls returns all calls so far, in the order in which they came.
func (s *Server) AllCalls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Call, len(s.calls))
	for i, c := range s.calls {
		all[i] = c.copy()
	}
	return all
}

func (c *Call) copy() Call {
	copied := *c
	copied.Params = maps.Clone(c.Params)
	return copied
}

// OnCall calls f at each phase of each call, on the goroutine that serves it: until f returns there is neither
// an effect ([Before]) nor an answer ([After]). A test can end the bot's process there. The function that it
// returns takes f away again.
func (s *Server) OnCall(f func(c Call, phase string)) (cancel func()) {
	return subscribe(s, s.onCall, f)
}

// subscribe adds f to those that are told.
func subscribe[F any](s *Server, told map[int]F, f F) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next()
	told[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(told, id)
	}
}

func (s *Server) tell(c *Call, phase string) {
	s.mu.Lock()
	told := c.copy()
	var all []func(Call, string)
	for _, id := range sortedKeys(s.onCall) {
		all = append(all, s.onCall[id])
	}
	s.mu.Unlock()
	for _, f := range all {
		f(told, phase)
	}
}

// Revoke makes a token, "bot" or "app", be refused with an error such as token_revoked, account_inactive or
// invalid_auth from now on. The empty error makes it valid again.
func (s *Server) Revoke(token, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[token] = code
}

// SetScopes sets the scopes of the bot token. Default: commands, chat:write, im:write, users:read and
// usergroups:read.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = slices.Clone(scopes)
}

func leastScopes() []string {
	return []string{"commands", "chat:write", "im:write", "users:read", "usergroups:read"}
}

// method is one of the Web API's methods.
type method struct {
	token  string   // kind of token that it takes
	scopes []string // any one of them is needed; none: no scope is
	form   bool     // takes no JSON
	run    func(*Server, args) answer
}

func methodOf(name string) (method, bool) {
	chat := []string{"chat:write"}
	groups := []string{"usergroups:read"}
	read := []string{"channels:read", "groups:read", "mpim:read", "im:read"}
	m, ok := map[string]method{
		"apps.connections.open":       {token: "app", run: (*Server).openConnection},
		"auth.test":                   {token: "bot", run: (*Server).authTest},
		"blocks.validate":             {token: "bot", run: (*Server).validateBlocks},
		"bots.info":                   {token: "bot", scopes: []string{"users:read"}, form: true, run: (*Server).botInfo},
		"chat.delete":                 {token: "bot", scopes: chat, run: (*Server).deleteMessage},
		"chat.scheduleMessage":        {token: "bot", scopes: chat, run: (*Server).scheduleMessage},
		"chat.deleteScheduledMessage": {token: "bot", scopes: chat, run: (*Server).deleteScheduledMessage},
		"chat.postEphemeral":          {token: "bot", scopes: chat, run: (*Server).postEphemeral},
		"chat.postMessage":            {token: "bot", scopes: chat, run: (*Server).postMessage},
		"chat.update":                 {token: "bot", scopes: chat, run: (*Server).updateMessage},
		"conversations.info":          {token: "bot", scopes: read, form: true, run: (*Server).conversationInfo},
		"conversations.members":       {token: "bot", scopes: read, form: true, run: (*Server).conversationMembers},
		"conversations.open":          {token: "bot", scopes: []string{"im:write", "mpim:write"}, run: (*Server).openConversation},
		"usergroups.list":             {token: "bot", scopes: groups, form: true, run: (*Server).listUserGroups},
		"usergroups.users.list":       {token: "bot", scopes: groups, form: true, run: (*Server).listUserGroupUsers},
		"users.info":                  {token: "bot", scopes: []string{"users:read"}, form: true, run: (*Server).userInfo},
		"users.list":                  {token: "bot", scopes: []string{"users:read"}, form: true, run: (*Server).listUsers},
		"views.open":                  {token: "bot", run: (*Server).openView},
		"views.publish":               {token: "bot", run: (*Server).publishView},
		"views.push":                  {token: "bot", run: (*Server).pushView},
		"views.update":                {token: "bot", run: (*Server).updateView},
	}[name]
	return m, ok
}

// args are the arguments of a call.
type args struct {
	url.Values
	method string
	base   string // address under which the caller knows the server, for what is handed out to it
}

func (a args) has(name string) bool {
	_, ok := a.Values[name]
	return ok
}

// flag reads a boolean in any of the spellings that Slack takes.
func (a args) flag(name string) bool {
	value := a.Get(name)
	return value == "1" || value == "true"
}

// answer is what is sent back.
type answer struct {
	body    object
	status  int // 0: 200
	after   time.Duration
	raw     []byte // instead of body
	text    bool   // raw is not JSON
	drop    bool   // break the connection instead
	failing []string
}

func success(body object) answer {
	if body == nil {
		body = object{}
	}
	body["ok"] = true
	return answer{body: body}
}

// fail refuses with one of Slack's error codes. messages say more and appear as response_metadata.messages, as
// docs.slack.dev/apis/web-api describes.
func fail(code string, messages ...string) answer {
	body := object{"ok": false, "error": code}
	if len(messages) > 0 {
		lines := make([]string, len(messages))
		for i, m := range messages {
			lines[i] = "[ERROR] " + m
		}
		body["errors"] = messages
		body["response_metadata"] = object{"messages": lines}
	}
	return answer{body: body, failing: messages}
}

func missing(field string) answer {
	return fail("invalid_arguments", "missing required field: "+field)
}

// code is the outcome in one word, as [Call.Answer] has it.
func (a answer) code() string {
	switch {
	case a.drop:
		return "dropped"
	case a.status != 0 && a.body == nil:
		return "http " + strconv.Itoa(a.status)
	case a.body == nil:
		return "ok"
	}
	if accepted, _ := a.body["ok"].(bool); accepted {
		return "ok"
	}
	return str(a.body, "error")
}

// ownFault are the errors that come from what a call holds, whatever the workspace is like: a correct bot never
// meets them.
var ownFault = map[string]bool{
	"block_mismatch": true, "invalid_arguments": true, "invalid_attachments": true, "invalid_blocks": true,
	"invalid_blocks_format": true, "invalid_view": true, "invalid_form_data": true, "invalid_json": true, "invalid_post_type": true,
	"json_not_object": true, "msg_blocks_too_long": true, "msg_too_long": true, "no_text": true,
	"push_limit_reached": true, "unknown_method": true, "used_url": true, "view_too_large": true,
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request, name string) {
	params, token, warning, refusal := readArgs(w, r, name)
	c := s.record(name, params, token)
	run := func() answer {
		if refusal != "" {
			return fail(refusal)
		}
		return s.perform(name, args{params, name, baseOf(r)}, token)
	}
	a := s.serve(c, run)
	if warning != "" && a.body != nil {
		warn(a.body, warning)
	}
	s.scopeHeaders(w.Header(), name, token)
	a.write(w)
}

// serve runs a call with its hooks and faults, and notes how it ended.
func (s *Server) serve(c *Call, run func() answer) answer {
	start := time.Now()
	s.tell(c, Before)
	a, injected := s.withFault(c, run)
	s.mu.Lock()
	c.Answer, c.Took = a.code(), time.Since(start)
	if !injected && ownFault[c.Answer] {
		s.violate("%s: %s", c.Method, strings.Join(append([]string{c.Answer}, a.failing...), ": "))
	}
	s.change()
	s.mu.Unlock()
	s.tell(c, After)
	return a
}

func (s *Server) record(name string, params url.Values, token string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Call{Method: name, Params: params, Token: s.kindOf(token), At: s.now()}
	s.calls = append(s.calls, c)
	s.change()
	return c
}

func (s *Server) kindOf(token string) string {
	switch token {
	case "":
		return "none"
	case s.botToken:
		return "bot"
	case s.appToken:
		return "app"
	}
	return "unknown"
}

// perform does what a call asks for, if it may.
func (s *Server) perform(name string, a args, token string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known := methodOf(name)
	if !known {
		return fail("unknown_method")
	}
	if code := s.refuseToken(m, s.kindOf(token)); code != "" {
		return fail(code)
	}
	if len(m.scopes) > 0 && !slices.ContainsFunc(m.scopes, func(scope string) bool { return slices.Contains(s.scopes, scope) }) {
		return answer{body: object{
			"ok": false, "error": "missing_scope",
			"needed": strings.Join(m.scopes, ","), "provided": strings.Join(s.scopes, ","),
		}}
	}
	if wait := s.take(name); wait > 0 {
		return s.limit(name, wait)
	}
	return m.run(s, a)
}

func (s *Server) refuseToken(m method, kind string) string {
	switch {
	case kind == "none":
		return "not_authed"
	case kind == "unknown":
		return "invalid_auth"
	case s.revoked[kind] != "":
		return s.revoked[kind]
	case kind != m.token:
		return "not_allowed_token_type"
	}
	return ""
}

// scopeHeaders says which scopes the token has and the method asks for: docs.slack.dev/authentication.
func (s *Server) scopeHeaders(h http.Header, name, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.kindOf(token) {
	case "bot":
		h.Set("X-OAuth-Scopes", strings.Join(s.scopes, ","))
	case "app":
		h.Set("X-OAuth-Scopes", "connections:write")
	default:
		return
	}
	if m, known := methodOf(name); known && len(m.scopes) > 0 {
		h.Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
	}
}

func (a answer) write(w http.ResponseWriter) {
	if a.drop {
		panic(http.ErrAbortHandler) // the documented way to break a connection off without an answer
	}
	if a.after > 0 {
		seconds := int((a.after + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	body := a.raw
	contentType := "application/json; charset=utf-8"
	if body == nil {
		body = encode(a.body)
	} else if a.text {
		contentType = "text/html"
	}
	w.Header().Set("Content-Type", contentType)
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(body)
}

func warn(body object, warning string) {
	body["warning"] = warning
	metadata := obj(body, "response_metadata")
	if metadata == nil {
		metadata = object{}
		body["response_metadata"] = metadata
	}
	metadata["warnings"] = []string{warning}
}

func baseOf(r *http.Request) string {
	scheme := "ws://"
	if r.TLS != nil {
		scheme = "wss://"
	}
	return scheme + r.Host
}

// bodyLimit is more than any call that Slack accepts.
const bodyLimit = 4 << 20

// readArgs reads the arguments and the token of a call. A token in the query is not looked at: apps made since
// February 2021 may not send it there. JSON needs the token in the Authorization header.
func readArgs(w http.ResponseWriter, r *http.Request, name string) (params url.Values, token, warning, refusal string) {
	header, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if bearer {
		token = strings.TrimSpace(header)
	}
	params = r.URL.Query()
	params.Del("token")
	if r.Method != http.MethodPost {
		return params, token, "", ""
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	kind, options, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded", "multipart/form-data":
		refusal = readForm(r, params)
		if !bearer {
			token = params.Get("token")
		}
		params.Del("token")
	case "application/json":
		if options["charset"] == "" {
			warning = "missing_charset"
		}
		if m, _ := methodOf(name); !m.form {
			refusal = readJSON(r, params)
		}
	case "":
	default:
		refusal = "invalid_post_type"
	}
	return params, token, warning, refusal
}

func readForm(r *http.Request, params url.Values) (refusal string) {
	if err := r.ParseMultipartForm(bodyLimit); err != nil && r.PostForm == nil {
		return "invalid_form_data"
	}
	maps.Copy(params, r.PostForm)
	return ""
}

func readJSON(r *http.Request, params url.Values) (refusal string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "invalid_json"
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return ""
	}
	v, err := decode(body)
	if err != nil {
		return "invalid_json"
	}
	members, isObject := v.(object)
	if !isObject {
		return "json_not_object"
	}
	for key, value := range members {
		params.Set(key, argument(value))
	}
	return ""
}

// argument is a JSON value as the form-encoded call would hold it.
func argument(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return string(encode(v))
}

func (s *Server) authTest(args) answer {
	return success(object{
		"url": "https://" + s.teamDomain + ".slack.com/", "team": s.teamDomain, "team_id": s.teamID,
		"user": s.users[s.botUserID].Name, "user_id": s.botUserID, "bot_id": s.botID,
		"is_enterprise_install": false,
	})
}

func (s *Server) botInfo(a args) answer {
	if a.Get("bot") != s.botID {
		return fail("bot_not_found")
	}
	return success(object{"bot": object{
		"id": s.botID, "app_id": s.appID, "user_id": s.botUserID, "name": s.users[s.botUserID].Name, "deleted": false,
	}})
}

// validateBlocks looks at blocks or a view: docs.slack.dev/reference/methods/blocks.validate.
func (s *Server) validateBlocks(a args) answer {
	kind := "blocks"
	if a.has("view") {
		kind = "view"
	}
	v, err := decode([]byte(a.Get(kind)))
	if err != nil || a.has("blocks") && a.has("view") {
		return fail("invalid_arguments", "provide one of blocks and view, as JSON")
	}
	_, faults := s.checkBlocks(v)
	if o, _ := v.(object); kind == "view" && str(o, "type") == homeView {
		faults = checkView(homeView, v)
	} else if kind == "view" {
		faults = checkView(modalView, v)
	}
	if len(faults) == 0 {
		return success(nil)
	}
	bad := fail("invalid_"+kind, faults...)
	var errors []object
	for _, f := range faults {
		message, pointer, _ := strings.Cut(strings.TrimSuffix(f, "]"), " [json-pointer:")
		errors = append(errors, object{"pointer": strings.TrimPrefix(pointer, "/"+kind), "code": "failed_constraint", "message": message})
	}
	bad.body["errors"] = errors
	return bad
}
