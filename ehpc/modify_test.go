package ehpc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

func newPassword() ehpc.ModifyUserRequest {
	return ehpc.ModifyUserRequest{ClusterID: ehpctest.ClusterID, Zone: ehpctest.Zone, Username: "isabel", Password: secret.New(password + "2")}
}

func TestModifyUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.api.AddExisting(ehpctest.ClusterID, "isabel", password)
	for range 2 { // again with the same password
		require.NoError(t, f.client.ModifyUser(t.Context(), newPassword()))
	}
	got, _ := f.api.Password(ehpctest.ClusterID, "isabel")
	require.Equal(t, password+"2", got)
	require.Equal(t, []string{"modifyUser ok", "modifyUser ok"}, f.seen.all())

	wrong := newPassword()
	wrong.Password = secret.New("short")
	require.ErrorIs(t, f.client.ModifyUser(t.Context(), wrong), ehpc.ErrRefused)
	require.Equal(t, 2, f.api.CallCount(ehpctest.ActionAny), "what breaks a rule is not sent")
}

func TestModifyUserRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trap func(*ehpctest.Server)
		want error
		text string
	}{
		"no such user": {func(a *ehpctest.Server) { a.RemoveUser(ehpctest.ClusterID, "isabel") }, ehpc.ErrNoUser,
			"modifyUser: ret_code 1610 (no such user)"},
		"barred": {func(a *ehpctest.Server) { a.Bar(ehpctest.ClusterID, "isabel") }, ehpc.ErrRefused,
			"modifyUser: ret_code 1662 (the user is barred)"},
		"too often": {func(a *ehpctest.Server) { a.LimitResets(1) }, ehpc.ErrTooOften,
			"modifyUser: ret_code 1640 (the password was reset too often)"},
		"changed on the cluster": {func(a *ehpctest.Server) { a.ChangePassword(ehpctest.ClusterID, "isabel", "her own") }, ehpc.ErrDenied,
			"modifyUser: ret_code 1400 (denied)"},
		"no such cluster": {func(a *ehpctest.Server) { a.Answer(ehpctest.ActionModifyUser, 2100, 1) }, ehpc.ErrNotFound,
			"modifyUser: ret_code 2100 (not found)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.api.AddExisting(ehpctest.ClusterID, "isabel", password)
			require.NoError(t, f.client.ModifyUser(t.Context(), newPassword()))
			test.trap(f.api)
			err := f.client.ModifyUser(t.Context(), newPassword())
			require.ErrorIs(t, err, test.want)
			require.ErrorIs(t, err, ehpc.ErrRefused)
			require.EqualError(t, err, test.text)
		})
	}
}

func TestModifyUserOutcomeUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]ehpctest.Fault{
		"dropped": {After: true}, "5000": {Code: 5000}, "502": {Status: 502, Body: []byte("<html>")}, "cut off": {Truncate: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.api.AddExisting(ehpctest.ClusterID, "isabel", password)
			f.api.Fail(ehpctest.ActionModifyUser, fault)
			require.ErrorIs(t, f.client.ModifyUser(t.Context(), newPassword()), ehpc.ErrOutcomeUnknown)
			require.Equal(t, 1, f.api.CallCount(ehpctest.ActionModifyUser), "nothing is repeated")
		})
	}
}
