package view

var chineseWaiting = waitingTexts{
	PassedOn: "审批时间已过半，{fallback} 现在也可以处理。",
	AskFallback: []phrase{
		"{fallback}：**请处理申请 {id}**",
		"审批时间已过半，审批人仍未处理，因此您现在也可以处理。",
	},
	Daily: []phrase{
		"{deciders}：**提醒：申请 {id} 仍在等待审批**",
	},
	Where: "操作按钮在本消息列顶部的申请消息里。",

	Still:    "**申请 {id} 仍在等待：**在 {cluster} 上开通账号 `{username}` 的申请尚未有结果。",
	Reminded: "我已提醒现在负责处理的人：{deciders}。",
	NowAsked: "除审批人外，现在也由 {fallback} 处理，我已发出请求。",
}
