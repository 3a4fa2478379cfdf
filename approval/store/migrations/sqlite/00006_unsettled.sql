-- +goose Up

-- What the sweep looks for, among however many requests of the past.
CREATE INDEX request_sealed ON request (id) WHERE sealed IS NOT NULL;
CREATE INDEX request_shown ON request (id) WHERE until_at IS NOT NULL AND cleared_at IS NULL;
