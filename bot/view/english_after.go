package view

import "ehpcbot/approval"

var englishAfter = afterTexts{
	Works:   "It works",
	Trouble: "I can't log in",
	Thanks:  "Thank you for telling me that the login works.",
	ShowFailed: []phrase{
		"**Slack did not open the window with your credentials.**",
		"Please press **Show credentials** again.",
	},
	ModalNext: "When you have saved the password, close this window and press **I have saved it** below my message. Then nobody can open it any more.",
	Offered:   "{requester} has a button that shows the credentials, and has not pressed it yet.",
	Told:      "{requester} says that the login works.",
	Prompt: []phrase{
		"**Your account `{username}` on {cluster} is waiting for you.**",
		"You have not opened its credentials yet. Press the button to see the username and the password.",
	},
	Unopened: []phrase{
		"**{requester} has not opened the credentials of `{username}` on {cluster} yet** (request {id}). I have reminded them.",
		"Maybe they don't see my messages: please tell them that there is a button in their conversation with me.",
	},
	FormTitle:  "I can't log in",
	FormSubmit: "Tell the approvers",
	Sees: inputTexts{
		Label:       "What do you see?",
		Placeholder: "Choose one",
		Hint:        "What comes closest will do.",
	},
	Options: map[approval.Sees]phrase{
		approval.SeesRefusal:  "The password is refused",
		approval.SeesNothing:  "The connection is refused, or nothing happens",
		approval.SeesQuestion: "Something else is asked for, such as a key",
		approval.SeesOther:    "Something else",
	},
	Words: inputTexts{
		Label:       "In your words",
		Placeholder: "Permission denied, please try again.",
		Hint:        "Such as the last line that you see. The approvers read it: don't type your password here.",
	},
	Reported: []phrase{
		"**I am telling the approvers, with what I can find out about the account.**",
		"They will write to you. There is nothing else you have to do.",
	},
	Report: []phrase{
		"**{requester} can't log in to {cluster} as `{username}`** (request {id}).",
		"What they see: {sees}",
	},
	Says:          "In their words:",
	Status:        "The cluster is {status}.",
	StatusUnknown: "**How the cluster is can't be found out now.**",
	Logins:        "People log in at {logins}.",
	NoLogins:      "The API tells of no address at which people log in.",
	LoginsUnknown: "**At which address people log in can't be found out now.**",
	Listed:        "The account is listed on the cluster.",
	NotListed:     "**The account is not listed on the cluster.**",
	ListedUnknown: "**Whether the account is listed on the cluster can't be found out now.**",
	Job:           "The API's job {job} made it; the credentials were delivered {delivered}.",
	NoJob:         "It is not known which job of the API made it; the credentials were delivered {delivered}.",
	Shown:         "The password was first shown to them {shown}.",
	NotShown:      "**They have not opened the credentials.**",
	Help:          "Please write to {requester}: I don't read what is said here, and they may not see it.",
}
