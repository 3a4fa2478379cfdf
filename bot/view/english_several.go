package view

import "ehpcbot/approval"

var englishSeveral = severalTexts{
	Waiting:    "**{count} requests are waiting for approval**",
	Item:       "{link}: {requester} asks for the account `{username}` on {cluster}, waiting for {age}",
	FormItem:   "{link}: {requester} asks for the account `{username}` on {cluster}, waiting for {age}. Directory permissions: {mod}.",
	ItemReason: " Reason: {said}",
	ItemUntil:  " Needed until: {until}.",
	More:       "Later ones that are not listed: {count}.",
	Button:     "Decide several",
	Days:       "{count} days",
	Hours:      "{count} hours",
	Minutes:    "{count} min",
	FormTitle:  "Decide several",
	FormSubmit: "Decide",
	Option:     "{id}: {username} on {cluster}",
	Requests:   "Requests {first} to {last}",
	Verdict:    "Your decision on those that are ticked",
	Approve:    "Approve: done at once where no approval is missing",
	Deny:       "Deny",
	Reason: inputTexts{
		Label:       "Reason of a denial",
		Placeholder: "Please name your supervisor and ask again",
		Hint:        "The requesters read it.",
	},
	NoneTicked: "Please tick at least one request.",
	NoVerdict:  "Please choose one.",
	NoneWaits:  "No request waits for your decision.",

	Approved: "**Approved:** {ids}",
	Counted:  "**Approved by you; others have to approve as well:** {ids}",
	Denied:   "**Denied:** {ids}",
	Failed:   "**Not stored, or not in time; please decide on them once more:** {ids}",
	NotDone: map[approval.Kind]phrase{
		approval.KindVoted:       "**Not done, as you have decided on them before:** {ids}",
		approval.KindDecided:     "**Not done, as they were decided, or over, before you:** {ids}",
		approval.KindSelf:        "**Not done, as they are your own requests:** {ids}",
		approval.KindNotApprover: "**Not done, as you are not one of the approvers:** {ids}",
		approval.KindNoAnswer:    "**Not done, as I can't find out now whether you are an approver; please try again:** {ids}",
		approval.KindGone:        "**Not done, as those who ask are guests, or no members of this workspace any more:** {ids}",
		approval.KindUntold:      "**Not done, as I can't find out now whether those who ask may still have an account; please try again:** {ids}",
		approval.KindNotAllowed:  "**Not done, as what they ask for is not allowed any more:** {ids}",
		approval.KindStale:       "**Not done, as they are not what the form showed:** {ids}",
		approval.KindUnknown:     "**Not done, as there are no such requests:** {ids}",
	},
	OtherReason: "**Not done:** {ids}",
}
