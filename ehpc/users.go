package ehpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ehpcbot/ehpc/backoff"
	"ehpcbot/ehpc/secret"
)

const (
	// maxLimit is the largest page that the API document allows.
	maxLimit        = 100
	actionAddUser   = "addUser"
	actionListUsers = "listUsers"

	// maxListed ends a listing that a server would let go on for ever, by repeating a page. No cluster has as many
	// users.
	maxListed = 100_000
)

// AddUserRequest asks for an account. Mod is optional; the other fields are required.
type AddUserRequest struct {
	ClusterID string
	Zone      string
	Username  string
	Password  secret.Text
	Mod       string // permissions of the user's directory, such as "700"; empty: the API's default
}

func (r AddUserRequest) validate() error {
	if err := errors.Join(ValidateClusterID(r.ClusterID), ValidateZone(r.Zone),
		ValidateUsername(r.Username), ValidatePassword(r.Password.Reveal())); err != nil {
		return err
	}
	if r.Mod == "" {
		return nil
	}
	return ValidateMod(r.Mod)
}

// body has the order of the API document, with mod last.
func (r AddUserRequest) body() []byte {
	fields := []field{
		{"cluster_id", r.ClusterID},
		{"password", r.Password.Reveal()},
		{"username", r.Username},
		{"zone", r.Zone},
	}
	if r.Mod != "" {
		// The name is "mod": the API document knows no field "mode".
		fields = append(fields, field{"mod", r.Mod})
	}
	return pythonJSON(fields)
}

// AddUser asks for an account and returns the id of the job that will make it. The account does not exist yet: follow
// the job with [Client.Operations]. A request that breaks a rule is refused without being sent. After an
// [ErrOutcomeUnknown] the job may have been accepted: look with [Client.FindUser] before asking again.
func (c *Client) AddUser(ctx context.Context, request AddUserRequest) (jobID string, err error) {
	if err := request.validate(); err != nil {
		return "", &Error{Action: actionAddUser, Class: ClassRefused, Err: err}
	}
	return c.addUser(ctx, request)
}

// addUser sends a request as it is.
func (c *Client) addUser(ctx context.Context, request AddUserRequest) (jobID string, err error) {
	var accepted acceptance
	err = c.send(ctx, call{
		action: actionAddUser,
		method: http.MethodPost,
		path:   "/api/user/addUser",
		zone:   request.Zone,
		body:   request.body(),
	}, &accepted)
	if err != nil {
		return "", err
	}
	return string(accepted.JobID), nil
}

// ListUsersRequest asks for users of a cluster. ClusterID and Zone are required.
type ListUsersRequest struct {
	ClusterID  string
	Zone       string
	SearchWord string // part of a username; the search is fuzzy. Empty: all users
	Limit      int    // users in a page, at most 100. 0 means 100
	Offset     int    // users to leave out at the start
}

func (r ListUsersRequest) withDefaults() ListUsersRequest {
	if r.Limit == 0 {
		r.Limit = maxLimit
	}
	return r
}

func (r ListUsersRequest) validate() error {
	return errors.Join(ValidateClusterID(r.ClusterID), ValidateZone(r.Zone))
}

func (r ListUsersRequest) params() map[string]string {
	params := map[string]string{
		"cluster_id": r.ClusterID,
		"limit":      strconv.Itoa(r.Limit),
		"offset":     strconv.Itoa(r.Offset),
	}
	if r.SearchWord != "" {
		params["search_word"] = r.SearchWord
	}
	return params
}

// User is an account of a cluster.
type User struct {
	Username  string
	UID       int64     // 0 where the API does not say
	CreatedAt time.Time // to the second; zero where the API does not say
}

// UserPage is one page of a listing.
type UserPage struct {
	Total int // users that match, on all pages; 0 where the API does not say
	Users []User
}

// ListUsers returns one page of the users of a cluster.
func (c *Client) ListUsers(ctx context.Context, request ListUsersRequest) (UserPage, error) {
	request = request.withDefaults()
	if err := request.validate(); err != nil {
		return UserPage{}, &Error{Action: actionListUsers, Class: ClassRefused, Err: err}
	}
	var listed userListing
	err := c.send(ctx, call{
		action: actionListUsers,
		method: http.MethodGet,
		path:   "/api/user",
		zone:   request.Zone,
		params: request.params(),
	}, &listed)
	if err != nil {
		return UserPage{}, err
	}
	return listed.page(), nil
}

