package endtoend

import (
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

func TestDeny(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(anna, m, "Deny")
	form, err := w.Slack.Person(anna).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	require.Equal(t, "Deny", form.Submit)
	got, err := w.Slack.Person(anna).Submit(w.Ctx, form, map[string]string{"Reason": "name your *supervisor* <!here>"})
	require.NoError(t, err)
	require.NoError(t, got.Err)
	require.Empty(t, got.Errors)
	told := w.Told(isabel, "name your *supervisor* <!here>")
	require.Contains(t, told.Plain(), "denied")
	require.NotContains(t, told.Text, "<!here>")
	m = w.WaitState("isabel", "denied")
	require.Empty(t, m.Buttons())
	require.Contains(t, m.Plain(), "<@"+anna+">")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "denied")

	// Without a reason, and by two at once who both have the form open.
	w.Command(isabel, "isabel")
	m = w.RequestID(2)
	forms := map[string]slacktest.View{}
	for _, who := range []string{anna, ben} {
		w.Press(who, m, "Deny")
		forms[who], err = w.Slack.Person(who).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" && v.ID != form.ID })
		require.NoError(t, err)
	}
	for _, who := range []string{anna, ben} {
		got, err := w.Slack.Person(who).Submit(w.Ctx, forms[who], nil)
		require.NoError(t, err)
		require.NoError(t, got.Err)
		if who == ben {
			shown := string(got.Payload)
			for _, e := range w.Slack.Person(ben).Ephemerals() {
				shown += e.Plain()
			}
			require.Contains(t, shown, "already denied", "who comes second is told")
		}
	}
	w.WaitMessage("the second denial", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Request 2: denied") })
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser), "a denied request makes nothing")
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("APPROVALS_REQUIRED=2")
	w.Command(anna, "annas")
	own := w.Request("annas")
	w.Press(anna, own, "Approve")
	w.Answered(anna, "your own request")

	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(otto, m, "Approve")
	w.Answered(otto, "not one of the approvers")
	w.Press(otto, m, "Deny")
	w.WaitFor("otto is refused twice", func() bool { return len(w.Slack.Person(otto).Ephemerals()) == 2 })
	if _, open := w.Slack.Person(otto).Modal(); open {
		t.Error("the form of a denial opens for somebody who may not decide")
	}
	for _, who := range []string{fay, gus, robo, dora} {
		for _, button := range []string{"Approve", "Deny"} {
			before := len(w.Slack.Person(who).Ephemerals())
			w.Press(who, m, button)
			w.WaitFor(who+" is refused", func() bool { return len(w.Slack.Person(who).Ephemerals()) > before || who == dora })
		}
		_, open := w.Slack.Person(who).Modal()
		require.False(t, open, who)
	}
	w.Press(anna, m, "Approve")
	w.WaitMessage("the first vote", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "isabel on") && strings.Contains(m.Plain(), "1 of 2")
	})
	w.Press(anna, m, "Approve")
	w.Answered(anna, "already")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser), "one person's votes are one vote")
	w.Press(ben, m, "Approve")
	w.Credentials(isabel, "isabel")
	m = w.WaitState("isabel", "delivered")
	require.Contains(t, m.Plain(), "<@"+anna+">")
	require.Contains(t, m.Plain(), "<@"+ben+">")
	for _, who := range []string{otto, fay, gus, robo, dora} {
		require.NotContains(t, m.Plain(), who)
	}
}

// People listed in APPROVERS by id, who nevertheless must not count.
func TestListedButNotAllowed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("APPROVERS=" + strings.Join([]string{fay, robo, dora, anna}, ","))
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	for _, who := range []string{fay, robo, dora} {
		w.Press(who, m, "Approve")
		w.Press(who, m, "Deny")
		_, open := w.Slack.Person(who).Modal()
		require.False(t, open, who)
	}
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "waiting for approval")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "0 of 1")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
}

func TestSelfApproval(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("APPROVAL_ALLOW_SELF=true")
	w.Command(anna, "annas")
	w.Press(anna, w.Request("annas"), "Approve")
	w.Credentials(anna, "annas")
}

// A guest decides only where the configuration names them.
func TestGuestByName(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.SetUserGroup(admins, gus)
	p := w.Start("APPROVERS=" + admins)
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(gus, m, "Approve")
	w.WaitFor("gus gets an answer", func() bool { return len(w.Slack.Person(gus).Ephemerals()) > 0 })
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
	w.Stop(p)
	w.Start("APPROVERS=" + gus)
	w.Press(gus, m, "Approve")
	w.Credentials(isabel, "isabel")
}

