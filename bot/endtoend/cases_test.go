package endtoend

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ehpcbot/approval/pgtest"
	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

// An account that somebody else made is nobody's who asked for it, also where the answer that would say so is lost.
func TestAccountOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		older time.Duration
		code  int
	}{
		"made after the look-up, and the process ends": {10 * time.Second, 0},
		"there for long, but listed late":              {24 * time.Hour, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start()
			var once sync.Once
			w.EHPC.OnCall(func(call ehpctest.Call, phase string) {
				switch {
				case call.Action != ehpctest.ActionAddUser:
				case phase == ehpctest.PhaseBefore:
					w.EHPC.AddExisting(ehpctest.ClusterID, "isabel", "Old-pass&word1A")
					w.EHPC.Backdate(ehpctest.ClusterID, "isabel", c.older)
				default:
					once.Do(p.Kill)
				}
			})
			w.Command(isabel, "isabel")
			if c.code != 0 {
				w.EHPC.Answer(ehpctest.ActionAddUser, c.code, 1)
			}
			w.Press(anna, w.Request("isabel"), "Approve")
			if c.code == 0 {
				w.WaitFor("the end of the process", p.Ended)
				w.Start()
			}
			for i := range 2 {
				w.WaitFor("isabel is told that it has failed", func() bool { return len(w.Slack.Person(isabel).DirectMessages()) == i+1 })
				m := w.WaitState("isabel", "failed")
				require.Contains(t, m.Plain(), "nothing shows that it was made for this request")
				if i == 1 {
					w.EHPC.OnCall(nil)
					w.EHPC.RemoveUser(ehpctest.ClusterID, "isabel")
				}
				w.Press(anna, m, "Retry")
			}
			w.Credentials(isabel, "isabel")
		})
	}
}

// Where numbers begin anew, a card, a form or a button of former times concerns nothing of today.
func TestNumbersBeginAnew(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world.World, backup string){
		"the database is lost": func(w *world.World, _ string) {
			files, err := filepath.Glob(filepath.Join(w.Dir, "ehpcbot.db*"))
			require.NoError(w.T, err)
			for _, f := range files {
				require.NoError(w.T, os.Remove(f))
			}
		},
		"the database is restored": func(w *world.World, backup string) {
			require.NoError(w.T, os.Rename(backup, filepath.Join(w.Dir, "ehpcbot.db")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.Stop(w.Start())
			backup := filepath.Join(t.TempDir(), "backup")
			content, err := os.ReadFile(filepath.Join(w.Dir, "ehpcbot.db"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(backup, content, 0o600))
			p := w.Start()
			w.Command(isabel, "isabel")
			card := w.Request("isabel")
			w.Press(ben, card, "Deny")
			form, err := w.Slack.Person(ben).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
			require.NoError(t, err)
			w.Press(anna, card, "Approve")
			dm, _ := w.Credentials(isabel, "isabel")
			w.WaitState("isabel", "delivered")
			w.Stop(p)
			lose(w, backup)
			w.Start()

			require.Contains(t, w.Command(isabel, "isabel2").Plain(), "Request 1 is in")
			today := w.Request("isabel2")
			for _, button := range []string{"Approve", "Deny"} {
				require.Len(t, w.Refused(anna, "had the number 1 before", func() { w.PressOld(anna, card, button) }), 1)
			}
			r, err := w.Slack.Person(ben).Submit(w.Ctx, form, nil)
			require.NoError(t, err)
			require.NoError(t, r.Err)
			require.Contains(t, w.Command(isabel, "status 1").Plain(), "0 of 1")
			w.Press(anna, today, "Approve")
			now, password := w.Credentials(isabel, "isabel2")
			w.WaitState("isabel2", "delivered")
			require.Len(t, w.Refused(isabel, "had the number 1 before", func() { w.PressOld(isabel, dm, "I have saved it") }), 1)
			require.Contains(t, w.Latest(now).Plain(), password)
			out, code := w.Run([]string{"audit", "--action", "refused", "--format", "csv"})
			require.Zero(t, code, out)
			require.Equal(t, 4, strings.Count(out, ": stale"), out)
		})
	}
}

// A button that somebody posts with the bot's token decides nothing.
func TestCardOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.AddChannel(slacktest.Channel{ID: "C0OTHER", Name: "other", BotIsMember: true})
	w.Start()
	w.Command(isabel, "isabel")
	real := w.Request("isabel").Buttons()[0]
	client := slack.New(slacktest.BotToken, slack.OptionAPIURL(w.Slack.APIURL()))
	for _, c := range []struct{ channel, value string }{
		{"C0OTHER", "1"}, {"C0OTHER", real.Value}, {anna, real.Value}, {channel, "1"}, {channel, real.Value + "A"},
	} {
		button := slack.NewButtonBlockElement(real.ActionID, c.value, slack.NewTextBlockObject("plain_text", "Approve", false, false))
		place, ts, err := client.PostMessageContext(w.Ctx, c.channel, slack.MsgOptionText("lunch?", false), slack.MsgOptionBlocks(slack.NewActionBlock("x", button)))
		require.NoError(t, err)
		forged := slacktest.Message{Channel: place, TS: ts}
		require.Len(t, w.Refused(anna, "Nothing was changed", func() { w.Press(anna, forged, "Approve") }), 1, c)
	}
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "0 of 1")
	out, code := w.Run([]string{"audit", "--action", "refused", "--format", "csv"})
	require.Zero(t, code, out)
	require.Contains(t, out, anna+",refused,pending,pending,approve: it was not pressed where requests are approved")
	require.Contains(t, out, anna+",refused,pending,pending,approve: stale")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
}