// Users returns the users of a cluster on all pages, from request.Offset on; request.Limit is the size of a page. The
// first error ends the iteration.
func (c *Client) Users(ctx context.Context, request ListUsersRequest) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for page, err := range c.pages(ctx, request) {
			if err != nil {
				yield(User{}, err)
				return
			}
			for _, user := range page.Users {
				if !yield(user, nil) {
					return
				}
			}
		}
	}
}

// pages returns the pages of a listing. The first error ends it.
func (c *Client) pages(ctx context.Context, request ListUsersRequest) iter.Seq2[UserPage, error] {
	request = request.withDefaults()
	return func(yield func(UserPage, error) bool) {
		next := request
		for {
			page, err := c.listPatiently(ctx, next, next.Offset > request.Offset)
			if err == nil && next.Offset-request.Offset > maxListed {
				err = &Error{Action: actionListUsers, Status: http.StatusOK, Err: errEndlessListing}
			}
			if !yield(page, err) || err != nil {
				return
			}
			next.Offset += len(page.Users)
			if page.last(next) {
				return
			}
		}
	}
}

// listPatiently returns a page of a listing. One that is given up in its midst has used calls up for nothing, and
// begins anew: so if there are no more calls for now, this waits for them, as long as ctx lives.
func (c *Client) listPatiently(ctx context.Context, request ListUsersRequest, midst bool) (UserPage, error) {
	for {
		page, err := c.ListUsers(ctx, request)
		_, limited := errors.AsType[*LimitedError](err)
		if !midst || !limited && !errors.Is(err, ErrQuota) {
			return page, err
		}
		if backoff.Sleep(ctx, cmp.Or(RetryAfter(err), time.Second)) != nil {
			return page, err
		}
	}
}

var errEndlessListing = fmt.Errorf("the listing does not end after %d users", maxListed)

// last tells whether the page before the given request was the last. A server may hold back users from a page, so a
// short page does not mean the end where the total is known.
func (p UserPage) last(next ListUsersRequest) bool {
	if p.Total > 0 {
		return len(p.Users) == 0 || next.Offset >= p.Total
	}
	return len(p.Users) < next.Limit
}

// FindUser looks a username up and tells whether the cluster has it, or one that differs by case alone: the cluster's
// directory takes both for one. The API searches fuzzily, so all pages are read
// and names compared exactly.
func (c *Client) FindUser(ctx context.Context, zone, clusterID, username string) (User, bool, error) {
	if err := ValidateUsername(username); err != nil {
		return User{}, false, &Error{Action: actionListUsers, Class: ClassRefused, Err: err}
	}
	request := ListUsersRequest{ClusterID: clusterID, Zone: zone, SearchWord: username}
	for user, err := range c.Users(ctx, request) {
		if err != nil {
			return User{}, false, err
		}
		if strings.EqualFold(user.Username, username) {
			return user, true, nil
		}
	}
	return User{}, false, nil
}

// FindUsers looks several usernames up and returns those that the cluster has, by name. It lists all users, as long as
// that takes no more calls than to search for each name; else it searches.
func (c *Client) FindUsers(ctx context.Context, zone, clusterID string, usernames []string) (map[string]User, error) {
	if len(usernames) > 1 {
		if found, complete, err := c.listAll(ctx, zone, clusterID, usernames); complete || err != nil {
			return found, err
		}
	}
	found := map[string]User{}
	for _, name := range usernames {
		user, ok, err := c.FindUser(ctx, zone, clusterID, name)
		if err != nil {
			return nil, err
		}
		if ok {
			found[name] = user
		}
	}
	return found, nil
}

// listAll reads the users of a cluster and keeps those of the given names. It is not complete where that would take
// more calls than there are names.
func (c *Client) listAll(ctx context.Context, zone, clusterID string, usernames []string) (found map[string]User, complete bool, err error) {
	found = map[string]User{}
	most := len(usernames)
	for page, err := range c.pages(ctx, ListUsersRequest{ClusterID: clusterID, Zone: zone}) {
		if err != nil {
			return nil, false, err
		}
		for _, user := range page.Users {
			for _, name := range usernames {
				if strings.EqualFold(user.Username, name) {
					found[name] = user
				}
			}
		}
		if most--; most < 0 || page.Total > len(usernames)*maxLimit {
			return nil, false, nil
		}
	}
	return found, true, nil
}
