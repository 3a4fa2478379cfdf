package view

var chineseShell = shellTexts{
	Person:    "{name}（命令行）",
	Cancelled: "本机器人的管理员撤销了申请。",
	Notice:    "本机器人的管理员撤销了申请，所以不会在 {cluster} 上创建账号 `{username}`。",
	Decided:   "申请 {id} 此前已被本机器人的管理员撤销。",
	Reason:    "理由：",
}
