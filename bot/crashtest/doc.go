// Package crashtest holds tests that run the real program as a process, against the doubles of Slack and of the
// EHPC API, and take it away at the worst moments: killed before and after each of its steps, killed at random
// among several replicas, with a full disk, a database that can't be written, or a PostgreSQL that goes away.
//
// By default they run a sample. With EHPCBOT_CRASH=full they run all of it, on both databases:
//
//	EHPCBOT_CRASH=full go test -v -timeout 20m ./bot/crashtest/
package crashtest
