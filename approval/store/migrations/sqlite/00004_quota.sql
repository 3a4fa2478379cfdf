-- +goose Up

-- What is left of the calls of the EHPC API that a process may make in an hour, and when that was so.
CREATE TABLE quota (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    calls REAL NOT NULL,
    at    INTEGER NOT NULL
);
