package approval

import "time"

// SetClock replaces the service's clock, before the jobs start.
func (s *Service) SetClock(now func() time.Time) { s.now = now }