func TestApproversByGroup(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("APPROVERS=" + admins)
	w.Command(isabel, "first")
	m := w.Request("first")
	w.Press(anna, m, "Approve")
	w.Answered(anna, "not one of the approvers")
	w.Slack.SetUserGroup(admins, anna)
	w.WaitFor("who has joined the group may approve", func() bool {
		w.Press(anna, m, "Approve")
		return !strings.Contains(w.Command(isabel, "status 1").Plain(), "waiting")
	})
	w.Credentials(isabel, "first")

	w.Slack.SetUserGroup(admins, carl)
	w.Command(isabel, "second")
	m = w.Request("second")
	w.WaitFor("who has left the group may not approve", func() bool {
		return len(w.Refused(anna, "not one of the approvers", func() { w.Press(anna, m, "Deny") })) > 0
	})
	require.Contains(t, w.Command(isabel, "status 2").Plain(), "waiting for approval")
	w.Press(carl, m, "Approve")
	w.Credentials(isabel, "second")
}

// While Slack doesn't tell who is in the group nobody of it may approve.
func TestGroupUnknown(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.SetFreePlan(true)
	w.Start("APPROVERS=" + admins)
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(carl, m, "Approve")
	w.WaitFor("carl gets an answer", func() bool { return len(w.Slack.Person(carl).Ephemerals()) > 0 })
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "waiting for approval")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
	w.Slack.SetFreePlan(false)
	w.WaitFor("carl may approve", func() bool {
		w.Press(carl, m, "Approve")
		return !strings.Contains(w.Command(isabel, "status 1").Plain(), "waiting")
	})
	w.Credentials(isabel, "isabel")
}

func TestAtOnce(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		w.Start()
		// Two people want the same name.
		var in atomic.Int64
		var together sync.WaitGroup
		for _, who := range []string{isabel, otto} {
			together.Go(func() {
				if strings.Contains(w.Command(who, "same").Plain(), "is in:") {
					in.Add(1)
				}
			})
		}
		together.Wait()
		require.EqualValues(t, 1, in.Load(), "one active request for a username")

		m := w.Request("same")
		requester := isabel
		if strings.Contains(m.Plain(), "<@"+otto+">") {
			requester = otto
		}
		for _, who := range []string{anna, ben, anna, ben} {
			together.Go(func() { w.Press(who, m, "Approve") })
		}
		together.Wait()
		w.Credentials(requester, "same")
		w.WaitFor("who came second is told", func() bool {
			return len(w.Slack.Person(anna).Ephemerals())+len(w.Slack.Person(ben).Ephemerals()) >= 3
		})
	})
}

// Approve, Deny and cancel at the same moment: one of them wins, and everybody is told the same.
func TestContraryAtOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(ben, m, "Deny")
	form, err := w.Slack.Person(ben).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	var together sync.WaitGroup
	together.Go(func() { w.PressOld(anna, m, "Approve") })
	together.Go(func() { w.Command(isabel, "cancel 1") })
	together.Go(func() {
		if r, err := w.Slack.Person(ben).Submit(w.Ctx, form, nil); err != nil || r.Err != nil {
			t.Errorf("ben denies: %v, %v", err, r.Err)
		}
	})
	together.Wait()
	w.WaitMessage("an end", func(m slacktest.Message) bool {
		return regexp.MustCompile(`^Request 1: (done|denied|cancelled)`).MatchString(m.Plain())
	})
	if len(w.EHPC.Users(ehpctest.ClusterID)) > 0 {
		w.Credentials(isabel, "isabel")
		w.WaitState("isabel", "delivered")
	}
	require.Len(t, w.Requests(), 1)
}

// A form that was opened before the others decided, or before its approver lost the right, decides nothing.
func TestDenyTooLate(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("APPROVERS=" + admins + "," + anna)
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.Press(carl, m, "Deny")
	form, err := w.Slack.Person(carl).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	w.Slack.SetUserGroup(admins)
	begin := time.Now()
	w.WaitFor("the list of members is old", func() bool { return time.Since(begin) > 6*time.Second })
	r, err := w.Slack.Person(carl).Submit(w.Ctx, form, map[string]string{"Reason": "late"})
	require.NoError(t, err)
	require.NoError(t, r.Err)
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "waiting for approval")

	w.Press(anna, m, "Deny")
	form, err = w.Slack.Person(anna).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	w.Command(isabel, "cancel 1")
	r, err = w.Slack.Person(anna).Submit(w.Ctx, form, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err)
	shown := string(r.Payload)
	for _, e := range w.Slack.Person(anna).Ephemerals() {
		shown += e.Plain()
	}
	require.Contains(t, shown, "taken back")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "cancelled")
}

