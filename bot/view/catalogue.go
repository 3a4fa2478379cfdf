package view

// catalogue holds every wording of one language.
//
// The placeholders that any phrase about a request may use are those of [View.facts]; the others stand beside
// the field that has them.
type catalogue struct {
	Separator phrase // between the items of an enumeration
	None      phrase // for a value that is not given

	States      stateWords
	Request     requestWords
	Approval    approvalWords
	Answer      answerWords
	Credentials credentialsWords
	Notice      noticeWords
	Failures    failuresWords
	Refusal     refusalWords
	Fault       faultWords
	Help        helpWords
	Form        formWords
	Mods        modWords
}

// stateWords name the states, within a sentence.
type stateWords struct {
	Pending, Approved, Provisioning, Provisioned, Delivered, Denied, Expired, Cancelled, Failed phrase
}

// requestWords describe a request.
type requestWords struct {
	Headline      phrase
	Wish          phrase
	Permissions   phrase // {mod}
	Default       phrase // for {mod}: as the cluster has it
	Reason        phrase
	NoReason      phrase
	Approvals     phrase
	ApprovalsBy   phrase
	MorePeople    phrase // {count} people who are not named
	DetailsFollow phrase
}

// approvalWords are of the message for the approvers.
type approvalWords struct {
	Decide       phrase
	ApprovedBy   phrase
	Starts       phrase
	Making       phrase
	HandingOver  phrase
	Delivered    phrase
	DeniedBy     phrase
	DeniedFor    phrase
	Expired      phrase
	Cancelled    phrase
	Failed       phrase // {why}
	WaitAPI      phrase
	WaitDelivery phrase

	Reminder      phrase
	ReminderWhere phrase

	Approve          phrase
	Deny             phrase
	Retry            phrase
	Back             phrase
	ApproveTitle     phrase
	ApproveText      phrase
	ApproveTextFirst phrase // where further approvals are needed
	RetryTitle       phrase
	RetryText        phrase
}

// answerWords answer the person who asked.
type answerWords struct {
	Asked        phrase
	AskedMany    phrase
	AskedNext    phrase
	AskedUntil   phrase
	Follow       phrase
	TakeBack     phrase
	Already      phrase
	Cancelled    phrase
	NotMade      phrase
	List         phrase
	ListItem     phrase
	ListMore     phrase // {count}
	ListEmpty    phrase
	AskedAt      phrase
	ApprovedAt   phrase // {who}, {at}
	DeniedAt     phrase // {who}, {at}
	ChangedAt    phrase
	Trouble      phrase
	TroubleNext  phrase
	FormFailed   phrase
	Busy         phrase
	Foreign      phrase
	Unstored     phrase
	UnstoredNext phrase
}

// credentialsWords hand the credentials over.
type credentialsWords struct {
	Ready       phrase
	ReadyHere   phrase
	ReadyShow   phrase
	ShownUntil  phrase
	Title       phrase
	Username    phrase
	Password    phrase // {password}
	Login       phrase // {login}
	Safe        phrase
	Change      phrase
	Until       phrase
	Stays       phrase
	Saved       phrase
	Show        phrase
	ModalTitle  phrase
	ClearedDone phrase
	ClearedTime phrase
	Lost        phrase
}

// noticeWords tell the requester of an end.
type noticeWords struct {
	Denied        phrase
	DeniedBy      phrase
	DeniedFor     phrase
	DeniedNoWhy   phrase
	DeniedNext    phrase
	Expired       phrase
	ExpiredWhy    phrase
	AskAgain      phrase
	Cancelled     phrase
	CancelledWhat phrase
	Delayed       phrase
	DelayedWhat   phrase
	DelayedNext   phrase
	Failed        phrase
	FailedWhy     phrase // {why}
}

// failureWords tell of one way to fail: why, what an approver can do, and what it means for the requester.
type failureWords struct{ Why, Approver, Requester phrase }

type failuresWords struct {
	Taken, Refused, Operator, Job, Timeout, Cluster, Key, Other failureWords
}

// refusalWords tell what is not accepted. {value} is what was given.
type refusalWords struct {
	UsernameEmpty     phrase
	UsernameTooLong   phrase
	UsernameCharacter phrase // {rune}
	Username          phrase
	Reserved          phrase
	Cluster           phrase // {right}
	Mod               phrase // {right}
	ModAny            phrase
	ReasonTooLong     phrase // {limit}
	ActiveOther       phrase
	TooMany           phrase // {limit}
	TooManyOne        phrase // where one is the limit
	Unknown           phrase
	NotYours          phrase
	NotApprover       phrase
	Self              phrase
	VotedApprove      phrase
	VotedDeny         phrase
	TimeIsUp          phrase
	DecidedApproved   phrase
	DecidedDenied     phrase
	DecidedExpired    phrase
	DecidedCancelled  phrase
	DecidedFailed     phrase
	Now               phrase
	NoRetry           phrase
	NoAnswer          phrase
	Other             phrase
}

// faultWords tell what is wrong with a command. {token} is what is at fault, {verb} the sub-command.
type faultWords struct {
	UnknownKey      phrase
	DuplicateKey    phrase
	EmptyValue      phrase
	EmptyExample    phrase // {example}
	ReasonExample   phrase
	UnclosedQuote   phrase
	MissingUsername phrase
	ExtraWord       phrase
	ExtraWordVerb   phrase
	MissingID       phrase
	BadID           phrase
	IDExample       phrase
	Other           phrase
	Example         phrase
	More            phrase
}

// helpWords explain the command.
type helpWords struct {
	Title, Form, Ask, AskWith, AskNamed, List, Status, Cancel, Help, Username, Next phrase
}

// formWords are of the forms, all of them plain text.
type formWords struct {
	AskTitle, AskSubmit, Cancel, Close                                        phrase
	Username, UsernamePlaceholder, UsernameHint                               phrase
	Cluster, ClusterPlaceholder, ClusterHint                                  phrase
	Mod, ModDefault, ModPlaceholder, ModHint, ModFreePlaceholder, ModFreeHint phrase
	Reason, ReasonPlaceholder, ReasonHint                                     phrase
	DenyTitle, DenySubmit, DenyReasonPlaceholder, DenyReasonHint              phrase
	NoticeTitle                                                               phrase
}

// modWords explain the permissions that are asked for most.
type modWords struct{ M700, M750, M755, M770 phrase }

func (v View) words() *catalogue {
	if v.Locale == Chinese {
		return &chinese
	}
	return &english
}
