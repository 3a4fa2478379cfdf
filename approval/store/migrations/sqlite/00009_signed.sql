-- +goose Up

-- A code over the hash of the event, and so over all events before it, that can't be made without the key.
ALTER TABLE event ADD COLUMN mac TEXT NOT NULL DEFAULT '';
