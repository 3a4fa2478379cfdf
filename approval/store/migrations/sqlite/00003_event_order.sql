-- +goose Up

-- REPLACE deletes rows without asking a trigger, so what must stay is held by what may come: an event only behind
-- the one that the head names, a head not at all, and another value of it only for an event that is there.

-- +goose StatementBegin
CREATE TRIGGER event_appended BEFORE INSERT ON event
WHEN NOT EXISTS (SELECT 1 FROM event_head WHERE NEW.seq = seq + 1 AND NEW.prev_hash = hash)
    OR typeof(NEW.at) <> 'integer' OR typeof(NEW.request_id) <> 'integer' OR typeof(NEW.hash) <> 'text'
BEGIN
    SELECT RAISE(ABORT, 'audit events are only appended');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_head_no_insert BEFORE INSERT ON event_head
BEGIN
    SELECT RAISE(ABORT, 'the head of the audit log is never replaced');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_head_event BEFORE UPDATE ON event_head
WHEN NOT EXISTS (SELECT 1 FROM event WHERE seq = NEW.seq AND hash = NEW.hash)
BEGIN
    SELECT RAISE(ABORT, 'the head of the audit log follows its events');
END;
-- +goose StatementEnd
