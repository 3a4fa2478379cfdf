package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ehpcbot/approval"
	"ehpcbot/approval/store"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// part is an element of the page that changes with the world.
type part struct {
	ID   string        `json:"id"`
	In   string        `json:"in,omitempty"`   // id of the list to which it belongs; empty: it has a place of its own
	Mark string        `json:"mark,omitempty"` // differs where HTML does; empty: the part is gone
	HTML template.HTML `json:"html"`
}

func newPart(in, id string, inside template.HTML) part {
	h := fnv.New64a()
	h.Write([]byte(inside))
	return part{ID: id, In: in, Mark: strconv.FormatUint(h.Sum64(), 36), HTML: inside}
}

// parts draws all of them for a viewer.
func (w *world) parts(ctx context.Context, v viewer) []part {
	messages := w.conversation(v.as, v.in)
	w.look(v.as, v.in, messages)
	l := w.read(ctx)
	w.mu.Lock()
	apiCalls, slackCalls, envelopes := w.apiCalls, w.slackCalls, w.envelopes
	w.mu.Unlock()
	all := []part{
		newPart("", "people", w.drawPeople(v)),
		newPart("", "bot", w.drawBot(v)),
		newPart("", "modal", w.drawModal(v)),
		newPart("", "accounts", w.drawAccounts(v)),
		newPart("", "requests", v.drawRequests(l.requests)),
		newPart("", "audit", v.drawEvents(l.events)),
		newPart("", "notifications", w.drawNotifications(v)),
		newPart("", "api-calls", v.drawAPICalls(apiCalls)),
		newPart("", "slack-calls", v.drawSlackCalls(slackCalls)),
		newPart("", "envelopes", v.drawEnvelopes(envelopes)),
		newPart("", "violations", table(v, []string{"What Slack does not take"}, w.slack.Violations(), func(s string) []template.HTML {
			return []template.HTML{text(s)}
		})),
		newPart("", "log", tag("pre", nil, text(w.log()))),
	}
	if v.in == homeOf(v.as.ID) {
		all = append(all, newPart("messages", "m-"+v.in, w.drawHome(v)))
	}
	for _, m := range messages {
		id := "m-" + m.Channel + "-" + m.TS
		all = append(all, newPart("messages", id, v.drawMessage(m)))
	}
	return all
}

// reader is the viewer as a reader of messages.
func (v viewer) reader() Reader {
	r := Reader{ID: v.as.ID, Lang: "en", Location: v.as.zone, Now: time.Now(), Names: nameOf}
	for _, p := range people() {
		r.People = append(r.People, p.ID)
	}
	if strings.HasPrefix(v.as.Locale, "zh") {
		r.Lang = "zh"
	}
	return r
}

func (v viewer) clock(at time.Time) template.HTML {
	at = at.In(v.as.zone)
	return tag("time", attrs{"datetime", at.Format(time.RFC3339), "title", at.Format("2006-01-02 15:04:05 MST")}, text(at.Format("15:04:05")))
}

func nameOf(id string) string {
	switch id {
	case general:
		return "#general"
	case approvals:
		return "#hpc-approvals"
	case training:
		return "Training"
	case research:
		return "Research"
	case tutors:
		return "tutors"
	case slacktest.BotUserID:
		return "ehpcbot"
	}
	for _, p := range people() {
		if p.ID == id {
			return p.RealName
		}
	}
	return id
}

func (v viewer) placeName(id string) string {
	switch {
	case strings.HasPrefix(id, "D"):
		return v.t("ehpcbot (direct message)")
	case strings.HasPrefix(id, "H"):
		return v.t("ehpcbot (Home tab)")
	}
	return nameOf(id)
}

func (w *world) drawPeople(v viewer) template.HTML {
	return tag("ul", nil, each(people(), func(p person) template.HTML {
		there := v
		there.as = p
		places := p.conversations()
		there.in = places[0]
		inside := tag("a", attrs{"href", there.address(), "aria-current", when(p.ID == v.as.ID, "true")},
			tag("b", nil, text(p.RealName)), tag("small", nil, text(v.t(p.role))), w.badge(v, p, places...))
		if p.ID == v.as.ID {
			inside += tag("ul", nil, each(places, func(id string) template.HTML {
				there.in = id
				return tag("li", nil, tag("a", attrs{"href", there.address(), "aria-current", when(id == v.in, "page")},
					text(v.placeName(id)), w.badge(v, p, id)))
			}))
		}
		return tag("li", nil, inside)
	}))
}

func (w *world) badge(v viewer, p person, places ...string) template.HTML {
	n := 0
	for _, id := range places {
		n += w.unread(p, id)
	}
	if n == 0 {
		return ""
	}
	return tag("span", attrs{"class", "badge", "title", v.t("unread messages")}, text(strconv.Itoa(n)))
}

