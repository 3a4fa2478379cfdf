-- +goose Up

-- When the fallback was asked to decide as well.
ALTER TABLE request ADD COLUMN passed_at bigint;

-- The message that lists what waits: where it is, which requests it shows, and when it was posted. There is one at most.
CREATE TABLE digest (
    one   integer PRIMARY KEY CHECK (one = 1),
    place text NOT NULL,
    ref   text NOT NULL,
    shows text NOT NULL,
    at    bigint NOT NULL
);
