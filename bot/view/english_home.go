package view

var englishHome = homeTexts{
	Title:  "Accounts on the cluster",
	Ask:    "Ask for an account",
	Intro:  "Ask for an account here, and see what becomes of it. An approver decides, and I send the credentials in a direct message.",
	Unsure: "I can't find out at the moment what you may do here. What is missing follows by itself.",

	Waiting:     "Waiting for your decision",
	NoneWaiting: "Nothing waits for a decision.",
	MoreWaiting: "Later ones that are not shown: {count}. Each is in its approval channel, too.",

	Requests:    "Your requests",
	NoRequests:  "No request of yours is open.",
	Request:     "**Request {id}: {state}** – `{username}` on {cluster}",
	Cancel:      "Cancel",
	CancelTitle: "Cancel request {id}?",
	CancelText:  "The account {username} on {cluster} will not be made.",
	CancelNow:   "Cancel the request",

	Accounts:     "Your accounts",
	Account:      "**`{username}` on {cluster}**",
	MoreAccounts: "Older ones that are not shown: {count}.",

	State:          "How the bot is",
	Well:           "{part}: in order",
	Unwell:         "**{part}: not in order**",
	Counts:         "Requests: {waiting} waiting for approval, {underWay} under way, {failed} failed.",
	FailedRequests: "`ehpcbot requests --state failed` tells which failed, and why.",
	Parts:          map[string]phrase{"slack": "Slack", "ehpc": "The cluster's API", "database": "The database"},
}
