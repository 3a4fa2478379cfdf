-- +goose Up

-- The uid of the account, once it was compared with those of the others; and another account that has the same.
ALTER TABLE request ADD COLUMN uid bigint;
ALTER TABLE request ADD COLUMN twin text NOT NULL DEFAULT '';
UPDATE request SET uid = 0 WHERE state = 'delivered';
CREATE INDEX request_uncompared ON request (cluster) WHERE uid IS NULL AND state IN ('provisioned', 'delivered');
