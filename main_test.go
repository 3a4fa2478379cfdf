package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ehpcbot/approval"
	"ehpcbot/bot/config"
	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

// These tests are about the command line and the wiring. What people do with the running program is tested in
// bot/endtoend.

func TestMain(m *testing.M) { world.Main(m) }

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("while the cluster works", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.EHPC.HangJobs(true)
		p := w.Start()
		w.Command(world.Isabel, "isabel")
		w.Press(world.Anna, w.Request("isabel"), "Approve")
		w.WaitFor("the job is followed", func() bool { return w.EHPC.CallCount(ehpctest.ActionOperation) > 0 })
		w.Stop(p)
		w.EHPC.HangJobs(false)
		w.Start()
		w.Credentials(world.Isabel, "isabel")
		w.WaitState("isabel", "delivered")
		require.Equal(t, 1, w.EHPC.CallCount(ehpctest.ActionAddUser))
	})
	t.Run("while a call hangs", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.EHPC.Fail(ehpctest.ActionAddUser, ehpctest.Fault{DelayAnswer: time.Minute})
		p := w.Start()
		w.Command(world.Isabel, "isabel")
		w.Press(world.Anna, w.Request("isabel"), "Approve")
		w.WaitFor("the call", func() bool {
			return w.EHPC.AddUserEffects(ehpctest.ClusterID, "isabel") > 0 || w.EHPC.CallCount(ehpctest.ActionAddUser) > 0
		})
		w.Stop(p)
		w.Start()
		w.Credentials(world.Isabel, "isabel")
	})
	t.Run("while Slack is slow", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Slack.Fail("chat.postMessage", slacktest.Fault{Delay: 2 * time.Second, Times: 1})
		p := w.Start()
		w.Command(world.Isabel, "isabel")
		w.WaitFor("the call", func() bool { return len(w.Slack.Calls("chat.postMessage")) > 0 })
		w.Stop(p)
		w.Start()
		w.Press(world.Anna, w.Request("isabel"), "Approve")
		w.Credentials(world.Isabel, "isabel")
	})
	t.Run("while the quota is used up", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		p := w.Start("EHPC_CALLS_PER_HOUR=3")
		w.Command(world.Isabel, "isabel")
		w.Press(world.Anna, w.Request("isabel"), "Approve")
		w.WaitFor("the quota is used up", func() bool { return strings.Contains(p.Get("/metrics"), `result="limited"`) })
		require.Equal(t, 3, w.EHPC.CallCount(ehpctest.ActionAny))
		w.Stop(p)
	})
	t.Run("while Slack is away", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Slack.RefuseConnections(true)
		p := w.Launch()
		p.WaitReady(false, "slack")
		w.Stop(p)
	})
	t.Run("while it starts", func(t *testing.T) {
		t.Parallel()
		world.Databases(t, func(t *testing.T, w *world.World) {
			for _, sign := range []string{"ehpcbot starts", "answering", "this is the bot", "connected"} {
				p := w.Launch()
				w.WaitFor(sign, func() bool { return strings.Contains(p.Err.String(), sign) })
				w.Stop(p)
			}
		})
	})
	t.Run("not with its terminal or its log", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		cmd := exec.CommandContext(t.Context(), world.Binary)
		cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = w.Environ(nil), w.Dir, writer, writer
		require.NoError(t, cmd.Start())
		require.NoError(t, writer.Close())
		w.WaitConnections()
		require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
		w.Command(world.Isabel, "isabel")
		w.Press(world.Anna, w.Request("isabel"), "Approve")
		w.Credentials(world.Isabel, "isabel")
		w.WaitState("isabel", "delivered")
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait(), "it ends in order")
	})
	t.Run("with Ctrl-C", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		p := w.Start()
		require.NoError(t, p.Cmd.Process.Signal(os.Interrupt))
		require.Zero(t, p.Wait())
	})
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, env []string, args ...string) (out string, code int) {
		return world.Run(t, t.TempDir(), env, args...)
	}
	t.Run("version", func(t *testing.T) {
		t.Parallel()
		out, code := run(t, nil, "version")
		require.Zero(t, code)
		require.Regexp(t, `^ehpcbot .+\n$`, out)
		flag, code := run(t, nil, "--version")
		require.Zero(t, code)
		require.Equal(t, out, flag)
	})
	t.Run("licenses", func(t *testing.T) {
		t.Parallel()
		out, code := run(t, nil, "licenses")
		require.Zero(t, code)
		require.Contains(t, out, "\ngithub.com/spf13/cobra@v")
		require.Contains(t, out, "Redistribution and use in source and binary forms")
	})
	t.Run("help", func(t *testing.T) {
		t.Parallel()
		for _, arg := range []string{"--help", "-h", "help"} {
			out, code := run(t, nil, arg)
			require.Zero(t, code)
			for _, word := range []string{"serve", "check", "manifest", "demo", "sandbox", "version"} {
				require.Contains(t, out, word)
			}
		}
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"frobnicate"}, {"--frobnicate"}, {"serve", "now"}, {"check", "--frobnicate"}, {"manifest", "x"}, {"help", "frobnicate"}, {"audit", "12"}, {""}} {
			out, code := run(t, nil, args...)
			require.NotZero(t, code, "%q", args)
			require.Regexp(t, `^ehpcbot: (unknown command|unknown flag|\w+ takes nothing but flags)`, out, "%q", args)
			require.Less(t, strings.Count(out, "\n"), 4)
		}
	})
	t.Run("misspelt", func(t *testing.T) {
		t.Parallel()
		out, code := run(t, nil, "chek")
		require.Equal(t, 1, code)
		require.Equal(t, "ehpcbot: unknown command \"chek\" for \"ehpcbot\"\n\nDid you mean this?\n\tcheck\n", out)
	})
	t.Run("manifest", func(t *testing.T) {
		t.Parallel()
		out, code := run(t, []string{"SLACK_COMMAND=/hpc-account"}, "manifest")
		require.Zero(t, code)
		for _, part := range []string{"socket_mode_enabled: true", `command: "/hpc-account"`, "messages_tab_enabled: true", "commands", "chat:write", "im:write", "users:read", "usergroups:read"} {
			require.Contains(t, out, part)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, ":write") || strings.Contains(line, ":read") {
				require.Contains(t, line, "#", "each scope says why")
			}
		}
		require.NotContains(t, out, "/ehpc-adduser")
		out, code = run(t, nil, "manifest", "--json")
		require.Zero(t, code)
		var m struct {
			Features struct {
				Commands []struct{ Command string } `json:"slash_commands"`
				Home     struct {
					Tab      bool `json:"messages_tab_enabled"`
					ReadOnly bool `json:"messages_tab_read_only_enabled"`
				} `json:"app_home"`
			}
			OAuth struct {
				Scopes struct {
					Bot      []string
					Optional []string `json:"bot_optional"`
				}
			} `json:"oauth_config"`
			Set struct {
				Interactivity struct {
					On bool `json:"is_enabled"`
				}
				SocketMode bool `json:"socket_mode_enabled"`
			} `json:"settings"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &m))
		require.Equal(t, "/ehpc-adduser", m.Features.Commands[0].Command)
		require.True(t, m.Features.Home.Tab && m.Set.SocketMode && m.Set.Interactivity.On)
		require.ElementsMatch(t, []string{"commands", "chat:write", "im:write", "users:read", "usergroups:read", "users:read.email"}, m.OAuth.Scopes.Bot)
		require.Equal(t, []string{"users:read.email"}, m.OAuth.Scopes.Optional, "of those, the others are needed")
		out, code = run(t, []string{"SLACK_COMMAND=no slash"}, "manifest")
		require.Equal(t, 1, code)
		require.Contains(t, out, "SLACK_COMMAND")
	})
	t.Run("demo", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ locale, delivery, golden string }{
			{"", "", "en.txt"}, {"nonsense", "nonsense", "en.txt"}, {"zh", "message", "zh.txt"}, {"", "button", "en-button.txt"}, {"zh", "button", "zh-button.txt"},
		} {
			golden, tmp := c.golden, t.TempDir()
			out, code := run(t, []string{"SLACK_BOT_TOKEN=nonsense", "HTTP_ADDR=nonsense", "LOCALE=" + c.locale, "CREDENTIALS_DELIVERY=" + c.delivery, "TMPDIR=" + tmp}, "demo")
			require.Zero(t, code, out)
			got := withoutChance(out)
			path := filepath.Join("bot", "demo", "testdata", golden)
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "run the test with -update")
			require.Equal(t, string(want), got)
			entries, err := os.ReadDir(tmp)
			require.NoError(t, err)
			require.Empty(t, entries, "it clears up")
		}
	})
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		for _, args := range []string{"version", "manifest", "manifest --json", "licenses", "--help", "help demo", "check", "demo"} {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			require.NoError(t, err)
			var complaint strings.Builder
			cmd := exec.CommandContext(t.Context(), world.Binary, strings.Fields(args)...)
			cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = w.Environ(nil), w.Dir, full, &complaint
			require.Error(t, cmd.Run(), args)
			require.Equal(t, "ehpcbot: write the output: write /dev/stdout: no space left on device\n", complaint.String(), args)
			require.NoError(t, full.Close())
		}
	})
	t.Run("demo into nothing", func(t *testing.T) {
		t.Parallel()
		tmp := t.TempDir()
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		cmd := exec.CommandContext(t.Context(), world.Binary, "demo")
		cmd.Env, cmd.Stdout = []string{"TMPDIR=" + tmp}, writer
		require.Error(t, cmd.Run(), "what was not written is no success")
		require.NoError(t, writer.Close())
		entries, err := os.ReadDir(tmp)
		require.NoError(t, err)
		require.Empty(t, entries, "it clears up")
	})
	t.Run("demo, interrupted", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), world.Binary, "demo")
		cmd.Env = []string{"TMPDIR=" + t.TempDir()}
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		var says bytes.Buffer
		cmd.Stderr = &says
		require.NoError(t, cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		_, err = io.Copy(io.Discard, out)
		require.NoError(t, err)
		require.Error(t, cmd.Wait())
		require.Equal(t, "ehpcbot: interrupted\n", says.String())
	})
	t.Run("sandbox", func(t *testing.T) {
		t.Parallel()
		tmp := t.TempDir()
		cmd := exec.CommandContext(t.Context(), world.Binary, "sandbox", "--addr", "127.0.0.1:0")
		cmd.Env = []string{"TMPDIR=" + tmp, "LOCALE=zh", "SLACK_BOT_TOKEN=nonsense"}
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		begin := time.Now()
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		resp, err := http.Get(strings.TrimSpace(strings.TrimPrefix(line, "ehpcbot sandbox: ")))
		require.NoError(t, err)
		page, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		http.DefaultClient.CloseIdleConnections()
		t.Logf("figures: the page of the sandbox is there after %s", time.Since(begin).Round(time.Millisecond))
		require.Contains(t, string(page), `<html lang="zh">`)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
		entries, err := os.ReadDir(tmp)
		require.NoError(t, err)
		require.Empty(t, entries, "it clears up")
	})
	t.Run("healthcheck", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		p := w.Start()
		out, code := run(t, []string{"HTTP_ADDR=" + p.Addr()}, "healthcheck")
		require.Zero(t, code, out)
		w.Stop(p)
		out, code = run(t, []string{"HTTP_ADDR=" + p.Addr()}, "healthcheck")
		require.Equal(t, 1, code)
		require.Contains(t, out, "healthz")
		out, code = run(t, []string{"HTTP_ADDR="}, "healthcheck")
		require.Zero(t, code, "a container with HTTP_ADDR= would be unhealthy for ever")
		require.Equal(t, "off: HTTP_ADDR is set to nothing, so nothing answers /healthz\n", out)
	})
}

// withoutChance puts fixed words in the place of what differs in each run of the demo.
func withoutChance(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAllString(text, "2026-11-26 15:46 UTC")
	return regexp.MustCompile(`(Password: |密码：)\S{20}\n`).ReplaceAllString(text, "${1}3D5IUkSX*4bHXb0ncF9k\n")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	nothing := func(*world.World) {}
	tests := map[string]struct {
		arrange func(*world.World)
		env     []string
		line    string // of the failure; empty: all is well
		advice  string
	}{
		"all well":              {arrange: nothing},
		"all well, with groups": {arrange: nothing, env: []string{"APPROVERS=" + world.Admins + "," + world.Anna}},
		"app token":             {nothing, []string{"SLACK_APP_TOKEN=xapp-1-A0WRONG-1-wrong"}, "SLACK_APP_TOKEN.*invalid_auth", "token"},
		"bot token":             {nothing, []string{"SLACK_BOT_TOKEN=xoxb-0-1-wrong"}, "SLACK_BOT_TOKEN.*invalid_auth", "token"},
		"token of an organisation": {func(w *world.World) {
			w.Slack = world.NewSlack(slacktest.WithTeam("E01HARNESS1", "harness"))
			w.T.Cleanup(w.Slack.Close)
			w.Env["SLACK_API_URL"] = w.Slack.APIURL()
		}, nil, "SLACK_BOT_TOKEN.*whole organisation.*E01HARNESS1", "one workspace"},
		"tokens of two apps": {func(w *world.World) {
			w.Slack = world.NewSlack(slacktest.WithBot("U01HARNESS1", "B01HARNESS1", "A01HARNESS1"))
			w.T.Cleanup(w.Slack.Close)
			w.Env["SLACK_API_URL"] = w.Slack.APIURL()
		}, nil, "SLACK_APP_TOKEN, SLACK_BOT_TOKEN.*A0EHPCBOT.*A01HARNESS1", "one app"},
		"revoked": {func(w *world.World) { w.Slack.Revoke("bot", "token_revoked") }, nil,
			"SLACK_BOT_TOKEN.*token_revoked", "install"},
		"scope": {func(w *world.World) { w.Slack.SetScopes("commands", "chat:write", "users:read", "usergroups:read") }, nil,
			"scopes.*im:write", "install the app again"},
		"not in the channel": {func(w *world.World) { w.Slack.SetChannel(slacktest.Channel{ID: world.Channel}) }, nil,
			"APPROVAL_CHANNEL.*not_in_channel", "/invite"},
		"unknown channel": {nothing, []string{"APPROVAL_CHANNEL=C0NOWHERE"}, "APPROVAL_CHANNEL.*channel_not_found", "id"},
		"archived channel": {func(w *world.World) {
			w.Slack.SetChannel(slacktest.Channel{ID: world.Channel, Archived: true, BotIsMember: true})
		}, nil,
			"APPROVAL_CHANNEL.*is_archived", "channel"},
		"unknown approver":      {nothing, []string{"APPROVERS=U0NOBODY," + world.Anna}, "APPROVERS U0NOBODY.*user_not_found", "Copy member ID"},
		"unknown administrator": {nothing, []string{"ADMINISTRATORS=U0NOBODY," + world.Otto}, "ADMINISTRATORS U0NOBODY.*user_not_found", "Copy member ID"},
		"unknown fallback":      {nothing, []string{"APPROVERS_FALLBACK=U0NOBODY"}, "APPROVERS_FALLBACK U0NOBODY.*user_not_found", "Copy member ID"},
		"empty fallback group":  {func(w *world.World) { w.Slack.SetUserGroup(world.Admins) }, []string{"APPROVERS_FALLBACK=" + world.Admins}, "APPROVERS_FALLBACK " + world.Admins + ".*no members", "->"},
		"deactivated approver":  {nothing, []string{"APPROVERS=" + world.Dora + "," + world.Anna}, "APPROVERS " + world.Dora + ".*deactivated", "->"},
		"robot":                 {nothing, []string{"APPROVERS=" + world.Robo + "," + world.Anna}, "APPROVERS " + world.Robo + ".*bot", "->"},
		"foreign approver":      {nothing, []string{"APPROVERS=" + world.Fay + "," + world.Anna}, "APPROVERS " + world.Fay, "->"},
		"empty group":           {func(w *world.World) { w.Slack.SetUserGroup(world.Admins) }, []string{"APPROVERS=" + world.Admins}, "APPROVERS " + world.Admins + ".*no members", "->"},
		"unknown group":         {nothing, []string{"APPROVERS=S0NOWHERE"}, "APPROVERS S0NOWHERE", "id"},
		"free plan":             {func(w *world.World) { w.Slack.SetFreePlan(true) }, []string{"APPROVERS=" + world.Admins}, "APPROVERS.*plan_upgrade_required", "user ids"},
		"too few":               {nothing, []string{"APPROVERS=" + world.Admins, "APPROVALS_REQUIRED=2"}, "APPROVALS_REQUIRED", "APPROVERS"},
		"one person, two ids": {func(w *world.World) {
			w.Slack.AddUser(slacktest.User{ID: world.Anna, Name: "anna", OrgID: "W0ANNA", Teams: []string{slacktest.TeamID}})
			w.Slack.SetUserGroup(world.Admins, "W0ANNA")
		}, []string{"APPROVERS=" + world.Anna + "," + world.Admins, "APPROVALS_REQUIRED=2"}, "APPROVALS_REQUIRED: 2 approvers are needed, and there are 1", "APPROVERS"},
		"messages tab off": {func(w *world.World) { w.Slack.SetMessagesTab(false) }, nil, "", ""}, // can't be told without writing to somebody
		"Home tab off":     {func(w *world.World) { w.Slack.SetHomeTab(false) }, nil, "", ""},     // nor this
		"EHPC key id":      {nothing, []string{"QINGCLOUD_ACCESS_KEY_ID=WRONG"}, "EHPC_CLUSTERS.*1200", "QINGCLOUD_ACCESS_KEY_ID"},
		"EHPC key":         {nothing, []string{"QINGCLOUD_SECRET_ACCESS_KEY=wrong"}, "EHPC_CLUSTERS.*1200", "QINGCLOUD_SECRET_ACCESS_KEY"},
		"cluster":          {nothing, []string{"EHPC_CLUSTERS=ehpc-8jqdq0mz@jn1a,ehpc-nowhere@jn1a"}, "EHPC_CLUSTERS ehpc-nowhere.*2100", "zone"},
		"messages": {func(w *world.World) {
			refusal := `{"ok":false,"error":"invalid_view","errors":[{"pointer":"/blocks/0","code":"failed_constraint","message":"too long"}]}`
			w.Slack.Fail("blocks.validate", slacktest.Fault{Body: []byte(refusal), Match: func(c slacktest.Call) bool { return strings.Contains(c.Params.Get("view"), `"callback_id":"deny"`) }})
		}, nil, `messages, the form that denies, in Chinese: .*invalid_view .*"pointer":"/blocks/0"`, "newer ehpcbot"},
		"shared cluster": {func(w *world.World) { w.EHPC.Share(ehpctest.OtherClusterID) }, nil, "EHPC_CLUSTERS ehpc-x.*no users can be added", "type ehpc"},
		"all well, with an approver of several workspaces": {arrange: func(w *world.World) {
			w.Slack.AddUser(slacktest.User{ID: world.Anna, Name: "anna", TeamID: "E0GRID", Teams: []string{"T0OTHER", slacktest.TeamID}})
		}},
		"approver of another workspace": {func(w *world.World) {
			w.Slack.AddUser(slacktest.User{ID: world.Anna, Name: "anna", TeamID: "E0GRID", Teams: []string{"T0OTHER"}})
		}, nil, "APPROVERS " + world.Anna + ".*another organisation", "->"},
		"zone":       {nothing, []string{"EHPC_CLUSTERS=ehpc-8jqdq0mz@pek3a"}, "EHPC_CLUSTERS ehpc-8jqdq0mz@pek3a", "zone"},
		"endpoint":   {nothing, []string{"EHPC_ENDPOINT=http://127.0.0.1:1"}, "EHPC_CLUSTERS", "EHPC_ENDPOINT"},
		"Slack away": {nothing, []string{"SLACK_API_URL=http://127.0.0.1:1/api/"}, "SLACK_APP_TOKEN", "SLACK_API_URL"},
		"folder":     {nothing, []string{"DATABASE_URL=sqlite:/nowhere/x.db"}, "DATABASE_URL.*/nowhere", "folder"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			test.arrange(w)
			out, code := w.Run([]string{"check"}, test.env...)
			require.Empty(t, w.Slack.Messages(world.Channel), "nobody sees anything of it")
			require.Zero(t, w.Slack.Scheduled())
			require.Empty(t, w.EHPC.Users(ehpctest.ClusterID))
			if test.line == "" {
				require.Zero(t, code, out)
				require.NotContains(t, out, "FAIL")
				for _, what := range []string{"SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "scopes", "SLACK_APP_TOKEN, SLACK_BOT_TOKEN", "messages", "HTTP_ADDR", "APPROVAL_CHANNEL", "APPROVERS", "EHPC_CLUSTERS", "DATABASE_URL", "ENCRYPTION_KEY"} {
					require.Regexp(t, `(?m)^ok +`+what, out)
				}
				return
			}
			require.Equal(t, 1, code, out)
			require.Regexp(t, `(?m)^FAIL +`+test.line, out)
			_, after, _ := strings.Cut(out, "FAIL")
			require.Contains(t, after, test.advice)
			require.Contains(t, after, "->")
		})
	}
	t.Run("misspelt", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		const hint = "APPROVAL_EXPIRE: is not read; is APPROVAL_EXPIRY meant?\n"
		out, code := w.Run([]string{"check"}, "APPROVAL_EXPIRE=1h")
		require.Zero(t, code, out)
		require.Contains(t, out, "warn  "+hint)
		for _, command := range []string{"check", "serve"} {
			out, code = w.Run([]string{command}, "APPROVAL_EXPIRE=1h", "APPROVERS=")
			require.Equal(t, 1, code)
			require.Regexp(t, `(?s)^ehpcbot: these settings are wrong or missing:\nAPPROVERS: is missing; [^\n]+\n`+regexp.QuoteMeta(hint)+`$`, out)
		}
	})
	t.Run("beside the bot", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Start()
		out, code := w.Run([]string{"check"})
		require.Zero(t, code, out)
	})
	t.Run("PostgreSQL away", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		key := base64.StdEncoding.EncodeToString(make([]byte, 32))
		out, code := w.Run([]string{"check"}, "DATABASE_URL=postgres://u:hush-hush@127.0.0.1:1/x", "ENCRYPTION_KEY="+key)
		require.Equal(t, 1, code)
		require.Regexp(t, `(?m)^FAIL +DATABASE_URL`, out)
		require.NotContains(t, out, "hush-hush")
		require.NotContains(t, out, key)
	})
}

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	type finding struct{ Name, Status, Text, Advice string }
	run := func(t *testing.T, w *world.World, changes ...string) (findings []finding, code int) {
		out, code := w.Run([]string{"check", "--json"}, changes...)
		var document struct {
			OK       bool
			Findings []finding
		}
		require.NoError(t, json.Unmarshal([]byte(out), &document), out)
		require.Equal(t, code == 0, document.OK)
		return document.Findings, code
	}
	t.Run("the same as without", func(t *testing.T) {
		t.Parallel()
		for _, change := range []string{"LOCALE=en", "APPROVERS=U0NOBODY," + world.Anna, "APPROVAL_EXPIRE=1h"} {
			w := world.New(t)
			w.Run([]string{"check"}, change) // which makes the database
			text, want := w.Run([]string{"check"}, change)
			findings, code := run(t, w, change)
			require.Equal(t, want, code)
			var lines strings.Builder
			for _, f := range findings {
				fmt.Fprintf(&lines, "%-5s %s: %s\n", map[string]string{"ok": "ok", "warn": "warn", "fault": "FAIL"}[f.Status], f.Name, f.Text)
				if f.Advice != "" {
					fmt.Fprintf(&lines, "      -> %s\n", f.Advice)
				}
			}
			before, _, _ := strings.Cut(text, "\n\n")
			require.Equal(t, before+"\n", lines.String())
		}
	})
	t.Run("settings that can't be read", func(t *testing.T) {
		t.Parallel()
		findings, code := run(t, world.New(t), "PASSWORD_LENGTH=11", "APPROVERS=", "APPROVAL_EXPIRE=1h")
		require.Equal(t, 1, code)
		require.Len(t, findings, 3)
		require.Equal(t, finding{"APPROVAL_EXPIRE", "warn", "is not read; is APPROVAL_EXPIRY meant?", ""}, findings[0])
		for i, name := range []string{"APPROVERS", "PASSWORD_LENGTH"} {
			f := findings[i+1]
			require.Equal(t, name, f.Name)
			require.Equal(t, "fault", f.Status)
			require.NotEmpty(t, f.Text)
			require.NotEmpty(t, f.Advice)
		}
	})
}

// proxyTo is an HTTPS proxy that leads everybody to one server, whatever is asked for.
func proxyTo(t *testing.T, server string) string {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if server == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		there, err := net.Dial("tcp", server)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		var both sync.WaitGroup
		pass := func(to, from net.Conn) { _, _ = io.Copy(to, from); _ = to.Close() }
		both.Go(func() { pass(here, there) })
		both.Go(func() { pass(there, here) })
		both.Wait()
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// before puts something between the program and a server that changes answers.
func before(t *testing.T, server string, change func(*http.Response)) *httptest.Server {
	to, err := url.Parse(server)
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error { change(r); return nil },
	})
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(front.Close)
	return front
}

// Each reason is told as what it is, with what to do about it.
func TestCheckNamesCauses(t *testing.T) {
	t.Parallel()
	same := func(*http.Response) {}
	t.Run("a proxy with a CA of its own", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		front := before(t, w.Slack.URL(), same)
		front.StartTLS()
		proxy := proxyTo(t, front.Listener.Addr().String())
		env := []string{"SLACK_API_URL=https://example.com/api/", "HTTPS_PROXY=" + proxy}
		out, code := w.Run([]string{"check"}, env...)
		require.Equal(t, 1, code)
		for _, name := range []string{"SLACK_APP_TOKEN", "SLACK_BOT_TOKEN"} {
			require.Regexp(t, `(?m)^FAIL  `+name+`: its certificate is signed by an authority that this machine does not know\n +-> .*SSL_CERT_FILE`, out)
		}
		file := filepath.Join(w.Dir, "ca.pem")
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
		require.NoError(t, os.WriteFile(file, ca, 0o600))
		out, code = w.Run([]string{"check"}, append(env, "SSL_CERT_FILE="+file)...)
		require.Zero(t, code, out)
	})
	t.Run("a proxy that asks who is there", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		out, code := w.Run([]string{"check"}, "SLACK_API_URL=https://example.com/api/", "HTTPS_PROXY="+proxyTo(t, ""))
		require.Equal(t, 1, code)
		require.Regexp(t, `(?m)^FAIL  SLACK_BOT_TOKEN: .*407.*\n +-> .*HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT`, out)
		require.NotContains(t, out, "slack-status.com")
	})
	t.Run("a proxy that takes headers out", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		front := before(t, w.Slack.URL(), func(r *http.Response) { r.Header.Del("X-OAuth-Scopes") })
		front.Start()
		out, code := w.Run([]string{"check"}, "SLACK_API_URL="+front.URL+"/api/")
		require.Zero(t, code, out)
		require.Regexp(t, `(?m)^warn  scopes: not known: .*X-OAuth-Scopes.*\n +-> .*users:read`, out)
	})
	t.Run("a key that may not list nodes", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.EHPC.Answer(ehpctest.ActionListNodes, 1400, -1)
		out, code := w.Run([]string{"check"})
		require.Zero(t, code, out)
		require.Regexp(t, `(?m)^warn  EHPC_CLUSTERS ehpc-x@jn1a: 0 users, but its login nodes are not told: .*1400.*\n +-> .*can't log in`, out)
	})
	t.Run("a scope", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		w.Slack.SetScopes("commands", "chat:write", "im:write", "usergroups:read")
		out, code := w.Run([]string{"check"})
		require.Equal(t, 1, code)
		require.Contains(t, out, "FAIL  scopes: the bot token lacks users:read; it has commands, chat:write, im:write, usergroups:read\n")
		require.Regexp(t, `(?m)^FAIL  APPROVERS `+world.Anna+`: missing_scope: it needs users:read, and the token has commands,.*\n +-> add users:read`, out)
	})
	t.Run("packets that are lost, side by side", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer silent.Close()
		nowhere := "http://" + silent.Addr().String()
		begin := time.Now()
		out, code := w.Run([]string{"check"}, "SLACK_API_URL="+nowhere+"/api/", "EHPC_ENDPOINT="+nowhere,
			"DATABASE_URL=postgres://u:p@"+silent.Addr().String()+"/x?sslmode=disable", "ENCRYPTION_KEY="+base64.StdEncoding.EncodeToString(make([]byte, 32)))
		require.Less(t, time.Since(begin), 14*time.Second)
		require.Equal(t, 1, code)
		var names []string
		for _, line := range regexp.MustCompile(`(?m)^FAIL  (.*): no answer within 10 s\n +-> a firewall`).FindAllStringSubmatch(out, -1) {
			names = append(names, line[1])
		}
		require.Equal(t, []string{"SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "EHPC_CLUSTERS ehpc-8jqdq0mz@jn1a", "EHPC_CLUSTERS ehpc-x@jn1a", "DATABASE_URL"}, names, out)
	})
	t.Run("clocks", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		off := func(by time.Duration) func(*http.Response) {
			return func(r *http.Response) { r.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat)) }
		}
		slack, api := before(t, w.Slack.URL(), off(30*time.Second)), before(t, w.EHPC.URL, off(-30*time.Second))
		slack.Start()
		api.Start()
		out, code := w.Run([]string{"check"}, "SLACK_API_URL="+slack.URL+"/api/", "EHPC_ENDPOINT="+api.URL)
		require.Zero(t, code, out)
		require.Regexp(t, `(?m)^warn  the clock, by Slack's: this machine's clock is (29|30|31)s behind\n +-> .*NTP`, out)
		require.Regexp(t, `(?m)^warn  the clock, by the EHPC API's: this machine's clock is (27|28|29|30|31)s ahead\n +-> .*NTP`, out)
		require.Equal(t, 2, strings.Count(out, "warn  "))
		slack, api = before(t, w.Slack.URL(), off(4*time.Second)), before(t, w.EHPC.URL, off(-4*time.Second))
		slack.Start()
		api.Start()
		out, code = w.Run([]string{"check"}, "SLACK_API_URL="+slack.URL+"/api/", "EHPC_ENDPOINT="+api.URL)
		require.Zero(t, code, out)
		require.NotContains(t, out, "warn  ")
	})
	t.Run("what Slack leaves open", func(t *testing.T) {
		t.Parallel()
		for code, line := range map[string]string{
			"internal_error": "warn  messages: not all are looked at: have blocks validated: internal_error\n",
			"unknown_method": "ok    messages: not looked at: Slack does not offer it here\n",
		} {
			w := world.New(t)
			w.Slack.Fail("bots.info", slacktest.Fault{Error: code})
			w.Slack.Fail("blocks.validate", slacktest.Fault{Error: code})
			out, code := w.Run([]string{"check"})
			require.Zero(t, code, out)
			require.Contains(t, out, line)
			require.Contains(t, out, "warn  SLACK_APP_TOKEN, SLACK_BOT_TOKEN: not known whether they are of one app: ")
		}
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o755))
		out, code := w.Run([]string{"check"}, "DATABASE_URL=sqlite:"+dir)
		require.Equal(t, 1, code)
		require.Contains(t, out, "DATABASE_URL: names a directory; give sqlite:PATH")
		require.NotContains(t, out, "chmod")
	})
}

