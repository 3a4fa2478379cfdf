package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/approval"
	"ehpcbot/approval/pgtest"
	"ehpcbot/bot/config"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// These tests drive the built program as those do who use it: by its environment, its command line, Slack and
// HTTP. What they know of it is what the documents promise. Whatever a test is about, at its end the promises
// that hold always are judged (world.judge): each account made once, its password nowhere but in the one direct
// message, and nothing done that Slack would refuse.

// The whole way from the request to the credentials.

func TestCommandToCredentials(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, w *world) {
		p := w.start("LOGIN_HINT=ssh {username}@login.example.org")
		reply := w.command(isabel, `isabel reason="thesis project"`)
		require.True(t, reply.Ephemeral)
		require.Contains(t, reply.Plain(), "isabel")

		m := w.request("isabel")
		require.Contains(t, m.Plain(), "<@"+isabel+">")
		require.Contains(t, m.Plain(), "thesis project")
		require.Contains(t, m.Plain(), "Training")
		require.Regexp(t, `\d{4}-\d\d-\d\d \d\d:\d\d UTC`, m.Plain(), "until when it can be decided")
		require.Equal(t, []string{"Approve", "Deny"}, names(m.Buttons()))
		require.NotNil(t, m.Buttons()[0].Confirm, "Approve asks first")

		w.press(anna, m, "Approve")
		dm, password := w.credentials(isabel, "isabel")
		require.Contains(t, dm.Plain(), "Username: isabel")
		require.Contains(t, dm.Plain(), "ssh isabel@login.example.org")
		require.Len(t, password, 20)
		require.NotContains(t, dm.History[0].Plain(), password, "the message is new without the secret")
		w.waitState("isabel", "delivered")
		require.Contains(t, w.request("isabel").Plain(), "<@"+anna+">")
		require.Empty(t, w.request("isabel").Buttons())
		require.Contains(t, w.command(isabel, "status 1").Plain(), "delivered")

		require.LessOrEqual(t, w.ehpc.CallCount(ehpctest.ActionAny), 4, "calls for one account")
		require.NotContains(t, w.addUser(0), "mod", "it was not asked for")
		require.NotContains(t, p.get("/metrics"), password)

		w.press(isabel, dm, "I have saved it")
		w.cleared(isabel, password)
		require.Contains(t, w.latest(dm).Plain(), "isabel", "the rest stays")
		w.stop(p)
		require.NotContains(t, p.out.String()+p.err.String(), password)
	})
}

func TestFormToCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	r := w.command(isabel, "")
	require.Empty(t, r.Plain())
	form, err := w.slack.Person(isabel).WaitModal(w.ctx)
	require.NoError(t, err)
	var labels []string
	for _, in := range form.Inputs() {
		labels = append(labels, in.Label)
	}
	require.Equal(t, []string{"Username", "Cluster", "Directory permissions", "Reason"}, labels)
	require.Equal(t, ehpctest.ClusterID, form.Inputs()[1].Initial, "the first cluster is the default")

	for value, right := range map[string]string{
		"isabel.lastname": "isabel", "é": "isabel", "٣": "isabel", "a b": "isabel", "root": "reserved", "ROOT": "reserved", "   ": "missing",
	} {
		got, err := w.slack.Person(isabel).Submit(w.ctx, form, map[string]string{"Username": value})
		require.NoError(t, err)
		require.NoError(t, got.Err)
		require.False(t, got.Closed)
		require.Len(t, got.Errors, 1, value)
		require.Contains(t, got.Errors[form.Inputs()[0].BlockID], right, value)
	}
	require.Empty(t, w.slack.Messages(channel))

	got, err := w.slack.Person(isabel).Submit(w.ctx, form, map[string]string{
		"Username": "isabel", "Cluster": ehpctest.OtherClusterID, "Directory permissions": "750", "Reason": "<!channel> *thesis* & @here",
	})
	require.NoError(t, err)
	require.NoError(t, got.Err)
	require.Empty(t, got.Errors)
	if got.Updated != nil {
		require.Contains(t, got.Updated.Plain(), "isabel")
	}
	m := w.request("isabel")
	require.Contains(t, m.Plain(), "<!channel> *thesis* & @here")
	require.NotContains(t, m.Text, "<!channel>", "what people type mentions nobody")
	w.press(anna, m, "Approve")
	w.credentialsOn(ehpctest.OtherClusterID, isabel, "isabel")
	require.Equal(t, map[string]any{
		"cluster_id": ehpctest.OtherClusterID, "username": "isabel", "zone": ehpctest.Zone, "mod": "750", "password": w.password(ehpctest.OtherClusterID, "isabel"),
	}, w.addUser(0))
}

// A repeated envelope of the form must not ask twice, nor tell the person that the wish failed.
func TestFormTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.command(isabel, "")
	form, err := w.slack.Person(isabel).WaitModal(w.ctx)
	require.NoError(t, err)
	got, err := w.slack.Person(isabel).Submit(w.ctx, form, map[string]string{"Username": "isabel"})
	require.NoError(t, err)
	require.NoError(t, got.Err)
	again := w.slack.Repeat(w.ctx, got.EnvelopeID)
	require.NoError(t, again.Err)
	require.NotContains(t, string(again.Payload), `"errors"`)
	w.request("isabel")
	require.NotContains(t, w.command(isabel, "list").Plain(), "\n• 2")
	require.Len(t, w.requests(), 1)
}

func TestDeny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.press(anna, m, "Deny")
	form, err := w.slack.Person(anna).WaitModal(w.ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	require.Equal(t, "Deny", form.Submit)
	got, err := w.slack.Person(anna).Submit(w.ctx, form, map[string]string{"Reason": "name your *supervisor* <!here>"})
	require.NoError(t, err)
	require.NoError(t, got.Err)
	require.Empty(t, got.Errors)
	told := w.told(isabel, "name your *supervisor* <!here>")
	require.Contains(t, told.Plain(), "denied")
	require.NotContains(t, told.Text, "<!here>")
	m = w.waitState("isabel", "denied")
	require.Empty(t, m.Buttons())
	require.Contains(t, m.Plain(), "<@"+anna+">")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "denied")

	// Without a reason, and by two at once who both have the form open.
	w.command(isabel, "isabel")
	m = w.requestID(2)
	forms := map[string]slacktest.View{}
	for _, who := range []string{anna, ben} {
		w.press(who, m, "Deny")
		forms[who], err = w.slack.Person(who).WaitModal(w.ctx, func(v slacktest.View) bool { return v.Submit != "" && v.ID != form.ID })
		require.NoError(t, err)
	}
	for _, who := range []string{anna, ben} {
		got, err := w.slack.Person(who).Submit(w.ctx, forms[who], nil)
		require.NoError(t, err)
		require.NoError(t, got.Err)
		if who == ben {
			shown := string(got.Payload)
			for _, e := range w.slack.Person(ben).Ephemerals() {
				shown += e.Plain()
			}
			require.Contains(t, shown, "already denied", "who comes second is told")
		}
	}
	w.waitMessage("the second denial", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 2: denied") })
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny), "a denied request calls nothing")
}

func TestCancelStatusListHelp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	require.Contains(t, w.command(isabel, "list").Plain(), "no requests")
	w.command(isabel, "isabel")
	old := w.request("isabel")
	require.Contains(t, w.command(isabel, "list").Plain(), "isabel")
	require.Contains(t, w.command(isabel, "LIST").Plain(), "isabel", "sub-commands in capitals")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "waiting for approval")
	require.Contains(t, w.command(anna, "status 1").Plain(), "waiting for approval", "approvers may look")

	for _, text := range []string{"status 1", "cancel 1"} {
		require.NotContains(t, w.command(otto, text).Plain(), "waiting for approval", text)
	}
	require.NotContains(t, w.command(otto, "list").Plain(), "isabel")
	require.NotContains(t, w.command(anna, "cancel 1").Plain(), "is cancelled", "only the requester takes it back")

	require.Contains(t, w.command(isabel, "cancel 1").Plain(), "cancelled")
	require.Contains(t, w.command(isabel, "cancel 1").Plain(), "already")
	require.Empty(t, w.waitState("isabel", "cancelled").Buttons())
	w.pressOld(anna, old, "Approve")
	w.answered(anna, "taken back")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "cancelled")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))

	help := w.command(isabel, "help").Plain()
	for _, part := range []string{"list", "status", "cancel", "cluster=", "mod=", "reason=", "username=list"} {
		require.Contains(t, help, part)
	}
}

func TestOtherCommandName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("SLACK_COMMAND=/hpc-account")
	r := w.slack.Person(isabel).Command(w.ctx, "/hpc-account", "help")
	require.NoError(t, r.Err)
	require.Contains(t, r.Plain(), "/hpc-account")
	require.NotContains(t, r.Plain(), "/ehpc-adduser")
}

func TestBadText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	tests := []struct{ text, names, right string }{
		{"isabel.lastname", "isabel.lastname", "isabel"},
		{"isabelisabel", "too long", "8"},
		{"isa-bel", "-", "a–z"},
		{"isabél", "é", "a–z"},
		{"isabel٣", "٣", "a–z"},
		{"root", "root", "isabel"},
		{"username=", "username=", "isabel"},
		{"reason=x", "username", "isabel"},
		{"isabel mod=", "mod=", "mod=700"},
		{"isabel mod=777", "777", "700"},
		{"isabel mod=7000", "7000", "700"},
		{"isabel mod=rwx", "rwx", "700"},
		{"isabel mod=700 mod=750", "mod=", "isabel"},
		{"isabel cluster=ehpc-nowhere", "ehpc-nowhere", ehpctest.ClusterID},
		{"isabel colour=red", "colour", "cluster="},
		{"isabel thesis project", "thesis", `reason="thesis project"`},
		{`isabel reason="thesis project`, "quote", `reason="thesis project"`},
		{"isabel reason=" + strings.Repeat("x", 2000), "reason", "characters"},
		{"list isabel", "isabel", "username=list"},
		{"status", "number", "status 12"},
		{"status x", "x", "status 12"},
		{"status -1", "-1", "status 12"},
		{"status 99999999999999999999", "99999999999999999999", "status 12"},
		{"status 4711", "4711", "list"},
		{"cancel 4711", "4711", "list"},
		{"cancel", "number", "cancel 12"},
		{"status 1 2", "2", "status"},
		{"<@U0ANNA>", "<@U0ANNA>", "isabel"},
		{"=isabel", "=", "isabel"},
		{`""`, "username", "isabel"},
		{"isabel; rm -rf /", "isabel", "isabel"},
		{"'; DROP TABLE request; --", "quote", "isabel"},
		{strings.Repeat("💥", 4000), "💥", "isabel"},
	}
	for _, test := range tests {
		r := w.command(isabel, test.text)
		require.True(t, r.Ephemeral, "%.40q: an answer for the person alone", test.text)
		require.Contains(t, r.Plain(), test.names, "%.40q: what is wrong", test.text)
		require.Contains(t, r.Plain(), test.right, "%.40q: what is right", test.text)
		require.NotContains(t, r.Plain(), "is in:", "%.40q", test.text)
	}
	require.Contains(t, w.command(isabel, "list").Plain(), "no requests", "nothing is stored")
	require.Empty(t, w.slack.Messages(channel))
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
}

func TestGoodText(t *testing.T) {
	t.Parallel()
	databases(t, testGoodText)
}

func testGoodText(t *testing.T, w *world) {
	w.start("MAX_ACTIVE_REQUESTS=50")
	tests := []struct{ text, username, shown string }{
		{"username=list", "list", "list"},
		{"username=help reason=x", "help", "x"},
		{"  a  ", "a", "a"},
		{`"b"`, "b", "b"},
		{`c reason="two words"`, "c", "two words"},
		{`d reason='two words'`, "d", "two words"},
		{`e reason=“two words”`, "e", "two words"},
		{`reason="before it" mod=750 f`, "f", "before it"},
		{"CLUSTER=ehpc-x g MOD=700", "g", "ehpc-x"},
		{"h cluster=training", "h", "Training"},
		{"Upper_9", "Upper_9", "Upper_9"},
		{`i reason="a &amp; b &lt;c&gt;"`, "i", "a & b <c>"},
		{`j reason="don't"`, "j", "don't"},
		{"k reason=中文😀", "k", "中文😀"},
		{"l\u200b", "l", "l"},                  // invisible, from a page that it was copied from
		{"m\x00 reason=\"a\x00b\"", "m", "ab"}, // which PostgreSQL can't store
		{"n reason=\"a\xffb\"", "n", "b"},
		{"o reason=" + strings.Repeat("中", 500), "o", strings.Repeat("中", 500)},
	}
	for _, test := range tests {
		r := w.command(isabel, test.text)
		require.Contains(t, r.Plain(), "is in:", test.text)
		require.Contains(t, w.request(test.username).Plain(), test.shown, test.text)
	}
}

func TestModAndClusterReachTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("PASSWORD_LENGTH=30")
	w.command(isabel, "isabel mod=700 cluster=ehpc-x")
	w.press(anna, w.request("isabel"), "Approve")
	_, password := w.credentialsOn(ehpctest.OtherClusterID, isabel, "isabel")
	require.Len(t, password, 30)
	require.Equal(t, "700", w.addUser(0)["mod"])
	require.Equal(t, ehpctest.OtherClusterID, w.addUser(0)["cluster_id"])
	require.Empty(t, w.ehpc.Users(ehpctest.ClusterID))
}

// Who may decide.

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("APPROVALS_REQUIRED=2")
	w.command(anna, "annas")
	own := w.request("annas")
	w.press(anna, own, "Approve")
	w.answered(anna, "your own request")

	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.press(otto, m, "Approve")
	w.answered(otto, "not one of the approvers")
	w.press(otto, m, "Deny")
	w.waitFor("otto is refused twice", func() bool { return len(w.slack.Person(otto).Ephemerals()) == 2 })
	if _, open := w.slack.Person(otto).Modal(); open {
		t.Error("the form of a denial opens for somebody who may not decide")
	}
	for _, who := range []string{fay, gus, robo, dora} {
		for _, button := range []string{"Approve", "Deny"} {
			before := len(w.slack.Person(who).Ephemerals())
			w.press(who, m, button)
			w.waitFor(who+" is refused", func() bool { return len(w.slack.Person(who).Ephemerals()) > before || who == dora })
		}
		_, open := w.slack.Person(who).Modal()
		require.False(t, open, who)
	}
	w.press(anna, m, "Approve")
	w.waitMessage("the first vote", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "isabel on") && strings.Contains(m.Plain(), "1 of 2")
	})
	w.press(anna, m, "Approve")
	w.answered(anna, "already")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny), "one person's votes are one vote")
	w.press(ben, m, "Approve")
	w.credentials(isabel, "isabel")
	m = w.waitState("isabel", "delivered")
	require.Contains(t, m.Plain(), "<@"+anna+">")
	require.Contains(t, m.Plain(), "<@"+ben+">")
	for _, who := range []string{otto, fay, gus, robo, dora} {
		require.NotContains(t, m.Plain(), who)
	}
}

// People listed in APPROVERS by id, who nevertheless must not count.
func TestListedButNotAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("APPROVERS=" + strings.Join([]string{fay, robo, dora, anna}, ","))
	w.command(isabel, "isabel")
	m := w.request("isabel")
	for _, who := range []string{fay, robo, dora} {
		w.press(who, m, "Approve")
		w.press(who, m, "Deny")
		_, open := w.slack.Person(who).Modal()
		require.False(t, open, who)
	}
	require.Contains(t, w.command(isabel, "status 1").Plain(), "waiting for approval")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "0 of 1")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for _, who := range []string{fay, gus, robo} {
		r := w.commandIn(channel, who, "isabel")
		require.Contains(t, r.Plain(), "Only members", who)
		r = w.commandIn(channel, who, "")
		require.Contains(t, r.Plain(), "Only members", who)
		_, open := w.slack.Person(who).Modal()
		require.False(t, open, who)
	}
	require.Contains(t, w.command(isabel, "status 1").Plain(), "no request")
}

func TestSelfApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("APPROVAL_ALLOW_SELF=true")
	w.command(anna, "annas")
	w.press(anna, w.request("annas"), "Approve")
	w.credentials(anna, "annas")
}

// A guest decides only where the configuration names them.
func TestGuestByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.SetUserGroup(admins, gus)
	p := w.start("APPROVERS=" + admins)
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.press(gus, m, "Approve")
	w.waitFor("gus gets an answer", func() bool { return len(w.slack.Person(gus).Ephemerals()) > 0 })
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
	w.stop(p)
	w.start("APPROVERS=" + gus)
	w.press(gus, m, "Approve")
	w.credentials(isabel, "isabel")
}

func TestApproversByGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("APPROVERS=" + admins)
	w.command(isabel, "first")
	m := w.request("first")
	w.press(anna, m, "Approve")
	w.answered(anna, "not one of the approvers")
	w.slack.SetUserGroup(admins, anna)
	w.waitFor("who has joined the group may approve", func() bool {
		w.press(anna, m, "Approve")
		return !strings.Contains(w.command(isabel, "status 1").Plain(), "waiting")
	})
	w.credentials(isabel, "first")

	w.slack.SetUserGroup(admins, carl)
	w.command(isabel, "second")
	m = w.request("second")
	w.waitFor("who has left the group may not approve", func() bool {
		return len(w.refused(anna, "not one of the approvers", func() { w.press(anna, m, "Deny") })) > 0
	})
	require.Contains(t, w.command(isabel, "status 2").Plain(), "waiting for approval")
	w.press(carl, m, "Approve")
	w.credentials(isabel, "second")
}

// While Slack doesn't tell who is in the group nobody of it may approve.
func TestGroupUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.SetFreePlan(true)
	w.start("APPROVERS=" + admins)
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.press(carl, m, "Approve")
	w.waitFor("carl gets an answer", func() bool { return len(w.slack.Person(carl).Ephemerals()) > 0 })
	require.Contains(t, w.command(isabel, "status 1").Plain(), "waiting for approval")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
	w.slack.SetFreePlan(false)
	w.waitFor("carl may approve", func() bool {
		w.press(carl, m, "Approve")
		return !strings.Contains(w.command(isabel, "status 1").Plain(), "waiting")
	})
	w.credentials(isabel, "isabel")
}

func TestAtOnce(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, w *world) {
		w.start()
		// Two people want the same name.
		var in atomic.Int64
		var together sync.WaitGroup
		for _, who := range []string{isabel, otto} {
			together.Go(func() {
				if strings.Contains(w.command(who, "same").Plain(), "is in:") {
					in.Add(1)
				}
			})
		}
		together.Wait()
		require.EqualValues(t, 1, in.Load(), "one active request for a username")

		m := w.request("same")
		requester := isabel
		if strings.Contains(m.Plain(), "<@"+otto+">") {
			requester = otto
		}
		for _, who := range []string{anna, ben, anna, ben} {
			together.Go(func() { w.press(who, m, "Approve") })
		}
		together.Wait()
		w.credentials(requester, "same")
		w.waitFor("who came second is told", func() bool {
			return len(w.slack.Person(anna).Ephemerals())+len(w.slack.Person(ben).Ephemerals()) >= 3
		})
	})
}

// Approve, Deny and cancel at the same moment: one of them wins, and everybody is told the same.
func TestContraryAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.press(ben, m, "Deny")
	form, err := w.slack.Person(ben).WaitModal(w.ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	var together sync.WaitGroup
	together.Go(func() { w.pressOld(anna, m, "Approve") })
	together.Go(func() { w.command(isabel, "cancel 1") })
	together.Go(func() {
		if r, err := w.slack.Person(ben).Submit(w.ctx, form, nil); err != nil || r.Err != nil {
			t.Errorf("ben denies: %v, %v", err, r.Err)
		}
	})
	together.Wait()
	w.waitMessage("an end", func(m slacktest.Message) bool {
		return regexp.MustCompile(`^Request 1: (done|denied|cancelled)`).MatchString(m.Plain())
	})
	if len(w.ehpc.Users(ehpctest.ClusterID)) > 0 {
		w.credentials(isabel, "isabel")
		w.waitState("isabel", "delivered")
	}
	require.Len(t, w.requests(), 1)
}

// A form that was opened before the others decided, or before its approver lost the right, decides nothing.
func TestDenyTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("APPROVERS=" + admins + "," + anna)
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.press(carl, m, "Deny")
	form, err := w.slack.Person(carl).WaitModal(w.ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	w.slack.SetUserGroup(admins)
	begin := time.Now()
	w.waitFor("the list of members is old", func() bool { return time.Since(begin) > 6*time.Second })
	r, err := w.slack.Person(carl).Submit(w.ctx, form, map[string]string{"Reason": "late"})
	require.NoError(t, err)
	require.NoError(t, r.Err)
	require.Contains(t, w.command(isabel, "status 1").Plain(), "waiting for approval")

	w.press(anna, m, "Deny")
	form, err = w.slack.Person(anna).WaitModal(w.ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	w.command(isabel, "cancel 1")
	r, err = w.slack.Person(anna).Submit(w.ctx, form, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err)
	shown := string(r.Payload)
	for _, e := range w.slack.Person(anna).Ephemerals() {
		shown += e.Plain()
	}
	require.Contains(t, shown, "taken back")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "cancelled")
}

// What nobody's screen shows is answered all the same, and changes nothing.
func TestForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.command(isabel, "isabel")
	m := w.request("isabel")
	approve := m.Buttons()[0]
	for i, value := range []string{"4711", "-1", "", "1; DROP TABLE request", "99999999999999999999", "１"} {
		r := w.slack.Person(anna).PressAction(w.ctx, m, slacktest.Action{ActionID: approve.ActionID, BlockID: approve.BlockID, Value: value})
		require.NoError(t, r.Err, value)
		w.waitFor("an answer to "+value, func() bool { return len(w.slack.Person(anna).Ephemerals()) > i })
	}
	r := w.slack.Person(anna).PressAction(w.ctx, m, slacktest.Action{ActionID: "of_another_version", BlockID: "x", Value: "1"})
	require.NoError(t, r.Err)
	retry := slacktest.Action{ActionID: "retry", BlockID: "x", Value: "1"}
	require.NoError(t, w.slack.Person(anna).PressAction(w.ctx, m, retry).Err)
	saved := slacktest.Action{ActionID: "saved", BlockID: "x", Value: "1"}
	require.NoError(t, w.slack.Person(isabel).PressAction(w.ctx, m, saved).Err)
	for _, who := range []string{fay, otto} { // of another workspace; not an approver
		w.press(who, m, "Approve")
		w.waitFor("an answer to "+who, func() bool { return len(w.slack.Person(who).Ephemerals()) > 0 })
	}
	require.Contains(t, w.command(otto, "cancel 1").Plain(), "not yours")
	require.Contains(t, w.command(otto, "status 1").Plain(), "no request")
	require.Contains(t, w.command(otto, "root").Plain(), "root")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "waiting for approval")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
	require.False(t, p.ended())

	out, code := w.run([]string{"audit", "--action", "refused", "--format", "csv"})
	require.Zero(t, code, out)
	for _, refused := range []string{
		anna + ",refused,,,approve: unknown_request (request 4711)", anna + `,refused,,,"approve: it names no request: ""1; DROP TABLE request"""`,
		anna + ",refused,pending,pending,retry: no_retry", isabel + ",refused,pending,pending,clear: unknown_request",
		fay + ",refused,pending,pending,approve: not a person of this workspace: team T", otto + ",refused,pending,pending,approve: not_approver",
		otto + ",refused,pending,pending,cancel: not_yours", otto + ",refused,pending,pending,status: not_approver",
		otto + ",refused,,,ask: reserved (username=root)",
	} {
		require.Contains(t, out, refused)
	}
}

// While Slack says nothing about people, each gets an answer in time, and nobody decides.
func TestPeopleUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"errors": {Error: "internal_error", Times: -1},
		"slow":   {Delay: 20 * time.Second, Times: -1},
		"limits": {RetryAfter: 30 * time.Second, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			w.command(isabel, "isabel")
			m := w.request("isabel")
			w.slack.Fail("users.info", fault)
			require.NotEmpty(t, w.command(otto, "otto").Plain())
			r := w.press(anna, m, "Approve")
			require.Less(t, r.Took, 3*time.Second)
			w.waitFor("anna gets an answer", func() bool { return len(w.slack.Person(anna).Ephemerals()) > 0 })
			require.Contains(t, w.command(isabel, "status 1").Plain(), "waiting for approval")
			require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
		})
	}
}

func TestFormCannotOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Fail("views.open", slacktest.Fault{Error: "internal_error"})
	w.slack.Fail("views.open", slacktest.Fault{Error: "expired_trigger_id"})
	w.start()
	for i := range 2 {
		w.command(isabel, "")
		w.waitFor("isabel is told", func() bool { return len(w.slack.Person(isabel).Ephemerals()) == i+1 })
	}
	w.command(isabel, "")
	_, err := w.slack.Person(isabel).WaitModal(w.ctx)
	require.NoError(t, err)
}

// In a burst everybody gets an answer in time, and the answer is true: a slow disk may make it a refusal.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("MAX_ACTIVE_REQUESTS=100")
	var in atomic.Int64
	var together sync.WaitGroup
	for i := range 25 {
		together.Go(func() {
			switch r := w.command(isabel, fmt.Sprintf("user%d", i)); {
			case strings.Contains(r.Plain(), "is in:"):
				in.Add(1)
			case !strings.Contains(r.Plain(), "Nothing has been asked") && !strings.Contains(r.Plain(), "nothing was changed"):
				t.Errorf("user%d: %q", i, r.Plain())
			}
		})
	}
	together.Wait()
	require.Positive(t, in.Load())
	w.waitFor("those that are in are shown to the approvers", func() bool { return len(w.requests()) >= int(in.Load()) })
	require.Len(t, w.requests(), int(in.Load()))
	require.Contains(t, w.command(isabel, "list").Plain(), "user", "a long list fits into an acknowledgement")
}

// Twice.

func TestRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	asked := w.command(isabel, "isabel")
	again := w.slack.Repeat(w.ctx, asked.EnvelopeID)
	require.NoError(t, again.Err)
	require.NotContains(t, string(again.Payload), "Something went wrong")
	require.Contains(t, w.command(isabel, "isabel").Plain(), "already", "the same wish once more")
	m := w.request("isabel")
	pressed := w.press(anna, m, "Approve")
	require.NoError(t, w.slack.Repeat(w.ctx, pressed.EnvelopeID).Err)
	dm, password := w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	w.pressOld(anna, m, "Approve")
	w.answered(anna, "already")
	w.pressOld(ben, m, "Approve")
	w.answered(ben, "already approved by")
	w.pressOld(ben, m, "Deny")
	saved := w.press(isabel, dm, "I have saved it")
	require.NoError(t, w.slack.Repeat(w.ctx, saved.EnvelopeID).Err)
	w.cleared(isabel, password)
	w.pressOld(isabel, dm, "I have saved it")
	// A request of long ago, repeated late, asks for nothing.
	require.NoError(t, w.slack.Repeat(w.ctx, asked.EnvelopeID).Err)
	require.NotContains(t, w.command(isabel, "list").Plain(), "• 2:")
	require.Len(t, w.requests(), 1)
	require.Equal(t, 1, w.ehpc.CallCount(ehpctest.ActionAddUser))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("MAX_ACTIVE_REQUESTS=2")
	w.command(isabel, "one")
	require.Contains(t, w.command(otto, "one").Plain(), "already", "one active request for a username")
	require.Contains(t, w.command(otto, "one cluster=ehpc-x").Plain(), "is in:", "another cluster, another account")
	w.command(isabel, "two")
	require.Contains(t, w.command(isabel, "three").Plain(), "2 open requests")
	w.command(isabel, "cancel 1")
	require.Contains(t, w.command(isabel, "three").Plain(), "is in:")
	require.Contains(t, w.command(isabel, "list").Plain(), "three")
	require.Contains(t, w.command(otto, "one").Plain(), "is in:", "a cancelled request is in nobody's way")
}

// Time.

func TestReminderAndExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start("APPROVAL_REMINDER=1s", "APPROVAL_EXPIRY=9s")
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.waitMessage("the reminder", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Reminder") })
	w.stop(p)
	w.start("APPROVAL_REMINDER=1s", "APPROVAL_EXPIRY=9s")
	w.told(isabel, "has expired")
	require.Empty(t, w.waitState("isabel", "expired").Buttons())
	w.pressOld(anna, m, "Approve")
	w.waitFor("anna gets an answer", func() bool { return len(w.slack.Person(anna).Ephemerals()) > 0 })
	require.Contains(t, w.command(isabel, "status 1").Plain(), "expired")
	reminders := 0
	for _, m := range w.slack.Messages(channel) {
		shown := m.Plain()
		for _, v := range m.History {
			shown += v.Plain()
		}
		if strings.Contains(shown, "Reminder") {
			reminders++
		}
	}
	require.Equal(t, 1, reminders, "once, over a restart")
	require.Contains(t, w.command(isabel, "isabel").Plain(), "is in:")
}

// The time is over when it is over, not when the timer has run.
func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("APPROVAL_EXPIRY=1s", "APPROVAL_REMINDER=0")
	begin := time.Now()
	w.command(isabel, "isabel")
	m := w.request("isabel")
	end := time.Now()
	w.waitFor("the end of the time", func() bool { return time.Since(end) > time.Second })
	require.Less(t, time.Since(begin), 20*time.Second)
	w.pressOld(anna, m, "Approve")
	w.waitFor("anna gets an answer", func() bool { return len(w.slack.Person(anna).Ephemerals()) > 0 })
	w.told(isabel, "has expired")
	w.waitState("isabel", "expired")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAny))
}

func TestCredentialsAreCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start("CREDENTIALS_TTL=2s")
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	_, password := w.credentials(isabel, "isabel")
	w.stop(p)
	w.start("CREDENTIALS_TTL=2s") // due while the process was down
	w.cleared(isabel, password)
	require.Contains(t, w.command(isabel, "status 1").Plain(), "delivered")
}

func TestCredentialsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start("CREDENTIALS_TTL=0")
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	dm, password := w.credentials(isabel, "isabel")
	require.NotRegexp(t, `until \d`, dm.Plain())
	w.stop(p)
	w.start("CREDENTIALS_TTL=0")
	require.Contains(t, w.latest(dm).Plain(), password)
	w.press(isabel, dm, "I have saved it")
	w.cleared(isabel, password)
}

// Acknowledged is done, even if the process ends at that moment.
func TestKilledWhileClearing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	dm, password := w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	w.slack.Fail("chat.update", slacktest.Fault{Status: 500, Times: -1})
	w.press(isabel, dm, "I have saved it")
	p.kill()
	w.slack.ClearFaults()
	w.start()
	w.cleared(isabel, password)
}

// Many workspaces let messages be edited for some minutes only.
func TestEditingForbiddenLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	dm, password := w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	w.command(otto, "otto")
	w.request("otto")
	w.slack.SetEditWindow(0)
	w.press(isabel, dm, "I have saved it")
	w.cleared(isabel, password)
	w.command(otto, "cancel 2")
	w.waitState("otto", "cancelled")
}

func TestOnlyTheRequesterClears(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	dm, password := w.credentials(isabel, "isabel")
	w.pressOld(otto, dm, "I have saved it") // forged
	w.waitFor("otto is refused", func() bool { return len(w.slack.Person(otto).Ephemerals()) > 0 })
	require.Contains(t, w.latest(dm).Plain(), password)
}

func TestEditingForbidden(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]string{"button": "24h", "time": "2s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.SetEditWindow(0)
			w.editingForbidden = true
			w.start("CREDENTIALS_TTL=" + by)
			w.command(isabel, "isabel")
			w.press(anna, w.request("isabel"), "Approve")
			dm, password := w.credentials(isabel, "isabel")
			if name == "button" {
				w.press(isabel, dm, "I have saved it")
			}
			w.cleared(isabel, password)
			w.waitFor("the request is delivered", func() bool {
				return strings.Contains(w.command(isabel, "status 1").Plain(), "delivered")
			})
			w.waitState("isabel", "delivered")
			shown := 0
			for _, n := range w.slack.Person(isabel).Notifications() {
				require.NotContains(t, n.Mobile, password)
				if strings.Contains(n.Desktop, password) {
					shown++
				}
			}
			require.LessOrEqual(t, shown, 1)
		})
	}
}

// The account can't be made.

func TestTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ehpc.AddExisting(ehpctest.ClusterID, "isabel", "Not0urs!Password")
	w.ehpc.AddExisting(ehpctest.ClusterID, "ottokar", "Not0urs!Password")
	w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	require.Contains(t, w.told(isabel, "taken").Plain(), "has failed")
	m := w.waitState("isabel", "failed")
	require.Equal(t, []string{"Retry"}, names(m.Buttons()))
	require.Equal(t, "Not0urs!Password", w.password(ehpctest.ClusterID, "isabel"), "an account of somebody else is never touched")
	require.Zero(t, w.ehpc.CallCount(ehpctest.ActionAddUser))

	// The search is fuzzy; the look-up must not be.
	w.command(otto, "otto")
	w.press(anna, w.request("otto"), "Approve")
	w.credentials(otto, "otto")
}

func TestRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ehpc.FailJobs(1)
	w.start()
	w.command(isabel, "isabel mod=755")
	w.press(anna, w.request("isabel"), "Approve")
	w.told(isabel, "has failed")
	m := w.waitState("isabel", "failed")
	w.press(otto, m, "Retry")
	w.answered(otto, "not one of the approvers")
	require.Equal(t, 1, w.ehpc.CallCount(ehpctest.ActionAddUser))
	w.press(ben, m, "Retry")
	w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	require.Equal(t, w.addUser(0), w.addUser(1), "it goes on with the same password")
	w.pressOld(ben, m, "Retry")
	w.answered(ben, "Only a failed request")
}

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	faults := map[string]ehpctest.Fault{
		"lost answer":        {After: true},
		"lost call":          {Before: true},
		"bad gateway, done":  {Status: http.StatusBadGateway, Body: []byte("<html>"), Effect: true},
		"bad gateway":        {Status: http.StatusBadGateway, Body: []byte("<html>")},
		"5000, done":         {Code: 5000, Message: "ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED", Effect: true},
		"5000":               {Code: 5000},
		"busy":               {Code: 5100},
		"half an answer":     {Truncate: true},
		"a code of its own":  {Code: 7777},
		"clock":              {Code: 1300},
		"success with no id": {Body: []byte(`{"action":"HpcUserAddUserResponse","ret_code":0}`), Effect: true},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The account is listed only some time after the lost answer, so that the look-up finds nothing
			// and addUser, once repeated, says that the name is taken: by ourselves.
			w := newWorld(t, ehpctest.WithJobTime(time.Second))
			w.ehpc.Fail(ehpctest.ActionAddUser, fault)
			w.start()
			w.command(isabel, "isabel")
			w.press(anna, w.request("isabel"), "Approve")
			w.credentials(isabel, "isabel")
			w.waitState("isabel", "delivered")
			for i := range w.ehpc.CallCount(ehpctest.ActionAddUser) {
				require.Equal(t, w.addUser(0), w.addUser(i), "the password stays the same")
			}
		})
	}
}

func TestRefusedByTheAPI(t *testing.T) {
	t.Parallel()
	for code, word := range map[int]string{1200: "key", 2400: "key", 1400: "refused", 2100: "refused", 5200: "refused"} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ehpc.Answer(ehpctest.ActionAddUser, code, 1)
			w.start()
			w.command(isabel, "isabel")
			w.press(anna, w.request("isabel"), "Approve")
			told := w.told(isabel, "has failed").Plain()
			require.Contains(t, told, word)
			m := w.waitState("isabel", "failed")
			require.Contains(t, m.Plain(), fmt.Sprint(code), "the approvers see the cause")
			w.press(anna, m, "Retry")
			w.credentials(isabel, "isabel")
		})
	}
}

// Slack and EHPC away.

