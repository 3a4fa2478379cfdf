package view

var chineseAsking = askingTexts{
	Deciders:   "审批人：{deciders}。",
	Unseen:     "暂时未能确认该集群上是否已有此用户名，创建账号之前我会再次确认。",
	ReminderAt: "如果到 {remindAt} 仍无人处理，我会提醒审批人。",
	Until:      "使用期限：{until}",

	Cancel: "撤回申请",
	Remind: "提醒审批人",
	Reminded: []phrase{
		"**正在就申请 {id} 提醒审批人。**",
		"{remindAgain} 之后可以再次提醒。",
	},
	Nudge: "**提醒：{requester} 请您处理申请 {id}**",

	NextReminder: "{item}；{remindAt} 提醒审批人，{deadline} 过期",
	NextDeadline: "{item}；{deadline} 过期",
	NextTry:      "{item}；会自动重试",
	NextHidden:   "{item}；密码可查看至 {credentialsUntil}",

	UntilField: inputTexts{
		Label:       "使用期限",
		Placeholder: "选择日期",
		Hint:        "需要使用账号的最后一天。留空：长期使用。",
	},
	PolicyLabel:    "使用规定（版本 {policy}）",
	PolicyRead:     "阅读使用规定（版本 {policy}）",
	PolicyAccepted: "我已阅读并会遵守",
}
