-- +goose Up

-- Times are milliseconds since 1970 in UTC, so that both databases store and compare them alike.
CREATE TABLE request (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    envelope       TEXT UNIQUE,
    cluster        TEXT NOT NULL,
    username       TEXT NOT NULL,
    mod            TEXT NOT NULL,
    reason         TEXT NOT NULL,
    requester      TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'provisioning', 'provisioned',
                                                  'delivered', 'denied', 'expired', 'cancelled', 'failed')),
    version        INTEGER NOT NULL CHECK (version > 0),
    required       INTEGER NOT NULL CHECK (required > 0),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    failure        TEXT NOT NULL DEFAULT '',
    failure_detail TEXT NOT NULL DEFAULT '',
    sealed         BLOB,
    attempted_at   INTEGER,
    job_id         TEXT NOT NULL DEFAULT '',
    started_at     INTEGER,
    until_at       INTEGER,
    cleared_at     INTEGER,
    -- The password exists from the moment before it is first used until it is delivered, and at no other time.
    CHECK (sealed IS NULL OR state IN ('approved', 'provisioning', 'provisioned', 'failed')),
    CHECK (sealed IS NOT NULL OR state NOT IN ('provisioning', 'provisioned')),
    CHECK (failure <> '' OR state <> 'failed')
);

CREATE UNIQUE INDEX request_active ON request (cluster, username)
    WHERE state IN ('pending', 'approved', 'provisioning', 'provisioned');
CREATE INDEX request_requester ON request (requester, id);
CREATE INDEX request_state ON request (state, id);

CREATE TABLE decision (
    request_id INTEGER NOT NULL REFERENCES request (id),
    person     TEXT NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('approve', 'deny')),
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (request_id, person)
);

CREATE TABLE message (
    request_id INTEGER NOT NULL REFERENCES request (id),
    purpose    TEXT NOT NULL,
    place      TEXT NOT NULL,
    ref        TEXT NOT NULL,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (request_id, purpose, place, ref)
);

-- Each event holds the hash of the one before it.
CREATE TABLE event (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    detail     TEXT NOT NULL,
    prev_hash  TEXT NOT NULL,
    hash       TEXT NOT NULL
);
CREATE INDEX event_request ON event (request_id, seq);

-- +goose StatementBegin
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'audit events are never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'audit events are never deleted');
END;
-- +goose StatementEnd
