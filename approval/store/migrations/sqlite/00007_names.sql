-- +goose Up

-- A username is looked for whatever its case: as one that is asked for, or that was somebody's.
CREATE INDEX request_username ON request (cluster, lower(username));

-- When addUser was first called with the sealed password, by the clock of the API. Of calls under way it is about so.
ALTER TABLE request ADD COLUMN asked_at INTEGER;
UPDATE request SET asked_at = COALESCE(started_at, attempted_at) WHERE attempted_at IS NOT NULL OR job_id <> '';

-- What the buttons of a request hold beside its number.
ALTER TABLE request ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