func (w *world) drawBot(v viewer) template.HTML {
	w.mu.Lock()
	bot := w.bot
	w.mu.Unlock()
	open := w.slack.Connections()
	class, says := "good", fmt.Sprintf(v.t("The bot runs. Connections to Slack: %d."), open)
	switch {
	case bot != nil && !bot.runs():
		class, says = "bad", v.t("The bot does not run.")
	case open == 0:
		class, says = "bad", v.t("No bot is connected yet.")
	}
	return tag("span", attrs{"class", class}, text(says))
}

func (w *world) drawModal(v viewer) template.HTML {
	view, open := w.slack.Person(v.as.ID).Modal()
	if !open {
		return ""
	}
	form, err := v.reader().View(view.Body)
	if err != nil {
		form = text(err.Error())
	}
	return tag("div", attrs{"data-view", view.ID, "data-title", view.Title}, form)
}

// drawHome draws the Home tab as if it were a message, under the name of its conversation.
func (w *world) drawHome(v viewer) template.HTML {
	inside := tag("p", attrs{"class", "none"}, text(v.t("None yet.")))
	if home, published := w.slack.Person(v.as.ID).Home(); published {
		drawn, err := v.reader().View(home.Body)
		if err != nil {
			drawn = text(err.Error())
		}
		inside = drawn
	}
	return tag("div", attrs{"class", "said", "data-message", v.in}, inside)
}

func (v viewer) drawMessage(m slacktest.Message) template.HTML {
	said := v.reader().Mrkdwn(m.Text)
	if len(m.Blocks) > 0 {
		blocks, err := json.Marshal(m.Blocks)
		if err == nil {
			said = v.reader().Blocks(blocks)
		}
	}
	head := tag("b", nil, text(nameOf(m.User)))
	if m.User == slacktest.BotUserID {
		head += tag("span", attrs{"class", "app"}, text(v.t("APP")))
	}
	head += v.clock(m.PostedAt)
	if m.Edited {
		head += tag("small", nil, text(v.t("(edited)")))
	}
	if m.Ephemeral {
		head += tag("small", attrs{"class", "only"}, text(v.t("Only visible to you")))
	}
	return tag("p", attrs{"class", "who"}, head) + tag("div", attrs{"class", "said", "data-message", m.TS}, said)
}

// table draws rows of cells below a head of words, or says that there are none.
func table[T any](v viewer, head []string, all []T, cells func(T) []template.HTML) template.HTML {
	if len(all) == 0 {
		return tag("p", attrs{"class", "none"}, text(v.t("None yet.")))
	}
	return tag("div", attrs{"class", "table", "tabindex", "0"}, tag("table", nil,
		tag("thead", nil, tag("tr", nil, each(head, func(h string) template.HTML {
			return tag("th", attrs{"scope", "col"}, text(v.t(h)))
		}))),
		tag("tbody", nil, each(all, func(row T) template.HTML {
			return tag("tr", nil, each(cells(row), func(c template.HTML) template.HTML { return tag("td", nil, c) }))
		}))))
}

