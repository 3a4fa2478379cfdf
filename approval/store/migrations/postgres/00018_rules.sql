-- +goose Up

-- The rules of POLICY_FILE under which a request was asked for, as JSON, and the group whose members need no approval where
-- the requester is one of them.
ALTER TABLE request ADD COLUMN rules text NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN exempt text NOT NULL DEFAULT '';
