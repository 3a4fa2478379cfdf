package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
)

const (
	physics        = "ehpc-x"
	physicsChannel = "C0PHYSICS"
	tutors         = "S0TUTORS"
)

// policies has a cluster follow a policy of its own, with these keys.
func policies(w *world.World, keys ...string) {
	w.T.Helper()
	path := filepath.Join(w.Dir, "policy.yaml")
	w.Env["POLICY_FILE"] = path
	text := "clusters:\n  " + physics + ":\n    " + strings.Join(keys, "\n    ") + "\n"
	require.NoError(w.T, os.WriteFile(path, []byte(text), 0o600))
}

func inPhysics(w *world.World, what string, words ...string) slacktest.Message {
	w.T.Helper()
	m, err := w.Slack.WaitMessage(w.Ctx, physicsChannel, func(m slacktest.Message) bool {
		for _, word := range words {
			if !strings.Contains(m.Plain(), word) {
				return false
			}
		}
		return !m.Deleted
	})
	require.NoError(w.T, err, what)
	return m
}

// Each cluster is decided about in its channel, by its approvers, by its rules. The file is read anew at SIGHUP; what
// waits keeps the rules under which it was asked for, and says so.
func TestPolicyFile(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.Slack.AddChannel(slacktest.Channel{ID: physicsChannel, Name: "physics", BotIsMember: true})
		policies(w, "channel: "+physicsChannel, "approvers: "+admins, "login_hint: ssh {username}@physics.example.org")
		p := w.Start()
		w.Command(isabel, "isabel")
		w.Command(isabel, "isabel2 cluster="+physics)
		card := inPhysics(w, "the card", "isabel2", "Approvals: 0 of 1")
		w.Press(anna, card, "Approve")
		w.Answered(anna, "not one of the approvers")
		w.Press(carl, w.Request("isabel"), "Approve")
		w.Answered(carl, "not one of the approvers")

		policies(w, "approvals: many")
		require.NoError(t, p.Cmd.Process.Signal(syscall.SIGHUP))
		w.WaitFor("the fault is told", func() bool { return strings.Contains(p.Err.String(), "policy.yaml:3: approvals") })
		policies(w, "channel: "+physicsChannel, "approvers: "+ben)
		require.NoError(t, p.Cmd.Process.Signal(syscall.SIGHUP))
		card = inPhysics(w, "the card says that the rules have changed", "isabel2", "Those of then hold for it")
		w.Press(ben, card, "Approve")
		w.Answered(ben, "not one of the approvers")
		w.Press(carl, card, "Approve")
		m, _ := w.CredentialsOn(physics, isabel, "isabel2")
		require.Contains(t, m.Plain(), "ssh isabel2@physics.example.org")

		w.Command(isabel, "isabel3 cluster="+physics)
		w.Press(ben, inPhysics(w, "the card of the new request", "isabel3", "Approvals: 0 of 1"), "Approve")
		m, _ = w.CredentialsOn(physics, isabel, "isabel3")
		require.NotContains(t, m.Plain(), "physics.example.org")
		w.Press(anna, w.Request("isabel"), "Approve")
		w.Credentials(isabel, "isabel")
	})
}

// Members of a group need no approval, and the channel sees what they get. The others need one.
func TestNoApprovalNeeded(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.AddUserGroup(tutors, "tutors", isabel)
	policies(w, "no_approval_for: "+tutors)
	w.Start("LOCALE=zh")
	require.Contains(t, w.Command(isabel, "isabel cluster="+physics).Plain(), "need no approval")
	w.CredentialsOn(physics, isabel, "isabel")
	w.WaitMessage("the channel sees it", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "无需审批：<@"+isabel+"> 是 <!subteam^"+tutors+"> 的成员。")
	})
	w.Command(otto, "otto cluster="+physics)
	w.WaitMessage("the others need one", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "otto") && len(m.Buttons()) > 0 })
	require.Equal(t, 1, w.EHPC.AddUserEffects(physics, "isabel"))
}

// A channel of the file that takes no messages holds up what is decided there alone, and readiness says where it is set.
func TestPolicyChannelIsClosed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	closed := slacktest.Channel{ID: physicsChannel, Name: "physics", BotIsMember: true, Archived: true}
	w.Slack.AddChannel(closed)
	policies(w, "channel: "+physicsChannel)
	p := w.Start()
	w.Command(isabel, "isabel2 cluster="+physics)
	w.WaitFor("it is told", func() bool {
		return strings.Contains(p.Get("/readyz"), "POLICY_FILE: no messages get to "+physicsChannel)
	})
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
	closed.Archived = false
	w.Slack.SetChannel(closed)
	w.Press(anna, inPhysics(w, "the card", "isabel2", "Approvals: 0 of 1"), "Approve")
	w.CredentialsOn(physics, isabel, "isabel2")
	p.WaitReady(true, "slack")
}

// What is wrong with the file is told at the start, and by check: with its line; and check tries what it names.
func TestPolicyFileIsChecked(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	policies(w, "approvers: [U0NOBODY, "+ben+"]", "channel: C0NOWHERE", "no_approval_for: S0NOBODY")
	out, code := w.Run([]string{"check"})
	require.NotZero(t, code)
	require.Contains(t, out, "POLICY_FILE C0NOWHERE")
	require.Contains(t, out, "POLICY_FILE U0NOBODY")
	require.Contains(t, out, "POLICY_FILE S0NOBODY")
	policies(w, "approvals: 0", "expiry: soon")
	for _, command := range []string{"check", "serve"} {
		out, code = w.Run([]string{command})
		require.NotZero(t, code)
		require.Contains(t, out, "policy.yaml:3: approvals: 0 is less than 1")
		require.Contains(t, out, `policy.yaml:4: expiry: "soon" is not a time`)
	}
}
