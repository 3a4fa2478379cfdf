package bot

import (
	"cmp"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"ehpcbot/bot/view"
)

// limit keeps one person from holding up the others: each may ask for so much a minute, of this process. It costs no
// call of Slack or of the database, or those would be what is held up.
type limit struct {
	perMinute int // 0: no limit
	now       func() time.Time

	mu      sync.Mutex
	persons map[string]*rate.Limiter // of those whose bucket is not known to be full
	cleared time.Time
}

// take returns how long a person has to wait; 0 where they need not.
func (l *limit) take(person string) time.Duration {
	if l.perMinute == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.cleared) > time.Minute {
		maps.DeleteFunc(l.persons, func(_ string, b *rate.Limiter) bool { return b.TokensAt(now) >= float64(l.perMinute) })
		l.cleared = now
	}
	bucket := l.persons[person]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		l.persons[person] = bucket
	}
	turn := bucket.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait > 0 {
		turn.CancelAt(now) // it is for the person to come again
	}
	return wait
}

// newForms limits the forms that requesters open, all together. Slack opens about 100 a minute for an app
// (docs.slack.dev/reference/methods/views.open), and then none, so that no approver could deny anything; with these, at
// most 80 in any minute, there is always room for the form behind Deny.
func newForms() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Minute/40), 40) }

// tooMuch tells whether a person asks for more than they may. What Slack has said of them before tells under which id
// and in which language.
func (b *Bot) tooMuch(id string) (v view.View, wait time.Duration) {
	user := b.people.Known(id)
	wait = b.limit.take(cmp.Or(user.ID, id))
	if wait > 0 {
		b.log.Info("somebody asks for more than REQUESTS_PER_MINUTE", "person", id, "wait", wait.Round(time.Second))
	}
	return b.readers.Of(id, user), wait
}
