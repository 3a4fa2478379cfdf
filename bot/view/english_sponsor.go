package view

var englishSponsor = sponsorTexts{
	Named:      "Sponsor: {sponsor}",
	By:         "Sponsor: {sponsor}, approved {sponsoredAt}",
	At:         "Approved for the sponsor, {sponsor}: {sponsoredAt}",
	Turn:       "It is the turn of the sponsor, {sponsor}, who is asked first, in a direct message. After that the approvers decide.",
	You:        "{requester} has named you as the sponsor. You decide first, and after that the approvers.",
	Silent:     "The sponsor, {sponsor}, did not answer by {deadline}.",
	ReminderAt: "If {sponsor} has not decided by {remindAt}, I remind them.",
	Next:       "{item}; it is the turn of the sponsor, {sponsor}; it expires {deadline}",
	Where:      "The buttons are at the message of the request, further up in this conversation.",

	ApproveText: "You approve the account {username} on {cluster} as the sponsor. After that the approvers decide.",
	Remind:      "Remind them",
	Spoken:      "Remind them: the sponsor of request {id}",
	Reminded: []phrase{
		"**The sponsor, {sponsor}, is being reminded of request {id}.**",
		"You can have them reminded again from {remindAgain} on.",
	},
	AlreadyReminded: "The sponsor, {sponsor}, was reminded of request {id} at {reminded} already. You can have them reminded again from {remindAgain} on.",

	Done: "Your step is done: now the approvers decide. I tell you here what becomes of it.",
	Approved: []phrase{
		"**The sponsor, {sponsor}, has approved your request {id}.**",
		"Now it is the turn of the approvers, who are asked in {channel}.",
	},
	AnswerSent: "Your answer is stored, and the sponsor of request {id}, {sponsor}, is shown it.",
	Over: []phrase{
		"**Request {id} has expired without your answer.**",
		"{requester} had named you as the sponsor of the account `{username}` on {cluster}. It will not be made, and {requester} is told. They can ask again.",
	},

	Field: inputTexts{
		Label:       "Sponsor",
		Placeholder: "Choose a person",
		Hint:        "Who vouches for you, such as your supervisor. They approve first, and then the approvers decide.",
	},
}
