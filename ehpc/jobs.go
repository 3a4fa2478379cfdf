package ehpc

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// JobStatus is how far a job is. A status that is none of the constants is kept as the API wrote it.
type JobStatus string

// The statuses of the API document.
const (
	JobPending    JobStatus = "pending"
	JobSuccessful JobStatus = "successful"
	JobFailed     JobStatus = "failed"
)

// Job is work that the API does after it has answered.
type Job struct {
	ID         string
	Status     JobStatus
	ErrorCodes string // why it failed, as far as the API's codes are known; empty otherwise
}

// Operations looks jobs of a zone up, with one call for each hundred of them. The map holds those that the API knows,
// by their ids. One that it does not know is to be taken as pending: a job may be listed only some time after the API
// has handed out its id. On an error the map holds what was found until then.
func (c *Client) Operations(ctx context.Context, zone string, jobIDs []string) (map[string]Job, error) {
	found := make(map[string]Job, len(jobIDs))
	if err := validateOperations(zone, jobIDs); err != nil {
		return found, &Error{Action: actionOperation, Class: ClassRefused, Err: err}
	}
	wanted := slices.Compact(slices.Sorted(slices.Values(jobIDs)))
	for ids := range slices.Chunk(wanted, maxLimit) {
		jobs, err := c.listJobs(ctx, zone, ids)
		if err != nil {
			return found, err
		}
		maps.Copy(found, jobs)
	}
	return found, nil
}

const actionOperation = "operation"

func validateOperations(zone string, jobIDs []string) error {
	if err := ValidateZone(zone); err != nil {
		return err
	}
	for _, id := range jobIDs {
		if err := validateJobID(id); err != nil {
			return err
		}
	}
	return nil
}

// listJobs asks for at most a hundred jobs and keeps, of all that the API lists, those that were asked for.
func (c *Client) listJobs(ctx context.Context, zone string, ids []string) (map[string]Job, error) {
	// The API document says that job_ids is a text, and shows one id; it does not say how several stand in it. Should a
	// server not take the commas, the jobs are missing in the answer, which reads as pending.
	params := map[string]string{"job_ids": strings.Join(ids, ",")}
	if len(ids) > 1 {
		params["limit"] = strconv.Itoa(maxLimit) // without it the API lists ten
	}
	listed, err := c.operations(ctx, zone, params)
	if err != nil {
		return nil, err
	}
	return listed.pick(ids), nil
}

func (c *Client) operations(ctx context.Context, zone string, params map[string]string) (jobListing, error) {
	var listed jobListing
	err := c.send(ctx, call{
		action: actionOperation,
		method: http.MethodGet,
		path:   "/api/operation",
		zone:   zone,
		params: params,
	}, &listed)
	return listed, err
}
