package view

import "ehpcbot/approval"

var chineseReset = resetTexts{
	States: map[approval.State]phrase{
		approval.Approved:     "即将设置新密码",
		approval.Provisioning: "正在设置新密码",
		approval.Provisioned:  "新密码已设置，正在发送",
		approval.Delivered:    "已完成，新密码已送达",
	},
	Failures: map[approval.Failure]failureTexts{
		approval.FailureMissing: {
			Why:       "该账号已不存在。",
			Approver:  "{requester} 可以重新申请账号。如果账号又恢复了，请点击“重试”。",
			Requester: "您可以重新申请账号：输入 `{command}` 会打开表单。",
		},
		approval.FailureReplaced: {
			Why:       "那里有账号 `{username}`，但不是我创建的那一个。",
			Approver:  "我没有改动它的密码。请在控制台查看它属于谁。",
			Requester: "我没有改动它的密码。请联系集群管理员。",
		},
		approval.FailureTooOften: {
			Why:       "该账号重置密码过于频繁，集群暂时不再接受新密码。",
			Approver:  "请明天点击“重试”，或由 {requester} 重新申请。",
			Requester: "请明天再申请：`{command} {askAgain}`。在此之前原密码仍然有效。",
		},
		approval.FailureRefused: {
			Why:       "集群拒绝了新密码；在集群上自行修改过密码时就会这样。",
			Approver:  "请在控制台或集群上为 `{username}` 手动设置密码，并亲自交给 {requester}。如果详细信息指出的是其他可以解决的原因，请解决后点击“重试”。",
			Requester: "已告知审批人如何手动设置密码，您无需重新申请。在此之前原密码仍然有效。",
		},
		approval.FailureTimeout: {
			Why:       "集群没有说明新密码是否已生效：有效的可能仍是原密码。",
			Approver:  "请点击“重试”：我会再次发送同一个密码。如果又失败，可能是 {requester} 在集群上自行修改过密码，请在控制台或集群上手动设置密码，并亲自交给对方。",
			Requester: "已告知审批人该怎么做，他们会继续处理，您无需重新申请。",
		},
		approval.FailureCluster: {
			Why:       "我已不再管理这个集群。",
			Approver:  "如果仍需要它，请让本机器人的管理员把它重新加入 EHPC_CLUSTERS，然后点击“重试”。",
			Requester: "请向集群管理员申请新密码。",
		},
		approval.FailureDamaged: {
			Why:       "无法解密已保存的密码：数据已损坏，或申请在此之后被更改。",
			Approver:  "请让本机器人的管理员运行 `ehpcbot audit verify`。然后由 {requester} 重新申请。",
			Requester: "请重新申请：`{command} {askAgain}`",
		},
		approval.FailureGone: {
			Why:       "{requester} 已停用、是访客，或已不是本工作区的成员。",
			Approver:  "账号 `{username}` 的密码没有改变。如果情况有变，请点击“重试”。",
			Requester: "您是访客，或已不是本工作区的成员。如有疑问，请联系集群管理员。",
		},
		approval.FailureUnreachable: {
			Why:       "账号 `{username}` 已有新密码，但无法交给 {requester}：该用户已停用、是访客，或已不是本工作区的成员。",
			Approver:  "如果又能联系到 {requester}，请点击“重试”。否则没有人知道 `{username}` 的密码：请告知 {cluster} 的管理员。",
			Requester: "无法把密码发给您。请联系集群管理员。",
		},
		approval.FailureNotAllowed: {
			Why:       "没有任何经我签名的记录表明账号 `{username}` 属于 {requester}，或表明本人提出过申请。",
			Approver:  "密码没有改变。请让本机器人的管理员运行 `ehpcbot audit verify`，它会指出数据库是否被人改动。",
			Requester: "请向集群管理员申请新密码。",
		},
		approval.FailureAbandoned: {
			Why:       "申请停滞不前，已被人工结束。",
			Approver:  "账号 `{username}` 可能已经换成新密码，而没有人知道它。点击“重试”可以继续处理。",
			Requester: "审批人可以再次尝试。您的原密码可能已经失效。",
		},
	},
	OtherFailure: failureTexts{
		Why:       "发生了意料之外的情况。",
		Approver:  "点击“重试”可再次尝试。如果又失败，请联系本机器人的管理员。",
		Requester: "审批人可以再次尝试，您无需重新申请。",
	},
	Asks:  "{requester} 申请为自己在 {cluster} 上的账号 `{username}` 设置新密码。",
	Asked: "{requester} 此前申请为自己在 {cluster} 上的账号 `{username}` 设置新密码。",
	Progress: map[approval.State]phrase{
		approval.Approved:     "即将设置新密码。",
		approval.Provisioning: "正在设置新密码。",
		approval.Provisioned:  "新密码已设置，即将通过私信发给 {requester}。",
		approval.Delivered:    "{requester} 已收到新密码。",
	},
	Failed:           "**未能为账号设置新密码。**{why}",
	ApproveText:      "将立即为 {cluster} 上的账号 {username} 设置新密码，原密码随即失效。",
	ApproveTextFirst: "您将批准为 {cluster} 上的账号 {username} 设置新密码。满 {required} 人批准后开始设置。",
	RetryText:        "将再次尝试为 {cluster} 上的账号 {username} 设置新密码，密码与上次尝试的相同。",

	WaitsForApproval: "**申请 {id} 已提交：**为 {cluster} 上的账号 `{username}` 设置新密码，正在等待审批。",
	Begins:           "**申请 {id} 已提交：**即将为您在 {cluster} 上的账号 `{username}` 设置新密码。",
	Next:             "设置好之后，我会通过私信发给您。在此之前原密码仍然有效。",
	Already:          "**您已经申请过为 {cluster} 上的账号 `{username}` 设置新密码。**申请 {id}：{state}。",
	CancelledKeeps:   "{cluster} 上的账号 `{username}` 密码不变。",
	Abandoned:        "已通知 {requester} 和审批频道。{cluster} 上的账号 `{username}` 可能已经换成新密码，而没有人知道它。在申请的消息上点击“重试”可以继续处理。",
	ListItem:         "{id}：{cluster} 上 `{username}` 的新密码 – {state}",
	Ready:            "**您在 {cluster} 上的账号 `{username}` 有了新密码。**",

	NoticeDenied:    "{denier} 没有同意为 {cluster} 上的账号 `{username}` 设置新密码。",
	NoticeExpired:   "{cluster} 上的账号 `{username}` 密码不变。",
	NoticeCancelled: "您撤回了申请，所以 {cluster} 上的账号 `{username}` 密码不变。",
	NoticeDelayed:   "将为 {cluster} 上的账号 `{username}` 设置新密码，但还没有完成。",
	NoticeFailed:    "未能为 {cluster} 上的账号 `{username}` 设置新密码。{why}",

	ShellNotice:   "本机器人的管理员撤销了申请，所以 {cluster} 上的账号 `{username}` 密码不变。",
	Still:         "**申请 {id} 仍在等待：**为 {cluster} 上的账号 `{username}` 设置新密码的申请尚未有结果。",
	QuestionAbout: "涉及为 {cluster} 上的账号 `{username}` 设置新密码的申请。",
	HomeRequest:   "**申请 {id}：{state}** – {cluster} 上 `{username}` 的新密码",
	SeveralItem:   "{link}：{requester} 申请为 {cluster} 上的账号 `{username}` 设置新密码，已等待 {age}",
	SeveralOption: "{id}：{cluster} 上 {username} 的新密码",
	Prompt: []phrase{
		"**您在 {cluster} 上的账号 `{username}` 的新密码已就绪。**",
		"您还没有查看。点击按钮即可查看用户名和密码。",
	},
	NoJob: "新密码由接口直接设置，没有任务；登录信息于 {delivered} 送达。",

	Replaced:    "该账号已有新密码，这里不再显示原密码。",
	Button:      "新密码",
	Confirm:     "要设置新密码吗？",
	ConfirmText: "我会为 {cluster} 上的账号 {username} 设置新密码并发给您，原密码随即失效。",

	UnknownKey: "无法识别 `{token}`。`reset` 后面可以使用 `username=` 和 `cluster=`。",
	Syntax:     "例如：`{command} reset isabel cluster=ehpc-8jqdq0mz`",
}
