package view

var chineseRules = rulesTexts{
	Former: "提交申请之后，该集群的规则已有变更。此申请仍按提交时的规则处理。",
	Begins: "**申请 {id} 已收到：**{exempt} 的成员无需审批，现在开始在 {cluster} 上开通账号 `{username}`。",
	Exempt: "无需审批：{requester} 是 {exempt} 的成员。",
}
