package view

var englishShell = shellTexts{
	Person:    "{name} (from the shell)",
	Cancelled: "An administrator of this bot has cancelled the request.",
	Notice:    "An administrator of this bot has cancelled it, so the account `{username}` on {cluster} will not be made.",
	Decided:   "Request {id} was already cancelled by an administrator of this bot.",
	Reason:    "The reason:",
}
