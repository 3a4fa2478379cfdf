-- +goose Up

-- The events from a moment on are found among however many of the past.
CREATE INDEX event_at ON event (at, seq);
