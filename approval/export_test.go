package approval

import "time"

// SetClock replaces the service's clock, before the jobs start.
func (s *Service) SetClock(now func() time.Time) { s.now = now }

// HashOf is the hash that an event should have.
func HashOf(e Event) string {
	hash, err := e.hash()
	if err != nil {
		panic(err)
	}
	return hash
}
