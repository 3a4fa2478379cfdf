-- +goose Up

-- An event comes only behind the one that the head names, a head not at all, and another value of it only for an
-- event that is there. On SQLite REPLACE passes by the triggers that forbid to delete; here the rules are the same.

-- +goose StatementBegin
CREATE FUNCTION event_appended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM event_head WHERE NEW.seq = seq + 1 AND NEW.prev_hash = hash) THEN
        RAISE EXCEPTION 'audit events are only appended';
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION event_head_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM event WHERE seq = NEW.seq AND hash = NEW.hash) THEN
        RAISE EXCEPTION 'the head of the audit log follows its events';
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd

-- These look into tables, and mean those beside them: a temporary table of the same name would come first.
-- +goose StatementBegin
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['event_appended', 'event_head_event', 'event_moves_head'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER event_appended BEFORE INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION event_appended();
CREATE TRIGGER event_head_no_insert BEFORE INSERT ON event_head
    FOR EACH ROW EXECUTE FUNCTION event_head_follows();
CREATE TRIGGER event_head_event BEFORE UPDATE ON event_head
    FOR EACH ROW EXECUTE FUNCTION event_head_event();
