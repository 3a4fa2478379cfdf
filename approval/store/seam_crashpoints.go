//go:build crashpoints

package store

import (
	"database/sql/driver"

	"ehpcbot/approval/crashpoints"
)

func watched(c driver.Connector) driver.Connector { return crashpoints.Watch(c) }
