package view

import (
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

func askedBack(s *approval.Story) {
	s.Questions = append(s.Questions, approval.Question{Number: 1, Person: "U0ADA", Text: "Who is your <!here> *supervisor*?\nSince when?", At: monday.Add(time.Hour)})
}

func answered(s *approval.Story) {
	askedBack(s)
	s.Questions[0].Answer, s.Questions[0].AnsweredAt = "Professor Li, since May", monday.Add(2*time.Hour)
}

func questionMessages(v View) map[string]Message {
	open, done := story(approval.Pending, askedBack), story(approval.Pending, answered)
	reset := story(approval.Pending, decidedReset, askedBack)
	return map[string]Message{
		"question":                      v.Question(open, open.Questions[0]),
		"question-reset":                v.Question(reset, reset.Questions[0]),
		"question-answered":             v.Question(done, done.Questions[0]),
		"thread-question":               v.ThreadQuestion(open, open.Questions[0]),
		"thread-answer":                 v.ThreadAnswer(done, done.Questions[0]),
		"answer-sent":                   v.AnswerSent(done, done.Questions[0]),
		"approval-pending-asked-back":   v.Approval(open),
		"approval-pending-answered":     v.Approval(done),
		"status-pending-asked-back":     v.Status(open),
		"status-asked-back-to-approver": other(v).Status(open),
		"refusal-nothing-said":          v.Refusal(&approval.Refusal{Kind: approval.KindNothingSaid}),
		"refusal-too-long":              v.Refusal(&approval.Refusal{Kind: approval.KindTooLong, Limit: approval.QuestionMaxLength}),
		"refusal-answered":              v.Refusal(&approval.Refusal{Kind: approval.KindAnswered, Story: done}),
		"refusal-too-late":              v.Refusal(&approval.Refusal{Kind: approval.KindTooLate, Story: story(approval.Denied, askedBack)}),
	}
}

func questionModals(v View) map[string]slack.ModalViewRequest {
	open := story(approval.Pending, askedBack)
	return map[string]slack.ModalViewRequest{
		"form-ask-back": v.QuestionForm(open),
		"form-answer":   v.AnswerForm(open, open.Questions[0]),
	}
}

// The longest question and answer fit, whatever they are made of.
func TestQuestionLimits(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"&", "设", "👩‍🔬", "\n\n", "\u202e", "{id}"} {
		long := string([]rune(strings.Repeat(piece, 500))[:500])
		s := hostile(approval.Pending)
		s.Questions = []approval.Question{{Number: 1, Person: "<!here>", Text: long, Answer: long, AnsweredAt: monday}}
		for _, locale := range []Locale{English, Chinese} {
			v := testView(locale)
			for _, m := range []Message{v.Question(s, s.Questions[0]), v.ThreadQuestion(s, s.Questions[0]), v.ThreadAnswer(s, s.Questions[0]), v.Approval(s)} {
				require.Empty(t, checkMessage(m))
			}
			for _, m := range []slack.ModalViewRequest{v.QuestionForm(s), v.AnswerForm(s, s.Questions[0])} {
				require.Empty(t, checkModal(m))
			}
		}
	}
}