func TestSlackAwayAtStart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ harm, mend func(s *slacktest.Server) }{
		"connections refused": {
			func(s *slacktest.Server) { s.RefuseConnections(true) },
			func(s *slacktest.Server) { s.RefuseConnections(false) },
		},
		"500": {
			func(s *slacktest.Server) { s.Fail("*", slacktest.Fault{Status: 500, Times: -1}) },
			(*slacktest.Server).ClearFaults,
		},
		"broken": {
			func(s *slacktest.Server) { s.Fail("*", slacktest.Fault{DropBefore: true, Times: -1}) },
			(*slacktest.Server).ClearFaults,
		},
		"429": {
			func(s *slacktest.Server) {
				s.Fail("apps.connections.open", slacktest.Fault{RetryAfter: time.Second, Times: 2})
				s.Fail("auth.test", slacktest.Fault{RetryAfter: time.Second, Times: 1})
			},
			func(*slacktest.Server) {},
		},
		"an error that passes": {
			func(s *slacktest.Server) { s.Fail("*", slacktest.Fault{Error: "internal_error", Times: -1}) },
			(*slacktest.Server).ClearFaults,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.harm(w.slack)
			p := w.launch()
			p.waitReady(false, "slack")
			require.Equal(t, "ok\n", p.get("/healthz"))
			c.mend(w.slack)
			p.waitReady(true, "slack")
			w.waitConnections()
			w.command(isabel, "isabel")
			w.press(anna, w.request("isabel"), "Approve")
			w.credentials(isabel, "isabel")
		})
	}
}

func TestNobodyListensAtStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slackAddr, ehpcAddr := w.slack.URL()[len("http://"):], w.ehpc.URL[len("http://"):]
	w.slack.Close()
	w.ehpc.Close()
	p := w.launch()
	p.waitReady(false, "slack")
	p.waitReady(false, "ehpc")
	require.Regexp(t, `(?m)^slack: not ready: .+\n^ehpc: not ready: .+\n^database: answers$`, p.get("/readyz"))
	w.slack = newSlack(slacktest.WithAddr(slackAddr))
	t.Cleanup(w.slack.Close)
	p.waitReady(true, "slack")
	w.waitConnections()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	w.waitState("isabel", "approved")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "approved")
	w.ehpc = ehpctest.NewServer(ehpctest.WithAddr(ehpcAddr))
	t.Cleanup(w.ehpc.Close)
	p.waitReady(true, "ehpc")
	w.credentials(isabel, "isabel")
	require.Contains(t, p.get("/readyz"), "ehpc: reached")
}

func TestAwayLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	p.waitReady(true, "slack")
	p.waitReady(true, "ehpc")
	w.slack.RefuseConnections(true)
	w.slack.DropConnections()
	p.waitReady(false, "slack")
	require.Contains(t, p.status("/readyz"), "503")
	w.slack.RefuseConnections(false)
	p.waitReady(true, "slack")
	w.waitConnections() // the old ones are known to be gone
	w.command(isabel, "isabel")
	m := w.request("isabel")

	// EHPC breaks each call; the request waits.
	w.ehpc.DropBefore(ehpctest.ActionAny, -1)
	w.press(anna, m, "Approve")
	p.waitReady(false, "ehpc")
	w.ehpc.ClearFaults()

	// Slack's Web API is away when the credentials are due.
	w.slack.Fail("chat.postMessage", slacktest.Fault{Status: 503, Times: 2})
	w.slack.Fail("chat.update", slacktest.Fault{DropAfter: true, Times: 2})
	w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	p.waitReady(true, "ehpc")
}

func TestSlackDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for i, reason := range []string{"refresh_requested", "warning"} {
		made := w.slack.ConnectionsMade()
		w.slack.Disconnect(reason)
		w.waitFor("new connections", func() bool { return w.slack.ConnectionsMade() >= made+2 })
		w.command(isabel, fmt.Sprintf("isabel%d", i))
	}
	made := w.slack.ConnectionsMade()
	w.slack.DropConnections()
	w.waitFor("new connections", func() bool { return w.slack.ConnectionsMade() >= made+2 && w.slack.Connections() == 2 })
	w.command(isabel, "isabel2")
}

func TestSocketModeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.slack.Disconnect("link_disabled")
	require.Equal(t, 1, p.wait())
	require.Contains(t, p.err.String(), "link_disabled")
}

// The bot is invited after the first request: what waits is posted then.
func TestNotInTheChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.SetChannel(slacktest.Channel{ID: channel})
	p := w.start()
	w.command(isabel, "isabel")
	w.waitFor("it is said in the log", func() bool { return strings.Contains(p.err.String(), "not_in_channel") })
	w.slack.SetChannel(slacktest.Channel{ID: channel, BotIsMember: true})
	w.press(anna, w.request("isabel"), "Approve")
	w.credentials(isabel, "isabel")
}

// The credentials can't be handed over for now: the approvers see it, and the password stays sealed.
func TestMessagesTabOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.slack.SetMessagesTab(false)
	w.press(anna, m, "Approve")
	w.waitMessage("it has to wait", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "It has to wait") })
	require.Contains(t, p.err.String(), "messages_tab_disabled")
	require.Contains(t, w.command(isabel, "status 1").Plain(), "credentials are on their way")
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.launch(fmt.Sprintf("SLACK_CONNECTIONS=%d", n))
			w.waitFor("the connections", func() bool { return w.slack.Connections() == n })
			for i := range n {
				require.NotEmpty(t, w.command(isabel, fmt.Sprintf("status %d", i+1)).Plain(), "each of them is served")
			}
		})
	}
}

func TestSlackLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		w.slack.Fail(method, slacktest.Fault{RetryAfter: 2 * time.Second})
		w.slack.Fail(method, slacktest.Fault{RetryAfter: time.Second, Skip: 1})
	}
	w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		calls := w.slack.Calls(method)
		require.NotEqual(t, "ok", calls[0].Answer)
		require.GreaterOrEqual(t, calls[1].At.Sub(calls[0].At), 2*time.Second-10*time.Millisecond, "%s obeys Retry-After", method)
	}
}

// An answer of Slack that is lost after the work was done leaves at most a message without the secret behind.
func TestSlackLosesAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Fail("chat.postMessage", slacktest.Fault{DropAfter: true, Match: func(c slacktest.Call) bool { return c.Params.Get("channel") != channel }})
	w.slack.Fail("chat.update", slacktest.Fault{DropAfter: true})
	w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	dm, password := w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	w.press(isabel, dm, "I have saved it")
	w.cleared(isabel, password)
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	for token, variable := range map[string]string{"app": "SLACK_APP_TOKEN", "bot": "SLACK_BOT_TOKEN"} {
		for _, code := range []string{"invalid_auth", "token_revoked", "account_inactive"} {
			t.Run(token+" "+code, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.slack.Revoke(token, code)
				p := w.launch()
				require.Equal(t, 1, p.wait())
				require.Regexp(t, `(?m)^.*`+variable+`.*`+code, p.err.String())
			})
		}
		t.Run(token+" later", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start()
			w.slack.Revoke(token, "invalid_auth")
			if token == "app" {
				w.slack.DropConnections()
			} else {
				w.command(isabel, "isabel")
			}
			require.Equal(t, 1, p.wait())
			require.Regexp(t, `(?m)^.*`+variable+`.*invalid_auth`, p.err.String())
			w.slack.Revoke(token, "")
			w.start()
			w.command(isabel, "isabel")
			w.press(anna, w.request("isabel"), "Approve")
			w.credentials(isabel, "isabel")
		})
	}
}

// The process ends, kindly or not.

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("while the cluster works", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ehpc.HangJobs(true)
		p := w.start()
		w.command(isabel, "isabel")
		w.press(anna, w.request("isabel"), "Approve")
		w.waitFor("the job is followed", func() bool { return w.ehpc.CallCount(ehpctest.ActionOperation) > 0 })
		w.stop(p)
		w.ehpc.HangJobs(false)
		w.start()
		w.credentials(isabel, "isabel")
		w.waitState("isabel", "delivered")
		require.Equal(t, 1, w.ehpc.CallCount(ehpctest.ActionAddUser))
	})
	t.Run("while a call hangs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ehpc.Fail(ehpctest.ActionAddUser, ehpctest.Fault{DelayAnswer: time.Minute})
		p := w.start()
		w.command(isabel, "isabel")
		w.press(anna, w.request("isabel"), "Approve")
		w.waitFor("the call", func() bool {
			return w.ehpc.AddUserEffects(ehpctest.ClusterID, "isabel") > 0 || w.ehpc.CallCount(ehpctest.ActionAddUser) > 0
		})
		w.stop(p)
		w.start()
		w.credentials(isabel, "isabel")
	})
	t.Run("while Slack is slow", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.slack.Fail("chat.postMessage", slacktest.Fault{Delay: 2 * time.Second, Times: 1})
		p := w.start()
		w.command(isabel, "isabel")
		w.waitFor("the call", func() bool { return len(w.slack.Calls("chat.postMessage")) > 0 })
		w.stop(p)
		w.start()
		w.press(anna, w.request("isabel"), "Approve")
		w.credentials(isabel, "isabel")
	})
	t.Run("while the quota is used up", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.start("EHPC_CALLS_PER_HOUR=2")
		w.command(isabel, "isabel")
		w.press(anna, w.request("isabel"), "Approve")
		w.waitFor("the quota is used up", func() bool { return strings.Contains(p.get("/metrics"), `result="limited"`) })
		require.Equal(t, 2, w.ehpc.CallCount(ehpctest.ActionAny))
		w.stop(p)
	})
	t.Run("while Slack is away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.slack.RefuseConnections(true)
		p := w.launch()
		p.waitReady(false, "slack")
		w.stop(p)
	})
	t.Run("while it starts", func(t *testing.T) {
		t.Parallel()
		databases(t, func(t *testing.T, w *world) {
			for _, sign := range []string{"ehpcbot starts", "answering", "this is the bot", "connected"} {
				p := w.launch()
				w.waitFor(sign, func() bool { return strings.Contains(p.err.String(), sign) })
				w.stop(p)
			}
		})
	})
	t.Run("with Ctrl-C", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.start()
		require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
		require.Zero(t, p.wait())
	})
}

func TestKill(t *testing.T) {
	t.Parallel()
	slackMoments := []string{"chat.postMessage", "chat.update"}
	for _, method := range slackMoments {
		for _, phase := range []string{slacktest.Before, slacktest.After} {
			for _, nth := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s %s %d", method, phase, nth), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					p := w.start()
					var seen atomic.Int64
					w.slack.OnCall(func(c slacktest.Call, at string) {
						if c.Method == method && at == phase && seen.Add(1) == int64(nth) {
							p.kill()
						}
					})
					w.survive(p)
				})
			}
		}
	}
	for _, action := range []string{ehpctest.ActionListUsers, ehpctest.ActionAddUser, ehpctest.ActionOperation} {
		for _, phase := range []string{ehpctest.PhaseBefore, ehpctest.PhaseAfter} {
			t.Run(action+" "+phase, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				p := w.start()
				var once sync.Once
				w.ehpc.OnCall(func(c ehpctest.Call, at string) {
					if c.Action == action && at == phase {
						once.Do(p.kill)
					}
				})
				w.survive(p)
				for i := range w.ehpc.CallCount(ehpctest.ActionAddUser) {
					require.Equal(t, w.addUser(0), w.addUser(i))
				}
			})
		}
	}
	t.Run("again and again while it starts", func(t *testing.T) {
		t.Parallel()
		databases(t, func(t *testing.T, w *world) {
			for _, sign := range []string{"ehpcbot starts", "ehpcbot starts", "answering", "connected"} {
				p := w.launch()
				w.waitFor(sign, func() bool { return strings.Contains(p.err.String(), sign) })
				p.kill()
			}
			w.start()
			w.command(isabel, "isabel")
			w.press(anna, w.request("isabel"), "Approve")
			w.credentials(isabel, "isabel")
		})
	})
	// The bot may not read the channel, so it can't know of a message whose id it never learnt. A press on it
	// is answered as one on the other, and from then on it follows as well.
	t.Run("a message that it forgot", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.start()
		var once sync.Once
		w.slack.OnCall(func(c slacktest.Call, at string) {
			if c.Method == "chat.postMessage" && at == slacktest.After {
				once.Do(p.kill)
			}
		})
		w.command(isabel, "isabel")
		w.waitFor("the end", p.ended)
		w.start()
		w.waitFor("a second message", func() bool { return len(w.requests()) == 2 })
		w.press(anna, w.requests()[1], "Approve")
		w.credentials(isabel, "isabel")
		w.press(ben, w.requests()[0], "Approve")
		w.answered(ben, "already approved by")
		w.waitFor("both follow", func() bool {
			return !slices.ContainsFunc(w.requests(), func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), "delivered") })
		})
	})
	t.Run("after the answer to the command", func(t *testing.T) {
		t.Parallel()
		databases(t, func(t *testing.T, w *world) {
			p := w.start()
			w.command(isabel, "isabel")
			p.kill() // acknowledged, so it is on disk
			p = w.start()
			w.press(anna, w.request("isabel"), "Approve")
			p.kill()
			w.start()
			w.credentials(isabel, "isabel")
		})
	})
	t.Run("after the answer to a denial", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.start()
		w.command(isabel, "isabel")
		w.press(anna, w.request("isabel"), "Deny")
		form, err := w.slack.Person(anna).WaitModal(w.ctx, func(v slacktest.View) bool { return v.Submit != "" })
		require.NoError(t, err)
		r, err := w.slack.Person(anna).Submit(w.ctx, form, map[string]string{"Reason": "no"})
		require.NoError(t, err)
		require.NoError(t, r.Err)
		p.kill()
		w.start()
		w.told(isabel, "denied")
		w.waitState("isabel", "denied")
	})
}