// What somebody writes into the database is no approval.
func TestWrittenIntoTheDatabase(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		p := w.Start()
		w.Command(isabel, "isabel")
		m := w.Request("isabel")
		w.Stop(p)
		db := w.OpenDatabase()
		defer db.Close()
		for _, statement := range []string{
			"INSERT INTO decision (request_id, person, verdict, reason, at) VALUES (1, '" + anna + "', 'approve', '', 1)",
			"UPDATE request SET state = 'approved', version = version + 1 WHERE id = 1",
		} {
			_, err := db.Exec(statement)
			require.NoError(t, err)
		}
		out, code := w.Run([]string{"audit", "verify"})
		require.Equal(t, 1, code, out)
		require.Contains(t, out, "request 1 is approved, but the log says pending")
		require.Contains(t, out, "the decision of "+anna+" on request 1 is in no event")
		w.Start()
		w.WaitFor("it waits again", func() bool { return strings.Contains(w.Command(isabel, "status 1").Plain(), "waiting for approval") })
		require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
		w.Press(anna, m, "Approve")
		w.Credentials(isabel, "isabel")
	})
}

// The queue of jobs is lost, in whatever state a request is: it goes on all the same.
func TestJobsAreGone(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		db := w.OpenDatabase()
		defer db.Close()
		lose := func(p *world.Process) *world.Process {
			w.Stop(p)
			_, err := db.Exec("DELETE FROM river_job")
			require.NoError(t, err)
			return w.Start()
		}
		w.Env["APPROVAL_EXPIRY"], w.Env["APPROVAL_REMINDER"], w.Env["CREDENTIALS_TTL"] = "4s", "1s", "2s"
		w.EHPC.FailJobs(1)
		p := w.Start()
		w.Command(isabel, "fails")
		w.Press(anna, w.Request("fails"), "Approve")
		w.WaitState("fails", "failed")
		w.Command(isabel, "expires")
		w.Request("expires")
		w.Command(otto, "otto")
		w.EHPC.HangJobs(true)
		w.Press(anna, w.Request("otto"), "Approve")
		w.WaitState("otto", "being made")
		p = lose(p)
		w.Told(isabel, "has expired")
		w.WaitState("expires", "expired")
		w.WaitFor("the password of what failed is erased", func() bool {
			var sealed int
			require.NoError(t, db.QueryRow("SELECT count(*) FROM request WHERE sealed IS NOT NULL AND state = 'failed'").Scan(&sealed))
			return sealed == 0
		})
		w.Slack.SetMessagesTab(false)
		w.EHPC.HangJobs(false)
		w.WaitState("otto", "the account is made")
		p = lose(p)
		w.Slack.SetMessagesTab(true)
		w.Credentials(otto, "otto")
		w.WaitState("otto", "delivered")
		lose(p)
		w.Cleared(otto, w.Password(ehpctest.ClusterID, "otto"))
	})
}

// One damaged password is its request's trouble.
func TestDamagedPassword(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.EHPC.FailJobs(1)
		p := w.Start()
		w.Command(isabel, "isabel")
		w.Press(anna, w.Request("isabel"), "Approve")
		m := w.WaitState("isabel", "failed")
		w.Stop(p)
		db := w.OpenDatabase()
		defer db.Close()
		_, err := db.Exec("UPDATE request SET sealed = $1 WHERE id = 1", []byte("damaged"))
		require.NoError(t, err)
		out, code := w.Run([]string{"check"})
		require.Zero(t, code, out)
		require.Contains(t, out, "warn  ENCRYPTION_KEY: the sealed passwords of the requests [1] are damaged\n")
		w.Start()
		w.Command(otto, "otto")
		w.Press(anna, w.Request("otto"), "Approve")
		w.Credentials(otto, "otto")
		w.Press(anna, m, "Retry")
		w.WaitFor("isabel is told", func() bool { return len(w.Slack.Person(isabel).DirectMessages()) == 2 })
		w.WaitMessage("why", func(m slacktest.Message) bool {
			return strings.Contains(m.Plain(), "The sealed password can't be opened: it is damaged")
		})
	})
}

