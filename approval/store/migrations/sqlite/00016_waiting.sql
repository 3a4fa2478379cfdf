-- +goose Up

-- When the fallback was asked to decide as well.
ALTER TABLE request ADD COLUMN passed_at INTEGER;

-- The message that lists what waits: where it is, which requests it shows, and when it was posted. There is one at most.
CREATE TABLE digest (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    place TEXT NOT NULL,
    ref   TEXT NOT NULL,
    shows TEXT NOT NULL,
    at    INTEGER NOT NULL
);
