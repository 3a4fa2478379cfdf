package approval

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Question is what an approver asks the requester back before deciding.
type Question struct {
	Number     int // counts from 1 within the request
	Person     string
	Text       string
	At         time.Time
	Answer     string // empty: there is none yet
	AnsweredAt time.Time
}

// IsOpen reports whether a question waits for its answer.
func (q Question) IsOpen() bool { return q.AnsweredAt.IsZero() }

// QuestionMaxLength is the longest question, and the longest answer, in characters.
const QuestionMaxLength = 500

// Asking returns what names a question of the request in a button. It does not hang on what the request asks for, which
// may have been changed before the answer comes.
func (r Request) Asking(q Question) Target {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s question %d", r.Nonce, q.Number))
	return Target{ID: r.ID, Seen: base64.RawURLEncoding.EncodeToString(sum[:])}
}

// Question returns the question that a button names.
func (s Story) Question(on Target) (Question, bool) {
	for _, q := range s.Questions {
		if s.Asking(q) == on {
			return q, true
		}
	}
	return Question{}, false
}

// OpenQuestions returns the questions that wait for their answer, oldest first.
func (s Story) OpenQuestions() []Question {
	return slices.DeleteFunc(slices.Clone(s.Questions), func(q Question) bool { return !q.IsOpen() })
}

// questionsAreTold reports whether the requester has each open question, and the approvers see all there is.
func (s Story) questionsAreTold() bool {
	for _, q := range s.Questions {
		purposes := []Purpose{PurposeThreadQuestion, PurposeQuestion}
		if !q.IsOpen() {
			purposes = []Purpose{PurposeThreadQuestion, PurposeThreadAnswer}
		}
		for _, p := range purposes {
			if _, told := s.Message(p.Of(q.Number)); !told {
				return false
			}
		}
	}
	return true
}

// AskBack puts an approver's question to the requester. The time to decide starts anew, so that an answer can be waited for.
func (s *Service) AskBack(ctx context.Context, on Target, person, question string) (Story, error) {
	question = strings.TrimSpace(question)
	return s.press(ctx, on, deed{person: person, action: "ask_back", byApprover: true}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		if err := checkSaid(question); err != nil {
			return err
		}
		if err := s.isUndecided(at); err != nil {
			return err
		}
		if slices.ContainsFunc(at.OpenQuestions(), func(q Question) bool { return at.who.Is(q.Person) && q.Text == question }) {
			return nil // it is asked already: the acknowledgement got lost
		}
		now := s.now()
		q := Question{Number: len(at.Questions) + 1, Person: at.who.ID, Text: question, At: now}
		if err := tx.SaveQuestion(ctx, r.ID, q); err != nil {
			return err
		}
		return s.beginAnew(ctx, tx, r, now, at.who.ID, question)
	})
}

// beginAnew lets the time to decide start again, and that of the reminder.
func (s *Service) beginAnew(ctx context.Context, tx Tx, r *Request, now time.Time, actor, question string) error {
	r.ExpiresAt = now.Add(s.rules(*r).Expiry)
	detail := Asked{{"until", r.ExpiresAt.UTC().Format(time.RFC3339)}, {"question", question}}.String()
	if err := s.note(ctx, tx, r, actor, "ask_back", detail); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, *r, TellJob)
}

// MayAskBack reports, with a *Refusal, whether a question of this person would be refused as things stand.
func (s *Service) MayAskBack(ctx context.Context, on Target, person string) (Story, error) {
	return s.press(ctx, on, deed{person: person, action: "ask_back", byApprover: true}, func(_ context.Context, _ Tx, _ *Request, at scene) error {
		return s.isUndecided(at)
	})
}

// Answer stores what the requester says to a question.
func (s *Service) Answer(ctx context.Context, on Target, person, answer string) (Story, error) {
	answer = strings.TrimSpace(answer)
	return s.answer(ctx, on, person, func(ctx context.Context, tx Tx, r *Request, at scene, q Question) error {
		switch err := checkSaid(answer); {
		case err != nil:
			return err
		case q.Answer == answer:
			return nil // the acknowledgement got lost
		}
		if err := s.mayAnswer(at, q); err != nil {
			return err
		}
		q.Answer, q.AnsweredAt = answer, s.now()
		if err := tx.SaveQuestion(ctx, r.ID, q); err != nil {
			return err
		}
		if err := s.note(ctx, tx, r, at.who.ID, "answer", answer); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, *r, TellJob)
	})
}

// MayAnswer reports, with a *Refusal, whether an answer of this person would be refused as things stand.
func (s *Service) MayAnswer(ctx context.Context, on Target, person string) (Story, error) {
	return s.answer(ctx, on, person, func(_ context.Context, _ Tx, _ *Request, at scene, q Question) error { return s.mayAnswer(at, q) })
}

// answer is act for what the requester does about a question.
func (s *Service) answer(ctx context.Context, on Target, person string, f func(context.Context, Tx, *Request, scene, Question) error) (Story, error) {
	return s.act(ctx, on.ID, deed{person: person, action: "answer"}, func(ctx context.Context, tx Tx, r *Request, at scene) error {
		q, known := at.Question(on)
		if !known {
			return &Refusal{Kind: KindStale, Value: fmt.Sprint(r.ID)}
		}
		return f(ctx, tx, r, at, q)
	})
}

func (s *Service) mayAnswer(at scene, q Question) error {
	switch {
	case !q.IsOpen():
		return &Refusal{Kind: KindAnswered, Story: at.Story}
	case at.State != Pending || !s.now().Before(at.ExpiresAt):
		return &Refusal{Kind: KindTooLate, Story: at.Story}
	}
	return nil
}

// checkSaid holds for questions and answers.
func checkSaid(text string) error {
	switch n := len([]rune(text)); {
	case n == 0:
		return &Refusal{Kind: KindNothingSaid}
	case n > QuestionMaxLength:
		return &Refusal{Kind: KindTooLong, Limit: QuestionMaxLength}
	}
	return nil
}