// What has changed since a request was approved counts when its account is made.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after []string
		voters        []string
		end           string
	}{
		"the username is reserved":    {after: []string{"EHPC_RESERVED_USERNAMES=ISABEL"}, voters: []string{anna}, end: "failed"},
		"the pattern forbids it":      {after: []string{"USERNAME_PATTERN=x.*"}, voters: []string{anna}, end: "failed"},
		"the permissions":             {after: []string{"EHPC_ALLOWED_MODS=750"}, voters: []string{anna}, end: "failed"},
		"the cluster":                 {after: []string{"EHPC_CLUSTERS=ehpc-x@jn1a"}, voters: []string{anna}, end: "failed"},
		"more approvals are needed":   {after: []string{"APPROVALS_REQUIRED=2"}, voters: []string{anna}, end: "waiting"},
		"who approved is no approver": {after: []string{"APPROVERS=" + ben}, voters: []string{anna}, end: "waiting"},
		"one of two is no approver": {
			before: []string{"APPROVALS_REQUIRED=2"}, after: []string{"APPROVALS_REQUIRED=2", "APPROVERS=" + ben + "," + carl},
			voters: []string{anna, ben}, end: "waiting",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.EHPC.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Status: http.StatusBadGateway, Times: -1})
			p := w.Start(c.before...)
			w.Command(isabel, "isabel mod=700")
			m := w.Request("isabel")
			for _, who := range c.voters {
				w.Press(who, m, "Approve")
			}
			w.WaitState("isabel", "approved")
			w.Stop(p)
			w.EHPC.ClearFaults()
			w.Start(c.after...)
			w.WaitState("isabel", c.end)
			require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
		})
	}
	t.Run("too little when its time is over", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Env["APPROVAL_EXPIRY"], w.Env["APPROVAL_REMINDER"] = "3s", "0"
		w.EHPC.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Status: http.StatusBadGateway, Times: -1})
		p := w.Start()
		w.Command(isabel, "isabel")
		end := time.Now().Add(3 * time.Second)
		w.Press(anna, w.Request("isabel"), "Approve")
		w.WaitState("isabel", "approved")
		w.Stop(p)
		w.EHPC.ClearFaults()
		w.WaitFor("the end of its time", func() bool { return time.Now().After(end) })
		w.Start("APPROVALS_REQUIRED=2")
		w.Told(isabel, "had 1 of 2 approvals")
		require.Empty(t, w.WaitState("isabel", "expired").Buttons())
		require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
	})
}

// A guest who asks while Slack says nothing of people is known for a guest at the decision.
func TestGuestAsksWhileSlackIsSilent(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Slack.Fail("users.info", slacktest.Fault{Status: http.StatusInternalServerError, Times: -1})
	require.NotEmpty(t, w.CommandIn(channel, gus, "gus").Plain())
	w.Slack.ClearFaults()
	w.Press(anna, w.Request("gus"), "Approve")
	w.Answered(anna, "a guest")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
}

// Whatever form the API repeats a password in, nobody sees it.
func TestAPIRepeatsThePassword(t *testing.T) {
	t.Parallel()
	forms := func(p string) string {
		return strings.Join([]string{p[:15], p[:10] + "\n" + p[10:], base64.StdEncoding.EncodeToString([]byte(p)), fmt.Sprintf("%x", p)}, " ")
	}
	for name, c := range map[string]struct {
		action string
		fault  func(password string) ehpctest.Fault
		state  string
	}{
		"in a redirect": {ehpctest.ActionOperation, func(p string) ehpctest.Fault {
			return ehpctest.Fault{Status: http.StatusFound, Header: http.Header{"Location": {"http://[::1/" + p + "%zz"}}}
		}, "delivered"},
		"in a message": {ehpctest.ActionListUsers, func(p string) ehpctest.Fault {
			return ehpctest.Fault{Code: 1400, Message: forms(p)}
		}, "failed"},
		"in what became of a job": {ehpctest.ActionOperation, func(p string) ehpctest.Fault {
			body, _ := json.Marshal(map[string]any{"action": "HpcOperationListOperationResponse", "ret_code": 0, "total_count": 1, "job_set": []any{map[string]any{
				"job_id": "j-000000001", "status": "failed", "error_codes": forms(p), "action_describe": forms(p), "resource_ids": forms(p),
			}}})
			return ehpctest.Fault{Body: body}
		}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			var password atomic.Value
			w.EHPC.OnCall(func(call ehpctest.Call, phase string) {
				var body map[string]string
				if call.Action == ehpctest.ActionAddUser && phase == ehpctest.PhaseBefore && json.Unmarshal(call.Body, &body) == nil {
					password.Store(body["password"])
					w.EHPC.Fail(c.action, c.fault(body["password"]))
				}
			})
			if c.action == ehpctest.ActionListUsers {
				w.EHPC.DropBefore(ehpctest.ActionAddUser, 1) // so that it looks again
			}
			p := w.Start()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			w.WaitState("isabel", c.state)
			if c.state == "delivered" {
				w.Credentials(isabel, "isabel")
			}
			seen, code := w.Run([]string{"audit"})
			require.Zero(t, code)
			seen += p.Err.String() + p.Get("/readyz")
			for _, e := range w.Slack.Transcript() {
				if e.Channel == channel {
					seen += e.Text
				}
			}
			secret := password.Load().(string)
			for i := 0; i+8 <= len(secret); i++ {
				require.NotContains(t, seen, secret[i:i+8])
			}
			require.NotContains(t, seen, base64.StdEncoding.EncodeToString([]byte(secret)))
			require.NotContains(t, seen, fmt.Sprintf("%x", secret))
		})
	}
}

