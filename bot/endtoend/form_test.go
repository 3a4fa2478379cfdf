package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// openForm has somebody open the form.
func openForm(w *world.World, who string) slacktest.View {
	w.T.Helper()
	require.Empty(w.T, w.Command(who, "").Plain())
	return waitForm(w, who)
}

func waitForm(w *world.World, who string) slacktest.View {
	w.T.Helper()
	form, err := w.Slack.Person(who).WaitModal(w.Ctx)
	require.NoError(w.T, err)
	return form
}

// field returns a field of a form by its label.
func field(t *testing.T, form slacktest.View, label string) slacktest.Input {
	t.Helper()
	i := slices.IndexFunc(form.Inputs(), func(in slacktest.Input) bool { return in.Label == label })
	require.GreaterOrEqual(t, i, 0, label)
	return form.Inputs()[i]
}

func submit(w *world.World, who string, form slacktest.View, values map[string]string) slacktest.SubmitResult {
	w.T.Helper()
	got, err := w.Slack.Person(who).Submit(w.Ctx, form, values)
	require.NoError(w.T, err)
	require.NoError(w.T, got.Err)
	return got
}

// lastAnswer is what a person was last told alone.
func lastAnswer(w *world.World, who string) slacktest.Message {
	w.T.Helper()
	all := w.Slack.Person(who).Ephemerals()
	require.NotEmpty(w.T, all)
	return all[len(all)-1]
}

func inDays(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }

// The form holds a username that fits the person and can be had.
func TestUsernameIsSuggested(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.SetScopes("commands", "chat:write", "im:write", "users:read", "usergroups:read", "users:read.email")
	w.Slack.AddUser(slacktest.User{ID: "U0ZHANG", Name: "sanfeng", RealName: "张三丰", Locale: "zh-CN"})
	w.Slack.AddUser(slacktest.User{ID: "U0MARIA", Name: "mia", Email: "maria.garcia@example.org"})
	w.Slack.AddUser(slacktest.User{ID: "U0ROOT", Name: "root"})
	w.EHPC.AddExisting(ehpctest.ClusterID, "zhangsf", "Password-1234")
	w.EHPC.AddExisting(ehpctest.ClusterID, "zhangsf2", "Password-1234")
	w.Start()
	form := openForm(w, "U0ZHANG")
	require.Equal(t, "zhangsf3", form.Inputs()[0].Initial)
	require.Contains(t, form.Plain(), "750 让所有用户都能读取主目录")
	require.Equal(t, "maria", openForm(w, "U0MARIA").Inputs()[0].Initial)
	require.Equal(t, "root2", openForm(w, "U0ROOT").Inputs()[0].Initial, "a reserved name")
	w.Command(otto, "isabel")
	require.Equal(t, "isabel2", openForm(w, isabel).Inputs()[0].Initial, "a name that is asked for")
	w.EHPC.Fail(ehpctest.ActionListUsers, ehpctest.Fault{Delay: time.Minute})
	begin := time.Now()
	require.Equal(t, "anna", openForm(w, anna).Inputs()[0].Initial, "without the cluster")
	require.Less(t, time.Since(begin), 2500*time.Millisecond)
}

// Names that can't be had are said at once, with one that can be had, and before anybody is asked to approve.
func TestTakenIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.AddExisting(ehpctest.ClusterID, "Isabel", "Password-1234")
	w.EHPC.AddExisting(ehpctest.ClusterID, "isabel2", "Password-1234")
	w.Start()
	for _, name := range []string{"isabel", "ISABEL"} {
		answer := w.Command(isabel, name).Plain()
		require.Contains(t, answer, "taken")
		require.Contains(t, strings.ToLower(answer), "isabel3")
	}
	require.Contains(t, w.Command(isabel, "isabel cluster=ehpc-x").Plain(), "is in:", "another cluster has no such account")

	form := openForm(w, otto)
	got := submit(w, otto, form, map[string]string{"Username": "isabel", "Until when": inDays(0), "Reason": strings.Repeat("x", 500)})
	require.False(t, got.Closed)
	require.Len(t, got.Errors, 2, "all that is wrong, at once")
	require.Contains(t, got.Errors[field(t, form, "Username").BlockID], "isabel3")
	require.Contains(t, got.Errors[field(t, form, "Until when").BlockID], "after today")
	require.Contains(t, submit(w, otto, form, map[string]string{"Username": "root"}).Errors[field(t, form, "Username").BlockID], "root2")

	day := inDays(90)
	got = submit(w, otto, form, map[string]string{"Username": "isabel3", "Until when": day})
	require.Empty(t, got.Errors)
	require.Contains(t, got.Updated.Plain(), "is in:")
	require.Contains(t, w.Request("isabel3").Plain(), "Needed until: "+day)
	require.Contains(t, w.Command(otto, "status 2").Plain(), day)
	require.Len(t, w.Requests(), 2)
	out, code := w.Run([]string{"audit", "verify"})
	require.Zero(t, code, out)
	out, _ = w.Run([]string{"audit"})
	require.Contains(t, out, "until="+day)
}

