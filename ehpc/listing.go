package ehpc

import (
	"errors"
	"slices"
	"time"
)

// errNoList says that an answer lacks the very thing asked for. Taking it for an empty list would make a username look
// free.
var errNoList = errors.New("the answer has no list")

// errNoJobID says that a request was accepted, but not as which job.
var errNoJobID = errors.New("the answer has no job id")

// acceptance is the content of an answer to a delayed request.
type acceptance struct {
	JobID looseText `json:"job_id"`
}

func (a *acceptance) check() error {
	if validateJobID(string(a.JobID)) != nil {
		return errNoJobID
	}
	return nil
}

// userListing is the content of an answer to a listing of users. The API document calls the list "users_set" in its
// example and "user_set" in its table.
type userListing struct {
	Total    looseInt   `json:"total_count"`
	UsersSet []userItem `json:"users_set"`
	UserSet  []userItem `json:"user_set"`
}

type userItem struct {
	Username   looseText `json:"username"`
	UID        looseInt  `json:"uid_number"`
	CreateTime looseText `json:"create_time"`
}

func (l *userListing) check() error {
	if l.UsersSet == nil && l.UserSet == nil && !l.Total.isZero() {
		return errNoList
	}
	return nil
}

func (l *userListing) page() UserPage {
	page := UserPage{Total: max(0, int(l.Total.value))}
	for _, item := range slices.Concat(l.UsersSet, l.UserSet) {
		created, _ := time.Parse(time.RFC3339, string(item.CreateTime)) // zero where it can't be read
		page.Users = append(page.Users, User{Username: string(item.Username), UID: item.UID.value, CreatedAt: created})
	}
	return page
}

// jobListing is the content of an answer to a listing of jobs.
type jobListing struct {
	Total  looseInt  `json:"total_count"`
	JobSet []jobItem `json:"job_set"`
}

type jobItem struct {
	ID         looseText `json:"job_id"`
	Status     looseText `json:"status"`
	ErrorCodes looseText `json:"error_codes"`
}

func (l *jobListing) check() error {
	if l.JobSet == nil && !l.Total.isZero() {
		return errNoList
	}
	return nil
}

// pick returns the jobs with the given ids.
func (l *jobListing) pick(ids []string) map[string]Job {
	jobs := make(map[string]Job, len(ids))
	for _, item := range l.JobSet {
		if id := string(item.ID); slices.Contains(ids, id) {
			jobs[id] = Job{ID: id, Status: JobStatus(item.Status), ErrorCodes: jobErrors(string(item.ErrorCodes))}
		}
	}
	return jobs
}