// Names that the API would take, and that nobody gets.
func TestRefusedNames(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	for name, why := range map[string]string{
		"0": "digits only", "1000": "digits only", "oracle": "reserved", "ORACLE": "reserved", "_apt": "reserved", "qemu": "reserved", "Root": "reserved",
	} {
		require.Contains(t, w.Command(isabel, name).Plain(), why, name)
	}
	w.Command(otto, "zoe")
	w.EHPC.AddExisting(ehpctest.ClusterID, "Zoe", "Old-pass&word1A")
	w.Press(anna, w.Request("zoe"), "Approve")
	require.Contains(t, w.WaitState("zoe", "failed").Plain(), "is taken")
	w.Command(isabel, "Isabel")
	m := w.Request("Isabel")
	require.Contains(t, w.Command(otto, "isabel").Plain(), "upper and lower case alone")
	w.Press(anna, m, "Approve")
	w.Credentials(isabel, "Isabel")
	w.WaitState("Isabel", "delivered")

	w.EHPC.RemoveUser(ehpctest.ClusterID, "Isabel")
	for _, name := range []string{"Isabel", "isabel"} {
		require.Contains(t, w.Command(otto, name).Plain(), "former owner", name)
	}
	require.Contains(t, w.Command(isabel, "Isabel").Plain(), "is in:", "it was one's own")
	w.Command(isabel, "cancel 3")
	w.Stop(p)
	w.Start("EHPC_REUSABLE_USERNAMES=ISABEL")
	require.Contains(t, w.Command(otto, "Isabel").Plain(), "is in:")
}

// A cluster that is at work on something else is waited for, and makes one account at a time.
func TestBusyCluster(t *testing.T) {
	t.Parallel()
	w := world.New(t, ehpctest.WithJobTime(time.Second))
	w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Skip: 1, Times: 2, Code: 1400, Message: "PermissionDenied, cluster [ehpc-8jqdq0mz] is in transition status, can not add user"})
	w.Start()
	for _, name := range []string{"one", "two"} {
		w.Command(isabel, name)
	}
	for _, name := range []string{"one", "two"} {
		w.Press(anna, w.Request(name), "Approve")
	}
	for _, name := range []string{"one", "two"} {
		w.Credentials(isabel, name)
		w.WaitState(name, "delivered")
	}
}

// Of two accounts that can read each other's files the channel hears.
func TestDoubleUID(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
	w.EHPC.ShareNumber(ehpctest.ClusterID)
	w.Command(otto, "otto")
	w.Press(anna, w.Request("otto"), "Approve")
	w.Credentials(otto, "otto")
	w.WaitMessage("a warning", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "have the same uid: otto (request 2) and isabel")
	})
}

// What one person is refused again and again is one event for each kind.
func TestRefusalsAreCountedTogether(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	for range 10 {
		w.Command(otto, "root")
		w.Command(otto, "cancel 1")
		w.Press(otto, m, "Approve")
	}
	w.WaitFor("answers", func() bool { return len(w.Slack.Person(otto).Ephemerals()) == 30 })
	out, code := w.Run([]string{"audit", "--action", "refused", "--format", "csv"})
	require.Zero(t, code, out)
	require.Equal(t, 3, strings.Count(out, otto+",refused"), out)
}

