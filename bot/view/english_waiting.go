package view

var englishWaiting = waitingTexts{
	PassedOn: "Half of the time is over, so {fallback} may decide as well.",
	AskFallback: []phrase{
		"{fallback}: **please decide on request {id}**",
		"Half of the time is over, and the approvers have not decided. From now on you may as well.",
	},
	Daily: []phrase{
		"{deciders}: **Reminder: request {id} is still waiting for approval**",
	},
	Where: "The buttons are at the top of this thread.",

	Still:    "**Request {id} is still waiting:** the account `{username}` on {cluster} is not decided on yet.",
	Reminded: "I have reminded those whose turn it is: {deciders}.",
	NowAsked: "It is now also the turn of {fallback}, whom I have asked beside the approvers.",
}
