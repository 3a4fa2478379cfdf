package view

var englishAsking = askingTexts{
	Deciders:   "Who decides: {deciders}.",
	Unseen:     "I could not see in time whether the cluster has this username already. I look again before the account is made.",
	ReminderAt: "If nobody has decided by {remindAt}, the approvers are reminded.",
	Until:      "Needed until: {until}",

	Cancel: "Cancel request",
	Remind: "Remind them",
	Reminded: []phrase{
		"**The approvers are being reminded of request {id}.**",
		"You can have them reminded again from {remindAgain} on.",
	},
	Nudge: "**Reminder: {requester} asks you to look at request {id}**",

	NextReminder: "{item}; the approvers are reminded {remindAt}, it expires {deadline}",
	NextDeadline: "{item}; it expires {deadline}",
	NextTry:      "{item}; it is tried again by itself",
	NextHidden:   "{item}; the password can be seen until {credentialsUntil}",

	UntilField: inputTexts{
		Label:       "Until when",
		Placeholder: "Choose a day",
		Hint:        "The last day on which you need the account. Empty: for good.",
	},
	PolicyLabel:    "Use policy, version {policy}",
	PolicyRead:     "Read the use policy, version {policy}",
	PolicyAccepted: "I have read it and will keep to it",
}