// between puts something between the program and Slack that changes the envelopes on their way.
func between(w *world.World, change func(kind string, payload map[string]any)) {
	to, err := url.Parse(w.Slack.URL())
	require.NoError(w.T, err)
	var front *httptest.Server
	api := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasSuffix(r.Request.URL.Path, "apps.connections.open") {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			body = bytes.ReplaceAll(body, []byte(to.Host), []byte(strings.TrimPrefix(front.URL, "http://")))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	}
	front = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			api.ServeHTTP(rw, r)
			return
		}
		slack, resp, err := websocket.DefaultDialer.Dial("ws://"+to.Host+r.URL.RequestURI(), nil)
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		bot, err := (&websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}).Upgrade(rw, r, nil)
		if err != nil {
			_ = slack.Close()
			return
		}
		var both sync.WaitGroup
		both.Go(func() {
			defer slack.Close()
			for {
				kind, message, err := bot.ReadMessage()
				if err != nil || slack.WriteMessage(kind, message) != nil {
					return
				}
			}
		})
		both.Go(func() {
			defer bot.Close()
			slack.SetPingHandler(func(data string) error {
				_ = slack.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
				return bot.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(time.Second))
			})
			for {
				kind, message, err := slack.ReadMessage()
				if err != nil {
					return
				}
				var envelope map[string]any
				if json.Unmarshal(message, &envelope) == nil && envelope["payload"] != nil {
					change(envelope["type"].(string), envelope["payload"].(map[string]any))
					message, _ = json.Marshal(envelope)
				}
				if bot.WriteMessage(kind, message) != nil {
					return
				}
			}
		})
		both.Wait()
	}))
	w.T.Cleanup(front.Close)
	w.T.Cleanup(w.Slack.Close) // first, or connections would stay
	w.Env["SLACK_API_URL"] = front.URL + "/api/"
}

// With the token of an organisation nobody is a person of the bot's workspace: the bot does not start, as check says.
func TestTokenOfAnOrganisation(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.Fail("auth.test", slacktest.Fault{Times: -1, Body: []byte(`{"ok":true,"url":"https://x.slack.com/","team":"Org","user":"ehpcbot",` +
		`"team_id":"E0GRID","user_id":"U0EHPCBOT","bot_id":"B0EHPCBOT","enterprise_id":"E0GRID","is_enterprise_install":true}`)})
	for _, command := range []string{"check", "serve"} {
		out, code := w.Run([]string{command})
		require.Equal(t, 1, code, out)
		require.Contains(t, out, "whole organisation Org (E0GRID), not of a workspace")
	}
}

// That Slack does not tell who presses is written down once, and not anew for each wait that it asks for.
func TestSilenceIsOneEvent(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	between(w, func(_ string, p map[string]any) {
		if user, pressed := p["user"].(map[string]any); pressed {
			user["team_id"] = "T0OTHER"
		}
	})
	w.Slack.AddUser(slacktest.User{ID: anna, Name: anna, Teams: []string{slacktest.TeamID, "T0OTHER"}})
	p := w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Slack.Fail("users.info", slacktest.Fault{RetryAfter: 20 * time.Second, Times: -1})
	w.WaitFor("it is not told twice, each time for another while", func() bool {
		w.Press(anna, m, "Approve")
		waits := map[string]bool{}
		for _, wait := range regexp.MustCompile(`again in [0-9.]+`).FindAllString(p.Err.String(), -1) {
			waits[wait] = true
		}
		return len(waits) > 1
	})
	out, _ := w.Run([]string{"audit", "--action", "refused", "--format", "csv"})
	require.Equal(t, 1, strings.Count(out, anna+",refused"), out)
}

