package sandbox

import (
	"testing"

	real "ehpcbot/bot/endtoend/world"
)

func TestMain(m *testing.M) { real.Main(m) }
