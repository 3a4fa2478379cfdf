-- +goose Up

-- Where credentials are shown at a press, the password stays sealed until the requester has saved it or its time is over.
-- +goose StatementBegin
DO $$
DECLARE
    old TEXT;
BEGIN
    SELECT conname INTO STRICT old FROM pg_constraint WHERE conrelid = 'request'::regclass AND contype = 'c'
        AND pg_get_constraintdef(oid) LIKE '%sealed IS NULL%';
    EXECUTE format('ALTER TABLE request DROP CONSTRAINT %I', old);
END $$;
-- +goose StatementEnd
ALTER TABLE request ADD CHECK (sealed IS NULL OR state IN ('approved', 'provisioning', 'provisioned', 'delivered', 'failed'));

ALTER TABLE request ADD COLUMN delivered_at BIGINT;
-- When the credentials were first there to be seen: with the message, or at the first press.
ALTER TABLE request ADD COLUMN shown_at BIGINT;
-- When the requester said that the login works.
ALTER TABLE request ADD COLUMN works_at BIGINT;
UPDATE request SET delivered_at = COALESCE((SELECT min(at) FROM event
    WHERE request_id = request.id AND to_state = 'delivered'), updated_at) WHERE state = 'delivered';
UPDATE request SET shown_at = delivered_at WHERE state = 'delivered';

-- What people say who can't log in.
CREATE TABLE trouble (
    request_id BIGINT NOT NULL REFERENCES request (id),
    number     BIGINT NOT NULL CHECK (number > 0),
    envelope   TEXT NOT NULL UNIQUE,
    sees       TEXT NOT NULL,
    words      TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (request_id, number)
);
