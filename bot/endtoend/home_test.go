package endtoend

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval/pgtest"
	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
)

// openHome opens somebody's Home tab, and waits until it shows a text.
func openHome(w *world.World, who, text string) slacktest.View {
	w.T.Helper()
	require.NoError(w.T, w.Slack.Person(who).OpenHome(w.Ctx).Err)
	return homeShows(w, who, text)
}

func homeShows(w *world.World, who, text string) slacktest.View {
	w.T.Helper()
	v, err := w.Slack.Person(who).WaitHome(w.Ctx, func(v slacktest.View) bool { return strings.Contains(v.Plain(), text) })
	require.NoError(w.T, err, "the Home tab of %s shows %q, not\n%s", who, text, v.Plain())
	return v
}

// pressHome presses a button of the Home tab, by what a screen reader says of it.
func pressHome(w *world.World, who, button string) {
	w.T.Helper()
	r, err := w.Slack.Person(who).PressInHome(w.Ctx, button)
	require.NoError(w.T, err)
	require.NoError(w.T, r.Err)
}

// toldInModal waits for a modal that says something, and closes it.
func toldInModal(w *world.World, who, text string) {
	w.T.Helper()
	v, err := w.Slack.Person(who).WaitModal(w.Ctx, func(v slacktest.View) bool { return strings.Contains(v.Plain(), text) })
	require.NoError(w.T, err, "%s is told %q in a modal, not\n%s", who, text, v.Plain())
	_, err = w.Slack.Person(who).CloseModal(w.Ctx)
	require.NoError(w.T, err)
}

func submitOpen(w *world.World, who string, values map[string]string) {
	w.T.Helper()
	form, err := w.Slack.Person(who).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(w.T, err)
	got, err := w.Slack.Person(who).Submit(w.Ctx, form, values)
	require.NoError(w.T, err)
	require.NoError(w.T, got.Err)
	require.Empty(w.T, got.Errors)
	_, _ = w.Slack.Person(who).CloseModal(w.Ctx)
}

// A person asks in the Home tab, an approver decides there, and both see there what becomes of it.
func TestHome(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("LOGIN_HINT=ssh {username}@login.example.org")
	require.NotContains(t, openHome(w, anna, "Nothing waits").Plain(), "How the bot is")
	openHome(w, isabel, "No request of yours")
	openHome(w, otto, "No request of yours")

	pressHome(w, isabel, "Ask for an account")
	submitOpen(w, isabel, map[string]string{"Username": "isabel", "Reason": "<!channel> *thesis*"})
	homeShows(w, isabel, "Request 1: waiting for approval")
	seen := homeShows(w, anna, "<!channel> *thesis*")
	require.Contains(t, seen.Plain(), "isabel on Training")
	approve := slices.IndexFunc(seen.Buttons(), func(b slacktest.Button) bool { return b.Text == "Approve" })
	require.NotNil(t, seen.Buttons()[approve].Confirm)

	b := seen.Buttons()[approve]
	forged := slacktest.Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value}
	require.NoError(t, w.Slack.Person(otto).PressHomeAction(w.Ctx, forged).Err)
	toldInModal(w, otto, "not one of the approvers")
	home, _ := w.Slack.Person(otto).Home()
	require.NotContains(t, home.Plain(), "thesis", "others see nothing of it")
	forged.Value = "1 guessed"
	require.NoError(t, w.Slack.Person(anna).PressHomeAction(w.Ctx, forged).Err)
	toldInModal(w, anna, "or another request had the number")
	out, _ := w.Run([]string{"audit"})
	require.Contains(t, out, "approve: not_approver")
	require.Contains(t, out, "approve: stale")

	pressHome(w, anna, "Approve request 1")
	w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	homeShows(w, anna, "Nothing waits")
	account := homeShows(w, isabel, "Your accounts")
	require.Contains(t, account.Plain(), "ssh isabel@login.example.org")
	require.NoError(t, w.Slack.Person(anna).PressHomeAction(w.Ctx, slacktest.Action{ActionID: b.ActionID, Value: b.Value}).Err)
	toldInModal(w, anna, "already")

	w.Command(isabel, "isabel2")
	w.Command(isabel, "isabel3")
	homeShows(w, anna, "isabel3")
	pressHome(w, anna, "Deny request 2")
	submitOpen(w, anna, map[string]string{"Reason": "one is enough"})
	homeShows(w, isabel, "one is enough")
	pressHome(w, isabel, "Cancel request 3")
	homeShows(w, isabel, "Request 3: cancelled")
	homeShows(w, anna, "Nothing waits")
	w.WaitState("isabel3", "cancelled")
}

// In Chinese, and with what an administrator sees.
func TestHomeOfAnAdministrator(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.AddUser(slacktest.User{ID: carl, Name: "carl", Locale: "zh-CN"})
	w.Start("ADMINISTRATORS=" + admins)
	w.Command(isabel, "isabel")
	v := openHome(w, carl, "机器人状态")
	for _, text := range []string{"Slack：正常", "集群接口：正常", "数据库：正常", "等待审批 1 条"} {
		require.Contains(t, v.Plain(), text)
	}
	require.NotContains(t, v.Plain(), "isabel", "an administrator is no approver")
	w.Command(isabel, "cancel 1")
	homeShows(w, carl, "等待审批 0 条")
}

