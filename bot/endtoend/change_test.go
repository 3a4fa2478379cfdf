package endtoend

import (
	"strings"
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

// TestApproveWithChanges has one of two approvers change the username and the permissions: the requester is told, old
// buttons do nothing, and the account is made as it was changed.
func TestApproveWithChanges(t *testing.T) {
	t.Parallel()
	for locale, say := range map[string]struct{ change, username, mod, approve, changed, told, reserved string }{
		"en": {"Approve with changes", "Username", "Directory permissions", "Approve", "Changed by <@" + anna + ">: username isabelle → isabel", "has approved your request 1 with a change", "is reserved"},
		"zh": {"修改后批准", "用户名", "主目录权限", "批准", "<@" + anna + "> 作了修改：用户名 isabelle → isabel", "修改并批准了您的申请 1", "是保留名称"},
	} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			for _, who := range []string{isabel, anna, ben} {
				w.Slack.AddUser(slacktest.User{ID: who, Name: who, Locale: locale + "-XX"})
			}
			w.Start("LOCALE="+locale, "APPROVALS_REQUIRED=2")
			w.Command(isabel, "isabelle mod=755")
			card := w.WaitMessage("the card", func(m slacktest.Message) bool { return len(m.Buttons()) > 0 })
			w.Press(anna, card, say.change)
			got := w.Fill(anna, map[string]string{say.username: "root"})
			require.Len(t, got.Errors, 1)
			for _, fault := range got.Errors {
				require.Contains(t, fault, say.reserved)
			}
			got = w.Fill(anna, map[string]string{say.username: "isabel", say.mod: "700"})
			require.True(t, got.Closed)
			now := w.WaitMessage("the changed card", func(m slacktest.Message) bool { return strings.Contains(m.Plain(), say.changed) })
			w.Told(isabel, say.told)
			w.PressOld(ben, card, say.approve)
			w.WaitFor("an old button is of what was there before", func() bool { return len(w.Slack.Person(ben).Ephemerals()) > 0 })
			require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
			w.Press(ben, now, say.approve)
			w.Credentials(isabel, "isabel")
			require.Equal(t, "700", w.AddUser(0)["mod"])
			require.Equal(t, []string{"isabel"}, w.EHPC.Users(ehpctest.ClusterID))
		})
	}
}