// The organisation's id may stand where a workspace's is expected.
func TestOrganisationInThePlaceOfTheWorkspace(t *testing.T) {
	t.Parallel()
	const org = "E0GRID"
	user := func(p map[string]any) map[string]any { return p["user"].(map[string]any) }
	for name, c := range map[string]struct {
		team   string
		change func(kind string, p map[string]any)
	}{
		"nothing": {slacktest.TeamID, func(string, map[string]any) {}},
		"of the press": {slacktest.TeamID, func(kind string, p map[string]any) {
			if p["type"] == "block_actions" {
				user(p)["team_id"] = org
			}
		}},
		"of the person": {org, func(string, map[string]any) {}},
		"of the form": {slacktest.TeamID, func(kind string, p map[string]any) {
			if p["type"] == "view_submission" {
				user(p)["team_id"], p["team"] = org, nil
			}
		}},
		"of all, with a team of null": {org, func(kind string, p map[string]any) {
			if kind == "interactive" {
				user(p)["team_id"], p["team"], p["enterprise"] = org, nil, map[string]any{"id": org, "name": "harness"}
			} else {
				p["team_id"], p["enterprise_id"] = org, org
			}
		}},
		"is_enterprise_install as text": {slacktest.TeamID, func(kind string, p map[string]any) {
			p["is_enterprise_install"] = map[string]any{"interactive": "false", "slash_commands": 0}[kind]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			for id, org := range map[string]string{isabel: "W0ISABEL", anna: "W0ANNA", ben: "W0BEN"} {
				w.Slack.AddUser(slacktest.User{ID: id, Name: strings.ToLower(id[2:]), OrgID: org, TeamID: c.team, Teams: []string{slacktest.TeamID, "T02HARNESS2"}})
			}
			between(w, c.change)
			w.Start()
			w.Command(isabel, "")
			form, err := w.Slack.Person(isabel).WaitModal(w.Ctx)
			require.NoError(t, err)
			got, err := w.Slack.Person(isabel).Submit(w.Ctx, form, map[string]string{"Username": "isabel"})
			require.NoError(t, err)
			require.NoError(t, got.Err)
			require.Empty(t, got.Errors)
			w.Press(anna, w.Request("isabel"), "Approve")
			dm, password := w.Credentials(isabel, "isabel")
			w.WaitState("isabel", "delivered")
			w.Press(isabel, dm, "I have saved it")
			w.Cleared(isabel, password)
			w.Command(isabel, "denied")
			w.Press(ben, w.Request("denied"), "Deny")
			form, err = w.Slack.Person(ben).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
			require.NoError(t, err)
			_, err = w.Slack.Person(ben).Submit(w.Ctx, form, nil)
			require.NoError(t, err)
			w.WaitState("denied", "denied")
			out, code := w.Run([]string{"check"})
			require.Zero(t, code, out)
		})
	}
}

// What could not be read is not acknowledged, so that Slack shows its error.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	var harm atomic.Value
	harm.Store("")
	w := world.New(t)
	w.Slack.Close()
	w.Slack = world.NewSlack(slacktest.WithAckDeadline(time.Second))
	between(w, func(_ string, p map[string]any) {
		switch harm.Load() {
		case "who":
			p["user"], p["user_id"] = 7, 7
		case "what":
			p["actions"], p["view"], p["text"] = "none", 7, []int{1}
		}
	})
	w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Command(otto, "")
	form, err := w.Slack.Person(otto).WaitModal(w.Ctx)
	require.NoError(t, err)
	for _, h := range []string{"who", "what"} {
		harm.Store(h)
		submitted, err := w.Slack.Person(otto).Submit(w.Ctx, form, map[string]string{"Username": "otto"})
		require.NoError(t, err)
		require.ErrorIs(t, submitted.Err, slacktest.ErrNoAck, h)
		pressed, err := w.Slack.Person(anna).Press(w.Ctx, m, "Approve")
		require.NoError(t, err)
		require.ErrorIs(t, pressed.Err, slacktest.ErrNoAck, h)
		typed := w.Slack.Person(isabel).Command(w.Ctx, "/ehpc-adduser", "isabel2")
		require.ErrorIs(t, typed.Err, slacktest.ErrNoAck, h)
	}
	harm.Store("")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "0 of 1")
	w.Press(anna, m, "Approve")
	w.Credentials(isabel, "isabel")
}

// Slack's silence about a person of several workspaces is no no.
func TestSilenceIsNoNo(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"an error": {Status: http.StatusInternalServerError, Times: -1},
		"slow":     {Delay: 4 * time.Second, Times: -1},
		"a limit":  {RetryAfter: 4 * time.Second, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			between(w, func(kind string, p map[string]any) {
				if user, pressed := p["user"].(map[string]any); pressed {
					user["team_id"] = "T0OTHER"
				} else if p["user_id"] == otto {
					p["team_id"] = "T0OTHER"
				}
			})
			for _, id := range []string{otto, anna} {
				w.Slack.AddUser(slacktest.User{ID: id, Name: id, Teams: []string{slacktest.TeamID, "T0OTHER"}})
			}
			w.Start()
			w.Command(isabel, "isabel")
			m := w.Request("isabel")
			w.Slack.Fail("users.info", fault)
			require.Contains(t, w.Command(otto, "otto").Plain(), "Please try again in a minute")
			require.Len(t, w.Refused(anna, "Please try again in a minute", func() { w.Press(anna, m, "Approve") }), 1)
			out, code := w.Run([]string{"audit", "--action", "refused"})
			require.Zero(t, code, out)
			require.Equal(t, 2, strings.Count(out, "Slack did not tell"), out)
			w.Slack.ClearFaults()
			w.WaitFor("it succeeds", func() bool { return strings.Contains(w.Command(otto, "otto").Plain(), "is in:") })
			w.WaitFor("the press counts", func() bool {
				w.Press(anna, m, "Approve")
				return !strings.Contains(w.Latest(m).Plain(), "waiting for approval")
			})
			w.Credentials(isabel, "isabel")
		})
	}
}

