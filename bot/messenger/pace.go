package messenger

import (
	"errors"
	"sync"
	"time"

	"ehpcbot/approval"
)

// pace keeps the bot's posts to what Slack allows in each conversation, about one a second with short bursts,
// and its changes of messages to what Slack allows of them in the whole workspace, once Slack has said that there
// is a limit (docs.slack.dev/apis/web-api/rate-limits). A 429 answer concerns the one lane that it is about.
// Nobody waits here: who comes too early is given a time to come again, which is kept free for them, so that
// those who came first are first, and nobody comes again and again. That is more than rate.Limiter does, whose
// reservations are made one after the other and can't be put off together, or exchanged.
type pace struct {
	now   func() time.Time
	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is one conversation, or a method.
type lane struct {
	gap    time.Duration // between two calls in the long run; 0: as many as one likes
	saving time.Duration // gaps that can be saved up for a burst
	next   time.Time     // when the next gap begins, if all that is saved up were used
	shut   time.Time     // until then Slack takes no calls
	due    map[string]slot
}

// slot is a time to come again.
type slot struct {
	at     time.Time
	urgent bool
}

const (
	// postPause is the time between two posts in the long run.
	postPause = time.Second
	// postsAtOnce is a minute's worth. Slack does not say how long a burst may be; where it allows less, the
	// 429 that says so empties the bucket.
	postsAtOnce = 60
	burstTime   = (postsAtOnce - 1) * postPause
	// updatePause is the time between two changes of messages, of which Slack promises to take 50 a minute. It
	// usually takes many more, so the bot keeps to it only after a 429.
	updatePause = time.Minute / 50
	// keptTime is how long a time that was given is kept when nobody comes, and a lane that nobody uses.
	keptTime = time.Minute
)

func newPace(now func() time.Time) *pace { return &pace{now: now, lanes: map[string]*lane{}} }

func newLane(name string) *lane {
	if name == methodUpdate {
		return &lane{due: map[string]slot{}}
	}
	return &lane{gap: postPause, saving: burstTime, due: map[string]slot{}}
}

// take asks for room for one call. A *approval.LaterError says when there is. What is urgent goes before what
// is not.
func (p *pace) take(name, what string, urgent bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, l := p.now(), p.lane(name)
	s, given := l.due[what]
	switch {
	case given:
	case l.gap == 0:
		return nil
	default:
		s = l.slot(now, urgent)
	}
	if s.at.After(now) {
		s = l.give(what, s) // may be one that nobody has come for yet, though its time has come
	}
	if s.at.After(now) {
		return &approval.LaterError{After: s.at.Sub(now), Err: errors.New("only so many messages a minute are taken by Slack")}
	}
	delete(l.due, what)
	return nil
}

// leave gives back the time that was kept for a call, if there was one: it is not needed any more.
func (p *pace) leave(name, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lane(name)
	if _, given := l.due[what]; given {
		delete(l.due, what)
		l.next = l.next.Add(-l.gap)
	}
}

// slot takes the next time that is free.
func (l *lane) slot(now time.Time, urgent bool) slot {
	l.next = latest(l.next, now)
	at := l.next.Add(-l.saving)
	l.next = l.next.Add(l.gap)
	return slot{at, urgent}
}

// give keeps a time free, and returns it. What is urgent is given the time of the first that is not, which gets the
// new one.
func (l *lane) give(what string, s slot) slot {
	first := what
	for other, held := range l.due {
		if s.urgent && !held.urgent && held.at.Before(s.at) && (first == what || held.at.Before(l.due[first].at)) {
			first = other
		}
	}
	if first != what {
		held := l.due[first]
		l.due[first] = slot{s.at, held.urgent}
		s.at = held.at
	}
	l.due[what] = s
	return s
}

// limited is told of a 429 answer: what it was given to is the first to go when Slack takes calls again, all
// others are put off until after it, and nothing is saved up then.
func (p *pace) limited(name, what string, urgent bool, retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, l := p.now(), p.lane(name)
	again := now.Add(retryAfter)
	if again.Sub(l.shut) < l.gap { // of the calls that were made together, another has said it
		l.due[what] = l.slot(now, urgent)
		return
	}
	l.slow()
	wait := again.Sub(latest(now, l.shut))
	l.shut = again
	l.next = latest(l.next.Add(wait), again.Add(l.saving+l.gap))
	for other, s := range l.due {
		l.due[other] = slot{latest(s.at.Add(wait), again.Add(l.gap)), s.urgent}
	}
	l.due[what] = slot{again, urgent}
}

// slow makes the gap a little longer: two calls don't arrive at exactly the times at which they were made.
func (l *lane) slow() {
	const longest = 3 * time.Second
	if l.gap == 0 {
		l.gap = updatePause
	} else {
		l.gap = min(l.gap*21/20, longest)
	}
}

// lane returns a lane, without the times that nobody came for.
func (p *pace) lane(name string) *lane {
	now := p.now()
	l := p.lanes[name]
	if l == nil || l.idle(now) {
		for other, l := range p.lanes {
			if l.idle(now) {
				delete(p.lanes, other)
			}
		}
		l = newLane(name)
		p.lanes[name] = l
	}
	return l
}

// idle forgets the times that nobody came for, and reports whether there is nothing to remember of the lane.
func (l *lane) idle(now time.Time) bool {
	for what, s := range l.due {
		if now.Sub(s.at) > keptTime {
			delete(l.due, what)
		}
	}
	return len(l.due) == 0 && now.Sub(latest(l.next, l.shut)) > keptTime
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
