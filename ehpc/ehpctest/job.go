package ehpctest

import (
	"fmt"
	"strings"
	"time"
)

// Statuses of a job.
const (
	statusPending    = "pending"
	statusSuccessful = "successful"
	statusFailed     = "failed"
)

// owner is the QingCloud account to which everything belongs.
const owner = "usr-GxkSGFDs"

// job is work that is done after its request has been answered.
type job struct {
	id       string
	action   string // such as HpcUserAddUser
	describe string
	cluster  *cluster
	username string
	status   string
	created  time.Time
	ended    time.Time
	fails    bool   // ends as failed, without an effect
	lost     bool   // is never listed
	effect   func() // what a successful end brings about
}

// HangJobs tells whether jobs stay pending. Those that have stayed so end, once
// it is false again, as if nothing had held them.
func (s *Server) HangJobs(hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.hangJobs = hang
}

// FailJobs makes the next n jobs end as failed, without an effect.
func (s *Server) FailJobs(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failJobs = n
}

// LoseJobs keeps the next n jobs out of every listing, although they are done.
func (s *Server) LoseJobs(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loseJobs = n
}

// newJob starts a job and returns its id.
func (s *Server) newJob(action, describe string, c *cluster, username string, effect func()) string {
	j := &job{
		id:       fmt.Sprintf("j-%09d", len(s.jobs)+1),
		action:   action,
		describe: describe,
		cluster:  c,
		username: username,
		status:   statusPending,
		created:  s.now(),
		fails:    spend(&s.failJobs),
		lost:     spend(&s.loseJobs),
		effect:   effect,
	}
	s.jobs = append(s.jobs, j)
	return j.id
}

// spend takes one off a counter and tells whether there was one.
func spend(counter *int) bool {
	if *counter == 0 {
		return false
	}
	*counter--
	return true
}

// settle ends the jobs whose time has come, in the order in which they started.
// Everything that looks at accounts or jobs calls it first, so no goroutine has
// to wait for the clock.
func (s *Server) settle() {
	now := s.now()
	for _, j := range s.jobs {
		if j.status == statusPending && !s.hangJobs && !now.Before(j.created.Add(s.jobTime)) {
			j.end(j.created.Add(s.jobTime))
		}
	}
}

func (j *job) end(at time.Time) {
	j.ended = at
	if j.fails {
		j.status = statusFailed
		return
	}
	j.status = statusSuccessful
	j.effect()
}

// beingAdded tells whether a job is at work to make that account.
func (s *Server) beingAdded(c *cluster, username string) bool {
	for _, j := range s.jobs {
		if j.status == statusPending && j.action == jobAddUser && j.cluster == c && j.username == username {
			return true
		}
	}
	return false
}

// item is the job as the API lists it.
func (j *job) item() object {
	at, codes := j.created, ""
	if j.status != statusPending {
		at = j.ended
	}
	if j.status == statusFailed {
		codes = "ERR_MSG_ADD_HPC_APP_CLUSTERS_USER_FAILED"
	}
	return object{
		"action_describe": j.describe,
		"create_time":     formatTime(j.created),
		"error_codes":     codes,
		"job_action":      j.action,
		"job_id":          j.id,
		"owner":           owner,
		"resource_ids":    strings.Join([]string{j.cluster.id, j.username}, " "),
		"status":          j.status,
		"status_time":     formatTime(at),
		"submitter":       "ehpctest",
		"task_count":      nil,
	}
}

func formatTime(at time.Time) string { return at.UTC().Format(timestampLayout) }
