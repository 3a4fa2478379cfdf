package view

import "ehpcbot/approval"

var chineseAfter = afterTexts{
	Works:   "可以登录",
	Trouble: "无法登录",
	Thanks:  "感谢您告知可以登录。",
	ShowFailed: []phrase{
		"**Slack 没有打开显示登录信息的窗口。**",
		"请再次点击**查看登录信息**。",
	},
	ModalNext: "保存好密码后，请关闭此窗口，并点击我的消息下方的**我已保存**，之后任何人都无法再打开。",
	Offered:   "{requester} 已收到查看登录信息的按钮，但还没有点击。",
	Told:      "{requester} 表示可以登录。",
	Prompt: []phrase{
		"**您在 {cluster} 上的账号 `{username}` 已就绪。**",
		"您还没有查看登录信息。点击按钮即可查看用户名和密码。",
	},
	Unopened: []phrase{
		"**{requester} 还没有查看 {cluster} 上账号 `{username}` 的登录信息**（申请 {id}）。我已提醒过对方。",
		"对方可能没有看到我的消息：请转告对方，按钮就在与我的对话里。",
	},
	FormTitle:  "无法登录",
	FormSubmit: "告知审批人",
	Sees: inputTexts{
		Label:       "您看到了什么？",
		Placeholder: "请选择",
		Hint:        "选择最接近的一项即可。",
	},
	Options: map[approval.Sees]phrase{
		approval.SeesRefusal:  "密码被拒绝",
		approval.SeesNothing:  "连接被拒绝，或者没有反应",
		approval.SeesQuestion: "要求输入其他内容，例如密钥",
		approval.SeesOther:    "其他情况",
	},
	Words: inputTexts{
		Label:       "具体描述",
		Placeholder: "Permission denied, please try again.",
		Hint:        "例如您看到的最后一行。审批人会看到：请不要在这里输入密码。",
	},
	Reported: []phrase{
		"**我正在告知审批人，并附上能查到的账号情况。**",
		"他们会联系您，您无需再做其他操作。",
	},
	Report: []phrase{
		"**{requester} 无法以 `{username}` 登录 {cluster}**（申请 {id}）。",
		"看到的情况：{sees}",
	},
	Says:          "对方的描述：",
	Status:        "集群状态：{status}。",
	StatusUnknown: "**目前无法查到集群状态。**",
	Logins:        "登录地址：{logins}。",
	NoLogins:      "接口没有给出登录地址。",
	LoginsUnknown: "**目前无法查到登录地址。**",
	Listed:        "集群上有该账号。",
	NotListed:     "**集群上没有该账号。**",
	ListedUnknown: "**目前无法查到集群上是否有该账号。**",
	Job:           "由接口任务 {job} 创建，登录信息于 {delivered} 送达。",
	NoJob:         "不清楚由哪个接口任务创建，登录信息于 {delivered} 送达。",
	Shown:         "密码于 {shown} 首次显示给对方。",
	NotShown:      "**对方还没有查看登录信息。**",
	Help:          "请直接联系 {requester}：我不会阅读这里的回复，对方也可能看不到。",
}
