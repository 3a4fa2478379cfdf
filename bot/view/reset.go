package view

import (
	"maps"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// resetTexts say of a new password what the catalogue says of an account, and what only a new password has.
type resetTexts struct {
	States             map[approval.State]phrase
	Failures           map[approval.Failure]failureTexts // where they differ
	OtherFailure       failureTexts
	Asks, Asked        phrase
	Progress           map[approval.State]phrase
	Failed             phrase
	ApproveText        phrase
	ApproveTextFirst   phrase
	RetryText          phrase
	WaitsForApproval   phrase
	Begins             phrase // where nobody has to approve
	Next               phrase
	Already            phrase
	CancelledKeeps     phrase
	Abandoned          phrase
	ListItem           phrase
	Ready              phrase
	NoticeDenied       phrase
	NoticeExpired      phrase
	NoticeCancelled    phrase
	NoticeDelayed      phrase
	NoticeFailed       phrase
	ShellNotice        phrase
	Still              phrase
	QuestionAbout      phrase
	HomeRequest        phrase
	SeveralItem        phrase
	SeveralOption      phrase
	Prompt             []phrase
	NoJob              phrase
	Replaced           phrase // in the place of the password that was
	Button             phrase
	Confirm            phrase // the title of the dialog that asks once more
	ConfirmText        phrase
	UnknownKey, Syntax phrase // of the command
}

// Requests for a new password are told with the same messages as those for an account, in these words.
var englishOfResets, chineseOfResets = english.ofResets(), chinese.ofResets()

func (v View) textsOf(r approval.Request) *catalogue {
	switch {
	case !r.Reset:
		return v.texts()
	case v.Locale == Chinese:
		return &chineseOfResets
	}
	return &englishOfResets
}

// ofResets is the catalogue for new passwords.
func (c catalogue) ofResets() catalogue {
	t := c.Reset
	c.States = merged(c.States, t.States)
	c.Failures, c.OtherFailure = merged(c.Failures, t.Failures), t.OtherFailure

	c.Request.Asks, c.Request.Asked = t.Asks, t.Asked
	c.Request.Permissions, c.Request.NoReason = "", "" // there are none

	c.Approval.Progress, c.Approval.Failed = t.Progress, t.Failed
	c.Approval.ApproveText, c.Approval.ApproveTextFirst, c.Approval.RetryText = t.ApproveText, t.ApproveTextFirst, t.RetryText

	c.Answer.Asked, c.Answer.AskedNext, c.Answer.Already = t.WaitsForApproval, t.Next, t.Already
	c.Answer.Cancelled = []phrase{c.Answer.Cancelled[0], t.CancelledKeeps}
	c.Answer.Abandoned = []phrase{c.Answer.Abandoned[0], t.Abandoned}
	c.Answer.ListItem = t.ListItem
	c.Credentials.Ready = t.Ready

	n := &c.Notice
	n.Denied = []phrase{n.Denied[0], t.NoticeDenied}
	n.Expired = []phrase{n.Expired[0], t.NoticeExpired}
	n.Cancelled = []phrase{n.Cancelled[0], t.NoticeCancelled}
	n.Delayed = []phrase{n.Delayed[0], t.NoticeDelayed, n.Delayed[2]}
	n.Failed = []phrase{n.Failed[0], t.NoticeFailed}
	c.Shell.Notice, c.Waiting.Still = t.ShellNotice, t.Still
	c.Home.Request, c.Home.CancelText = t.HomeRequest, t.CancelledKeeps
	c.Several.Item, c.Several.FormItem, c.Several.Option = t.SeveralItem, t.SeveralItem, t.SeveralOption
	c.Question.About = t.QuestionAbout
	c.After.Prompt, c.After.NoJob = t.Prompt, t.NoJob
	return c
}

func merged[K comparable, V any](all, over map[K]V) map[K]V {
	all = maps.Clone(all)
	maps.Copy(all, over)
	return all
}

// resetButton offers a new password for the account of the request, and asks once more.
func (b *builder) resetButton() {
	t := b.texts.Reset
	b.confirmedButton(ActionReset, t.Button, t.Confirm, t.ConfirmText).WithStyle(slack.StyleDefault)
}
