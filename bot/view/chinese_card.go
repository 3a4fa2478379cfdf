package view

import "ehpcbot/approval"

var chineseCard = cardTexts{
	Person:  "{requester}：{person}。",
	Guest:   "本工作区的访客",
	Photo:   "{name} 的照片",
	First:   "这是 {requester} 的第一次申请。",
	Earlier: "{requester} 此前的申请：共 {count} 个（{earlier}）",
	Counts: map[approval.State]phrase{
		approval.Pending:      "{count} 个等待审批",
		approval.Approved:     "{count} 个已批准",
		approval.Provisioning: "{count} 个正在创建",
		approval.Provisioned:  "{count} 个已创建",
		approval.Denied:       "{count} 个被拒绝",
		approval.Expired:      "{count} 个已过期",
		approval.Cancelled:    "{count} 个已撤回",
		approval.Failed:       "{count} 个失败",
	},
	Accounts: "{count} 个已送达：{accounts}",
	Account:  "{cluster} 上的 {username}",
}
