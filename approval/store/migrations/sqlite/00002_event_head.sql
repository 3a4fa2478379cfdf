-- +goose Up

-- The last audit event. A chain of hashes does not show that its end was cut off; this does. Triggers keep it,
-- so that it belongs to the transaction of each event, whichever version of the program writes it.
CREATE TABLE event_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO event_head (one, seq, hash)
SELECT 1, COALESCE(max(seq), 0), COALESCE((SELECT hash FROM event ORDER BY seq DESC LIMIT 1), '') FROM event;

-- +goose StatementBegin
CREATE TRIGGER event_moves_head AFTER INSERT ON event
BEGIN
    UPDATE event_head SET seq = NEW.seq, hash = NEW.hash;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_head_step BEFORE UPDATE ON event_head WHEN NEW.seq <> OLD.seq + 1
BEGIN
    SELECT RAISE(ABORT, 'the head of the audit log follows its events');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_head_no_delete BEFORE DELETE ON event_head
BEGIN
    SELECT RAISE(ABORT, 'the head of the audit log is never deleted');
END;
-- +goose StatementEnd
