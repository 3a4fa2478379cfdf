// Package ehpctest is a double of the QingCloud EHPC API: a server on loopback
// that keeps the rules of the real one and can be told to misbehave.
//
// It is strict where the real API is, or may be: signature and clock, the form
// of the body, unknown and missing parameters, the rules of usernames and
// passwords, clusters and zones. Its search for users is as fuzzy as the real
// one's, and accounts come into being only when their job ends. It shares no
// code with the client, so that a mistake in one shows in the other.
//
// A [Server] remembers passwords and request bodies as they came, for tests to
// look at. It must not be given real ones.
package ehpctest
