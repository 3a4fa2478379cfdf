// Package endtoend tests the whole program from outside, by its environment, its command line, Slack and HTTP. The
// tests stand by what they are about; package world is what they stand on.
package endtoend

import (
	"testing"

	"ehpcbot/bot/endtoend/world"
)

func TestMain(m *testing.M) { world.Main(m) }

// The people, and where they are.
const (
	isabel  = world.Isabel
	otto    = world.Otto
	anna    = world.Anna
	ben     = world.Ben
	carl    = world.Carl
	gus     = world.Gus
	robo    = world.Robo
	dora    = world.Dora
	fay     = world.Fay
	admins  = world.Admins
	channel = world.Channel
)
