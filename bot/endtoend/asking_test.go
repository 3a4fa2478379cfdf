package endtoend

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

func TestFormToCredentials(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	r := w.Command(isabel, "")
	require.Empty(t, r.Plain())
	form, err := w.Slack.Person(isabel).WaitModal(w.Ctx)
	require.NoError(t, err)
	var labels []string
	for _, in := range form.Inputs() {
		labels = append(labels, in.Label)
	}
	require.Equal(t, []string{"Username", "Cluster", "Directory permissions", "Until when", "Reason"}, labels)
	require.Equal(t, ehpctest.ClusterID, form.Inputs()[1].Initial, "the first cluster is the default")

	for value, right := range map[string]string{
		"isabel.lastname": "isabel", "é": "isabel", "٣": "isabel", "a b": "isabel", "root": "reserved", "ROOT": "reserved", "   ": "missing",
	} {
		got, err := w.Slack.Person(isabel).Submit(w.Ctx, form, map[string]string{"Username": value})
		require.NoError(t, err)
		require.NoError(t, got.Err)
		require.False(t, got.Closed)
		require.Len(t, got.Errors, 1, value)
		require.Contains(t, got.Errors[form.Inputs()[0].BlockID], right, value)
	}
	require.Empty(t, w.Slack.Messages(channel))

	got, err := w.Slack.Person(isabel).Submit(w.Ctx, form, map[string]string{
		"Username": "isabel", "Cluster": ehpctest.OtherClusterID, "Directory permissions": "750", "Reason": "<!channel> *thesis* & @here",
	})
	require.NoError(t, err)
	require.NoError(t, got.Err)
	require.Empty(t, got.Errors)
	if got.Updated != nil {
		require.Contains(t, got.Updated.Plain(), "isabel")
	}
	m := w.Request("isabel")
	require.Contains(t, m.Plain(), "<!channel> *thesis* & @here")
	require.NotContains(t, m.Text, "<!channel>", "what people type mentions nobody")
	w.Press(anna, m, "Approve")
	w.CredentialsOn(ehpctest.OtherClusterID, isabel, "isabel")
	require.Equal(t, map[string]any{
		"cluster_id": ehpctest.OtherClusterID, "username": "isabel", "zone": ehpctest.Zone, "mod": "750", "password": w.Password(ehpctest.OtherClusterID, "isabel"),
	}, w.AddUser(0))
}

// A repeated envelope of the form must not ask twice, nor tell the person that the wish failed.
func TestFormTwice(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	w.Command(isabel, "")
	form, err := w.Slack.Person(isabel).WaitModal(w.Ctx)
	require.NoError(t, err)
	got, err := w.Slack.Person(isabel).Submit(w.Ctx, form, map[string]string{"Username": "isabel"})
	require.NoError(t, err)
	require.NoError(t, got.Err)
	again := w.Slack.Repeat(w.Ctx, got.EnvelopeID)
	require.NoError(t, again.Err)
	require.NotContains(t, string(again.Payload), `"errors"`)
	w.Request("isabel")
	require.NotContains(t, w.Command(isabel, "list").Plain(), "\n• 2")
	require.Len(t, w.Requests(), 1)
}

func TestCancelStatusListHelp(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	require.Contains(t, w.Command(isabel, "list").Plain(), "no requests")
	w.Command(isabel, "isabel")
	old := w.Request("isabel")
	require.Contains(t, w.Command(isabel, "list").Plain(), "isabel")
	require.Contains(t, w.Command(isabel, "LIST").Plain(), "isabel", "sub-commands in capitals")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "waiting for approval")
	require.Contains(t, w.Command(anna, "status 1").Plain(), "waiting for approval", "approvers may look")

	for _, text := range []string{"status 1", "cancel 1"} {
		require.NotContains(t, w.Command(otto, text).Plain(), "waiting for approval", text)
	}
	require.NotContains(t, w.Command(otto, "list").Plain(), "isabel")
	require.NotContains(t, w.Command(anna, "cancel 1").Plain(), "is cancelled", "only the requester takes it back")

	require.Contains(t, w.Command(isabel, "cancel 1").Plain(), "cancelled")
	require.Contains(t, w.Command(isabel, "cancel 1").Plain(), "already")
	require.Empty(t, w.WaitState("isabel", "cancelled").Buttons())
	w.PressOld(anna, old, "Approve")
	w.Answered(anna, "taken back")
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "cancelled")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))

	help := w.Command(isabel, "help").Plain()
	for _, part := range []string{"list", "status", "cancel", "cluster=", "mod=", "until=", "reason=", "username=list"} {
		require.Contains(t, help, part)
	}
}

func TestOtherCommandName(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("SLACK_COMMAND=/hpc-account")
	r := w.Slack.Person(isabel).Command(w.Ctx, "/hpc-account", "help")
	require.NoError(t, r.Err)
	require.Contains(t, r.Plain(), "/hpc-account")
	require.NotContains(t, r.Plain(), "/ehpc-adduser")
}

func TestBadText(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	tests := []struct{ text, names, right string }{
		{"isabel.lastname", "isabel.lastname", "isabel"},
		{"isabelisabel", "too long", "8"},
		{"isa-bel", "-", "a–z"},
		{"isabél", "é", "a–z"},
		{"isabel٣", "٣", "a–z"},
		{"root", "root", "root2"},
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
		r := w.Command(isabel, test.text)
		require.True(t, r.Ephemeral, "%.40q: an answer for the person alone", test.text)
		require.Contains(t, r.Plain(), test.names, "%.40q: what is wrong", test.text)
		require.Contains(t, r.Plain(), test.right, "%.40q: what is right", test.text)
		require.NotContains(t, r.Plain(), "is in:", "%.40q", test.text)
	}
	require.Contains(t, w.Command(isabel, "list").Plain(), "no requests", "nothing is stored")
	require.Empty(t, w.Slack.Messages(channel))
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))
}

