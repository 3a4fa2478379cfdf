package view

import (
	"math"
	"strconv"
	"time"

	"ehpcbot/approval"
)

// Asked answers the person whose request was just stored.
func (v View) Asked(s approval.Story) Message {
	b := v.about(s, "asked")
	t := b.texts.Answer
	if s.State != approval.Pending { // nobody has to approve it
		b.line(b.begins(), t.AskedNext)
		b.follow()
		return b.message()
	}
	b.line(t.Asked)
	if !s.AwaitsSponsor() {
		b.line(t.AskedWhere)
	}
	if s.Required > 1 {
		b.line(t.AskedMany)
	}
	if s.Unseen {
		b.line(b.texts.Asking.Unseen)
	}
	b.whoAndWhen()
	b.line(t.AskedNext)
	b.follow()
	b.requesterButtons()
	return b.message()
}

// begins says of a request that nobody has to approve what happens now.
func (b *builder) begins() phrase {
	if b.story.Reset {
		return b.texts.Reset.Begins
	}
	return b.texts.Rules.Begins
}

// alreadyAsked answers the person who asks once more for what they have asked for: by a second command, or
// because Slack handed over the first one twice.
func (v View) alreadyAsked(s approval.Story) Message {
	b := v.about(s, "already")
	b.line(b.texts.Answer.Already)
	b.waiting()
	b.whoAndWhen()
	b.follow()
	b.requesterButtons()
	return b.message()
}

// follow says how to see the request's state, and how to take it back while that is possible.
func (b *builder) follow() {
	b.line(b.texts.Answer.Follow)
	if b.story.State == approval.Pending {
		b.line(b.texts.Answer.TakeBack)
	}
}

// CancelDone answers the person who took a request back.
func (v View) CancelDone(s approval.Story) Message {
	b := v.about(s, "cancelled")
	b.line(b.texts.Answer.Cancelled...)
	return b.message()
}

// AbandonDone answers the approver who ended a request.
func (v View) AbandonDone(s approval.Story) Message {
	b := v.about(s, "abandoned")
	b.line(b.texts.Answer.Abandoned...)
	return b.message()
}

// Help explains the command.
func (v View) Help() Message {
	b := v.answer(approval.Story{})
	t := b.texts.Help
	b.line(t.Title)
	b.item(t.Commands...)
	b.line(t.Notes...)
	return b.message()
}

// Trouble answers where something unforeseen happened. It is only right where nothing was changed.
func (v View) Trouble() Message { return v.sentences(v.texts().Answer.Trouble...) }

// StorageFailed answers a request or a decision that could not be stored.
func (v View) StorageFailed() Message { return v.sentences(v.texts().Answer.StorageFailed...) }

// FormFailed answers where Slack did not open a form, most often because it was asked too late.
func (v View) FormFailed() Message { return v.sentences(v.texts().Answer.FormFailed) }

// TooManyForms answers where Slack has to open so many forms that one more would be at the cost of approvers.
func (v View) TooManyForms() Message { return v.sentences(v.texts().Answer.TooManyForms...) }

// Busy answers while too much is asked at once.
func (v View) Busy() Message { return v.sentences(v.texts().Answer.Busy) }

// TooMuch answers somebody who asks for more than one person may, and says when to try again.
func (v View) TooMuch(wait time.Duration) Message {
	b := v.answer(approval.Story{})
	b.fields["seconds"] = seconds(wait)
	b.line(b.texts.Answer.TooMuch)
	return b.message()
}

// TooMuchInForm is TooMuch for a form, by block.
func (v View) TooMuchInForm(wait time.Duration) map[string]string {
	return map[string]string{blockUsername: v.texts().Answer.TooMuch.fill(fields{"seconds": seconds(wait)}).plain()}
}

func seconds(d time.Duration) richText { return text(strconv.Itoa(int(math.Ceil(d.Seconds())))) }

// Untold answers where Slack refuses to tell the bot who somebody is, or who is in a group: waiting does not help.
func (v View) Untold() Message { return v.sentences(v.texts().Answer.Untold...) }

// Foreign answers people of other organisations, guests and bots.
func (v View) Foreign() Message { return v.sentences(v.texts().Answer.Foreign) }

// sentences is a message about no request.
func (v View) sentences(phrases ...phrase) Message {
	b := v.answer(approval.Story{})
	b.line(phrases...)
	return b.message()
}
