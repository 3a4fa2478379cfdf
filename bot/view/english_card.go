package view

import "ehpcbot/approval"

var englishCard = cardTexts{
	Person:  "{requester} is {person}.",
	Guest:   "a guest of this workspace",
	Photo:   "Photo of {name}",
	First:   "It is the first request of {requester}.",
	Earlier: "Earlier requests of {requester}: {count} ({earlier})",
	Counts: map[approval.State]phrase{
		approval.Pending:      "{count} waiting for approval",
		approval.Approved:     "{count} approved",
		approval.Provisioning: "{count} being made",
		approval.Provisioned:  "{count} made",
		approval.Denied:       "{count} denied",
		approval.Expired:      "{count} expired",
		approval.Cancelled:    "{count} cancelled",
		approval.Failed:       "{count} failed",
	},
	Accounts: "{count} delivered: {accounts}",
	Account:  "{username} on {cluster}",
}
