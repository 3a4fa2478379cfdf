package view

var englishChange = changeTexts{
	Username: "username {before} → {after}",
	Mod:      "directory permissions {before} → {after}",
	Changed:  "Changed by {changer}: {changes}",
	Notice: []phrase{
		"**{changer} has approved your request {id} with a change**",
		"Changed: {changes}",
	},
	More:     "Approvals so far: {approved} of {required}.",
	NotRight: "If that is not what you need, write to {changer}.",

	Button:     "Approve with changes",
	FormTitle:  "Approve with changes",
	FormSubmit: "Approve",
	FormHint:   "What you change here is approved instead, and {requester} is told. Approvals of others, for what was asked before, lapse.",
}
