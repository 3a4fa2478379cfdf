-- +goose Up

-- Times are milliseconds since 1970 in UTC, so that both databases store and compare them alike.
CREATE TABLE request (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    envelope       TEXT UNIQUE,
    cluster        TEXT NOT NULL,
    username       TEXT NOT NULL,
    mod            TEXT NOT NULL,
    reason         TEXT NOT NULL,
    requester      TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'provisioning', 'provisioned',
                                                  'delivered', 'denied', 'expired', 'cancelled', 'failed')),
    version        BIGINT NOT NULL CHECK (version > 0),
    required       BIGINT NOT NULL CHECK (required > 0),
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    failure        TEXT NOT NULL DEFAULT '',
    failure_detail TEXT NOT NULL DEFAULT '',
    sealed         BYTEA,
    attempted_at   BIGINT,
    job_id         TEXT NOT NULL DEFAULT '',
    started_at     BIGINT,
    until_at       BIGINT,
    cleared_at     BIGINT,
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
    request_id BIGINT NOT NULL REFERENCES request (id),
    person     TEXT NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('approve', 'deny')),
    reason     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (request_id, person)
);

CREATE TABLE message (
    request_id BIGINT NOT NULL REFERENCES request (id),
    purpose    TEXT NOT NULL,
    place      TEXT NOT NULL,
    ref        TEXT NOT NULL,
    version    BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (request_id, purpose, place, ref)
);

-- Each event holds the hash of the one before it.
CREATE TABLE event (
    seq        BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    request_id BIGINT NOT NULL,
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
CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are never changed or deleted';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION event_is_append_only();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only();