// Databases and keys.

func TestDatabaseInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	out, code := w.run(nil, "HTTP_ADDR=")
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^ehpcbot: DATABASE_URL: .*another ehpcbot uses it`, out)
	w.command(isabel, "help")
}

// Nothing can be committed: people are told so in time, and nothing happens later that they were told did not.
func TestDatabaseStuck(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, w *world) {
		w.start()
		w.command(isabel, "isabel")
		m := w.request("isabel")
		w.command(otto, "")
		form, err := w.slack.Person(otto).WaitModal(w.ctx)
		require.NoError(t, err)
		w.waitFor("all is stored", func() bool { return strings.Contains(w.command(isabel, "status 1").Plain(), "waiting") })

		db := w.openDatabase()
		defer db.Close()
		held, err := db.Conn(w.ctx)
		require.NoError(t, err)
		if w.sqlite() {
			_, err = held.ExecContext(w.ctx, "PRAGMA busy_timeout=10000; BEGIN IMMEDIATE")
		} else {
			_, err = held.ExecContext(w.ctx, "BEGIN; LOCK TABLE request IN ACCESS EXCLUSIVE MODE")
		}
		require.NoError(t, err)
		var together sync.WaitGroup
		together.Go(func() {
			if r := w.command(otto, "otto"); strings.Contains(r.Plain(), "is in:") || r.Plain() == "" {
				t.Errorf("the answer to the command: %q", r.Plain())
			}
		})
		together.Go(func() {
			r, err := w.slack.Person(otto).Submit(w.ctx, form, map[string]string{"Username": "otto2"})
			if err != nil || r.Err != nil || r.Closed {
				t.Errorf("the answer to the form: %v %+v", err, r)
			}
		})
		together.Go(func() {
			w.press(anna, m, "Approve")
			w.waitFor("anna is told", func() bool { return len(w.slack.Person(anna).Ephemerals()) > 0 })
		})
		together.Wait()
		_, err = held.ExecContext(w.ctx, "ROLLBACK")
		require.NoError(t, err)
		require.NoError(t, held.Close())
		w.waitFor("the database answers again", func() bool { return strings.Contains(w.command(otto, "list").Plain(), "no requests") })
		require.Contains(t, w.command(isabel, "status 1").Plain(), "0 of 1")
		w.press(anna, m, "Approve")
		w.credentials(isabel, "isabel")
		require.Contains(t, w.command(otto, "list").Plain(), "no requests")
	})
}

func TestPostgresAway(t *testing.T) {
	t.Parallel()
	pgtest.Shared(t) // skips where there is none
	server, err := pgtest.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	w := newWorld(t)
	w.env["DATABASE_URL"] = server.NewDatabase(t)
	w.env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	p := w.start()
	w.command(isabel, "isabel")
	m := w.request("isabel")
	w.waitFor("it is stored that it is shown", func() bool { return strings.Contains(p.get("/metrics"), `kind="refresh",result="done"`) })
	server.Halt()
	require.NotContains(t, w.command(otto, "otto").Plain(), "is in:")
	w.press(anna, m, "Approve")
	w.waitFor("anna is told", func() bool { return len(w.slack.Person(anna).Ephemerals()) > 0 })
	p.waitReady(false, "database")
	require.NoError(t, server.Run())
	p.waitReady(true, "database")
	w.press(anna, m, "Approve")
	w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
}

// Several processes on one PostgreSQL: any of them answers, and one takes over what another left.
func TestReplicas(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	w := newWorld(t)
	w.env["DATABASE_URL"] = url
	w.env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	first, second := w.launch(), w.launch() // both bring the schema up to date
	w.waitFor("four connections", func() bool { return w.slack.Connections() == 4 })
	var killed atomic.Bool
	w.ehpc.OnCall(func(c ehpctest.Call, phase string) {
		if c.Action == ehpctest.ActionAddUser && phase == ehpctest.PhaseAfter && killed.CompareAndSwap(false, true) {
			first.kill()
		}
	})
	for i := range 4 {
		w.command(isabel, fmt.Sprintf("isabel%d", i))
	}
	for i := range 4 {
		m := w.request(fmt.Sprintf("isabel%d", i))
		w.waitFor("a press that does not go to the one that is gone", func() bool {
			r, err := w.slack.Person(anna).Press(w.ctx, m, "Approve")
			return err != nil || r.Err == nil
		})
	}
	for i := range 4 {
		w.credentials(isabel, fmt.Sprintf("isabel%d", i))
		w.waitState(fmt.Sprintf("isabel%d", i), "delivered")
	}
	require.True(t, first.ended())
	w.stop(second)
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, w *world) {
		w.stop(w.start())
		db := w.openDatabase()
		_, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		require.NoError(t, err)
		require.NoError(t, db.Close())
		for _, args := range [][]string{{"serve"}, {"check"}} {
			out, code := w.run(args)
			require.Equal(t, 1, code, out)
			require.Regexp(t, `(?m)^.*DATABASE_URL.*9999`, out)
			require.Contains(t, out, "newer")
		}
	})
}

func TestLostKey(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, w *world) {
		w.ehpc.FailJobs(1)
		p := w.start()
		w.command(isabel, "isabel")
		w.press(anna, w.request("isabel"), "Approve")
		m := w.waitState("isabel", "failed")
		w.stop(p)
		other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
		key := filepath.Join(w.dir, "ehpcbot.db.key")
		if w.sqlite() {
			require.NoError(t, os.Rename(key, key+".away"))
			for _, command := range []string{"serve", "check"} {
				out, code := w.run([]string{command})
				require.Equal(t, 1, code, "no new key takes the place of one that is needed: %s", out)
				require.Contains(t, out, "ENCRYPTION_KEY: 1 of 1 sealed passwords can't be opened, because the key file ")
				require.Equal(t, 1, strings.Count(out, "ENCRYPTION_KEY: "), out)
				require.NoFileExists(t, key, "the next backup would put it in the place of the one that is needed")
			}
		}
		for _, args := range [][]string{{"serve"}, {"check"}} {
			out, code := w.run(args, "ENCRYPTION_KEY="+other)
			require.Equal(t, 1, code, out)
			require.Contains(t, out, "ENCRYPTION_KEY")
			require.NotContains(t, out, other)
		}
		if w.sqlite() {
			require.NoError(t, os.Rename(key+".away", key))
		}
		w.start()
		w.press(anna, m, "Retry")
		w.credentials(isabel, "isabel")
	})
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.command(isabel, "isabel")
	entries, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	var seen []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), e.Name())
		seen = append(seen, e.Name())
	}
	require.Contains(t, seen, "ehpcbot.db")
	require.Contains(t, seen, "ehpcbot.db.key")

	key := filepath.Join(w.dir, "ehpcbot.db.key")
	require.NoError(t, os.Chmod(key, 0o644))
	out, code := w.run([]string{"check"})
	require.Zero(t, code, out)
	require.Contains(t, out, "\nwarn  DATABASE_URL: "+key+" can be read or changed by others than its owner\n      -> chmod 600 "+key+" (")
	w.stop(p)
	p = w.start()
	require.Contains(t, p.err.String(), "others could read or change a file")
	info, err := os.Stat(key)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode())
	out, code = w.run([]string{"check"})
	require.Zero(t, code, out)
	require.NotContains(t, out, "warn")

	for _, path := range []string{filepath.Join(w.dir, "nowhere", "x.db"), w.dir, "/proc/x.db"} {
		for _, command := range []string{"serve", "check"} {
			out, code := w.run([]string{command}, "DATABASE_URL=sqlite:"+path)
			require.Equal(t, 1, code)
			require.Regexp(t, `(?m)^.*DATABASE_URL`, out)
		}
	}
}

// The command line.

func TestCommandLine(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, env []string, args ...string) (out string, code int) {
		return runBinary(t, t.TempDir(), env, args...)
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
	t.Run("help", func(t *testing.T) {
		t.Parallel()
		for _, arg := range []string{"--help", "-h", "help"} {
			out, code := run(t, nil, arg)
			require.Zero(t, code)
			for _, word := range []string{"serve", "check", "manifest", "demo", "version"} {
				require.Contains(t, out, word)
			}
		}
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"frobnicate"}, {"--frobnicate"}, {"serve", "now"}, {"check", "--frobnicate"}, {"manifest", "x"}} {
			out, code := run(t, nil, args...)
			require.NotZero(t, code, "%q", args)
			require.Regexp(t, `^ehpcbot: unknown (command|flag)`, out, "%q", args)
			require.Less(t, strings.Count(out, "\n"), 4)
		}
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
			OAuth struct{ Scopes struct{ Bot []string } } `json:"oauth_config"`
			Set   struct {
				Interactivity struct {
					On bool `json:"is_enabled"`
				}
				SocketMode bool `json:"socket_mode_enabled"`
			} `json:"settings"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &m))
		require.Equal(t, "/ehpc-adduser", m.Features.Commands[0].Command)
		require.True(t, m.Features.Home.Tab && m.Set.SocketMode && m.Set.Interactivity.On)
		require.ElementsMatch(t, []string{"commands", "chat:write", "im:write", "users:read", "usergroups:read"}, m.OAuth.Scopes.Bot)
		out, code = run(t, []string{"SLACK_COMMAND=no slash"}, "manifest")
		require.Equal(t, 1, code)
		require.Contains(t, out, "SLACK_COMMAND")
	})
	t.Run("demo", func(t *testing.T) {
		t.Parallel()
		for locale, golden := range map[string]string{"": "en.txt", "nonsense": "en.txt", "zh": "zh.txt"} {
			tmp := t.TempDir()
			out, code := run(t, []string{"SLACK_BOT_TOKEN=nonsense", "HTTP_ADDR=nonsense", "LOCALE=" + locale, "TMPDIR=" + tmp}, "demo")
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
		w := newWorld(t)
		for _, args := range []string{"version", "manifest", "manifest --json", "--help", "help demo", "check", "demo"} {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			require.NoError(t, err)
			var complaint strings.Builder
			cmd := exec.CommandContext(t.Context(), binary, strings.Fields(args)...)
			cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = w.environ(nil), w.dir, full, &complaint
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
		cmd := exec.CommandContext(t.Context(), binary, "demo")
		cmd.Env, cmd.Stdout = []string{"TMPDIR=" + tmp}, writer
		require.Error(t, cmd.Run(), "what was not written is no success")
		require.NoError(t, writer.Close())
		entries, err := os.ReadDir(tmp)
		require.NoError(t, err)
		require.Empty(t, entries, "it clears up")
	})
	t.Run("healthcheck", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.start()
		out, code := run(t, []string{"HTTP_ADDR=" + p.addr()}, "healthcheck")
		require.Zero(t, code, out)
		w.stop(p)
		out, code = run(t, []string{"HTTP_ADDR=" + p.addr()}, "healthcheck")
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
	nothing := func(*world) {}
	tests := map[string]struct {
		arrange func(*world)
		env     []string
		line    string // of the failure; empty: all is well
		advice  string
	}{
		"all well":              {arrange: nothing},
		"all well, with groups": {arrange: nothing, env: []string{"APPROVERS=" + admins + "," + anna}},
		"app token":             {nothing, []string{"SLACK_APP_TOKEN=xapp-1-A0WRONG-1-wrong"}, "SLACK_APP_TOKEN.*invalid_auth", "token"},
		"bot token":             {nothing, []string{"SLACK_BOT_TOKEN=xoxb-0-1-wrong"}, "SLACK_BOT_TOKEN.*invalid_auth", "token"},
		"revoked": {func(w *world) { w.slack.Revoke("bot", "token_revoked") }, nil,
			"SLACK_BOT_TOKEN.*token_revoked", "install"},
		"scope": {func(w *world) { w.slack.SetScopes("commands", "chat:write", "users:read", "usergroups:read") }, nil,
			"scopes.*im:write", "install the app again"},
		"not in the channel": {func(w *world) { w.slack.SetChannel(slacktest.Channel{ID: channel}) }, nil,
			"APPROVAL_CHANNEL.*not_in_channel", "/invite"},
		"unknown channel": {nothing, []string{"APPROVAL_CHANNEL=C0NOWHERE"}, "APPROVAL_CHANNEL.*channel_not_found", "id"},
		"archived channel": {func(w *world) { w.slack.SetChannel(slacktest.Channel{ID: channel, Archived: true, BotIsMember: true}) }, nil,
			"APPROVAL_CHANNEL.*is_archived", "channel"},
		"unknown approver":     {nothing, []string{"APPROVERS=U0NOBODY," + anna}, "APPROVERS U0NOBODY.*user_not_found", "Copy member ID"},
		"deactivated approver": {nothing, []string{"APPROVERS=" + dora + "," + anna}, "APPROVERS " + dora + ".*deactivated", "->"},
		"robot":                {nothing, []string{"APPROVERS=" + robo + "," + anna}, "APPROVERS " + robo + ".*bot", "->"},
		"foreign approver":     {nothing, []string{"APPROVERS=" + fay + "," + anna}, "APPROVERS " + fay, "->"},
		"empty group":          {func(w *world) { w.slack.SetUserGroup(admins) }, []string{"APPROVERS=" + admins}, "APPROVERS " + admins + ".*no members", "->"},
		"unknown group":        {nothing, []string{"APPROVERS=S0NOWHERE"}, "APPROVERS S0NOWHERE", "id"},
		"free plan":            {func(w *world) { w.slack.SetFreePlan(true) }, []string{"APPROVERS=" + admins}, "APPROVERS.*plan_upgrade_required", "user ids"},
		"too few":              {nothing, []string{"APPROVERS=" + admins, "APPROVALS_REQUIRED=2"}, "APPROVALS_REQUIRED", "APPROVERS"},
		"messages tab off":     {func(w *world) { w.slack.SetMessagesTab(false) }, nil, "", ""}, // can't be told without writing to somebody
		"EHPC key id":          {nothing, []string{"QINGCLOUD_ACCESS_KEY_ID=WRONG"}, "EHPC_CLUSTERS.*1200", "QINGCLOUD_ACCESS_KEY_ID"},
		"EHPC key":             {nothing, []string{"QINGCLOUD_SECRET_ACCESS_KEY=wrong"}, "EHPC_CLUSTERS.*1200", "QINGCLOUD_SECRET_ACCESS_KEY"},
		"cluster":              {nothing, []string{"EHPC_CLUSTERS=ehpc-8jqdq0mz@jn1a,ehpc-nowhere@jn1a"}, "EHPC_CLUSTERS ehpc-nowhere.*2100", "zone"},
		"zone":                 {nothing, []string{"EHPC_CLUSTERS=ehpc-8jqdq0mz@pek3a"}, "EHPC_CLUSTERS ehpc-8jqdq0mz@pek3a", "zone"},
		"endpoint":             {nothing, []string{"EHPC_ENDPOINT=http://127.0.0.1:1"}, "EHPC_CLUSTERS", "EHPC_ENDPOINT"},
		"Slack away":           {nothing, []string{"SLACK_API_URL=http://127.0.0.1:1/api/"}, "SLACK_APP_TOKEN", "SLACK_API_URL"},
		"folder":               {nothing, []string{"DATABASE_URL=sqlite:/nowhere/x.db"}, "DATABASE_URL.*/nowhere", "folder"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.arrange(w)
			out, code := w.run([]string{"check"}, test.env...)
			require.Empty(t, w.slack.Messages(channel), "nobody sees anything of it")
			require.Zero(t, w.slack.Scheduled())
			require.Empty(t, w.ehpc.Users(ehpctest.ClusterID))
			if test.line == "" {
				require.Zero(t, code, out)
				require.NotContains(t, out, "FAIL")
				for _, what := range []string{"SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "scopes", "APPROVAL_CHANNEL", "APPROVERS", "EHPC_CLUSTERS", "DATABASE_URL", "ENCRYPTION_KEY"} {
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
		w := newWorld(t)
		const hint = "APPROVAL_EXPIRE: is not read; is APPROVAL_EXPIRY meant?\n"
		out, code := w.run([]string{"check"}, "APPROVAL_EXPIRE=1h")
		require.Zero(t, code, out)
		require.Contains(t, out, "warn  "+hint)
		for _, command := range []string{"check", "serve"} {
			out, code = w.run([]string{command}, "APPROVAL_EXPIRE=1h", "APPROVERS=")
			require.Equal(t, 1, code)
			require.Regexp(t, `(?s)^ehpcbot can't start with this configuration:\nAPPROVERS: is missing; [^\n]+\n`+regexp.QuoteMeta(hint)+`$`, out)
		}
	})
	t.Run("beside the bot", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		out, code := w.run([]string{"check"})
		require.Zero(t, code, out)
	})
	t.Run("PostgreSQL away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		key := base64.StdEncoding.EncodeToString(make([]byte, 32))
		out, code := w.run([]string{"check"}, "DATABASE_URL=postgres://u:hush-hush@127.0.0.1:1/x", "ENCRYPTION_KEY="+key)
		require.Equal(t, 1, code)
		require.Regexp(t, `(?m)^FAIL +DATABASE_URL`, out)
		require.NotContains(t, out, "hush-hush")
		require.NotContains(t, out, key)
	})
}

// Configuration.

func TestNothingSet(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "serve", "check"} {
		out, code := runBinary(t, t.TempDir(), nil, strings.Fields(command)...)
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
	w := newWorld(t)
	secrets := []string{"xoxp-in-the-wrong-place", "xapp-in-the-wrong-place", "key-of-no-32-bytes", "hush hush"}
	wrong := map[string]string{
		"SLACK_APP_TOKEN": secrets[0], "SLACK_BOT_TOKEN": secrets[1], "SLACK_API_URL": "ftp://x", "SLACK_CONNECTIONS": "11",
		"SLACK_COMMAND": "ehpc adduser", "EHPC_ENDPOINT": "http://example.org", "EHPC_CALLS_PER_HOUR": "-1", "EHPC_CLUSTERS": "ehpc-x",
		"EHPC_ALLOWED_MODS": "788", "EHPC_RESERVED_USERNAMES": "a b", "APPROVAL_CHANNEL": "#general", "APPROVERS": "@anna",
		"APPROVALS_REQUIRED": "0", "APPROVAL_ALLOW_SELF": "perhaps", "APPROVAL_EXPIRY": "soon", "APPROVAL_REMINDER": "-1h",
		"MAX_ACTIVE_REQUESTS": "0", "PASSWORD_LENGTH": "11", "CREDENTIALS_TTL": "24", "CREDENTIALS_DELIVERY": "pigeon",
		"LOGIN_HINT": "two\nlines", "DATABASE_URL": "mysql://u:" + secrets[3] + "@x/y", "ENCRYPTION_KEY": secrets[2], "HTTP_ADDR": "9090",
		"LOCALE": "fr", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml",
	}
	var env []string
	for name, value := range wrong {
		env = append(env, name+"="+value)
	}
	out, code := w.run(nil, env...)
	require.Equal(t, 1, code)
	for name := range wrong {
		require.Regexp(t, `(?m)^`+name+`: .+; .+$`, out)
	}
	for _, s := range append(secrets, "in-the-wrong-place", ehpctest.SecretAccessKey) {
		require.NotContains(t, out, s)
	}
	require.NoFileExists(t, filepath.Join(w.dir, "ehpcbot.db"))

	for _, one := range []string{
		"SLACK_CONNECTIONS=0", "SLACK_CONNECTIONS=0x2", "PASSWORD_LENGTH=31", "EHPC_CALLS_PER_HOUR=many",
		"APPROVAL_EXPIRY=0", "APPROVAL_REMINDER=72h", "APPROVALS_REQUIRED=3", "EHPC_CLUSTERS=ehpc-x@jn1a,ehpc-x@jn1a", "EHPC_CLUSTERS=,",
		"SLACK_API_URL=http://example.org/api/", "DATABASE_URL=postgres://localhost/x", "HTTP_ADDR=127.0.0.1:99999", "APPROVERS=,",
	} {
		name, _, _ := strings.Cut(one, "=")
		out, code := w.run(nil, one)
		require.Equal(t, 1, code, one)
		if name == "DATABASE_URL" {
			name = "ENCRYPTION_KEY" // is required then
		}
		require.Regexp(t, `(?m)^`+name+`: .+; .+$`, out, one)
	}
}

// TestSecretsAreNowhere lets requests go all ways in which something can be written that should not be, at the most
// detailed log level, and then looks for the passwords, the tokens and the keys in all that was written.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, w *world) {
		p := w.start("MAX_ACTIVE_REQUESTS=50")
		echo := func(c slacktest.Call) bool { return c.Params.Get("blocks") != "" }
		faults := map[string]func(){
			"plain":    func() {},
			"lost":     func() { w.ehpc.DropAfter(ehpctest.ActionAddUser, 1) },
			"unsent":   func() { w.ehpc.DropBefore(ehpctest.ActionAddUser, 1) },
			"internal": func() { w.ehpc.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Code: 5000, Effect: true}) },
			"cut":      func() { w.ehpc.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Truncate: true}) },
			"gateway": func() {
				w.ehpc.Fail(ehpctest.ActionAddUser, ehpctest.Fault{Status: 502, Body: []byte("<html>"), Effect: true})
			},
			"limited":  func() { w.ehpc.Answer(ehpctest.ActionAddUser, 2500, 1) },
			"unposted": func() { w.slack.Fail("chat.postMessage", slacktest.Fault{Status: 500, Match: echo}) },
			"unshown":  func() { w.slack.Fail("chat.update", slacktest.Fault{Error: "internal_error", Match: echo}) },
			"unnoted":  func() { w.slack.Fail("chat.update", slacktest.Fault{DropAfter: true, Match: echo}) },
			"refused":  func() { w.slack.Fail("chat.update", slacktest.Fault{Error: "invalid_blocks", Match: echo}) },
			"toomany":  func() { w.slack.Fail("chat.postMessage", slacktest.Fault{RetryAfter: time.Second, Match: echo}) },
			"unclear":  func() { w.slack.Fail("chat.update", slacktest.Fault{Body: []byte("<html>"), Match: echo}) },
		}
		for _, username := range slices.Sorted(maps.Keys(faults)) {
			w.command(isabel, username)
			m := w.request(username)
			faults[username]()
			w.press(anna, m, "Approve")
			dm, password := w.credentials(isabel, username)
			w.press(isabel, dm, "I have saved it")
			w.cleared(isabel, password)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			for name, secret := range w.secrets() {
				require.False(t, holds(p.get(path), secret), "the %s at %s", name, path)
			}
		}
		require.Contains(t, p.get("/metrics"), "ehpcbot_")
		p.kill() // so that the WAL stays
		bytes := len(w.calls())
		written := w.written()
		for _, text := range written {
			bytes += len(text)
		}
		if w.sqlite() {
			require.Contains(t, written, "file ehpcbot.db-wal")
		}
		t.Logf("figures: %d passwords and %d tokens and keys are looked for in %d bytes of log, metrics, calls of Slack and data",
			len(w.ehpc.Users(ehpctest.ClusterID)), len(w.secrets()), bytes)
	})
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	var files []string
	for _, v := range config.Variables() {
		if value, set := w.env[v.Name]; v.Secret && set {
			path := filepath.Join(t.TempDir(), v.Name)
			require.NoError(t, os.WriteFile(path, []byte(value+"\n"), 0o600))
			files = append(files, v.Name+"=", v.Name+"_FILE="+path)
		}
	}
	require.Len(t, files, 2*6)
	w.start(files...)
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	w.credentials(isabel, "isabel")
	require.NoFileExists(t, filepath.Join(w.dir, "ehpcbot.db.key"))

	out, code := w.run(nil, "SLACK_BOT_TOKEN=", "SLACK_BOT_TOKEN_FILE=/nowhere/token")
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^SLACK_BOT_TOKEN(_FILE)?: .*/nowhere/token`, out)
	out, code = w.run(nil, "SLACK_BOT_TOKEN_FILE="+filepath.Join(t.TempDir(), "token"))
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^SLACK_BOT_TOKEN: .*SLACK_BOT_TOKEN_FILE`, out)
}

func TestJSONLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slack.Fail("chat.postMessage", slacktest.Fault{Status: 500})
	w.ehpc.DropAfter(ehpctest.ActionAddUser, 1)
	p := w.start("LOG_FORMAT=json")
	w.command(isabel, `isabel reason="of secret importance"`)
	w.press(anna, w.request("isabel"), "Approve")
	w.credentials(isabel, "isabel")
	made := w.slack.ConnectionsMade()
	w.slack.DropConnections()
	w.waitFor("new connections", func() bool { return w.slack.ConnectionsMade() >= made+2 })
	w.stop(p)
	require.Empty(t, p.out.String())
	for line := range strings.Lines(p.err.String()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
	require.NotContains(t, p.err.String(), "of secret importance", "payloads are not logged")
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start()
	w.command(isabel, "isabel")
	w.press(anna, w.request("isabel"), "Approve")
	w.credentials(isabel, "isabel")
	w.waitState("isabel", "delivered")
	w.command(otto, "otto")
	require.Equal(t, "ok\n", p.get("/healthz"))
	require.Contains(t, p.status("/healthz"), "200")
	p.waitReady(true, "slack")
	p.waitReady(true, "ehpc")
	require.Contains(t, p.status("/readyz"), "200")
	require.Contains(t, p.status("/"), "404")
	metrics := p.get("/metrics")
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
	} {
		require.Regexp(t, `(?m)^`+line, metrics)
	}
	for _, state := range approval.States() {
		require.Contains(t, metrics, `ehpcbot_requests{state="`+string(state)+`"}`)
	}

	off := newWorld(t)
	quiet := off.launch("HTTP_ADDR=")
	off.waitConnections()
	require.NotContains(t, quiet.err.String(), "/healthz")

	out, code := off.run(nil, "HTTP_ADDR="+p.addr(), "DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	require.Equal(t, 1, code)
	require.Regexp(t, `(?m)^ehpcbot: HTTP_ADDR: .*in use`, out)
}

