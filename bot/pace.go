package bot

import (
	"errors"
	"sync"
	"time"

	"ehpcbot/approval"
)

// pace keeps the bot's posts to what Slack allows in each conversation, about one a second with short bursts
// (docs.slack.dev/apis/web-api/rate-limits), and obeys its 429 answers for the one conversation that they are
// about. Nobody waits here: who comes too early is given a time to come again, which is kept free for them, so
// that those who came first are first, and nobody comes again and again. That is more than rate.Limiter does,
// whose reservations are made one after the other and can't be put off together.
type pace struct {
	now   func() time.Time
	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is one conversation.
type lane struct {
	next time.Time            // when the bucket would be full again, less what is in it
	due  map[string]time.Time // the times that were given, by what they are for
}

const (
	// postPause is the time between two posts in the long run.
	postPause = time.Second
	// postsAtOnce is a minute's worth. Slack does not say how long a burst may be; where it allows less, the
	// 429 that says so empties the bucket.
	postsAtOnce = 60
	burstTime   = (postsAtOnce - 1) * postPause
	// keptTime is how long a time that was given is kept when nobody comes.
	keptTime = time.Minute
)

func newPace(now func() time.Time) *pace { return &pace{now: now, lanes: map[string]*lane{}} }

// take asks for room for one post. A *approval.LaterError says when there is.
func (p *pace) take(conversation, what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, l := p.now(), p.lane(conversation)
	at, given := l.due[what]
	if !given {
		l.next = latest(l.next, now)
		at = l.next.Add(-burstTime)
		l.next = l.next.Add(postPause)
	}
	if at.After(now) {
		l.due[what] = at
		return &approval.LaterError{After: at.Sub(now), Err: errors.New("a conversation takes about one message a second")}
	}
	delete(l.due, what)
	return nil
}

// limited is told of a 429 answer: what it was given to is the first to go when Slack takes posts again, all
// others are put off until after it, and the bucket is empty then.
func (p *pace) limited(conversation, what string, retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, l := p.now(), p.lane(conversation)
	again := now.Add(retryAfter)
	l.next = latest(l.next.Add(retryAfter), again.Add(burstTime+postPause))
	for other, at := range l.due {
		l.due[other] = latest(at.Add(retryAfter), again.Add(postPause))
	}
	l.due[what] = again
}

// lane returns a conversation's lane, without the times that nobody came for.
func (p *pace) lane(conversation string) *lane {
	l := p.lanes[conversation]
	if l == nil {
		l = &lane{due: map[string]time.Time{}}
		p.lanes[conversation] = l
	}
	for what, at := range l.due {
		if p.now().Sub(at) > keptTime {
			delete(l.due, what)
		}
	}
	return l
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
