package slacktest

import (
	"net/http"
	"time"
)

// bucket holds what may still be called at once; it fills evenly.
type bucket struct {
	perSecond float64
	burst     float64
	level     float64
	at        time.Time
}

type channelRate struct {
	perSecond float64
	burst     int
	buckets   map[string]*bucket
}

func newBucket(perSecond float64, burst int, now time.Time) *bucket {
	return &bucket{perSecond: perSecond, burst: float64(max(burst, 1)), level: float64(max(burst, 1)), at: now}
}

// take uses up one call, or says how long to wait for it.
func (b *bucket) take(now time.Time) time.Duration {
	b.level = min(b.burst, b.level+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
	if b.level >= 1 {
		b.level--
		return 0
	}
	return max(time.Second, time.Duration((1-b.level)/b.perSecond*float64(time.Second)))
}

// SetRateLimit lets a method be called perMinute times a minute on average and burst times at once; more is
// answered with 429 and Retry-After (docs.slack.dev/apis/web-api/rate-limits). Zero or less takes the limit away,
// and there is none by default.
func (s *Server) SetRateLimit(method string, perMinute, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if perMinute <= 0 {
		delete(s.limits, method)
		return
	}
	s.limits[method] = newBucket(float64(perMinute)/60, burst, s.now())
}

// SetChannelRate limits chat.postMessage in each channel, where Slack allows about one message a second. Zero
// or less takes the limit away, and there is none by default.
func (s *Server) SetChannelRate(perSecond float64, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channelRate = channelRate{perSecond, burst, map[string]*bucket{}}
}

// RateLimited returns how many calls of a method were refused for the limits set; faults do not count.
func (s *Server) RateLimited(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limited[method]
}

func (s *Server) take(method string) time.Duration {
	if b := s.limits[method]; b != nil {
		return b.take(s.now())
	}
	return 0
}

func (s *Server) takeChannel(channel string) time.Duration {
	r := &s.channelRate
	if r.perSecond <= 0 {
		return 0
	}
	if r.buckets[channel] == nil {
		r.buckets[channel] = newBucket(r.perSecond, r.burst, s.now())
	}
	return r.buckets[channel].take(s.now())
}

func (s *Server) limit(method string, wait time.Duration) answer {
	s.limited[method]++
	return answer{body: object{"ok": false, "error": "ratelimited"}, status: http.StatusTooManyRequests, after: wait}
}
