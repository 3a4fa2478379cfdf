package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

// People knows who people are and which groups they belong to, from Slack, and remembers it for a while: a
// command has to be answered within three seconds, and usergroups.users.list may be called 20 times a minute.
type People struct {
	api *slack.Client
	now func() time.Time

	mu      sync.Mutex
	persons map[string]person
	groups  map[string]group
	asking  singleflight.Group
}

type person struct {
	slack.User
	at time.Time
}

type group struct {
	members []string
	at      time.Time
}

// How long answers of Slack are used. A group's list is asked for anew when it is older than groupFresh; if
// Slack does not answer, the last one counts until groupStale, and from then on nobody is in the group.
const (
	personFresh = time.Hour
	groupFresh  = 5 * time.Second
	groupStale  = 5 * time.Minute
)

// NewPeople returns a directory of the workspace.
func NewPeople(api *slack.Client) *People {
	return &People{api: api, now: time.Now, persons: map[string]person{}, groups: map[string]group{}}
}

// Person returns what Slack says of a person.
func (p *People) Person(ctx context.Context, id string) (slack.User, error) {
	p.mu.Lock()
	known, ok := p.persons[id]
	p.mu.Unlock()
	if ok && p.now().Sub(known.at) < personFresh {
		return known.User, nil
	}
	answer, err, _ := p.asking.Do("person "+id, func() (any, error) {
		return p.api.GetUserInfoContext(ctx, id)
	})
	if err != nil {
		if ok {
			return known.User, nil // people change seldom: what was true an hour ago will do
		}
		return slack.User{}, callError("ask Slack about a person", err)
	}
	user := *answer.(*slack.User)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.persons[id] = person{user, p.now()}
	return user, nil
}

// Members implements [approval.Directory].
func (p *People) Members(ctx context.Context, id string) ([]string, error) {
	p.mu.Lock()
	known, ok := p.groups[id]
	p.mu.Unlock()
	if ok && p.now().Sub(known.at) < groupFresh {
		return known.members, nil
	}
	answer, err, _ := p.asking.Do("group "+id, func() (any, error) {
		return p.api.GetUserGroupMembersContext(ctx, id)
	})
	if err != nil {
		if ok && p.now().Sub(known.at) < groupStale {
			return known.members, nil
		}
		return nil, callError(fmt.Sprintf("ask Slack who is in the group %s", id), err)
	}
	members := answer.([]string)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[id] = group{members, p.now()}
	return members, nil
}