// A requester who can't be reached any more: the request ends, the approvers hear of the account, the password is erased.
func TestRequesterIsGone(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start("APPROVAL_EXPIRY=4s", "APPROVAL_REMINDER=0")
	w.EHPC.HangJobs(true)
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.WaitState("isabel", "being made")
	w.Slack.Fail("*", slacktest.Fault{Error: "user_disabled", Times: -1, Match: func(c slacktest.Call) bool {
		return slices.Contains([]string{isabel, w.Slack.DirectID(isabel)}, c.Params.Get("channel")+c.Params.Get("users"))
	}})
	w.EHPC.HangJobs(false)
	m := w.WaitState("isabel", "failed")
	require.Contains(t, m.Plain(), "The account isabel is made, but <@"+isabel+"> can't be given its password")
	require.Contains(t, m.Plain(), "remove the account isabel")
	db := w.OpenDatabase()
	defer db.Close()
	w.WaitFor("the password is erased", func() bool {
		var sealed int
		require.NoError(t, db.QueryRow("SELECT count(*) FROM request WHERE sealed IS NOT NULL").Scan(&sealed))
		return sealed == 0
	})
	require.Contains(t, p.Get("/metrics"), "ehpcbot_longest_wait_seconds 0")
}

// What can't be delivered is ended by an approver, or by the administrator; Retry goes on with it.
func TestAbandonUndelivered(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"approver", "administrator"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			p := w.Start()
			w.Command(isabel, "isabel")
			m := w.Request("isabel")
			w.Slack.SetMessagesTab(false)
			w.Press(anna, m, "Approve")
			w.WaitMessage("it has to wait", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "It has to wait") })
			if by == "approver" {
				require.Contains(t, w.Command(anna, "abandon 1").Plain(), "Request 1 is ended")
			} else {
				w.Stop(p)
				out, code := w.Run([]string{"abandon", "1"})
				require.Zero(t, code, out)
				require.Contains(t, out, "Request 1 is ended. Look in the console whether the account isabel is on ehpc-8jqdq0mz")
				w.Start()
			}
			w.WaitState("isabel", "failed")
			w.Slack.SetMessagesTab(true)
			w.Told(isabel, "has failed")
			out, code := w.Run([]string{"audit", "verify"})
			require.Zero(t, code, out)
			w.Press(anna, m, "Retry")
			w.Credentials(isabel, "isabel")
		})
	}
}

// Retry is where requests are approved, also when that is another channel by now.
func TestRetryInAnotherChannel(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.FailJobs(1)
	p := w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.WaitState("isabel", "failed")
	w.Stop(p)
	w.Slack.SetChannel(slacktest.Channel{ID: channel, Archived: true, BotIsMember: true})
	w.Slack.AddChannel(slacktest.Channel{ID: "C0OTHER", Name: "other", BotIsMember: true})
	w.Start("APPROVAL_CHANNEL=C0OTHER")
	m, err := w.Slack.WaitMessage(w.Ctx, "C0OTHER", func(m slacktest.Message) bool { return slices.Contains(world.Names(m.Buttons()), "Retry") })
	require.NoError(t, err)
	w.Press(anna, m, "Retry")
	w.Credentials(isabel, "isabel")
}

// The process was off from before the reminder until after the expiry: nobody is reminded of what is over.
func TestReminderTooLate(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["APPROVAL_REMINDER"], w.Env["APPROVAL_EXPIRY"] = "1s", "2s"
	p := w.Start()
	w.Command(isabel, "isabel")
	end := time.Now().Add(2 * time.Second)
	p.Kill()
	w.WaitFor("the end of its time", func() bool { return time.Now().After(end) })
	w.Start()
	w.Told(isabel, "has expired")
	for _, e := range w.Slack.Transcript() {
		require.NotContains(t, e.Text, "Reminder")
	}
}

// Two tokens of two apps pass one by one and fail together: the start says so.
func TestTokensOfTwoApps(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.Close()
	w.Slack = world.NewSlack(slacktest.WithBot("U01HARNESS1", "B01HARNESS1", "A01HARNESS1"))
	t.Cleanup(w.Slack.Close)
	out, code := w.Run(nil, "SLACK_API_URL="+w.Slack.APIURL())
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "SLACK_APP_TOKEN: is of the app A0EHPCBOT, and SLACK_BOT_TOKEN of the app A01HARNESS1")
}

// An @ in a password makes a part of it the name of a host, which is asked for.
func TestAtInAPassword(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for _, command := range []string{"serve", "check", "requests", "audit", "rekey"} {
		out, code := w.Run([]string{command}, "DATABASE_URL=postgres://ehpc:s3cr3t@hunter2@127.0.0.1/x", "ENCRYPTION_KEY="+testKey)
		require.Equal(t, 1, code)
		require.Contains(t, out, "%40")
		require.NotRegexp(t, "hunter2|s3cr3t", out)
	}
}

var testKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))

// What an input method of Chinese makes of punctuation is read as what was meant.
func TestChineseKeyboard(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["EHPC_CLUSTERS"], w.Env["APPROVERS"] = "ehpc-8jqdq0mz＠jn1a＝训练、ehpc-x@jn1a", anna+"，"+ben
	out, code := w.Run([]string{"check"})
	require.Zero(t, code, out)
	w.Start()
	w.Command(isabel, "isabel cluster=训练")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
}

// The cause is told, and not the variable alone.
func TestCheckNamesDNSAndExpiry(t *testing.T) {
	t.Parallel()
	t.Run("no such host", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		out, code := w.Run([]string{"check"}, "SLACK_API_URL=https://slack.invalid/api/", "EHPC_ENDPOINT=https://hpc.invalid", "DATABASE_URL=postgres://u:p@db.invalid/x", "ENCRYPTION_KEY="+testKey)
		require.Equal(t, 1, code)
		for variable, host := range map[string]string{"SLACK_BOT_TOKEN": "slack.invalid", "EHPC_CLUSTERS ehpc-x@jn1a": "hpc.invalid", "DATABASE_URL": "db.invalid"} {
			require.Regexp(t, `(?m)^FAIL  `+variable+`: there is no host of the name `+host+`\n +-> .*DNS`, out)
		}
	})
	t.Run("an expired certificate", func(t *testing.T) {
		t.Parallel()
		public, private, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		expired := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(nil, expired, expired, public, private)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		w := world.New(t)
		out, code := w.Run([]string{"check"}, "SLACK_API_URL="+server.URL+"/api/", "EHPC_ENDPOINT="+server.URL, "SSL_CERT_FILE="+file)
		require.Equal(t, 1, code)
		for _, variable := range []string{"SLACK_BOT_TOKEN", "EHPC_CLUSTERS ehpc-x@jn1a"} {
			require.Regexp(t, `(?m)^FAIL  `+variable+`: its certificate has expired.*\n +-> set the clock .*renewed`, out)
		}
	})
}

// A database is locked by its file, whatever name leads there; and one of several names is none.
func TestDatabaseOfTwoNames(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Stop(w.Start())
	path, other := filepath.Join(w.Dir, "ehpcbot.db"), t.TempDir()
	link, second := filepath.Join(other, "link.db"), filepath.Join(other, "second.db")
	require.NoError(t, os.Symlink(path, link))
	p := w.Start()
	out, code := w.Run(nil, "DATABASE_URL=sqlite:"+link, "HTTP_ADDR=")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "another ehpcbot uses it")
	w.Stop(p)
	require.NoError(t, os.Link(path, second))
	for _, name := range []string{path, link, second} {
		for _, command := range []string{"serve", "check", "rekey"} {
			out, code = w.Run([]string{command}, "DATABASE_URL=sqlite:"+name, "ENCRYPTION_KEY="+testKey)
			require.Equal(t, 1, code, out)
			require.Contains(t, out, "is one of 2 names of a file")
		}
	}
	require.NoError(t, os.Remove(second))
	w.Start("DATABASE_URL=sqlite:" + link)
}

// What matters is set by the program, whatever is set for its role or database.
func TestSettingsOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["DATABASE_URL"], w.Env["ENCRYPTION_KEY"] = pgtest.URL(t), testKey
	db := w.OpenDatabase()
	defer db.Close()
	alter := func(change string) {
		_, err := db.Exec("DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I " + strings.ReplaceAll(change, "'", "''") + "', current_database()); END $do$")
		require.NoError(t, err, change)
	}
	for _, set := range []string{"client_encoding = 'GBK'", "default_transaction_isolation = 'serializable'", "standard_conforming_strings = off", "bytea_output = 'escape'", "statement_timeout = '500ms'", "timezone = 'Asia/Shanghai'"} {
		alter("SET " + set)
	}
	w.Start()
	w.Command(isabel, `isabel reason='中文😀\ "a"'`)
	require.Contains(t, w.Request("isabel").Plain(), `中文😀\ "a"`)
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
	alter("RESET ALL")
}

// Exports for Excel begin with its mark, and an action that there is none of is told which there are.
func TestAuditAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Stop(w.Start())
	out, code := w.Run([]string{"audit", "--format", "csv", "--excel"})
	require.Zero(t, code, out)
	require.True(t, strings.HasPrefix(out, "\ufeff"), out)
	out, code = w.Run([]string{"audit", "--action", "foo"})
	require.Equal(t, 1, code, out)
	require.Regexp(t, "foo.*approve", out)
}
