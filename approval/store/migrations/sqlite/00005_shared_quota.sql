-- +goose Up

-- Until when the API takes no calls, and after which pause (in milliseconds) it is asked again. The quota is now that of
-- all processes together.
ALTER TABLE quota ADD COLUMN closed_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quota ADD COLUMN pause INTEGER NOT NULL DEFAULT 0;

-- Accounts are made by one job for each cluster, which the start of the program inserts; those by request are no more.
DELETE FROM river_job WHERE kind IN ('provision', 'follow');
