package view

var englishRules = rulesTexts{
	Former: "The rules of this cluster have changed since it was asked for. Those of then hold for it.",
	Begins: "**Request {id} is in:** members of {exempt} need no approval, so the account `{username}` on {cluster} is made now.",
	Exempt: "No approval is needed: {requester} is a member of {exempt}.",
}
