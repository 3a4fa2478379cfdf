package view

import "ehpcbot/approval"

var chineseSeveral = severalTexts{
	Waiting:    "**有 {count} 个申请等待审批**",
	Item:       "{link}：{requester} 申请在 {cluster} 上开通账号 `{username}`，已等待 {age}",
	FormItem:   "{link}：{requester} 申请在 {cluster} 上开通账号 `{username}`，已等待 {age}。主目录权限：{mod}。",
	ItemReason: "理由：{said}",
	ItemUntil:  "使用期限：{until}。",
	More:       "还有 {count} 个较晚的申请未列出。",
	Button:     "批量处理",
	Days:       "{count} 天",
	Hours:      "{count} 小时",
	Minutes:    "{count} 分钟",
	FormTitle:  "批量处理申请",
	FormSubmit: "提交",
	Option:     "{id}：{cluster} 上的 {username}",
	Requests:   "申请 {first} 至 {last}",
	Verdict:    "对所勾选申请的处理",
	Approve:    "批准：所需批准已满的申请会立即处理",
	Deny:       "拒绝",
	Reason: inputTexts{
		Label:       "拒绝的理由",
		Placeholder: "请注明导师姓名后重新申请",
		Hint:        "申请人会看到。",
	},
	NoneTicked: "请至少勾选一个申请。",
	NoVerdict:  "请选择一项。",
	NoneWaits:  "没有等待您处理的申请。",

	Approved: "**已批准：**{ids}",
	Counted:  "**您已批准，还需要其他人批准：**{ids}",
	Denied:   "**已拒绝：**{ids}",
	Failed:   "**未能保存或未能及时处理，请再处理一次：**{ids}",
	NotDone: map[approval.Kind]phrase{
		approval.KindVoted:       "**未处理，因为您之前已经处理过：**{ids}",
		approval.KindDecided:     "**未处理，因为在您之前已有结果或已失效：**{ids}",
		approval.KindSelf:        "**未处理，因为这是您自己的申请：**{ids}",
		approval.KindNotApprover: "**未处理，因为您不是审批人：**{ids}",
		approval.KindNoAnswer:    "**未处理，因为暂时无法确认您是否是审批人，请再试一次：**{ids}",
		approval.KindGone:        "**未处理，因为申请人是访客，或已不是本工作区的成员：**{ids}",
		approval.KindUntold:      "**未处理，因为暂时无法确认申请人是否仍可拥有账号，请再试一次：**{ids}",
		approval.KindNotAllowed:  "**未处理，因为所申请的内容已不再允许：**{ids}",
		approval.KindStale:       "**未处理，因为与表单显示的内容不符：**{ids}",
		approval.KindUnknown:     "**未处理，因为没有这些申请：**{ids}",
	},
	OtherReason: "**未处理：**{ids}",
}