// A cluster that is slow, silent or out of calls keeps nobody from asking.
func TestClusterIsLookedAtLater(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	for i, fault := range []ehpctest.Fault{{Delay: time.Minute}, {Code: 2500}, {Status: 503}} {
		w.EHPC.Fail(ehpctest.ActionListUsers, fault)
		r := w.Command(isabel, "isabel"+string(rune('a'+i)))
		require.Less(t, r.Took, 2500*time.Millisecond)
		require.Contains(t, r.Plain(), "is in:")
		require.Contains(t, r.Plain(), "look again before the account is made")
	}
}

// Days that are no day after today are refused, and one is kept.
func TestUntilByCommand(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	for _, day := range []string{inDays(0), inDays(-1), inDays(6 * 366), "2027-02-30", "tomorrow", "2099"} {
		require.Contains(t, w.Command(isabel, "isabel until="+day).Plain(), "after today", day)
	}
	require.Contains(t, w.Command(isabel, "isabel until="+inDays(1)).Plain(), "is in:")
	require.Contains(t, w.Request("isabel").Plain(), inDays(1))
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Credentials(isabel, "isabel")
}

// Who asks accepts the use policy, each version once, and it is in the audit log.
func TestUsePolicy(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["POLICY_URL"], w.Env["POLICY_VERSION"] = "https://hpc.example.org/policy", "2026-10"
	p := w.Start()
	require.Empty(t, w.Command(isabel, `isabel mod=750 reason="thesis project"`).Plain())
	form := waitForm(w, isabel)
	require.Contains(t, form.Plain(), "Read the use policy, version 2026-10")
	require.Equal(t, "isabel", field(t, form, "Username").Initial, "what was typed is there")
	require.Equal(t, "750", field(t, form, "Directory permissions").Initial)
	require.Equal(t, "thesis project", field(t, form, "Reason").Initial)
	_, err := w.Slack.Person(isabel).Submit(w.Ctx, form, nil)
	require.ErrorIs(t, err, slacktest.ErrInput, "it has to be ticked")
	require.Empty(t, w.Requests())
	require.Empty(t, submit(w, isabel, form, map[string]string{"Use policy, version 2026-10": "2026-10"}).Errors)
	w.Request("isabel")
	require.Contains(t, w.Command(isabel, "two").Plain(), "is in:", "it is accepted")
	require.NotContains(t, openForm(w, isabel).Plain(), "policy")
	old := openForm(w, otto)

	w.Stop(p)
	w.Start("POLICY_VERSION=2027-01")
	require.Empty(t, w.Command(isabel, "three").Plain(), "another version is accepted anew")
	require.Contains(t, waitForm(w, isabel).Plain(), "version 2027-01")
	got := submit(w, otto, old, map[string]string{"Username": "otto", "Use policy, version 2026-10": "2026-10"})
	require.NotNil(t, got.Updated, "a form with the old version is shown anew")
	require.Equal(t, "otto", field(t, *got.Updated, "Username").Initial)
	require.Contains(t, got.Updated.Plain(), "version 2027-01")
	require.Contains(t, submit(w, otto, *got.Updated, map[string]string{"Use policy, version 2027-01": "2027-01"}).Updated.Plain(), "is in:")

	out, code := w.Run([]string{"audit", "verify"})
	require.Zero(t, code, out)
	out, _ = w.Run([]string{"audit"})
	require.Contains(t, out, "policy=2026-10")
	require.Contains(t, out, "policy=2027-01")
}

