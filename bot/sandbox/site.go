package sandbox

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ehpcbot/bot/slacktest"
)

//go:embed static
var static embed.FS

const serverName = "ehpcbot-sandbox"

// site is what answers the browser.
type site struct {
	options Options
	token   string // of the page, which every change needs

	mu    sync.Mutex
	world *world
}

func newSite(o Options) (*site, error) {
	s := &site{options: o, token: rand.Text()}
	world, err := newWorld(o, "127.0.0.1:0")
	s.world = world
	return s, err
}

func (s *site) now() *world {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world
}

func (s *site) close() { s.now().close() }

// reset begins anew.
func (s *site) reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.close()
	world, err := newWorld(s.options, strings.TrimPrefix(s.world.slack.URL(), "http://"))
	if err == nil {
		s.world = world
	}
	return err
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /events", s.events)
	mux.Handle("GET /static/", http.FileServerFS(static))
	mux.HandleFunc("POST /do/{deed}", s.do)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Server", serverName)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		if !isOwn(r) {
			http.Error(w, "the sandbox answers its own page on this machine only", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isOwn keeps pages of others out, also those that have given a name of their own to this machine.
func isOwn(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	origin := r.Header.Get("Origin")
	return isLoopback(host) && (origin == "" || origin == "http://"+r.Host)
}

// viewer is who looks, and where: it is in the address of the page.
type viewer struct {
	lang        string
	as          person
	in          string // id of the conversation
	story, step int    // counted from 1; 0: none
}

// viewer reads the query of an address. What is not there, or not any more, is what one begins with.
func (s *site) viewer(q url.Values) viewer {
	v := viewer{lang: cmp.Or(q.Get("lang"), s.options.Locale), as: people()[0]}
	if v.lang != "zh" {
		v.lang = "en"
	}
	for _, p := range people() {
		if p.ID == q.Get("as") {
			v.as = p
		}
	}
	places := v.as.conversations()
	v.in = places[max(0, slices.Index(places, q.Get("in")))]
	v.story, _ = strconv.Atoi(q.Get("story"))
	v.step, _ = strconv.Atoi(q.Get("step"))
	if v.story < 1 || v.story > len(stories) || v.step < 1 || v.step > len(stories[v.story-1].steps) {
		v.story, v.step = 0, 0
	}
	return v
}

// address is that of the page for this viewer.
func (v viewer) address() string {
	q := url.Values{"lang": {v.lang}, "as": {v.as.ID}, "in": {v.in}}
	if v.story > 0 {
		q.Set("story", strconv.Itoa(v.story))
		q.Set("step", strconv.Itoa(v.step))
	}
	return "/?" + q.Encode()
}

// together is how long what happens together takes to happen: it is drawn once.
const together = 15 * time.Millisecond

// events sends the parts of the page, and those that have changed whenever something happens.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	world := s.now()
	v := s.viewer(r.URL.Query())
	sent := map[string]string{}
	// The database says by itself nothing when it changes.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	fmt.Fprintf(w, "retry: 500\nevent: hello\ndata: %s\n\n", s.token)
	for begun := false; ; begun = true {
		world.mu.Lock()
		changed := world.changed
		world.mu.Unlock()
		if !sendParts(w, world.parts(r.Context(), v), sent) {
			return
		}
		if !begun {
			fmt.Fprint(w, "event: whole\ndata: whole\n\n") // what the page has beside it is gone
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-changed:
			time.Sleep(together)
		case <-tick.C:
		case <-world.done:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// sendParts sends the parts that are not as they were sent before, and of those that are gone the names.
func sendParts(w http.ResponseWriter, parts []part, sent map[string]string) bool {
	for id := range sent {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.ID == id }) {
			delete(sent, id)
			parts = append(parts, part{ID: id})
		}
	}
	for _, p := range parts {
		if p.Mark != "" && sent[p.ID] == p.Mark {
			continue
		}
		if p.Mark != "" {
			sent[p.ID] = p.Mark
		}
		data, err := json.Marshal(p)
		if err != nil {
			return false
		}
		if _, err := fmt.Fprintf(w, "event: part\ndata: %s\n\n", data); err != nil {
			return false
		}
	}
	return true
}

// outcome is what came of what somebody did on the page.
type outcome struct {
	Error  string            `json:"error,omitempty"`
	Errors map[string]string `json:"errors,omitempty"` // at the fields of a form, by block id
	Watch  string            `json:"watch,omitempty"`  // what to look at now
}

func (s *site) do(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Sandbox-Token")), []byte(s.token)) != 1 {
		http.Error(w, "the page is of another sandbox: load it anew", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "read the form: "+err.Error(), http.StatusBadRequest)
		return
	}
	world := s.now()
	v := s.viewer(r.URL.Query())
	who := world.slack.Person(v.as.ID)
	var done outcome
	var err error
	switch r.PathValue("deed") {
	case "say":
		err = world.say(r.Context(), who, v, r.PostForm.Get("text"))
	case "press":
		err = world.press(r.Context(), who, v, r.PostForm)
	case "submit":
		done.Errors, err = world.submit(r.Context(), who, r.PostForm)
	case "shortcut":
		err = who.Shortcut(r.Context(), r.PostForm.Get("name")).Err
	case "close":
		_, err = who.CloseModal(r.Context())
	case "fault":
		done.Watch, err = s.fault(r.Context(), world, v, r.PostForm.Get("name"))
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		done.Error = v.explain(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(done) // who does not wait for the answer does not need it
}

// explain says what a person sees of an error.
func (v viewer) explain(err error) string {
	for _, known := range []struct {
		err  error
		says string
	}{
		{slacktest.ErrNotConnected, "The app did not respond: it has no connection to Slack."},
		{slacktest.ErrNoAck, "The app did not respond in time: Slack waits for 3 seconds."},
		{slacktest.ErrUnknownCommand, "This is not a valid command. Try /ehpc-adduser help"},
		{slacktest.ErrNoModal, "The form is not open any more."},
		{slacktest.ErrNoButton, "The button is not there any more."},
	} {
		if errors.Is(err, known.err) {
			return v.t(known.says)
		}
	}
	return err.Error()
}
