package view

import (
	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// questionTexts are those of what approvers ask back. {asker} is who asks.
type questionTexts struct {
	Title, About   phrase
	Please         phrase
	YourAnswer     phrase // the answer follows
	Thread, Answer phrase // in the thread; what was said follows

	Open, Answered phrase // how it stands, to the approvers
	ForYou         phrase // to the requester

	AskBack, Reply phrase // buttons
	Sent           phrase

	FormTitle, FormSubmit     phrase
	ReplyTitle, ReplySubmit   phrase
	QuestionInput, ReplyInput inputTexts
}

// Question puts a question to the requester, with a button to answer it, and shows the answer once there is one.
func (v View) Question(s approval.Story, q approval.Question) Message {
	b := v.aboutQuestion(s, q, "question")
	t := b.texts.Question
	b.line(t.Title, t.About)
	b.quote("", "", q.Text, reasonMaxLength)
	if !q.IsOpen() {
		b.quote(t.YourAnswer, "", q.Answer, reasonMaxLength)
		return b.message()
	}
	b.line(t.Please)
	b.button(ActionAnswer, t.Reply, slack.StylePrimary).Value = formatTarget(s.Asking(q))
	return b.message()
}

// ThreadQuestion shows the approvers what was asked.
func (v View) ThreadQuestion(s approval.Story, q approval.Question) Message {
	b := v.aboutQuestion(s, q, "thread-question")
	b.line(b.texts.Question.Thread)
	b.quote("", "", q.Text, reasonMaxLength)
	return b.message()
}

// ThreadAnswer shows the approvers what the requester says to it.
func (v View) ThreadAnswer(s approval.Story, q approval.Question) Message {
	b := v.aboutQuestion(s, q, "thread-answer")
	b.line(b.texts.Question.Answer)
	b.quote("", "", q.Answer, reasonMaxLength)
	return b.message()
}

func (v View) aboutQuestion(s approval.Story, q approval.Question, name string) *builder {
	b := v.about(s, name)
	b.fields["asker"] = mention(q.Person)
	return b
}

// question says how the last question stands.
func (b *builder) question(open, answered phrase) {
	n := len(b.story.Questions)
	if n == 0 {
		return
	}
	q := b.story.Questions[n-1]
	if b.view.Reader != b.story.Requester && b.story.IsToSponsor(q) && !b.story.AwaitsSponsor() {
		return // it is not in the thread of the approvers
	}
	b.fields["asker"] = mention(q.Person)
	if q.IsOpen() {
		b.line(open)
		return
	}
	b.line(answered)
}

// QuestionForm asks an approver for a question.
func (v View) QuestionForm(s approval.Story) slack.ModalViewRequest {
	t := v.texts().Question
	b := v.about(s, "ask-back")
	b.asked()
	form := v.form(CallbackAskBack, t.FormTitle, t.FormSubmit, b.richTextBlock(), t.QuestionInput.saidInput())
	form.PrivateMetadata = formatTarget(s.Target())
	return form
}

// AnswerForm asks the requester for the answer to a question.
func (v View) AnswerForm(s approval.Story, q approval.Question) slack.ModalViewRequest {
	t := v.texts().Question
	b := v.aboutQuestion(s, q, "answer-form")
	b.line(t.About)
	b.quote("", "", q.Text, reasonMaxLength)
	form := v.form(CallbackAnswer, t.ReplyTitle, t.ReplySubmit, b.richTextBlock(), t.ReplyInput.saidInput())
	form.PrivateMetadata = formatTarget(s.Asking(q))
	return form
}

func (t inputTexts) saidInput() *slack.InputBlock {
	return t.input(blockReason, t.textField("", approval.QuestionMaxLength).WithMultiline(true))
}

// AnswerSent tells the requester that the answer is on its way to whoever has asked.
func (v View) AnswerSent(s approval.Story, q approval.Question) Message {
	b := v.answer(s)
	if s.IsToSponsor(q) {
		b.line(b.texts.Sponsor.AnswerSent)
	} else {
		b.line(b.texts.Question.Sent)
	}
	return b.message()
}