// What nobody's screen shows is answered all the same, and changes nothing.
func TestForged(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	approve := m.Buttons()[0]
	for i, value := range []string{"4711", "-1", "", "1; DROP TABLE request", "99999999999999999999", "１"} {
		r := w.Slack.Person(anna).PressAction(w.Ctx, m, slacktest.Action{ActionID: approve.ActionID, BlockID: approve.BlockID, Value: value})
		require.NoError(t, r.Err, value)
		w.WaitFor("an answer to "+value, func() bool { return len(w.Slack.Person(anna).Ephemerals()) > i })
	}
	r := w.Slack.Person(anna).PressAction(w.Ctx, m, slacktest.Action{ActionID: "of_another_version", BlockID: "x", Value: "1"})
	require.NoError(t, r.Err)
	retry := slacktest.Action{ActionID: "retry", BlockID: "x", Value: "1"}
	require.NoError(t, w.Slack.Person(anna).PressAction(w.Ctx, m, retry).Err)
	saved := slacktest.Action{ActionID: "saved", BlockID: "x", Value: "1"}
	require.NoError(t, w.Slack.Person(isabel).PressAction(w.Ctx, m, saved).Err)
	for _, who := range []string{fay, otto} { // of another workspace; not an approver
		w.Press(who, m, "Approve")
		w.WaitFor("an answer to "+who, func() bool { return len(w.Slack.Person(who).Ephemerals()) > 0 })
	}
	require.Contains(t, w.Command(otto, "cancel 1").Plain(), "no request")
	require.Contains(t, w.Command(otto, "status 1").Plain(), "no request")
	require.Contains(t, w.Command(otto, "root").Plain(), "root")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "waiting for approval")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
	require.False(t, p.Ended())

	out, code := w.Run([]string{"audit", "--action", "refused", "--format", "csv"})
	require.Zero(t, code, out)
	for _, refused := range []string{
		anna + ",refused,,,approve: unknown_request (request 4711)", anna + `,refused,,,"approve: it names no request: ""1; DROP TABLE request"""`,
		anna + ",refused,pending,pending,retry: stale", isabel + ",refused,pending,pending,clear: stale",
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
			w := world.New(t)
			w.Start()
			w.Command(isabel, "isabel")
			m := w.Request("isabel")
			w.Slack.Fail("users.info", fault)
			require.NotEmpty(t, w.Command(otto, "otto").Plain())
			r := w.Press(anna, m, "Approve")
			require.Less(t, r.Took, 3*time.Second)
			w.WaitFor("anna gets an answer", func() bool { return len(w.Slack.Person(anna).Ephemerals()) > 0 })
			require.Contains(t, w.Command(isabel, "status 1").Plain(), "waiting for approval")
			require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
		})
	}
}

func TestReminderAndExpiry(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	p := w.Start("APPROVAL_REMINDER=1s", "APPROVAL_EXPIRY=9s")
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	w.WaitMessage("the reminder", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "Reminder") })
	w.Stop(p)
	w.Start("APPROVAL_REMINDER=1s", "APPROVAL_EXPIRY=9s")
	w.Told(isabel, "has expired")
	require.Empty(t, w.WaitState("isabel", "expired").Buttons())
	w.PressOld(anna, m, "Approve")
	w.WaitFor("anna gets an answer", func() bool { return len(w.Slack.Person(anna).Ephemerals()) > 0 })
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "expired")
	reminders := 0
	for _, m := range w.Slack.Messages(channel) {
		shown := m.Plain()
		for _, v := range m.History {
			shown += v.Plain()
		}
		if strings.Contains(shown, "Reminder") {
			reminders++
		}
	}
	require.Equal(t, 1, reminders, "once, over a restart")
	require.Contains(t, w.Command(isabel, "isabel").Plain(), "is in:")
}

// The time is over when it is over, not when the timer has run.
func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("APPROVAL_EXPIRY=1s", "APPROVAL_REMINDER=0")
	begin := time.Now()
	w.Command(isabel, "isabel")
	m := w.Request("isabel")
	end := time.Now()
	w.WaitFor("the end of the time", func() bool { return time.Since(end) > time.Second })
	require.Less(t, time.Since(begin), 20*time.Second)
	w.PressOld(anna, m, "Approve")
	w.WaitFor("anna gets an answer", func() bool { return len(w.Slack.Person(anna).Ephemerals()) > 0 })
	w.Told(isabel, "has expired")
	w.WaitState("isabel", "expired")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
}