func latestFirst[T any](all []T) []T {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

func (w *world) drawAccounts(v viewer) template.HTML {
	var all template.HTML
	for _, cluster := range []string{training, research} {
		all += tag("h3", nil, text(nameOf(cluster)+" ("+cluster+")")) + table(v, []string{"Username", "uid", "Made at", "By job"}, w.api.Accounts(cluster),
			func(a ehpctest.Account) []template.HTML {
				return []template.HTML{
					text(a.Username), text(strconv.Itoa(a.UID)), v.clock(a.CreatedAt), text(cmp.Or(a.JobID, v.t("by hand"))),
				}
			})
	}
	return all
}

func (v viewer) drawRequests(all []store.Summary) template.HTML {
	return table(v, []string{"Request", "State", "Account", "Requester", "Failure"}, all, func(r store.Summary) []template.HTML {
		return []template.HTML{
			text(strconv.FormatInt(r.ID, 10)), tag("code", nil, text(string(r.State))), text(r.Username + " @ " + nameOf(r.ClusterID)),
			text(nameOf(r.Requester)), text(strings.TrimSpace(string(r.Failure) + " " + r.FailureDetail)),
		}
	})
}

func (v viewer) drawEvents(all []approval.Event) template.HTML {
	return table(v, []string{"At", "Who", "What", "Detail"}, all, func(e approval.Event) []template.HTML {
		return []template.HTML{v.clock(e.At), text(nameOf(e.Actor)), tag("code", nil, text(e.Action)), text(e.Detail)}
	})
}

func (w *world) drawNotifications(v viewer) template.HTML {
	all := newest(w.slack.Person(v.as.ID).Notifications())
	return table(v, []string{"On the phone", "On the desktop"}, latestFirst(all), func(n slacktest.Notification) []template.HTML {
		return []template.HTML{v.reader().Mrkdwn(n.Mobile), text(n.Desktop)}
	})
}

func took(d time.Duration) template.HTML {
	if d < time.Second {
		return text(fmt.Sprintf("%.1f\u00a0ms", float64(d.Microseconds())/1000))
	}
	return text(fmt.Sprintf("%.1f\u00a0s", d.Seconds()))
}

// answer draws how a call went.
func answer(says string, good bool) template.HTML {
	if good {
		return text(says)
	}
	return tag("span", attrs{"class", "bad"}, text(says))
}

func (v viewer) drawAPICalls(all []ehpctest.Call) template.HTML {
	return table(v, []string{"At", "Call", "Answer", "Took", "Effect"}, latestFirst(all), func(c ehpctest.Call) []template.HTML {
		return []template.HTML{
			v.clock(c.At), tag("code", nil, text(cmp.Or(c.Action, c.Path))), answer(c.Answer, c.Answer == "0"), took(c.Took), text(c.Effect),
		}
	})
}

func (v viewer) drawSlackCalls(all []slacktest.Call) template.HTML {
	return table(v, []string{"At", "Call", "Answer", "Took", "Where"}, latestFirst(all), func(c slacktest.Call) []template.HTML {
		where := cmp.Or(c.Params.Get("channel"), c.Params.Get("user"), c.Params.Get("users"))
		if user, direct := strings.CutPrefix(where, "D"); direct {
			where = "U" + user
		}
		return []template.HTML{
			v.clock(c.At), tag("code", nil, text(c.Method)), answer(c.Answer, c.Answer == "ok"), took(c.Took), text(nameOf(where)),
		}
	})
}

func (v viewer) drawEnvelopes(all []slacktest.Envelope) template.HTML {
	return table(v, []string{"At", "Envelope", "Acknowledged", "of 3 s"}, latestFirst(all), func(e slacktest.Envelope) []template.HTML {
		says := took(e.Took)
		if e.Err != nil {
			says = answer(v.explain(e.Err), false)
		}
		meter := tag("meter", attrs{"max", "3", "high", "2", "value", fmt.Sprint(e.Took.Seconds()), "aria-label", v.t("of 3 s")})
		return []template.HTML{v.clock(e.At), text(e.What), says, meter}
	})
}

// log returns the end of what the bot wrote.
func (w *world) log() string {
	w.mu.Lock()
	bot := w.bot
	w.mu.Unlock()
	if bot == nil {
		return ""
	}
	return bot.log.text()
}

// page sends the whole page. It can be read without JavaScript; what can be done on it needs that.
func (s *site) page(w http.ResponseWriter, r *http.Request) {
	world := s.now()
	v := s.viewer(r.URL.Query())
	if v.in == homeOf(v.as.ID) {
		world.openHome(r.Context(), v.as)
	}
	fields := map[string]template.HTML{
		"=lang": text(v.lang), "=token": text(s.token), "=stories": v.drawStories(), "=guide": v.drawGuide(), "=faults": v.drawFaults(s.options),
		"=place": text(v.placeName(v.in)), "=as": text(v.as.RealName), "=typed": text(v.said()), "=suggestions": suggestions(),
		"=other": tag("a", attrs{"href", v.translated().address(), "lang", v.translated().lang, "hreflang", v.translated().lang},
			text(map[string]string{"en": "中文", "zh": "English"}[v.lang])),
	}
	for _, p := range world.parts(r.Context(), v) {
		name, element := "="+p.ID, "div"
		if p.In != "" {
			name, element = "="+p.In, "article"
		}
		fields[name] += tag(element, attrs{"id", p.ID, "data-mark", p.Mark}, p.HTML)
	}
	layout, err := static.ReadFile("static/page.html")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, os.Expand(string(layout), func(name string) string {
		if strings.HasPrefix(name, "=") {
			return string(fields[name])
		}
		return string(text(v.t(name)))
	}))
}

// translated is the same viewer in the other language of the page.
func (v viewer) translated() viewer {
	v.lang = map[string]string{"en": "zh", "zh": "en"}[v.lang]
	return v
}

func (v viewer) drawFaults(o Options) template.HTML {
	var all template.HTML
	for _, group := range faults {
		if group.name == "The bot" && o.Program == "" {
			continue
		}
		all += tag("fieldset", nil, tag("legend", nil, text(v.t(group.name))), each(group.all, v.drawFault))
	}
	return all
}

func (v viewer) drawFault(f fault) template.HTML {
	return tag("button", attrs{"type", "button", "data-fault", f.name}, text(v.t(f.label)))
}

// suggestions complete what is typed.
func suggestions() template.HTML {
	return each([]string{
		"/ehpc-adduser", "/ehpc-adduser help", "/ehpc-adduser list", "/ehpc-adduser status 1", "/ehpc-adduser cancel 1",
		`/ehpc-adduser isabel reason="thesis project"`, "/ehpc-adduser otto cluster=Research mod=700", "/ehpc-adduser username=list",
	}, func(line string) template.HTML { return tag("option", attrs{"value", line}) })
}