func TestNothingSet(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "serve", "check"} {
		out, code := world.Run(t, t.TempDir(), nil, strings.Fields(command)...)
		require.Equal(t, 1, code)
		for _, v := range config.Variables() {
			lines := regexp.MustCompile(`(?m)^`+v.Name+`: .+$`).FindAllString(out, -1)
			if v.Required {
				require.Len(t, lines, 1, v.Name)
				require.Contains(t, lines[0], "missing")
			} else {
				require.Empty(t, lines, v.Name)
			}
		}
	}
}

func TestManyWrong(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	secrets := []string{"xoxp-in-the-wrong-place", "xapp-in-the-wrong-place", "key-of-no-32-bytes", "hush hush"}
	wrong := map[string]string{
		"SLACK_APP_TOKEN": secrets[0], "SLACK_BOT_TOKEN": secrets[1], "SLACK_API_URL": "ftp://x", "SLACK_CONNECTIONS": "11",
		"SLACK_COMMAND": "ehpc adduser", "EHPC_ENDPOINT": "http://example.org", "EHPC_CALLS_PER_HOUR": "-1", "EHPC_CLUSTERS": "ehpc-x",
		"EHPC_ALLOWED_MODS": "788", "EHPC_RESERVED_USERNAMES": "a b", "APPROVAL_CHANNEL": "#general", "APPROVERS": "@anna",
		"APPROVALS_REQUIRED": "0", "APPROVAL_ALLOW_SELF": "perhaps", "APPROVAL_EXPIRY": "soon", "APPROVAL_REMINDER": "-1h",
		"MAX_ACTIVE_REQUESTS": "0", "PASSWORD_LENGTH": "11", "CREDENTIALS_TTL": "24", "CREDENTIALS_DELIVERY": "pigeon",
		"LOGIN_HINT": "two\nlines", "DATABASE_URL": "mysql://u:" + secrets[3] + "@x/y", "ENCRYPTION_KEY": secrets[2], "HTTP_ADDR": "9095",
		"LOCALE": "fr", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml",
	}
	var env []string
	for name, value := range wrong {
		env = append(env, name+"="+value)
	}
	out, code := w.Run(nil, env...)
	require.Equal(t, 1, code)
	for name := range wrong {
		require.Regexp(t, `(?m)^`+name+`: .+; .+$`, out)
	}
	for _, s := range append(secrets, "in-the-wrong-place", ehpctest.SecretAccessKey) {
		require.NotContains(t, out, s)
	}
	require.NoFileExists(t, filepath.Join(w.Dir, "ehpcbot.db"))

	for _, one := range []string{
		"SLACK_CONNECTIONS=0", "SLACK_CONNECTIONS=0x2", "PASSWORD_LENGTH=31", "EHPC_CALLS_PER_HOUR=many",
		"APPROVAL_EXPIRY=0", "APPROVAL_REMINDER=72h", "APPROVALS_REQUIRED=3", "EHPC_CLUSTERS=ehpc-x@jn1a,ehpc-x@jn1a", "EHPC_CLUSTERS=,",
		"SLACK_API_URL=http://example.org/api/", "DATABASE_URL=postgres://localhost/x", "HTTP_ADDR=127.0.0.1:99999", "APPROVERS=,",
	} {
		name, _, _ := strings.Cut(one, "=")
		out, code := w.Run(nil, one)
		require.Equal(t, 1, code, one)
		if name == "DATABASE_URL" {
			name = "ENCRYPTION_KEY" // is required then
		}
		require.Regexp(t, `(?m)^`+name+`: .+; .+$`, out, one)
	}
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "env")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	settings := strings.Join(w.Environ(nil), "\r\n")
	path := file("\ufeff" + settings + "\r\nLOGIN_HINT='ssh {username}@login.example.org'\r\nAPPROVAL_EXPIRE=1h\r\n")
	out, code := world.Run(t, w.Dir, nil, "check", "--env-file", path)
	require.Zero(t, code, out)
	require.Contains(t, out, "warn  APPROVAL_EXPIRE: is not read; is APPROVAL_EXPIRY meant?\n")
	require.Equal(t, 1, strings.Count(out, path+": the quotes around LOGIN_HINT are left out; Docker would take them as part of the value\n"), out)

	out, code = world.Run(t, w.Dir, []string{"LOG_LEVEL=info", "LOCALE=fr"}, "--env-file="+file(settings+"\nLOG_LEVEL=loud\nLOCALE=en\n"))
	require.Equal(t, 1, code)
	require.Equal(t, "ehpcbot: these settings are wrong or missing:\nLOCALE: \"fr\" is not known; give en or zh\n", out, "the environment wins")

	path = file("LOCALE=en\nexport SLACK_BOT_TOKEN=xoxb-hidden\n")
	for _, command := range []string{
		"", "serve", "check", "manifest", "demo", "sandbox", "requests", "audit", "audit verify", "rekey", "version", "--version", "licenses", "healthcheck",
	} {
		for file, want := range map[string]string{
			path: "--env-file: " + path + ", line 2: it is not NAME=VALUE; leave out export, and spaces in front of the =",
			"":   "--env-file: open : no such file or directory",
		} {
			out, code := world.Run(t, t.TempDir(), nil, append(strings.Fields(command), "--env-file", file)...)
			require.Equal(t, 1, code, command)
			require.Equal(t, "ehpcbot: "+want+"\n", out, command)
		}
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	var files []string
	for _, v := range config.Variables() {
		if value, set := w.Env[v.Name]; v.Secret && set {
			path := filepath.Join(t.TempDir(), v.Name)
			require.NoError(t, os.WriteFile(path, []byte(value+"\n"), 0o600))
			files = append(files, v.Name+"=", v.Name+"_FILE="+path)
		}
	}
	require.Len(t, files, 2*6)
	w.Start(files...)
	w.Command(world.Isabel, "isabel")
	w.Press(world.Anna, w.Request("isabel"), "Approve")
	w.Credentials(world.Isabel, "isabel")
	require.NoFileExists(t, filepath.Join(w.Dir, "ehpcbot.db.key"))

	out, code := w.Run(nil, "SLACK_BOT_TOKEN=", "SLACK_BOT_TOKEN_FILE=/nowhere/token")
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^SLACK_BOT_TOKEN(_FILE)?: .*/nowhere/token`, out)
	out, code = w.Run(nil, "SLACK_BOT_TOKEN_FILE="+filepath.Join(t.TempDir(), "token"))
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^SLACK_BOT_TOKEN: .*SLACK_BOT_TOKEN_FILE`, out)
}

