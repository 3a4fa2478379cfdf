-- +goose Up

-- The last day on which the account is needed, as 2027-03-31; the version of the use policy that was accepted with the
-- request; and when its requester last had the approvers reminded.
ALTER TABLE request ADD COLUMN until_date text NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN policy text NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN reminded_at bigint;
