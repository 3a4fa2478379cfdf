package view

var chineseHome = homeTexts{
	Title:  "集群账号",
	Ask:    "申请账号",
	Intro:  "您可以在这里申请账号并查看进度。审批人批准后，我会通过私信把登录信息发给您。",
	Unsure: "暂时无法确认您在这里可以做什么，缺少的内容稍后会自动显示。",

	Waiting:     "等待您审批",
	NoneWaiting: "没有等待审批的申请。",
	MoreWaiting: "还有 {count} 条较晚的申请未列出，可在各自的审批频道中查看。",

	Requests:    "您的申请",
	NoRequests:  "您没有未完成的申请。",
	Request:     "**申请 {id}：{state}** – {cluster} 上的 `{username}`",
	Cancel:      "撤回",
	CancelTitle: "撤回申请 {id}？",
	CancelText:  "将不会在 {cluster} 上创建账号 {username}。",
	CancelNow:   "撤回申请",

	Accounts:     "您的账号",
	Account:      "**{cluster} 上的 `{username}`**",
	MoreAccounts: "还有 {count} 个更早的账号未列出。",

	State:          "机器人状态",
	Well:           "{part}：正常",
	Unwell:         "**{part}：异常**",
	Counts:         "申请：等待审批 {waiting} 条，处理中 {underWay} 条，失败 {failed} 条。",
	FailedRequests: "运行 `ehpcbot requests --state failed` 可查看哪些申请失败及原因。",
	Parts:          map[string]phrase{"slack": "Slack", "ehpc": "集群接口", "database": "数据库"},
}
