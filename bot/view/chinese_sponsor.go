package view

var chineseSponsor = sponsorTexts{
	Named:      "担保人：{sponsor}",
	By:         "担保人：{sponsor}，{sponsoredAt} 已同意",
	At:         "担保人 {sponsor} 已同意：{sponsoredAt}",
	Turn:       "现在轮到担保人 {sponsor}：我先通过私信征求担保人的意见，之后由审批人处理。",
	You:        "{requester} 请您作担保人。请您先处理，之后由审批人处理。",
	Silent:     "截至 {deadline}，担保人 {sponsor} 没有答复。",
	ReminderAt: "如果到 {remindAt} {sponsor} 仍未处理，我会提醒。",
	Next:       "{item}；现在轮到担保人 {sponsor}；{deadline} 过期",
	Where:      "操作按钮在本对话上方的申请消息里。",

	ApproveText: "您将以担保人身份同意在 {cluster} 上开通账号 {username}。之后由审批人处理。",
	Remind:      "提醒担保人",
	Spoken:      "就申请 {id} 提醒担保人",
	Reminded: []phrase{
		"**正在就申请 {id} 提醒担保人 {sponsor}。**",
		"{remindAgain} 之后可以再次提醒。",
	},
	AlreadyReminded: "已于 {reminded} 就申请 {id} 提醒过担保人 {sponsor}。{remindAgain} 之后可以再次提醒。",

	Done: "您这一步已完成：现在由审批人处理。结果会显示在这里。",
	Approved: []phrase{
		"**担保人 {sponsor} 已同意您的申请 {id}。**",
		"现在轮到审批人，他们会在 {channel} 收到此申请。",
	},
	AnswerSent: "您的回答已保存，申请 {id} 的担保人 {sponsor} 会看到。",
	Over: []phrase{
		"**申请 {id} 未等到您的答复，已过期。**",
		"{requester} 曾请您为 {cluster} 上的账号 `{username}` 作担保人。该账号不会创建，{requester} 会收到通知，也可以重新申请。",
	},

	Field: inputTexts{
		Label:       "担保人",
		Placeholder: "选择人员",
		Hint:        "为您担保的人，例如您的导师。担保人先同意，再由审批人处理。",
	},
}
