package endtoend

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"ehpcbot/bot/endtoend/world"
	"ehpcbot/ehpc/ehpctest"

	"github.com/stretchr/testify/require"
)

func TestTaken(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.AddExisting(ehpctest.ClusterID, "ottokar", "Not0urs!Password")
	w.Start()
	w.Command(isabel, "isabel")
	w.EHPC.AddExisting(ehpctest.ClusterID, "isabel", "Not0urs!Password") // after the look that goes with the request
	w.Press(anna, w.Request("isabel"), "Approve")
	require.Contains(t, w.Told(isabel, "taken").Plain(), "has failed")
	m := w.WaitState("isabel", "failed")
	require.Equal(t, []string{"Retry"}, world.Names(m.Buttons()))
	require.Equal(t, "Not0urs!Password", w.Password(ehpctest.ClusterID, "isabel"), "an account of somebody else is never touched")
	require.Zero(t, w.EHPC.CallCount(ehpctest.ActionAddUser))

	// The search is fuzzy; the look-up must not be.
	w.Command(otto, "otto")
	w.Press(anna, w.Request("otto"), "Approve")
	w.Credentials(otto, "otto")
}

func TestRetry(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.EHPC.FailJobs(1)
	w.Start()
	w.Command(isabel, "isabel mod=755")
	w.Press(anna, w.Request("isabel"), "Approve")
	w.Told(isabel, "has failed")
	m := w.WaitState("isabel", "failed")
	w.Press(otto, m, "Retry")
	w.Answered(otto, "not one of the approvers")
	require.Equal(t, 1, w.EHPC.CallCount(ehpctest.ActionAddUser))
	w.Press(ben, m, "Retry")
	w.Credentials(isabel, "isabel")
	w.WaitState("isabel", "delivered")
	require.Equal(t, w.AddUser(0), w.AddUser(1), "it goes on with the same password")
	w.PressOld(ben, m, "Retry")
	w.Answered(ben, "Only a failed request")
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
			w := world.New(t, ehpctest.WithJobTime(time.Second))
			w.EHPC.Fail(ehpctest.ActionAddUser, fault)
			w.Start()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			w.Credentials(isabel, "isabel")
			w.WaitState("isabel", "delivered")
			for i := range w.EHPC.CallCount(ehpctest.ActionAddUser) {
				require.Equal(t, w.AddUser(0), w.AddUser(i), "the password stays the same")
			}
		})
	}
}

func TestRefusedByTheAPI(t *testing.T) {
	t.Parallel()
	for code, word := range map[int]string{1200: "key", 2000: "key", 2400: "key", 4001: "key", 1400: "refused", 2100: "refused", 5200: "refused"} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.EHPC.Answer(ehpctest.ActionAddUser, code, 1)
			w.Start()
			w.Command(isabel, "isabel")
			w.Press(anna, w.Request("isabel"), "Approve")
			told := w.Told(isabel, "has failed").Plain()
			require.Contains(t, told, word)
			m := w.WaitState("isabel", "failed")
			require.Contains(t, m.Plain(), fmt.Sprint(code), "the approvers see the cause")
			w.Press(anna, m, "Retry")
			w.Credentials(isabel, "isabel")
		})
	}
}