func TestGoodText(t *testing.T) {
	t.Parallel()
	world.Databases(t, testGoodText)
}

func testGoodText(t *testing.T, w *world.World) {
	w.Start("MAX_ACTIVE_REQUESTS=50")
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
		r := w.Command(isabel, test.text)
		require.Contains(t, r.Plain(), "is in:", test.text)
		require.Contains(t, w.Request(test.username).Plain(), test.shown, test.text)
	}
}

func TestModAndClusterReachTheAPI(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("PASSWORD_LENGTH=30")
	w.Command(isabel, "isabel mod=700 cluster=ehpc-x")
	w.Press(anna, w.Request("isabel"), "Approve")
	_, password := w.CredentialsOn(ehpctest.OtherClusterID, isabel, "isabel")
	require.Len(t, password, 30)
	require.Equal(t, "700", w.AddUser(0)["mod"])
	require.Equal(t, ehpctest.OtherClusterID, w.AddUser(0)["cluster_id"])
	require.Empty(t, w.EHPC.Users(ehpctest.ClusterID))
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	for _, who := range []string{fay, gus, robo} {
		r := w.CommandIn(channel, who, "isabel")
		require.Contains(t, r.Plain(), "Only members", who)
		r = w.CommandIn(channel, who, "")
		require.Contains(t, r.Plain(), "Only members", who)
		_, open := w.Slack.Person(who).Modal()
		require.False(t, open, who)
	}
	require.Contains(t, w.Command(isabel, "status 1").Plain(), "no request")
}

func TestFormCannotOpen(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Slack.Fail("views.open", slacktest.Fault{Error: "internal_error"})
	w.Slack.Fail("views.open", slacktest.Fault{Error: "expired_trigger_id"})
	w.Start()
	for i := range 2 {
		w.Command(isabel, "")
		w.WaitFor("isabel is told", func() bool { return len(w.Slack.Person(isabel).Ephemerals()) == i+1 })
	}
	w.Command(isabel, "")
	_, err := w.Slack.Person(isabel).WaitModal(w.Ctx)
	require.NoError(t, err)
}

// In a burst everybody gets an answer in time, and the answer is true: a slow disk may make it a refusal.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("MAX_ACTIVE_REQUESTS=100")
	var in atomic.Int64
	var together sync.WaitGroup
	for i := range 25 {
		together.Go(func() {
			switch r := w.Command(isabel, fmt.Sprintf("user%d", i)); {
			case strings.Contains(r.Plain(), "is in:"):
				in.Add(1)
			case !strings.Contains(r.Plain(), "Nothing has been asked") && !strings.Contains(r.Plain(), "nothing was changed"):
				t.Errorf("user%d: %q", i, r.Plain())
			}
		})
	}
	together.Wait()
	require.Positive(t, in.Load())
	w.WaitFor("those that are in are shown to the approvers", func() bool { return len(w.Requests()) >= int(in.Load()) })
	require.Len(t, w.Requests(), int(in.Load()))
	require.Contains(t, w.Command(isabel, "list").Plain(), "user", "a long list fits into an acknowledgement")
}

func TestRepeated(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start()
	asked := w.Command(isabel, "isabel")
	again := w.Slack.Repeat(w.Ctx, asked.EnvelopeID)
	require.NoError(t, again.Err)
	require.NotContains(t, string(again.Payload), "Something went wrong")
	require.Contains(t, w.Command(isabel, "isabel").Plain(), "already", "the same wish once more")
	m := w.Request("isabel")
	pressed := w.Press(anna, m, "Approve")
	require.NoError(t, w.Slack.Repeat(w.Ctx, pressed.EnvelopeID).Err)
	dm, password := w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	w.PressOld(anna, m, "Approve")
	w.Answered(anna, "already")
	w.PressOld(ben, m, "Approve")
	w.Answered(ben, "already approved by")
	w.PressOld(ben, m, "Deny")
	saved := w.Press(isabel, dm, "I have saved it")
	require.NoError(t, w.Slack.Repeat(w.Ctx, saved.EnvelopeID).Err)
	w.Cleared(isabel, password)
	w.PressOld(isabel, dm, "I have saved it")
	// A request of long ago, repeated late, asks for nothing.
	require.NoError(t, w.Slack.Repeat(w.Ctx, asked.EnvelopeID).Err)
	require.NotContains(t, w.Command(isabel, "list").Plain(), "• 2:")
	require.Len(t, w.Requests(), 1)
	require.Equal(t, 1, w.EHPC.CallCount(ehpctest.ActionAddUser))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Start("MAX_ACTIVE_REQUESTS=2")
	w.Command(isabel, "one")
	require.Contains(t, w.Command(otto, "one").Plain(), "already", "one active request for a username")
	require.Contains(t, w.Command(otto, "one cluster=ehpc-x").Plain(), "is in:", "another cluster, another account")
	w.Command(isabel, "two")
	require.Contains(t, w.Command(isabel, "three").Plain(), "2 open requests")
	w.Command(isabel, "cancel 1")
	require.Contains(t, w.Command(isabel, "three").Plain(), "is in:")
	require.Contains(t, w.Command(isabel, "list").Plain(), "three")
	require.Contains(t, w.Command(otto, "one").Plain(), "is in:", "a cancelled request is in nobody's way")
}
