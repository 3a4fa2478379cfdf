package view

var chineseChange = changeTexts{
	Username: "用户名 {before} → {after}",
	Mod:      "主目录权限 {before} → {after}",
	Changed:  "{changer} 作了修改：{changes}",
	Notice: []phrase{
		"**{changer} 修改并批准了您的申请 {id}**",
		"修改内容：{changes}",
	},
	More:     "目前批准进度：{approved}/{required}。",
	NotRight: "如果这不符合您的需要，请联系 {changer}。",

	Button:     "修改后批准",
	FormTitle:  "修改后批准",
	FormSubmit: "批准",
	FormHint:   "将按您在这里的修改批准，并通知 {requester}。其他人此前对原内容的批准将失效。",
}
