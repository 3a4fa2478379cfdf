-- +goose Up

-- Who asks names a sponsor where the rules of the cluster want one, who approves before the approvers decide.
ALTER TABLE request ADD COLUMN sponsor TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN sponsored_at BIGINT;
