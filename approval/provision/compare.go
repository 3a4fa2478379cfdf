package provision

import (
	"context"
	"slices"
	"time"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
)

// compareEvery is how long a new account is not compared with the others, at the most, while more are made.
const compareEvery = time.Minute

// compare looks whether new accounts share their uid with another, which the API does not prevent: their users could
// read each other's files. It does so when the last account is made, and now and then before. It tells whether any is
// left to compare.
func (c *cluster) compare(ctx context.Context, isLast bool) (left bool, err error) {
	if c.zone == "" || time.Now().Before(c.compared) && (!isLast || c.unlisted > 0) {
		return c.unlisted > 0, nil
	}
	made, err := c.service.Uncompared(ctx, c.id)
	c.compared = time.Now().Add(compareEvery)
	if err != nil || len(made) == 0 {
		return false, err
	}
	owners := map[int64][]string{} // usernames by uid
	uids := map[string]int64{}
	for user, cause := range c.accounts.Users(c.stopped, ehpc.ListUsersRequest{ClusterID: c.id, Zone: c.zone}) {
		if cause != nil {
			c.unlisted++
			c.compared = time.Now().Add(max(backoff.Delay(c.unlisted, firstRetry, compareEvery), ehpc.RetryAfter(cause)))
			c.log.Warn("the uids of new accounts could not be compared yet", "cluster", c.id, "error", cause)
			return true, nil
		}
		owners[user.UID] = append(owners[user.UID], user.Username)
		uids[user.Username] = user.UID
	}
	c.unlisted = 0
	for _, r := range made {
		uid, twin := uids[r.Username], ""
		if i := slices.IndexFunc(owners[uid], func(name string) bool { return name != r.Username }); uid != 0 && i >= 0 {
			twin = owners[uid][i]
			c.log.Error("two accounts have the same uid", "request", r.ID, "cluster", c.id, "uid", uid, "usernames", owners[uid])
		}
		if err := c.service.Compared(ctx, r.ID, uid, twin); err != nil {
			return false, err
		}
	}
	return false, nil
}
