package ehpc

import (
	"context"
	"errors"
	"net/http"

	"ehpcbot/ehpc/secret"
)

const actionModifyUser = "modifyUser"

// ModifyUserRequest asks for a new password of an account that is there. All fields are required.
type ModifyUserRequest struct {
	ClusterID string
	Zone      string
	Username  string
	Password  secret.Text // the new one
}

func (r ModifyUserRequest) validate() error {
	return errors.Join(ValidateClusterID(r.ClusterID), ValidateZone(r.Zone),
		ValidateUsername(r.Username), ValidatePassword(r.Password.Reveal()))
}

// body has the order of the API document.
func (r ModifyUserRequest) body() []byte {
	return pythonJSON([]field{
		{"cluster_id", r.ClusterID},
		{"new_password", r.Password.Reveal()},
		{"username", r.Username},
		{"zone", r.Zone},
	})
}

// ModifyUser gives an account a new password. There is no job: nil means that it has it. A request that breaks a rule is
// refused without being sent. After an [ErrOutcomeUnknown] the account may have either password: the same request may
// be made again, and with it the account has the new one.
func (c *Client) ModifyUser(ctx context.Context, request ModifyUserRequest) error {
	if err := request.validate(); err != nil {
		return &Error{Action: actionModifyUser, Class: ClassRefused, Err: err}
	}
	return c.send(ctx, call{
		action: actionModifyUser,
		method: http.MethodPost,
		path:   "/api/user/modifyUser",
		zone:   request.Zone,
		body:   request.body(),
	}, &done{})
}

// done is the content of an answer that says no more than that it is done.
type done struct{}

func (*done) check() error { return nil }
