-- +goose Up

-- Approvals that it takes to give an account that is there a new password; NULL: the request is for an account.
ALTER TABLE request ADD COLUMN reset_approvals bigint CHECK (reset_approvals >= 0);