// A crash writes no memory to the disk, where the passwords and keys in it would stay.
func TestNoCoreDumps(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the limits of a process")
	}
	w := world.New(t)
	p := w.Start()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Cmd.Process.Pid))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^Max core file size +0 +0 +bytes`, string(limits))
}

func TestJSONLogs(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.Fail("chat.postMessage", slacktest.Fault{Status: 500})
	w.EHPC.DropAfter(ehpctest.ActionAddUser, 1)
	p := w.Start("LOG_FORMAT=json")
	w.Command(world.Isabel, `isabel reason="of secret importance"`)
	w.Press(world.Anna, w.Request("isabel"), "Approve")
	w.Credentials(world.Isabel, "isabel")
	made := w.Slack.ConnectionsMade()
	w.Slack.DropConnections()
	w.WaitFor("new connections", func() bool { return w.Slack.ConnectionsMade() >= made+2 })
	w.Stop(p)
	require.Empty(t, p.Out.String())
	for line := range strings.Lines(p.Err.String()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
	require.NotContains(t, p.Err.String(), "of secret importance", "payloads are not logged")
}

// What ends the start, or is odd at it, is found where the log is.
func TestJSONStartFaults(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(path, []byte("LOG_FORMAT=json\nLOGIN_HINT=\"ssh\"\n"), 0o600))
	for _, tt := range []struct {
		args, env []string
		want      []string
	}{
		{nil, []string{"LOCALE=fr", "LOG_FORMAT=json"}, []string{"ERROR ehpcbot: these settings are wrong or missing:", `ERROR LOCALE: "fr" is not known; give en or zh`}},
		{[]string{"serve"}, []string{"DATABASE_URL=sqlite:/nowhere/x.db", "LOG_FORMAT=JSON"}, []string{"INFO ehpcbot starts", "INFO answering /healthz, /readyz and /metrics", "ERROR ehpcbot: DATABASE_URL: open the database: lstat /nowhere: no such file or directory; see that the folder exists"}},
		{[]string{"--env-file", path}, []string{"LOCALE=fr"}, []string{
			"WARN ehpcbot: " + path + ": the quotes around LOGIN_HINT are left out; Docker would take them as part of the value",
			"ERROR ehpcbot: these settings are wrong or missing:", `ERROR LOCALE: "fr" is not known; give en or zh`,
		}},
		{[]string{"serve", "now"}, []string{"LOG_FORMAT=json"}, []string{`ERROR ehpcbot: serve takes nothing but flags, and there is "now"`}},
	} {
		out, code := w.Run(tt.args, tt.env...)
		require.Equal(t, 1, code)
		var got []string
		for line := range strings.Lines(out) {
			var entry struct{ Level, Msg string }
			require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
			got = append(got, entry.Level+" "+entry.Msg)
		}
		require.Equal(t, tt.want, got)
	}
	out, code := w.Run([]string{"requests", "--state", "x"}, "LOG_FORMAT=json")
	require.Equal(t, 1, code)
	require.Contains(t, out, "ehpcbot: --state: ", "a person reads that")
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Command(world.Isabel, "isabel")
	w.Press(world.Anna, w.Request("isabel"), "Approve")
	w.Credentials(world.Isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.Command(world.Otto, "otto")
	require.Equal(t, "ok\n", p.Get("/healthz"))
	require.Contains(t, p.Status("/healthz"), "200")
	p.WaitReady(true, "slack")
	p.WaitReady(true, "ehpc")
	require.Contains(t, p.Status("/readyz"), "200")
	require.Contains(t, p.Status("/"), "404")
	metrics := p.Get("/metrics")
	for _, line := range []string{
		`ehpcbot_acknowledgement_seconds_bucket\{envelope="[a-z_]+",le="3"\} [1-9]`,
		`ehpcbot_acknowledgement_seconds_count\{envelope="[a-z_]*command[a-z_]*"\} 2`,
		`ehpcbot_requests\{state="delivered"\} 1`,
		`ehpcbot_requests\{state="pending"\} 1`,
		`ehpcbot_requests\{state="failed"\} 0`,
		`ehpcbot_jobs_total\{kind="provision",result="done"\} 1`,
		`ehpcbot_jobs_total\{kind="deliver",result="done"\} 1`,
		`ehpcbot_slack_calls_total\{method="chat.postMessage",result="ok"\} [1-9]`,
		`ehpcbot_slack_calls_total\{method="chat.update",result="ok"\} [1-9]`,
		`ehpcbot_slack_calls_total\{method="apps.connections.open",result="ok"\} [1-9]`,
		`ehpcbot_ehpc_calls_total\{action="addUser",result="ok"\} 1`,
		`ehpcbot_slack_connections 2`,
		`ehpcbot_longest_wait_seconds 0`,
	} {
		require.Regexp(t, `(?m)^`+line, metrics)
	}
	for _, state := range approval.States() {
		require.Contains(t, metrics, `ehpcbot_requests{state="`+string(state)+`"}`)
	}

	off := world.New(t)
	quiet := off.Launch("HTTP_ADDR=")
	off.WaitConnections()
	require.NotContains(t, quiet.Err.String(), "/healthz")

	out, code := off.Run(nil, "HTTP_ADDR="+p.Addr(), "DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^ehpcbot: HTTP_ADDR: .*in use`, out)
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	text := string(readme)
	t.Run("variables", func(t *testing.T) {
		t.Parallel()
		example, err := os.ReadFile(".env.example")
		require.NoError(t, err)
		rows := 0
		for line := range strings.Lines(text) {
			if regexp.MustCompile("^\\| `[A-Z][A-Z_]+` \\|").MatchString(line) {
				rows++
			}
		}
		require.Equal(t, len(config.Variables()), rows, "rows of README's table of variables")
		for _, v := range config.Variables() {
			value := ""
			switch {
			case v.Required:
				value = "required"
			case v.Default != "":
				value = "`" + v.Default + "`"
			}
			require.Contains(t, text, "| `"+v.Name+"` | "+value+" | "+v.Meaning+" |")
			line := "#" + v.Name + "=" + v.Default
			if v.Required {
				line = v.Name + "="
			}
			require.Regexp(t, `(?m)^`+regexp.QuoteMeta(line)+`$`, string(example))
		}
		for _, m := range regexp.MustCompile(`(?m)^#?([A-Z][A-Z_]+)=`).FindAllStringSubmatch(string(example), -1) {
			require.True(t, slices.ContainsFunc(config.Variables(), func(v config.Variable) bool { return v.Name == m[1] }), m[1])
		}
	})
	t.Run("commands", func(t *testing.T) {
		t.Parallel()
		help, code := world.Run(t, t.TempDir(), nil, "--help")
		require.Zero(t, code)
		_, list, _ := strings.Cut(help, "Available Commands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		var has []string
		for line := range strings.Lines(list) {
			name := strings.Fields(line)[0]
			has = append(has, name)
			if name != "help" {
				require.Contains(t, text, "`ehpcbot "+name+"`")
			}
		}
		for _, m := range regexp.MustCompile("(?m)^\\|.*`ehpcbot ([a-z]+)( [a-z]+)?`.* \\|").FindAllStringSubmatch(text, -1) {
			require.Contains(t, has, m[1], "README knows a command that the program has not")
		}
	})
	t.Run("demo", func(t *testing.T) {
		t.Parallel()
		played, err := os.ReadFile(filepath.Join("bot", "demo", "testdata", "en.txt"))
		require.NoError(t, err)
		_, conversation, _ := strings.Cut(text, "```text\n")
		conversation, _, _ = strings.Cut(conversation, "```")
		rest := string(played)
		for line := range strings.Lines(withoutChance(conversation)) {
			said, indented := strings.CutPrefix(line, "    ")
			if !indented {
				continue // a heading, which the demo words otherwise
			}
			var found bool
			_, rest, found = strings.Cut(rest, "   "+said)
			require.True(t, found, "the demo does not say this, or not in this order: %s", said)
		}
	})
	t.Run("links", func(t *testing.T) {
		t.Parallel()
		prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
		headings := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(prose, -1) {
			headings["#"+anchor(m[1])] = true
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(prose, -1) {
			switch target := m[1]; {
			case strings.HasPrefix(target, "#"):
				require.True(t, headings[target], "no heading for %s", target)
			case !strings.HasPrefix(target, "https://"):
				require.FileExists(t, target)
			}
		}
		_, rest, _ := strings.Cut(prose, "\n## Contents\n")
		contents, rest, _ := strings.Cut(rest, "\n## ")
		for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch("## "+rest, -1) {
			require.Contains(t, contents, "](#"+anchor(m[1])+")")
		}
	})
	t.Run("trouble", func(t *testing.T) {
		t.Parallel()
		// What others say: Slack, SQLite and the system.
		words := `failed with the error "dispatch_failed" operation_timeout is not a valid command locking protocol open ehpcbot.db.lock permission denied bind address already in use`
		for _, root := range []string{"main.go", "bot", "approval", "ehpc"} {
			require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
				if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
					var source []byte
					source, err = os.ReadFile(path)
					words += string(source)
				}
				return err
			}))
		}
		_, table, _ := strings.Cut(text, "\n| what you see |")
		table, _, _ = strings.Cut(table, "\n## ")
		for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(table, -1) {
			for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				for _, part := range regexp.MustCompile(`…|[0-9]+|[()]|: |; |[A-Z]+(_[A-Z]+)+`).Split(quoted[1], -1) {
					require.True(t, strings.Contains(words, strings.TrimSpace(part)), "nothing says %q: %s", part, row[1])
				}
			}
		}
	})
	t.Run("unit", func(t *testing.T) {
		t.Parallel()
		_, unit, _ := strings.Cut(text, "```ini\n")
		unit, _, _ = strings.Cut(unit, "```")
		for _, line := range []string{
			"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "UMask=0077", "LimitCORE=0",
			"CapabilityBoundingSet=", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service",
		} {
			require.Contains(t, strings.Split(unit, "\n"), line)
		}
	})
	t.Run("deployments", func(t *testing.T) {
		t.Parallel()
		for _, block := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
			for _, name := range regexp.MustCompile(`\b[A-Z]+(_[A-Z]+)+\b`).FindAllString(block[1], -1) {
				name = strings.TrimSuffix(name, "_FILE")
				known := slices.ContainsFunc(config.Variables(), func(v config.Variable) bool { return v.Name == name })
				require.True(t, known || strings.HasPrefix(name, "POSTGRES_"), name)
			}
		}
	})
	t.Run("states", func(t *testing.T) {
		t.Parallel()
		for _, state := range approval.States() {
			require.Regexp(t, "(?m)^\\| (`[a-z]+`, )*`"+string(state)+"`(, `[a-z]+`)* \\|", text)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		t.Parallel()
		w := world.New(t)
		p := w.Start()
		w.Command(world.Isabel, "isabel")
		w.Press(world.Anna, w.Request("isabel"), "Approve")
		w.Credentials(world.Isabel, "isabel")
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (ehpcbot_\S+)`).FindAllStringSubmatch(p.Get("/metrics"), -1) {
			require.Contains(t, text, "| `"+m[1]+"` |")
		}
	})
}

// anchor is what GitHub calls a heading in links.
func anchor(heading string) string {
	return strings.ReplaceAll(regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

var update = flag.Bool("update", false, "write the golden files")
