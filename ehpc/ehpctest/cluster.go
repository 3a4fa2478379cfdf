package ehpctest

import (
	"fmt"
	"slices"
	"time"
)

// firstID is where user and group numbers begin.
const firstID = 10000

// cluster holds the accounts of one cluster.
type cluster struct {
	id    string
	zone  string
	kind  string // its cluster_type: ehpc, or hpc of a shared one
	state string // its cluster_status
	users []*user
	nodes []Node
	made  map[string]int // accounts that addUser has made, by name
	last  int            // accounts there have ever been
	same  bool           // the next account gets the number of the one before
}

// user is an account.
type user struct {
	name     string
	password string
	mod      string // empty: not given
	number   int
	job      string // which made it; empty: none did
	created  time.Time
	updated  time.Time
	resets   []time.Time // when modifyUser gave it a password
	changed  bool        // the person has another password than the API knows
	barred   bool
}

func (u *user) resetsSince(start time.Time) (n int) {
	for _, at := range u.resets {
		if !at.Before(start) {
			n++
		}
	}
	return n
}

// ChangePassword has a person change the password on the cluster itself, of which the API learns nothing: from then on it
// refuses to give the account another, as the real one may. It does nothing where there is no such account.
func (s *Server) ChangePassword(clusterID, username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.mustCluster(clusterID).user(username); u != nil {
		u.password, u.changed = password, true
	}
}

// Bar has modifyUser refuse an account for good.
func (s *Server) Bar(clusterID, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustCluster(clusterID).user(username).barred = true
}

// LimitResets has modifyUser refuse an account more than n new passwords a day; 0 is no limit.
func (s *Server) LimitResets(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resetsADay = n
}

func newCluster(id, zone string) *cluster {
	return &cluster{id: id, zone: zone, kind: "ehpc", state: "active", made: make(map[string]int)}
}

func (c *cluster) user(name string) *user {
	i := slices.IndexFunc(c.users, func(u *user) bool { return u.name == name })
	if i < 0 {
		return nil
	}
	return c.users[i]
}

func (c *cluster) add(name, password, mod, job string, at time.Time) {
	if !c.same {
		c.last++
	}
	c.same = false
	c.users = append(c.users, &user{
		name: name, password: password, mod: mod, number: firstID + c.last, job: job, created: at, updated: at,
	})
}

// ShareNumber has the next account of a cluster get the uid of the one before, as two can that are made at once.
func (s *Server) ShareNumber(clusterID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustCluster(clusterID).same = true
}

func (c *cluster) remove(name string) {
	c.users = slices.DeleteFunc(c.users, func(u *user) bool { return u.name == name })
}

// item is the account as the API lists it.
func (c *cluster) item(u *user) object {
	var mod any
	if u.mod != "" {
		mod = u.mod
	}
	return object{
		"cluster_id":      c.id,
		"create_time":     formatTime(u.created),
		"gid_number":      u.number,
		"hpcuser_id":      fmt.Sprintf("hpcuser-%08d", u.number),
		"mod":             mod,
		"nas_mount_point": "/" + c.zone + "/" + c.id,
		"role":            "member",
		"uid_number":      u.number,
		"update_time":     formatTime(u.updated),
		"user_id":         owner,
		"username":        u.name,
	}
}
