-- +goose Up

-- Where credentials are shown at a press, the password stays sealed until the requester has saved it or its time is over.
-- SQLite can't change what a column may hold, so the table is written anew.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE kept AS SELECT * FROM request;
DROP TABLE request;
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
    asked_at       INTEGER,
    nonce          TEXT NOT NULL DEFAULT '',
    uid            INTEGER,
    twin           TEXT NOT NULL DEFAULT '',
    delivered_at   INTEGER,
    -- When the credentials were first there to be seen: with the message, or at the first press.
    shown_at       INTEGER,
    -- When the requester said that the login works.
    works_at       INTEGER,
    CHECK (sealed IS NULL OR state IN ('approved', 'provisioning', 'provisioned', 'delivered', 'failed')),
    CHECK (sealed IS NOT NULL OR state NOT IN ('provisioning', 'provisioned')),
    CHECK (failure <> '' OR state <> 'failed')
);
INSERT INTO request (id, envelope, cluster, username, mod, reason, requester, state, version, required, created_at, updated_at,
    expires_at, failure, failure_detail, sealed, attempted_at, job_id, started_at, until_at, cleared_at, asked_at, nonce, uid, twin,
    delivered_at, shown_at)
SELECT id, envelope, cluster, username, mod, reason, requester, state, version, required, created_at, updated_at,
    expires_at, failure, failure_detail, sealed, attempted_at, job_id, started_at, until_at, cleared_at, asked_at, nonce, uid, twin,
    delivered, delivered
FROM (SELECT kept.*, CASE WHEN state = 'delivered' THEN COALESCE((SELECT min(at) FROM event
    WHERE request_id = kept.id AND to_state = 'delivered'), updated_at) END AS delivered FROM kept);
DROP TABLE kept;

CREATE UNIQUE INDEX request_active ON request (cluster, username)
    WHERE state IN ('pending', 'approved', 'provisioning', 'provisioned');
CREATE INDEX request_requester ON request (requester, id);
CREATE INDEX request_state ON request (state, id);
CREATE INDEX request_sealed ON request (id) WHERE sealed IS NOT NULL;
CREATE INDEX request_shown ON request (id) WHERE until_at IS NOT NULL AND cleared_at IS NULL;
CREATE INDEX request_username ON request (cluster, lower(username));
CREATE INDEX request_uncompared ON request (cluster) WHERE uid IS NULL AND state IN ('provisioned', 'delivered');

-- What people say who can't log in.
CREATE TABLE trouble (
    request_id INTEGER NOT NULL REFERENCES request (id),
    number     INTEGER NOT NULL CHECK (number > 0),
    envelope   TEXT NOT NULL UNIQUE,
    sees       TEXT NOT NULL,
    words      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (request_id, number)
);
