package view

import (
	"slices"

	"ehpcbot/approval"
)

// waitingTexts are those of what is said while nobody decides. {fallback} are those to whom a request is passed on,
// {deciders} all who may decide on it.
type waitingTexts struct {
	PassedOn           phrase   // at the request
	AskFallback, Daily []phrase // in its thread
	Where              phrase

	Still              phrase // to the requester
	Reminded, NowAsked phrase
}

// AskFallback asks those to whom a request is passed on, in the thread of its message.
func (v View) AskFallback(s approval.Story) Message {
	return v.urge(s, "fallback", v.texts().Waiting.AskFallback)
}

// DailyReminder reminds those who may decide, in the thread of the request's message.
func (v View) DailyReminder(s approval.Story) Message {
	return v.urge(s, "daily", v.texts().Waiting.Daily)
}

func (v View) urge(s approval.Story, name string, why []phrase) Message {
	b := v.about(s, name)
	b.line(why...)
	b.asked()
	b.approvals()
	b.line(b.texts.Approval.Decide, b.texts.Waiting.Where)
	return b.message()
}

// Turn tells the requester who is to decide now.
func (v View) Turn(s approval.Story) Message {
	b := v.about(s, "turn")
	t := b.texts.Waiting
	b.line(t.Still)
	if len(s.Fallback) > 0 {
		b.line(t.NowAsked)
	} else {
		b.line(t.Reminded)
	}
	b.line(b.texts.Answer.AskedUntil)
	return b.message()
}

// passedOn says who may decide beside the approvers, if anybody.
func (b *builder) passedOn() {
	if b.story.State == approval.Pending && len(b.story.Fallback) > 0 {
		b.line(b.texts.Waiting.PassedOn)
	}
}

// deciders names all who may decide. Where only the requester sees it that notifies nobody.
func (v View) deciders(s approval.Story) richText {
	all := slices.Concat(s.Rules.Approvers, s.Fallback)
	return v.people(slices.DeleteFunc(all, func(id string) bool { return id == s.Requester && !s.Rules.AllowSelf }))
}
