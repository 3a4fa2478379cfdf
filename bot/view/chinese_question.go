package view

var chineseQuestion = questionTexts{
	Title:      "**关于您的申请 {id}，{asker} 有一个问题**",
	About:      "涉及在 {cluster} 上开通账号 `{username}` 的申请。",
	Please:     "请在 {deadline} 之前回答。届时如果仍无人处理，申请将过期。",
	YourAnswer: "您的回答：",
	Thread:     "{asker} 询问 {requester}：",
	Answer:     "{requester} 回答 {asker}：",

	Open:     "{asker} 向 {requester} 提了一个问题，尚未得到回答，详见消息列。",
	Answered: "{requester} 已回答 {asker} 的问题，详见消息列。",
	ForYou:   "{asker} 向您提了一个问题：请查看我发给您的私信，并在那里回答。",

	AskBack: "询问申请人",
	Reply:   "回答",
	Sent:    "您的回答已保存，申请 {id} 的审批人会看到。",

	FormTitle:   "询问申请人",
	FormSubmit:  "发送",
	ReplyTitle:  "回答问题",
	ReplySubmit: "发送",
	QuestionInput: inputTexts{
		Label:       "问题",
		Placeholder: "您的导师是谁？",
		Hint:        "问题会通过私信发给申请人，回答会显示在消息列中。审批时限将重新计算。",
	},
	ReplyInput: inputTexts{
		Label:       "回答",
		Placeholder: "李教授",
		Hint:        "处理申请的人会看到。",
	},
}
