-- +goose Up

-- What approvers ask back about a request, and what its requester says to it.
CREATE TABLE question (
    request_id  BIGINT NOT NULL REFERENCES request (id),
    number      BIGINT NOT NULL CHECK (number > 0),
    person      TEXT NOT NULL,
    question    TEXT NOT NULL,
    at          BIGINT NOT NULL,
    answer      TEXT NOT NULL DEFAULT '',
    answered_at BIGINT,
    PRIMARY KEY (request_id, number)
);

-- What approvers have changed of a request: what it asked for before, and from then on.
CREATE TABLE change (
    request_id   BIGINT NOT NULL REFERENCES request (id),
    number       BIGINT NOT NULL CHECK (number > 0),
    person       TEXT NOT NULL,
    old_username TEXT NOT NULL,
    old_mod      TEXT NOT NULL,
    new_username TEXT NOT NULL,
    new_mod      TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (request_id, number)
);
