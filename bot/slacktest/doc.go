// Package slacktest is a Slack workspace in one process: the part of the Web API and of Socket Mode that a bot
// with slash commands, buttons and modals meets, and the people on the other side of it.
//
// A [Server] listens on loopback. A bot is pointed at it by its address alone ([Server.APIURL]) and needs no
// other change. Tests act as people do ([Server.Person]): they type commands, press buttons, fill in forms, and
// look at what was shown to them. What Slack refuses is refused here with the same error, and each refusal that
// a correct bot never earns is kept ([Server.Violations]). Time-outs, broken connections, limits and duplicates
// can be had on demand ([Server.Fail], [Server.DropConnections], [Server.SetRateLimit], [Server.Repeat]).
//
// The rules are those of docs.slack.dev as of November 2026; where Slack documents none and behaviour was
// inferred, the comment says so. Legacy attachments, all events but
// app_home_opened, uploads and the block types that only agents and workflows use are not modelled, and are refused rather than accepted unseen.
//
// A Server does no work of its own accord but to ping connections; it keeps everything in memory and forgets
// nothing until it is closed. All of its methods may be called from any goroutine.
package slacktest