// The answer says who decides, and lets the requester remind them and take the request back.
func TestRemindAndCancel(t *testing.T) {
	t.Parallel()
	world.Databases(t, testRemindAndCancel)
}

func testRemindAndCancel(t *testing.T, w *world.World) {
	w.Start("APPROVERS=" + anna + "," + admins)
	asked := w.Command(isabel, "isabel")
	require.Contains(t, asked.Plain(), "Who decides: <@U0ANNA>, <!subteam^S0ADMINS>.")
	require.Contains(t, w.Command(isabel, "list").Plain(), "reminded", "what comes next")
	w.Request("isabel")
	answer := lastAnswer(w, isabel)
	require.Equal(t, []string(nil), world.Names(answer.Buttons()), "a list has none")
	w.Command(isabel, "status 1")
	answer = lastAnswer(w, isabel)
	require.Equal(t, []string{"Remind them", "Cancel request"}, world.Names(answer.Buttons()))

	reminders := func() []slacktest.Message {
		return slices.DeleteFunc(w.Slack.Messages(channel), func(m slacktest.Message) bool {
			return m.Deleted || !strings.Contains(m.Plain(), "asks you to look at request 1")
		})
	}
	pressed := w.Press(isabel, answer, "Remind them")
	w.Answered(isabel, "are being reminded")
	w.WaitFor("the approvers are reminded", func() bool { return len(reminders()) == 1 })
	require.NoError(t, w.Slack.Repeat(w.Ctx, pressed.EnvelopeID).Err)
	w.Press(isabel, answer, "Remind them")
	w.Answered(isabel, "already")
	w.PressOld(otto, answer, "Remind them")
	w.PressOld(otto, answer, "Cancel request")
	w.Answered(otto, "no request")
	require.Len(t, reminders(), 1, "once a day")

	w.Press(isabel, answer, "Cancel request")
	w.WaitState("isabel", "cancelled")
	w.WaitFor("the answer shows it, without its buttons", func() bool {
		all := w.Slack.Person(isabel).Ephemerals()
		return slices.ContainsFunc(all, func(m slacktest.Message) bool {
			return m.TS == answer.TS && strings.Contains(m.Plain(), "is cancelled") && len(m.Buttons()) == 0
		})
	})
	w.WaitFor("a reminder that is over is taken away", func() bool { return len(reminders()) == 0 })
	out, _ := w.Run([]string{"audit"})
	require.Equal(t, 1, strings.Count(out, " remind "), out)
}

// The buttons in the answer of the form do the same, and it shows so.
func TestRemindAndCancelInTheForm(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	person := w.Slack.Person(isabel)
	asked := submit(w, isabel, openForm(w, isabel), nil).Updated
	require.NotNil(t, asked)
	w.Request("isabel")
	_, err := person.PressInModal(w.Ctx, *asked, "Remind them")
	require.NoError(t, err)
	says := func(words string) func(slacktest.View) bool {
		return func(v slacktest.View) bool { return strings.Contains(v.Plain(), words) }
	}
	_, err = person.WaitModal(w.Ctx, says("are being reminded"))
	require.NoError(t, err)
	_, err = person.CloseModal(w.Ctx)
	require.NoError(t, err)

	asked = submit(w, isabel, openForm(w, isabel), map[string]string{"Username": "two"}).Updated
	w.Request("two")
	_, err = person.PressInModal(w.Ctx, *asked, "Cancel request")
	require.NoError(t, err)
	_, err = person.WaitModal(w.Ctx, says("Request 2 is cancelled"))
	require.NoError(t, err)
	w.WaitState("two", "cancelled")
}

// A form that the bot does not know is answered, and not closed as if it had been taken.
func TestUnknownForm(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	between(w, func(_ string, p map[string]any) {
		if v, ok := p["view"].(map[string]any); ok && p["type"] == "view_submission" {
			v["callback_id"] = "of_another_version"
		}
	})
	w.Start()
	w.Command(otto, "")
	form, err := w.Slack.Person(otto).WaitModal(w.Ctx)
	require.NoError(t, err)
	r, err := w.Slack.Person(otto).Submit(w.Ctx, form, map[string]string{"Username": "otto"})
	require.NoError(t, err)
	require.NoError(t, r.Err)
	require.NotNil(t, r.Updated)
	require.Contains(t, r.Updated.Plain(), "wrong")
}
