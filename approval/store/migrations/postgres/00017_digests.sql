-- +goose Up

-- Each approval channel has a digest of its own. The one that there is keeps the channel in which it stands.
ALTER TABLE digest RENAME TO one_digest;
CREATE TABLE digest (
    channel TEXT PRIMARY KEY,
    place   TEXT NOT NULL,
    ref     TEXT NOT NULL,
    shows   TEXT NOT NULL,
    at      BIGINT NOT NULL
);
INSERT INTO digest (channel, place, ref, shows, at) SELECT place, place, ref, shows, at FROM one_digest;
DROP TABLE one_digest;
