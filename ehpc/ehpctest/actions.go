package ehpctest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Jobs, as the API names them.
const (
	jobAddUser    = "HpcUserAddUser"
	jobDeleteUser = "HpcUserDeleteUser"
)

// addUser starts a job that makes an account. A name is taken from the moment
// at which the job starts.
func (s *Server) addUser(in input) (object, string, *refusal) {
	name, password, mod := in.values["username"], in.values["password"], in.values["mod"]
	if refused := checkAccount(name, password); refused != nil {
		return nil, "", refused
	}
	if _, given := in.values["mod"]; given && !matches(`[0-7]{3}`, mod) {
		return nil, "", &refusal{codeParameter, "mod must be three octal digits"}
	}
	c, refused := s.target(in)
	if refused != nil {
		return nil, "", refused
	}
	if c.user(name) != nil || s.beingAdded(c, name) {
		return nil, "", &refusal{codeExists, "resource exists: the username is taken"}
	}
	id := s.newJob(jobAddUser, "add a user", c, name, nil)
	started := s.jobs[len(s.jobs)-1]
	started.effect = func() {
		c.made[name]++
		c.add(name, password, mod, id, started.ended)
	}
	return object{"job_id": id}, "addUser " + name + " " + id, nil
}

// modifyUser gives an account a new password, at once. It does so only while the password is the one that it knows, and
// not too often.
func (s *Server) modifyUser(in input) (object, string, *refusal) {
	name, password := in.values["username"], in.values["new_password"]
	if refused := checkAccount(name, password); refused != nil {
		return nil, "", refused
	}
	c, refused := s.target(in)
	if refused != nil {
		return nil, "", refused
	}
	u := c.user(name)
	switch {
	case u == nil:
		return nil, "", &refusal{codeNoUser, "there is no such user"}
	case u.barred:
		return nil, "", &refusal{codeBarred, "the user is barred"}
	case u.changed:
		return nil, "", &refusal{codeDenied, "PermissionDenied, user and password do not match"}
	case s.resetsADay > 0 && u.resetsSince(s.now().Add(-24*time.Hour)) >= s.resetsADay:
		return nil, "", &refusal{codeTooOften, "the password was reset too often"}
	}
	u.password, u.updated = password, s.now()
	u.resets = append(u.resets, u.updated)
	return object{}, "modifyUser " + name, nil
}

// deleteUser starts a job that removes an account.
func (s *Server) deleteUser(in input) (object, string, *refusal) {
	name := in.values["username"]
	c, refused := s.target(in)
	if refused != nil {
		return nil, "", refused
	}
	if c.user(name) == nil {
		return nil, "", &refusal{codeNotFound, "resource not found: there is no such user"}
	}
	id := s.newJob(jobDeleteUser, "delete a user", c, name, func() { c.remove(name) })
	return object{"job_id": id}, "deleteUser " + name + " " + id, nil
}

// listUsers searches as fuzzily as the real API: any part of a name, in upper or
// lower case.
func (s *Server) listUsers(in input) (object, string, *refusal) {
	c, refused := s.target(in)
	if refused != nil {
		return nil, "", refused
	}
	word := strings.ToLower(in.values["search_word"])
	found := []object{}
	for _, u := range c.users {
		if strings.Contains(strings.ToLower(u.name), word) {
			found = append(found, c.item(u))
		}
	}
	return in.page("users_set", found)
}

// listJobs lists jobs, the oldest first unless reverse is 1.
func (s *Server) listJobs(in input) (object, string, *refusal) {
	found := []object{}
	for _, j := range s.jobs {
		if s.listed(j, in) {
			found = append(found, j.item())
		}
	}
	switch in.get("reverse", "0") {
	case "0":
	case "1":
		slices.Reverse(found)
	default:
		return nil, "", &refusal{codeParameter, "reverse must be 0 or 1"}
	}
	return in.page("job_set", found)
}

func (s *Server) listed(j *job, in input) bool {
	ids := in.values["job_ids"]
	if s.singleJobIDs && ids != "" && ids != j.id {
		return false
	}
	return !j.lost && j.cluster.zone == in.zone &&
		within(ids, j.id) &&
		within(in.values["resource_ids"], j.cluster.id) &&
		within(in.values["status"], j.status)
}

// within tells whether a comma-separated list holds a value; an empty list holds
// all.
func within(list, value string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), value)
}

// listClusters lists the clusters of a zone.
func (s *Server) listClusters(in input) (object, string, *refusal) {
	found := []object{}
	for _, c := range s.clusters {
		if c.zone == in.zone && within(in.values["cluster_id"], c.id) && within(in.values["cluster_type"], c.kind) {
			found = append(found, object{"cluster_id": c.id, "cluster_status": c.state, "cluster_type": c.kind})
		}
	}
	return in.page("cluster_set", found)
}

// page cuts a page out of what was found.
func (in input) page(key string, found []object) (object, string, *refusal) {
	limit, err := strconv.Atoi(in.get("limit", "10"))
	if err != nil || limit < 1 || limit > 100 {
		return nil, "", &refusal{codeParameter, "limit must be 1 to 100"}
	}
	offset, err := strconv.Atoi(in.get("offset", "0"))
	if err != nil || offset < 0 {
		return nil, "", &refusal{codeParameter, "offset must be 0 or more"}
	}
	from := min(offset, len(found))
	to := min(from+limit, len(found))
	return object{key: found[from:to], "total_count": len(found)}, "", nil
}

// target returns the cluster that a request names, which must be in the zone of
// the request.
func (s *Server) target(in input) (*cluster, *refusal) {
	c := s.cluster(in.values["cluster_id"])
	if c == nil || c.zone != in.zone {
		return nil, &refusal{codeNotFound, "resource not found: there is no such cluster"}
	}
	return c, nil
}

func checkAccount(name, password string) *refusal {
	if !matches(`[A-Za-z0-9_]{1,8}`, name) {
		return &refusal{codeParameter, "username must be 1 to 8 letters, digits or underscores"}
	}
	if !matches(`[A-Za-z0-9!@#%^&()*]{12,30}`, password) || !matches(`.*[A-Z].*`, password) ||
		!matches(`.*[a-z].*`, password) || !matches(`.*[0-9].*`, password) || !matches(`.*[!@#%^&()*].*`, password) {
		return &refusal{codeParameter, "password must be 12 to 30 characters of four classes"}
	}
	return nil
}

// matches tells whether a pattern covers the whole text.
func matches(pattern, text string) bool {
	return regexp.MustCompile(`\A(?:` + pattern + `)\z`).MatchString(text)
}
