package view

import "ehpcbot/approval"

var englishReset = resetTexts{
	States: map[approval.State]phrase{
		approval.Approved:     "the new password is about to be set",
		approval.Provisioning: "the new password is being set",
		approval.Provisioned:  "the new password is set and on its way",
		approval.Delivered:    "done, the new password was delivered",
	},
	Failures: map[approval.Failure]failureTexts{
		approval.FailureMissing: {
			Why:       "The account is not there any more.",
			Approver:  "{requester} can ask for an account anew. If it is there again, press Retry.",
			Requester: "You can ask for an account anew: `{command}` opens the form.",
		},
		approval.FailureReplaced: {
			Why:       "There is an account `{username}` there, and it is not the one that I have made.",
			Approver:  "I have left its password alone. Look in the console whose it is.",
			Requester: "I have left its password alone. Please ask the administrator of the cluster.",
		},
		approval.FailureTooOften: {
			Why:       "The cluster takes no further password for this account for now: it was given a new one too often.",
			Approver:  "Press Retry tomorrow, or let {requester} ask again.",
			Requester: "Please ask again tomorrow: `{command} {askAgain}`. Your former password holds until then.",
		},
		approval.FailureRefused: {
			Why:       "The cluster refused it, as it does where the password was changed on the cluster itself.",
			Approver:  "Please set a password for `{username}` by hand, in the console or on the cluster, and hand it to {requester} yourself. If the details name another reason that can be fixed, fix it and press Retry.",
			Requester: "The approvers have been told how to set one by hand; you need not ask again. Your former password holds until then.",
		},
		approval.FailureTimeout: {
			Why:       "The cluster did not say whether it has the new password: it may still have the former one.",
			Approver:  "Press Retry: I send the same password once more. If it fails again, {requester} may have changed the password on the cluster itself: then please set one by hand, in the console or on the cluster, and hand it over yourself.",
			Requester: "The approvers have been told what to do, and go on from here; you need not ask again.",
		},
		approval.FailureCluster: {
			Why:       "I don't look after this cluster any more.",
			Approver:  "If it should be there, the administrator of this bot adds it to EHPC_CLUSTERS again. Then press Retry.",
			Requester: "Please ask the administrator of the cluster for a new password.",
		},
		approval.FailureDamaged: {
			Why:       "The sealed password can't be opened: it is damaged, or the request was changed since.",
			Approver:  "Ask the administrator of this bot to run `ehpcbot audit verify`. Then {requester} asks again.",
			Requester: "Please ask again: `{command} {askAgain}`",
		},
		approval.FailureGone: {
			Why:       "{requester} is deactivated, a guest, or no member of this workspace any more.",
			Approver:  "The account `{username}` keeps its password. If that changes, press Retry.",
			Requester: "You are a guest, or no member of this workspace any more. If you think that this is wrong, ask the administrator of the cluster.",
		},
		approval.FailureUnreachable: {
			Why:       "The account `{username}` has a new password, but {requester} can't be given it: they are deactivated, a guest, or no member of this workspace any more.",
			Approver:  "If {requester} can be reached again, press Retry. Else nobody knows the password of `{username}`: tell the administrator of {cluster}.",
			Requester: "The password can't be sent to you. Please ask the administrator of the cluster.",
		},
		approval.FailureNotAllowed: {
			Why:       "Nothing that I have signed shows that the account `{username}` is {requester}'s, or that they have asked.",
			Approver:  "It keeps its password. Ask the administrator of this bot to run `ehpcbot audit verify`, which says whether somebody has changed the database.",
			Requester: "Please ask the administrator of the cluster for a new password.",
		},
		approval.FailureAbandoned: {
			Why:       "It did not get on, and was ended by hand.",
			Approver:  "The account `{username}` may have the new password already, which nobody knows. Retry goes on with it.",
			Requester: "The approvers can try again. Your former password may not work any more.",
		},
	},
	OtherFailure: failureTexts{
		Why:       "Something unforeseen happened.",
		Approver:  "Press Retry to try again. If it fails once more, ask the administrator of this bot.",
		Requester: "The approvers can try again; you need not ask again.",
	},
	Asks:  "{requester} asks for a new password for their account `{username}` on {cluster}.",
	Asked: "{requester} asked for a new password for their account `{username}` on {cluster}.",
	Progress: map[approval.State]phrase{
		approval.Approved:     "The new password is about to be set.",
		approval.Provisioning: "The new password is being set.",
		approval.Provisioned:  "The new password is set. {requester} is about to get it in a direct message.",
		approval.Delivered:    "{requester} got the new password.",
	},
	Failed:           "**The account could not be given a new password.** {why}",
	ApproveText:      "The account {username} on {cluster} will be given a new password at once, and its former one won't work any more.",
	ApproveTextFirst: "You approve a new password for the account {username} on {cluster}. It will be set when {required} people have approved.",
	RetryText:        "I try again to give the account {username} on {cluster} the new password, which is the same one as before.",

	WaitsForApproval: "**Request {id} is in:** a new password for the account `{username}` on {cluster} now waits for approval.",
	Begins:           "**Request {id} is in:** your account `{username}` on {cluster} is about to get a new password.",
	Next:             "Once it is set, I will send it to you in a direct message. Your former password holds until then.",
	Already:          "**You have asked for a new password for the account `{username}` on {cluster} already.** Request {id}: {state}.",
	CancelledKeeps:   "The account `{username}` on {cluster} keeps its password.",
	Abandoned:        "{requester} and the channel are told. The account `{username}` on {cluster} may have the new password already, which nobody knows. Retry, at the message of the request, goes on with it.",
	ListItem:         "{id}: new password for `{username}` on {cluster} – {state}",
	Ready:            "**Your account `{username}` on {cluster} has a new password.**",

	NoticeDenied:    "{denier} decided against a new password for the account `{username}` on {cluster}.",
	NoticeExpired:   "The account `{username}` on {cluster} keeps its password.",
	NoticeCancelled: "You took it back, so the account `{username}` on {cluster} keeps its password.",
	NoticeDelayed:   "The account `{username}` on {cluster} is to get a new password, but it is not set yet.",
	NoticeFailed:    "The account `{username}` on {cluster} could not be given a new password. {why}",

	ShellNotice:   "An administrator of this bot has cancelled it, so the account `{username}` on {cluster} keeps its password.",
	Still:         "**Request {id} is still waiting:** the new password for the account `{username}` on {cluster} is not decided on yet.",
	QuestionAbout: "It is about a new password for the account `{username}` on {cluster}.",
	HomeRequest:   "**Request {id}: {state}** – new password for `{username}` on {cluster}",
	SeveralItem:   "{link}: {requester} asks for a new password for the account `{username}` on {cluster}, waiting for {age}",
	SeveralOption: "{id}: new password for {username} on {cluster}",
	Prompt: []phrase{
		"**The new password for your account `{username}` on {cluster} is waiting for you.**",
		"You have not looked yet. Press the button to see the username and the password.",
	},
	NoJob: "The password was set anew, without a job of the API; the credentials were delivered {delivered}.",

	Replaced:    "The account was given a new password, so the former one is not shown here any more.",
	Button:      "New password",
	Confirm:     "A new password?",
	ConfirmText: "I give the account {username} on {cluster} a new password and send it to you. The former one won't work any more.",

	UnknownKey: "I don't know `{token}`. Behind `reset` you can use `username=` and `cluster=`.",
	Syntax:     "For example: `{command} reset isabel cluster=ehpc-8jqdq0mz`",
}