// The documents.

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
		help, code := runBinary(t, t.TempDir(), nil, "--help")
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
	t.Run("states", func(t *testing.T) {
		t.Parallel()
		for _, state := range approval.States() {
			require.Regexp(t, "(?m)^\\| (`[a-z]+`, )*`"+string(state)+"`(, `[a-z]+`)* \\|", text)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.start()
		w.command(isabel, "isabel")
		w.press(anna, w.request("isabel"), "Approve")
		w.credentials(isabel, "isabel")
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (ehpcbot_\S+)`).FindAllStringSubmatch(p.get("/metrics"), -1) {
			require.Contains(t, text, "| `"+m[1]+"` |")
		}
	})
}

// What follows is what the tests stand on.

var binary string // the built program

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		// Most of them wait for timers, so there can be more of them at once than there are cores.
		_ = flag.Set("test.parallel", "12")
	}
	dir, err := os.MkdirTemp("", "ehpcbot-test-")
	if err == nil {
		binary = filepath.Join(dir, "ehpcbot")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		pgtest.Stop()
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// The people.
const (
	isabel = "U0ISABEL" // asks
	otto   = "U0OTTO"   // asks
	anna   = "U0ANNA"   // approves
	ben    = "U0BEN"    // approves
	carl   = "U0CARL"   // is in the group admins
	gus    = "U0GUS"    // is a guest
	robo   = "U0ROBO"   // is a bot
	dora   = "U0DORA"   // is deactivated
	fay    = "U0FAY"    // is of another organisation

	admins  = "S0ADMINS"
	channel = "C0APPROVE"
)

func newSlack(options ...slacktest.Option) *slacktest.Server {
	s := slacktest.NewServer(options...)
	for _, u := range []slacktest.User{
		{ID: isabel, Name: "isabel"},
		{ID: otto, Name: "otto"},
		{ID: anna, Name: "anna"},
		{ID: ben, Name: "ben"},
		{ID: carl, Name: "carl"},
		{ID: gus, Name: "gus", Restricted: true},
		{ID: robo, Name: "robo", Bot: true},
		{ID: dora, Name: "dora", Deleted: true},
		{ID: fay, Name: "fay", TeamID: "T0OTHER", Stranger: true},
	} {
		s.AddUser(u)
	}
	s.AddUserGroup(admins, "admins", carl)
	s.AddChannel(slacktest.Channel{ID: channel, Name: "hpc-approvals", BotIsMember: true, Shared: true})
	return s
}

// databases runs a test on SQLite and on PostgreSQL.
func databases(t *testing.T, test func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		w := newWorld(t)
		w.env["DATABASE_URL"] = url
		w.env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
		test(t, w)
	})
}

// world is all that surrounds the program: Slack, EHPC, a folder for its data, and its environment.
type world struct {
	t     *testing.T
	ctx   context.Context
	slack *slacktest.Server
	ehpc  *ehpctest.Server
	dir   string
	env   map[string]string

	editingForbidden bool // so that the credentials come as a new message

	mu        sync.Mutex
	processes []*process
	owners    map[string]string // password to who may see it
}

func newWorld(t *testing.T, options ...ehpctest.Option) *world {
	w := &world{t: t, slack: newSlack(), ehpc: ehpctest.NewServer(options...), dir: t.TempDir(), owners: map[string]string{}}
	t.Cleanup(w.slack.Close)
	t.Cleanup(w.ehpc.Close)
	t.Cleanup(w.judge)
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
	t.Cleanup(cancel)
	w.ctx = ctx
	w.env = map[string]string{
		"SLACK_API_URL":               w.slack.APIURL(),
		"SLACK_APP_TOKEN":             slacktest.AppToken,
		"SLACK_BOT_TOKEN":             slacktest.BotToken,
		"EHPC_ENDPOINT":               w.ehpc.URL,
		"QINGCLOUD_ACCESS_KEY_ID":     ehpctest.AccessKeyID,
		"QINGCLOUD_SECRET_ACCESS_KEY": ehpctest.SecretAccessKey,
		"EHPC_CLUSTERS":               "ehpc-8jqdq0mz@jn1a=Training,ehpc-x@jn1a",
		"APPROVAL_CHANNEL":            channel,
		"APPROVERS":                   anna + "," + ben,
		"DATABASE_URL":                "sqlite:" + filepath.Join(w.dir, "ehpcbot.db"),
		"HTTP_ADDR":                   "127.0.0.1:0",
		"LOG_LEVEL":                   "debug",
	}
	return w
}

// launch starts the program.
func (w *world) launch(changes ...string) *process {
	w.t.Helper()
	p := &process{w: w, cmd: exec.Command(binary), done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Env = w.environ(changes)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	require.NoError(w.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	w.mu.Lock()
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	w.t.Cleanup(p.kill)
	return p
}

// start starts the program and waits until it is connected.
func (w *world) start(changes ...string) *process {
	w.t.Helper()
	made := w.slack.ConnectionsMade()
	p := w.launch(changes...)
	w.waitFor("the connections", func() bool { return w.slack.ConnectionsMade() >= made+2 && w.slack.Connections() == 2 })
	return p
}

func (w *world) waitConnections() {
	w.t.Helper()
	w.waitFor("the connections", func() bool { return w.slack.Connections() == 2 })
}

// stop ends a process as an administrator does.
func (w *world) stop(p *process) {
	w.t.Helper()
	begin := time.Now()
	require.NoError(w.t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(w.t, p.wait(), p.err.String())
	require.Less(w.t, time.Since(begin), 10*time.Second)
}

// run runs a command to its end.
func (w *world) run(args []string, changes ...string) (out string, code int) {
	w.t.Helper()
	return runBinary(w.t, w.dir, w.environ(changes), args...)
}

func (w *world) environ(changes []string) []string {
	env := maps.Clone(w.env)
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		env[name] = value
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

func runBinary(t *testing.T, dir string, env []string, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = dir, append([]string{"TMPDIR=" + os.TempDir()}, env...)
	text, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "%q does not end:\n%s", args, text)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// survive brings a request to its end with a process that will be killed on the way.
func (w *world) survive(p *process) {
	w.t.Helper()
	w.command(isabel, "isabel")
	var restarted bool
	again := func() {
		if !restarted && p.ended() {
			restarted = true
			w.start()
		}
	}
	pressed := false
	w.waitFor("the end of the request", func() bool {
		again()
		if !pressed {
			// A kill may have left two messages; both change with a press on either.
			for _, m := range w.requests() {
				if !pressed && slices.Contains(names(m.Buttons()), "Approve") {
					r, err := w.slack.Person(anna).Press(w.ctx, m, "Approve")
					pressed = err == nil && r.Err == nil
				}
			}
			return false
		}
		return restarted && strings.Contains(w.requests()[0].Plain(), "delivered")
	})
	w.credentials(isabel, "isabel")
	w.waitFor("no message with an older state stays", func() bool {
		return !slices.ContainsFunc(w.requests(), func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), "delivered") })
	})
}

// command types the command in the conversation with the bot, and expects an acknowledgement in time.
func (w *world) command(who, text string) slacktest.Reply {
	w.t.Helper()
	return w.commandIn("", who, text)
}

func (w *world) commandIn(place, who, text string) slacktest.Reply {
	w.t.Helper()
	r := w.slack.Person(who).In(place).Command(w.ctx, "/ehpc-adduser", text)
	if r.Err != nil {
		w.t.Errorf("%s types %.60q: %v", who, text, r.Err)
	}
	return r
}

// press presses a button that must be there.
func (w *world) press(who string, m slacktest.Message, button string) slacktest.Reply {
	w.t.Helper()
	r, err := w.slack.Person(who).Press(w.ctx, m, button)
	if errors.Is(err, slacktest.ErrNoButton) {
		return w.pressOld(who, m, button) // it went away meanwhile: somebody's screen is a moment late
	}
	if err = errors.Join(err, r.Err); err != nil {
		w.t.Errorf("%s presses %s: %v", who, button, err)
	}
	return r
}

// pressOld presses a button of a message as it was.
func (w *world) pressOld(who string, m slacktest.Message, button string) slacktest.Reply {
	w.t.Helper()
	for _, b := range m.Buttons() {
		if b.Text == button {
			r := w.slack.Person(who).PressAction(w.ctx, m, slacktest.Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style})
			if r.Err != nil {
				w.t.Errorf("%s presses the old %s: %v", who, button, r.Err)
			}
			return r
		}
	}
	w.t.Errorf("no button %q among %q", button, names(m.Buttons()))
	return slacktest.Reply{}
}

func names(buttons []slacktest.Button) []string {
	var list []string
	for _, b := range buttons {
		list = append(list, b.Text)
	}
	return list
}

// requests returns the approval messages as they are now.
func (w *world) requests() []slacktest.Message {
	return slices.DeleteFunc(w.slack.Messages(channel), func(m slacktest.Message) bool {
		return m.Deleted || strings.Contains(m.Plain(), "Reminder")
	})
}

// request waits for the approval message of a username.
func (w *world) request(username string) slacktest.Message {
	w.t.Helper()
	return w.waitMessage("the request for "+username, func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "account "+username+" on ") })
}

func (w *world) requestID(id int) slacktest.Message {
	w.t.Helper()
	return w.waitMessage(fmt.Sprint("request ", id), func(m slacktest.Message) bool { return strings.Contains(m.Plain(), fmt.Sprintf("Request %d:", id)) })
}

// waitState waits until the approval message of a username shows a state.
func (w *world) waitState(username, state string) slacktest.Message {
	w.t.Helper()
	return w.waitMessage(username+" "+state, func(m slacktest.Message) bool {
		first, _, _ := strings.Cut(m.Plain(), "\n")
		return strings.Contains(m.Plain(), "account "+username+" on ") && strings.Contains(first, state)
	})
}

func (w *world) waitMessage(what string, pred func(slacktest.Message) bool) slacktest.Message {
	w.t.Helper()
	m, err := w.slack.WaitMessage(w.ctx, channel, func(m slacktest.Message) bool { return !m.Deleted && pred(m) })
	require.NoError(w.t, err, "%s\n%s", what, w.situation())
	return m
}

// told waits for a direct message.
func (w *world) told(who, text string) slacktest.Message {
	w.t.Helper()
	m, err := w.slack.WaitDirectMessage(w.ctx, who, func(m slacktest.Message) bool { return strings.Contains(m.Plain(), text) })
	require.NoError(w.t, err, "%s is told %q\n%s", who, text, w.situation())
	return m
}

// answered waits for an answer that only this person sees.
func (w *world) answered(who, text string) {
	w.t.Helper()
	w.waitFor(fmt.Sprintf("%s is answered %q", who, text), func() bool {
		return slices.ContainsFunc(w.slack.Person(who).Ephemerals(), func(m slacktest.Message) bool { return strings.Contains(m.Plain(), text) })
	})
}

// refused returns the refusals that an act earned, waiting for an answer or a modal.
func (w *world) refused(who, text string, act func()) []slacktest.Message {
	w.t.Helper()
	before := len(w.slack.Person(who).Ephemerals())
	act()
	w.waitFor(who+" gets an answer", func() bool {
		_, open := w.slack.Person(who).Modal()
		return open || len(w.slack.Person(who).Ephemerals()) > before
	})
	_, _ = w.slack.Person(who).CloseModal(w.ctx)
	return slices.DeleteFunc(w.slack.Person(who).Ephemerals()[before:], func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), text) })
}

// credentials waits until a person sees the password that the account has.
func (w *world) credentials(who, username string) (slacktest.Message, string) {
	w.t.Helper()
	return w.credentialsOn(ehpctest.ClusterID, who, username)
}

func (w *world) credentialsOn(cluster, who, username string) (slacktest.Message, string) {
	w.t.Helper()
	var password string
	var at time.Time
	find := func(m slacktest.Message) bool {
		p, made := w.ehpc.Password(cluster, username)
		if !made {
			return false
		}
		password = p
		w.mu.Lock()
		w.owners[password] = who
		w.mu.Unlock()
		shown := m.Plain()
		for _, v := range m.History {
			shown += v.Plain()
		}
		at = m.PostedAt
		return strings.Contains(shown, password)
	}
	m, err := w.slack.WaitDirectMessage(w.ctx, who, find)
	require.NoError(w.t, err, "%s gets the credentials of %s\n%s", who, username, w.situation())
	require.False(w.t, at.IsZero())
	blocks := m.Blocks
	for i := len(m.History) - 1; i >= 0 && !bytes.Contains(joined(blocks), []byte(`"Password`)) && !strings.Contains(string(joined(blocks)), "Password: "); i-- {
		blocks = m.History[i].Blocks
	}
	require.Contains(w.t, texts(blocks), password, "an element of rich_text is exactly the password")
	return m, password
}

func joined(blocks []json.RawMessage) []byte {
	b, _ := json.Marshal(blocks)
	return b
}

// texts returns the texts of all rich_text elements.
func texts(blocks []json.RawMessage) []string {
	var list []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if s, isText := v["text"].(string); isText && v["type"] == "text" {
				list = append(list, s)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, raw := range blocks {
		var v map[string]any
		if json.Unmarshal(raw, &v) == nil && v["type"] == "rich_text" {
			walk(v)
		}
	}
	return list
}

// cleared waits until no message to a person shows the password.
func (w *world) cleared(who, password string) {
	w.t.Helper()
	w.waitFor("the credentials are cleared", func() bool {
		return !slices.ContainsFunc(w.slack.Person(who).DirectMessages(), func(m slacktest.Message) bool { return strings.Contains(m.Plain(), password) })
	})
}

// latest returns a message as it is now.
func (w *world) latest(m slacktest.Message) slacktest.Message {
	for _, now := range w.slack.Messages(m.Channel) {
		if now.TS == m.TS {
			return now
		}
	}
	return m
}

// addUser returns the body of a call of addUser.
func (w *world) addUser(n int) map[string]any {
	w.t.Helper()
	calls := slices.DeleteFunc(w.ehpc.Calls(), func(c ehpctest.Call) bool { return c.Action != ehpctest.ActionAddUser })
	require.Greater(w.t, len(calls), n)
	var body map[string]any
	require.NoError(w.t, json.Unmarshal(calls[n].Body, &body))
	return body
}

func (w *world) password(cluster, username string) string {
	w.t.Helper()
	p, made := w.ehpc.Password(cluster, username)
	require.True(w.t, made)
	return p
}

// waitFor waits until something is so, however it comes about.
func (w *world) waitFor(what string, cond func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.t.Fatalf("%s: not so\n%s", what, w.situation())
		}
	}
}

