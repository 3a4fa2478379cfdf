package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A request for a new password is told apart from one for an account.
func TestReset(t *testing.T) {
	t.Parallel()
	env := play(t)
	owner(t, env, `INSERT INTO request (cluster, username, mod, reason, requester, state, version, required, reset_approvals, created_at, updated_at, expires_at,
		failure, failure_detail) SELECT cluster, 'isabel', '', '', requester, 'failed', 1, 1, 0, created_at, created_at, expires_at,
		'timeout', 'modifyUser: ret_code 5000 (internal error)' FROM request WHERE id = 1`)
	text, err := run(t, env, "requests", "--state", "failed")
	require.NoError(t, err)
	require.Contains(t, text, "isabel    U0ISABEL   new password: the outcome is unknown: the account has the former password or the new one: modifyUser: ret_code 5000")
	text, err = run(t, env, "requests", "4")
	require.NoError(t, err)
	require.Contains(t, text, "  account    isabel on ehpc-8jqdq0mz\n  for        a new password\n  requester  U0ISABEL\n")
	require.Contains(t, text, "  approvals  0 of 0\n")
	text, err = run(t, env, "requests", "4", "--json")
	require.NoError(t, err)
	require.Contains(t, text, `"reset": true`)
}
