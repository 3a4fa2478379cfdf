package bot

import (
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// Config is what the bot needs to know of its workspace. Package bot/config reads it from the environment.
type Config struct {
	API               slackapi.Config
	Connections       int         // Socket Mode connections of this process, 1–10
	Command           string      // the slash command, with its slash
	RequestsPerMinute int         // that one person may make of this process; 0: no limit
	Locale            view.Locale // the language of the channel, and of people whose own is neither English nor Chinese
}
