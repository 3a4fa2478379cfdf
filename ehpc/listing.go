package ehpc

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// errNoList says that an answer lacks the very thing asked for. Taking it for
// an empty list would make a username look free.
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

// userListing is the content of an answer to a listing of users. The API
// document calls the list "users_set" in its example and "user_set" in its
// table.
type userListing struct {
	Total    looseInt   `json:"total_count"`
	UsersSet []userItem `json:"users_set"`
	UserSet  []userItem `json:"user_set"`
}

type userItem struct {
	ClusterID     looseText `json:"cluster_id"`
	Username      looseText `json:"username"`
	UserID        looseText `json:"user_id"`
	HPCUserID     looseText `json:"hpcuser_id"`
	Role          looseText `json:"role"`
	Mod           looseText `json:"mod"`
	NASMountPoint looseText `json:"nas_mount_point"`
	UIDNumber     looseInt  `json:"uid_number"`
	GIDNumber     looseInt  `json:"gid_number"`
	CreateTime    looseTime `json:"create_time"`
	UpdateTime    looseTime `json:"update_time"`
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
		page.Users = append(page.Users, item.user())
	}
	return page
}

func (i userItem) user() User {
	return User{
		ClusterID:     string(i.ClusterID),
		Username:      string(i.Username),
		UserID:        string(i.UserID),
		HPCUserID:     string(i.HPCUserID),
		Role:          string(i.Role),
		Mod:           string(i.Mod),
		NASMountPoint: string(i.NASMountPoint),
		UIDNumber:     int(i.UIDNumber.value),
		GIDNumber:     int(i.GIDNumber.value),
		CreateTime:    time.Time(i.CreateTime),
		UpdateTime:    time.Time(i.UpdateTime),
	}
}

// jobListing is the content of an answer to a listing of jobs.
type jobListing struct {
	Total  looseInt  `json:"total_count"`
	JobSet []jobItem `json:"job_set"`
}

type jobItem struct {
	ID          looseText `json:"job_id"`
	Action      looseText `json:"job_action"`
	Status      looseText `json:"status"`
	ErrorCodes  looseText `json:"error_codes"`
	ResourceIDs looseText `json:"resource_ids"`
	Owner       looseText `json:"owner"`
	Submitter   looseText `json:"submitter"`
	CreateTime  looseTime `json:"create_time"`
	StatusTime  looseTime `json:"status_time"`
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
			jobs[id] = item.job()
		}
	}
	return jobs
}

func (i jobItem) job() Job {
	return Job{
		ID:          string(i.ID),
		Action:      string(i.Action),
		Status:      JobStatus(i.Status),
		ErrorCodes:  jobErrors(string(i.ErrorCodes)),
		ResourceIDs: strings.Fields(string(i.ResourceIDs)),
		Owner:       string(i.Owner),
		Submitter:   string(i.Submitter),
		CreateTime:  time.Time(i.CreateTime),
		StatusTime:  time.Time(i.StatusTime),
	}
}