// Guests and people of elsewhere are told that this is nothing for them; a guest who may decide sees what waits.
func TestHomeOfGuests(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.AddUser(slacktest.User{ID: "U0GINA", Name: "gina", UltraRestricted: true})
	w.Start("APPROVERS=" + anna + ",U0GINA")
	w.Command(isabel, "isabel")
	for _, who := range []string{gus, fay} {
		v := openHome(w, who, "Only members of this workspace")
		require.Empty(t, v.Buttons())
	}
	openHome(w, "U0GINA", "isabel on Training")
	out, _ := w.Run([]string{"audit"})
	require.Contains(t, out, "home: ")
	require.Contains(t, out, gus)
}

func TestShortcut(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	require.NoError(t, w.Slack.Person(isabel).Shortcut(w.Ctx, "ask").Err)
	submitOpen(w, isabel, map[string]string{"Username": "isabel"})
	w.Request("isabel")
	require.NoError(t, w.Slack.Person(gus).Shortcut(w.Ctx, "ask").Err)
	toldInModal(w, gus, "Only members of this workspace")

	w.Slack.Fail("views.open", slacktest.Fault{Error: "expired_trigger_id", Times: 2})
	require.NoError(t, w.Slack.Person(isabel).Shortcut(w.Ctx, "ask").Err)
	w.Told(isabel, "The form could not be opened")
	require.NoError(t, w.Slack.Person(isabel).Shortcut(w.Ctx, "unheard-of").Err)
}

// Who is told that it is too often is told so in a message, and takes no form from others.
func TestShortcutTooOften(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("REQUESTS_PER_MINUTE=1")
	for range 3 {
		require.NoError(t, w.Slack.Person(isabel).Shortcut(w.Ctx, "ask").Err)
	}
	w.Told(isabel, "Please try again in")
	require.Len(t, w.Slack.Calls("views.open"), 1)
}

// published are the calls by which somebody's Home tab was published, those that Slack refused, too.
func published(w *world.World, who string) []slacktest.Call {
	return slices.DeleteFunc(w.Slack.Calls("views.publish"), func(c slacktest.Call) bool { return c.Params.Get("user_id") != who })
}

// However much happens, a person's Home tab costs a call in five seconds, and none while nothing happens. What Slack has
// no room for is shown as soon as it has.
func TestHomeCostsLittle(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("MAX_ACTIVE_REQUESTS=100", "APPROVAL_REMINDER=0")
	openHome(w, anna, "Nothing waits")
	openHome(w, otto, "No request of yours")
	w.Slack.Fail("views.publish", slacktest.Fault{RetryAfter: time.Second, Skip: 1, Match: func(c slacktest.Call) bool { return c.Params.Get("user_id") == anna }})
	for i := range 25 {
		w.Command(isabel, fmt.Sprint("isa", i))
		w.Command(isabel, fmt.Sprint("cancel ", i+1))
	}
	w.Command(isabel, "last")
	homeShows(w, anna, "account last on")
	calls := published(w, anna)
	for i, c := range calls[1:] {
		before := calls[i]
		require.GreaterOrEqual(t, c.At.Sub(before.At), 5*time.Second, "call %d of %d", i+1, len(calls))
	}
	require.Less(t, len(calls), 8)
	require.Len(t, published(w, otto), 1, "nothing of that concerns otto")
	require.NoError(t, w.Slack.Person(otto).OpenHome(w.Ctx).Err)
	openHome(w, otto, "No request of yours")
	require.LessOrEqual(t, len(published(w, otto)), 2)
}

// Of two processes the one keeps a tab up to date that published it last, and the other lets go of it.
func TestHomeOfReplicas(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["DATABASE_URL"] = pgtest.URL(t)
	w.Env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	for i := range 2 {
		w.Launch("SLACK_CONNECTIONS=1")
		w.WaitFor("its connection", func() bool { return w.Slack.Connections() == i+1 })
	}
	to := func(process int) { w.Slack.SetRouting(func(int) int { return process }) }
	to(0)
	openHome(w, isabel, "No request of yours")
	to(1)
	require.NoError(t, w.Slack.Person(isabel).OpenHome(w.Ctx).Err)
	w.WaitFor("the other one publishes it, too", func() bool { return len(published(w, isabel)) == 2 })
	w.Command(isabel, "isabel")
	homeShows(w, isabel, "isabel on Training")
	conflicts := func() (n int) {
		for _, c := range published(w, isabel) {
			if c.Answer == "hash_conflict" {
				n++
			}
		}
		return n
	}
	w.WaitFor("the first one is told", func() bool { return conflicts() == 1 })
	w.Command(isabel, "cancel 1")
	homeShows(w, isabel, "Request 1: cancelled")
	w.Command(isabel, "isabel2")
	homeShows(w, isabel, "isabel2 on Training")
	require.Equal(t, 1, conflicts(), "it does not try again")
	require.Len(t, published(w, isabel), 6)
}
