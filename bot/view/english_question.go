package view

var englishQuestion = questionTexts{
	Title:      "**{asker} has a question about your request {id}**",
	About:      "It is about the account `{username}` on {cluster}.",
	Please:     "Please answer by {deadline}. After that the request expires if nobody has decided.",
	YourAnswer: "Your answer:",
	Thread:     "{asker} asks {requester}:",
	Answer:     "{requester} answers {asker}:",

	Open:     "{asker} has asked {requester} something, and there is no answer yet: see the thread.",
	Answered: "{requester} has answered the question of {asker}: see the thread.",
	ForYou:   "{asker} has asked you something: look at your direct messages from me, and answer there.",

	AskBack: "Ask back",
	Reply:   "Answer",
	Sent:    "Your answer is stored, and the approvers of request {id} are shown it.",

	FormTitle:   "Ask back",
	FormSubmit:  "Ask",
	ReplyTitle:  "Answer a question",
	ReplySubmit: "Send",
	QuestionInput: inputTexts{
		Label:       "Question",
		Placeholder: "Who is your supervisor?",
		Hint:        "The requester gets it as a direct message, and the answer comes into the thread. The time to decide starts anew.",
	},
	ReplyInput: inputTexts{
		Label:       "Answer",
		Placeholder: "Professor Li",
		Hint:        "Those who decide read it.",
	},
}
