-- +goose Up

-- What is left of the calls of the EHPC API that a process may make in an hour, and when that was so. Replicas divide
-- the API's quota among them; one that starts goes on with what the last one had left of its part.
CREATE TABLE quota (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    calls DOUBLE PRECISION NOT NULL,
    at    BIGINT NOT NULL
);
