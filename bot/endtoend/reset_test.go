package endtoend

import (
	"strings"
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

// account has isabel ask for an account and save its password. It returns the direct message that showed it.
func account(w *world.World) slacktest.Message {
	w.T.Helper()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	dm, password := w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.Press(isabel, dm, "I have saved it")
	w.Cleared(isabel, password)
	return w.Latest(dm)
}

func TestLostPassword(t *testing.T) {
	t.Parallel()
	world.Databases(t, func(t *testing.T, w *world.World) {
		p := w.Start()
		dm := account(w)
		lost, _ := w.EHPC.Password(ehpctest.ClusterID, "isabel")
		require.Equal(t, []string{"It works", "I can't log in", "New password"}, world.Names(dm.Buttons()))
		require.NotNil(t, dm.Buttons()[2].Confirm, "it asks first")
		w.EHPC.Answer(ehpctest.ActionModifyUser, 5100, 2) // so that it is under way for longer than is waited before it is shown
		w.Press(isabel, dm, "New password")
		w.Answered(isabel, "your account isabel on Training (ehpc-8jqdq0mz) is about to get a new password")
		w.Told(isabel, "I have saved it")
		fresh, password := w.Credentials(isabel, "isabel")
		require.NotEqual(t, lost, password)
		require.NotEqual(t, dm.TS, fresh.TS)
		require.Contains(t, fresh.History[0].Plain(), "Your account isabel on Training (ehpc-8jqdq0mz) has a new password.")
		w.WaitFor("it is delivered", func() bool {
			return strings.Contains(w.Command(isabel, "status 2").Plain(), "done, the new password was delivered")
		})

		// By the command, while that one is still shown.
		require.Contains(t, w.Command(isabel, "reset isabel cluster=training").Plain(), "is about to get a new password")
		w.Cleared(isabel, password)
		w.Told(isabel, "The account was given a new password, so the former one is not shown here any more.")
		newest, password := w.Credentials(isabel, "isabel")
		require.Empty(t, w.Latest(fresh).Buttons())
		require.Contains(t, w.Command(isabel, "list").Plain(), "3: new password for isabel")
		w.Press(isabel, newest, "I have saved it")
		w.Cleared(isabel, password)

		require.Len(t, w.Requests(), 1, "nobody has to act, and the channel is left in peace")
		require.Equal(t, 4, w.EHPC.CallCount(ehpctest.ActionModifyUser))
		require.Contains(t, p.Get("/metrics"), `action="modifyUser"`)
		out, _ := w.Run([]string{"requests", "3"})
		require.Contains(t, out, "a new password")
		if w.Sqlite() {
			w.Stop(p)
		}
		out, code := w.Run([]string{"audit", "verify"})
		require.Zero(t, code, out)
	})
}

// Nobody gets a password of somebody else's account, nor of one that the bot has not made.
func TestResetOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	dm := account(w)
	w.EHPC.AddExisting(ehpctest.ClusterID, "otto", "Old-pass&word1A")
	for _, name := range []string{"isabel", "otto"} {
		require.Contains(t, w.Command(otto, "reset "+name).Plain(), "There is no account "+name+" on Training (ehpc-8jqdq0mz) that I have made for you.")
	}
	require.Len(t, w.Refused(otto, "is not yours", func() { w.PressOld(otto, dm, "New password") }), 1)
	require.NotEmpty(t, w.Refused(gus, "Only members", func() { w.PressOld(gus, dm, "New password") }))
	require.Contains(t, w.Command(otto, "isabel").Plain(), "was somebody else's")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionModifyUser))
}

func TestResetNeedsApproval(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Env["RESET_NEEDS_APPROVAL"] = "true"
	p := w.Start()
	account(w)
	require.Contains(t, w.Command(isabel, "reset isabel").Plain(), "now waits for approval")
	m := w.RequestID(2)
	require.Contains(t, m.Plain(), "asks for a new password for their account isabel on Training")
	require.NotContains(t, m.Plain(), "permissions")
	require.Contains(t, w.Command(isabel, "reset isabel").Plain(), "You have asked for a new password for the account isabel")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionModifyUser))
	w.Press(anna, m, "Approve")
	w.Told(isabel, "I have saved it")
	w.Credentials(isabel, "isabel")
	w.WaitMessage("the end", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), "got the new password") })

	require.Contains(t, w.Command(isabel, "reset isabel").Plain(), "now waits for approval")
	w.RequestID(3)
	w.Stop(p)
	out, code := w.Run([]string{"approve", "3", "--as", "Maria Weber"})
	require.Zero(t, code, out)
	require.Contains(t, out, "a new password for the account isabel on ehpc-8jqdq0mz")
	w.Start()
	w.WaitMessage("the end of what was approved from the shell", func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "Maria Weber") && strings.Contains(m.Plain(), "got the new password")
	})
	w.Credentials(isabel, "isabel")
}

// What the cluster refuses, people have to do: the approvers are told what, and the requester that they were.
func TestResetByHand(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", Locale: "zh-CN"})
	w.Start()
	w.Command(isabel, "isabel")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Told(isabel, "密码：")
	w.WaitState("isabel", "delivered")

	w.EHPC.Answer(ehpctest.ActionModifyUser, 1640, 1)
	require.Contains(t, w.Command(isabel, "reset isabel").Plain(), "即将为您")
	w.Told(isabel, "请明天再申请：/ehpc-adduser reset isabel")
	require.Contains(t, w.RequestID(2).Plain(), "was given a new one too often")

	w.EHPC.ChangePassword(ehpctest.ClusterID, "isabel", "Her-own&word1A")
	w.Command(isabel, "reset isabel")
	w.Told(isabel, "已告知审批人如何手动设置密码")
	m := w.RequestID(3)
	require.Contains(t, m.Plain(), "Please set a password for isabel by hand")
	require.Equal(t, []string{"Retry"}, world.Names(m.Buttons()))
	require.Contains(t, w.Command(isabel, "reset isabel").Plain(), "即将为您")
	w.RequestID(4)
	require.Contains(t, w.Command(isabel, "reset isabel").Plain(), "3 次新密码，达到了上限")
}
