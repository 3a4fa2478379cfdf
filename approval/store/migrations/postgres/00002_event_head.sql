-- +goose Up

-- The last audit event. A chain of hashes does not show that its end was cut off; this does. Triggers keep it,
-- so that it belongs to the transaction of each event, whichever version of the program writes it.
CREATE TABLE event_head (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL
);
-- No event comes in between while this fills the table.
LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO event_head (one, seq, hash)
SELECT 1, COALESCE(max(seq), 0), COALESCE((SELECT hash FROM event ORDER BY seq DESC LIMIT 1), '') FROM event;

-- +goose StatementBegin
CREATE FUNCTION event_moves_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_head SET seq = NEW.seq, hash = NEW.hash;
    RETURN NULL;
END;
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION event_head_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the head of the audit log follows its events, and is never deleted';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER event_moves_head AFTER INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION event_moves_head();
CREATE TRIGGER event_head_step BEFORE UPDATE ON event_head
    FOR EACH ROW WHEN (NEW.seq <> OLD.seq + 1) EXECUTE FUNCTION event_head_follows();
CREATE TRIGGER event_head_no_delete BEFORE DELETE ON event_head
    FOR EACH ROW EXECUTE FUNCTION event_head_follows();
CREATE TRIGGER event_head_no_truncate BEFORE TRUNCATE ON event_head
    FOR EACH STATEMENT EXECUTE FUNCTION event_head_follows();
