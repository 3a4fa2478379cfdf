-- +goose Up

-- When the fallback was asked to decide as well.
ALTER TABLE request ADD COLUMN passed_at INTEGER;