// situation tells what there is to see, for a test that fails.
func (w *world) situation() string {
	var b strings.Builder
	events := w.slack.Transcript()
	for _, e := range events[max(0, len(events)-30):] {
		fmt.Fprintf(&b, "%s %s %s: %.300q\n", e.At.Format("05.000"), e.Kind, e.User+e.SeenBy, e.Text)
	}
	for _, p := range w.processes {
		log := p.err.String()
		fmt.Fprintf(&b, "--- log\n%s\n", log[max(0, len(log)-5000):])
	}
	return b.String()
}

func (w *world) sqlite() bool { return strings.HasPrefix(w.env["DATABASE_URL"], "sqlite:") }

func (w *world) openDatabase() *sql.DB {
	w.t.Helper()
	driver, source := "pgx", w.env["DATABASE_URL"]
	if w.sqlite() {
		driver, source = "sqlite", strings.TrimPrefix(source, "sqlite:")
	}
	db, err := sql.Open(driver, source)
	require.NoError(w.t, err)
	return db
}

// judge looks at what must be so whatever happened.
func (w *world) judge() {
	t := w.t
	for _, v := range w.slack.Violations() {
		t.Errorf("Slack's rules: %s", v)
	}
	for _, p := range w.processes {
		require.NotContains(t, p.err.String(), "panic")
		require.NotContains(t, p.err.String(), "goroutine ")
	}
	written, calls := w.written(), w.calls()
	for name, secret := range w.secrets() {
		for place, text := range written {
			require.False(t, holds(text, secret), "the %s in the %s", name, place)
		}
		require.False(t, holds(calls, secret), "the %s in a call of Slack", name)
	}
	for _, cluster := range []string{ehpctest.ClusterID, ehpctest.OtherClusterID} {
		for _, username := range w.ehpc.Users(cluster) {
			password, _ := w.ehpc.Password(cluster, username)
			if made := w.ehpc.AddUserEffects(cluster, username); made > 0 {
				require.Equal(t, 1, made, "%s is made once", username)
				w.judgePassword(password, written)
			}
		}
	}
}

// secrets are those that the program is given, by name.
func (w *world) secrets() map[string]string {
	secrets := map[string]string{"app-level token": slacktest.AppToken, "bot token": slacktest.BotToken, "API key": ehpctest.SecretAccessKey}
	if key := w.env["ENCRYPTION_KEY"]; key != "" {
		secrets["encryption key"] = key
	}
	return secrets
}

// written is all that the program has written and that stays, by place. A test can have a WAL looked into only
// while the program runs.
func (w *world) written() map[string]string {
	t := w.t
	written := map[string]string{}
	for i, p := range w.processes {
		written[fmt.Sprintf("log of process %d", i)] = p.out.String() + p.err.String()
		written[fmt.Sprintf("metrics of process %d", i)] = p.metrics
	}
	if w.sqlite() {
		files, err := os.ReadDir(w.dir)
		require.NoError(t, err)
		for _, f := range files {
			content, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
			require.NoError(t, err)
			written["file "+f.Name()] = string(content)
		}
		return written
	}
	db := w.openDatabase()
	defer db.Close()
	var dump string
	require.NoError(t, db.QueryRow("SELECT database_to_xml(true, false, '')::text").Scan(&dump))
	written["database"] = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(dump)
	return written
}

// calls is all that Slack was called with, but for the tokens that each call must have.
func (w *world) calls() string {
	var text strings.Builder
	for _, c := range w.slack.AllCalls() {
		for name, values := range c.Params {
			fmt.Fprintln(&text, c.Method, name, strings.Join(values, "\n"))
		}
	}
	return text.String()
}

// judgePassword looks for a password where it must not be.
func (w *world) judgePassword(password string, written map[string]string) {
	t := w.t
	home := "nowhere"
	if owner, known := w.owners[password]; known {
		home = w.slack.DirectID(owner)
	}
	for place, text := range written {
		require.False(t, holds(text, password), "a password in the %s", place)
	}
	for _, c := range w.slack.AllCalls() {
		for name, values := range c.Params {
			if !holds(strings.Join(values, "\n"), password) {
				continue
			}
			right := c.Method == "chat.update" || c.Method == "chat.postMessage" && w.editingForbidden
			to := c.Params.Get("channel")
			require.True(t, right && name == "blocks" && (to == home || "D"+to == home || w.slack.DirectID(to) == home), "a password in %s of %s to %s", name, c.Method, to)
		}
	}
	for _, e := range w.slack.Transcript() {
		require.False(t, holds(e.Text, password) && e.Channel != home, "a password is seen: %s in %s", e.Kind, e.Channel)
	}
	for _, who := range []string{isabel, otto, anna, ben, carl, gus, robo, dora, fay} {
		for _, n := range w.slack.Person(who).Notifications() {
			require.False(t, holds(n.Mobile, password) || holds(n.Desktop, password) && !w.editingForbidden, "a password in a notification")
		}
	}
}

// holds reports whether a text holds a secret, in clear or encoded in a usual way.
func holds(text, secret string) bool {
	html, _ := json.Marshal(secret)
	for _, form := range []string{
		secret, strings.Trim(string(html), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// process is the program, running.
type process struct {
	w        *world
	cmd      *exec.Cmd
	out, err screen
	done     chan struct{} // closed when it has ended
	metrics  string        // as they were seen last
}

// kill ends the process without a warning.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// wait waits until the process has ended by itself.
func (p *process) wait() int {
	p.w.t.Helper()
	select {
	case <-p.done:
	case <-p.w.ctx.Done():
		p.w.t.Fatalf("it does not end\n%s", p.err.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

var listening = regexp.MustCompile(`answering /healthz.*?(127\.0\.0\.1:\d+)`)

// addr is where the process answers HTTP.
func (p *process) addr() string {
	p.w.t.Helper()
	var found []string
	p.w.waitFor("an address", func() bool {
		found = listening.FindStringSubmatch(p.err.String())
		return found != nil
	})
	return found[1]
}

// status asks for a path and returns the status and what is answered.
func (p *process) status(path string) string {
	p.w.t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}}
	resp, err := client.Get("http://" + p.addr() + path)
	require.NoError(p.w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.w.t, err)
	if path == "/metrics" {
		p.metrics = string(body)
	}
	return resp.Status + "\n" + string(body)
}

func (p *process) get(path string) string {
	p.w.t.Helper()
	_, body, _ := strings.Cut(p.status(path), "\n")
	return body
}

// waitReady waits until a line of /readyz says that something is ready, or is not.
func (p *process) waitReady(ready bool, what string) {
	p.w.t.Helper()
	p.w.waitFor(fmt.Sprintf("%s is ready: %v", what, ready), func() bool {
		answer := p.status("/readyz")
		is := !strings.Contains(answer, what+": not ready: ")
		if !is {
			require.True(p.w.t, strings.HasPrefix(answer, "503"), answer)
		}
		return is == ready
	})
}

// screen collects what a process writes.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
