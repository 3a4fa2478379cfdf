-- +goose Up

-- What approvers ask back about a request, and what its requester says to it.
CREATE TABLE question (
    request_id  INTEGER NOT NULL REFERENCES request (id),
    number      INTEGER NOT NULL CHECK (number > 0),
    person      TEXT NOT NULL,
    question    TEXT NOT NULL,
    at          INTEGER NOT NULL,
    answer      TEXT NOT NULL DEFAULT '',
    answered_at INTEGER,
    PRIMARY KEY (request_id, number)
);

-- What approvers have changed of a request: what it asked for before, and from then on.
CREATE TABLE change (
    request_id   INTEGER NOT NULL REFERENCES request (id),
    number       INTEGER NOT NULL CHECK (number > 0),
    person       TEXT NOT NULL,
    old_username TEXT NOT NULL,
    old_mod      TEXT NOT NULL,
    new_username TEXT NOT NULL,
    new_mod      TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (request_id, number)
);
