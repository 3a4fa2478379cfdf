package view

import (
	"ehpcbot/approval"
	"ehpcbot/bot/command"
	"ehpcbot/ehpc"
)

// catalogue holds all texts of one language. What is told differently for each state, failure, refusal or fault is in
// a map by it. Slices are said line by line.
//
// Any phrase may use the fields of [View.fields]; further ones stand beside the phrase that has them.
type catalogue struct {
	Separator phrase // between the items of an enumeration
	None      phrase // for an enumeration without items

	States       map[approval.State]phrase // within a sentence
	Mods         map[string]phrase         // the permissions that are asked for most
	Failures     map[approval.Failure]failureTexts
	OtherFailure failureTexts
	Spoken       map[string]phrase // what a screen reader says of a button, by its action
	Request      requestTexts
	Approval     approvalTexts
	Answer       answerTexts
	Credentials  credentialsTexts
	After        afterTexts
	Notice       noticeTexts
	Refusal      refusalTexts
	Fault        faultTexts
	Help         helpTexts
	Form         formTexts
	Home         homeTexts
	Asking       askingTexts
	Reset        resetTexts
	Question     questionTexts
	Change       changeTexts
	Shell        shellTexts
	Waiting      waitingTexts
	Several      severalTexts
	Card         cardTexts
	Rules        rulesTexts
	Sponsor      sponsorTexts
}

// failureTexts tell why a request failed, what an approver can do, and what it means for the requester.
type failureTexts struct{ Why, Approver, Requester phrase }

// requestTexts describe a request, to anybody.
type requestTexts struct {
	Headline              phrase
	Asks, Asked           phrase // while it waits, and later
	Permissions           phrase
	DefaultMod            phrase // for {mod}, where none is asked for
	Reason, NoReason      phrase
	Approvals             phrase
	ApprovalsBy           phrase // where there are any
	Nobody, TooFew        phrase // once it is too late for more
	MorePeople            phrase // {count}: those who are not named
	DeniedBy              phrase
	DeniedFor             phrase // the reason follows
	WaitAPI, WaitDelivery phrase
	Details               phrase // the API's own sentence follows
}

// approvalTexts are those of the message for the approvers.
type approvalTexts struct {
	Decide     phrase
	ApprovedBy phrase
	Progress   map[approval.State]phrase // once it is approved
	Expired    phrase
	Cancelled  phrase
	Failed     phrase
	SameUID    phrase // {uid}, {twin}

	Alarm []phrase

	Reminder, ReminderWhere phrase

	Approve, Deny, Retry, Back phrase // buttons
	ApproveTitle, ApproveText  phrase // of the dialog that asks once more
	ApproveTextFirst           phrase // where further approvals are needed
	RetryTitle, RetryText      phrase
}

// answerTexts answer a command.
type answerTexts struct {
	Asked, AskedWhere                phrase
	AskedMany, AskedNext, AskedUntil phrase

	Already          phrase
	Follow, TakeBack phrase
	Cancelled        []phrase
	Abandoned        []phrase

	List, ListItem, ListEmpty phrase
	ListMore                  phrase // {count}
	AskedAt, ChangedAt        phrase
	ApprovedAt, DeniedAt      phrase // {who}, {at}

	Trouble, StorageFailed    []phrase
	FormFailed, Busy, Foreign phrase
	TooMuch                   phrase // {seconds}
	TooManyForms, Untold      []phrase
}

// credentialsTexts hand the credentials over.
type credentialsTexts struct {
	Ready, ReadyHere        phrase
	ReadyShow, ShownUntil   phrase
	Title, Username         phrase
	Password                phrase // {password}
	Login                   phrase // {login}
	Safe, Change            phrase
	Until, Stays            phrase
	Saved, Show, ModalTitle phrase // buttons, and the title of what Show opens

	ClearedDone, ClearedTime, Lost phrase
}

// noticeTexts tell the requester of an end, or of a delay.
type noticeTexts struct {
	Denied                     []phrase
	DeniedFor                  phrase // the reason follows
	DeniedNoReason, DeniedNext phrase

	Expired, Cancelled, Delayed, Failed []phrase
	AskAgain                            phrase
}

// refusalTexts tell what is not accepted. {value} is what was given, {allowed} lists what would be accepted, {limit}
// is how much, and {character} is the one that is wrong.
type refusalTexts struct {
	Kinds   map[approval.Kind]phrase
	Rules   map[ehpc.Rule]phrase      // for a username, where the rule that it breaks is known
	Decided map[approval.State]phrase // for what came too late, if the request was not approved or has ended

	Invisible  phrase // where a username breaks its rule with what nobody sees
	ModAny     phrase // where all permissions can be asked for
	TooManyOne phrase // where the limit is one
	VotedDeny  phrase
	Now        phrase
	Other      phrase
}

// faultTexts tell what is wrong with a command. {token} is what is at fault, {verb} the sub-command.
type faultTexts struct {
	Kinds         map[command.Kind]phrase
	ExtraWordVerb phrase // behind a sub-command
	Other         phrase

	Example, IDExample phrase
	EmptyExample       phrase            // {example}: one of Values
	Values             map[string]phrase // by key
	More               phrase
}

// helpTexts explain the command.
type helpTexts struct {
	Title           phrase
	Commands, Notes []phrase
}

// formTexts are those of the forms, without fields and marks.
type formTexts struct {
	AskTitle, AskSubmit   phrase
	DenyTitle, DenySubmit phrase
	NoticeTitle           phrase
	Cancel, Close         phrase

	Username, Cluster, Mod, Reason, DenyReason inputTexts

	ModDefault phrase
	ModFree    inputTexts // where the permissions are typed
}

type inputTexts struct{ Label, Placeholder, Hint phrase }

func (v View) texts() *catalogue {
	if v.Locale == Chinese {
		return &chinese
	}
	return &english
}
