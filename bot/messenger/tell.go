package messenger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// Tell implements [approval.Messenger]. Each message is posted once, whoever calls this how often.
// One that is not taken now holds up no other.
func (p *Messenger) Tell(ctx context.Context, s approval.Story) error {
	err := p.tellSponsored(ctx, s)
	for _, q := range s.Questions {
		err = errors.Join(err, p.putQuestion(ctx, s, q), p.showInThread(ctx, s, q))
	}
	for _, c := range s.Changes {
		err = errors.Join(err, p.tellChange(ctx, s, c))
	}
	return err
}

// tellChange tells the requester what an approver has changed.
func (p *Messenger) tellChange(ctx context.Context, s approval.Story, c approval.Change) error {
	purpose := approval.PurposeChange.Of(c.Number)
	if _, told := s.Message(purpose); told {
		return nil
	}
	return p.tellOnce(ctx, s, s.Requester, purpose, p.readers.View(ctx, s.Requester).ChangeNotice(s, c))
}

// tellOnce tells the requester, or the sponsor, something once. Where there is nobody who could be told, it is remembered as told.
func (p *Messenger) tellOnce(ctx context.Context, s approval.Story, person string, purpose approval.Purpose, m view.Message) error {
	_, err := p.postOnce(ctx, s, purpose, person, m)
	if unreachable(err) {
		return errors.Join(p.orNobody(s, person, err), p.service.Sent(ctx, s.ID, approval.Message{Purpose: purpose, Version: s.Version}))
	}
	return err
}

// orNobody takes it for told where there is nobody who could be.
func (p *Messenger) orNobody(s approval.Story, person string, err error) error {
	if unreachable(err) {
		p.log.Warn("there is nobody who could be told", "request", s.ID, "person", person, "error", err)
		return nil
	}
	return err
}

// What the message of a question shows, as its version: the question alone, or the answer too.
const showsQuestion, showsAnswer = 1, 2

// putQuestion puts a question to the requester, in a message that shows the answer once there is one.
func (p *Messenger) putQuestion(ctx context.Context, s approval.Story, q approval.Question) error {
	purpose := approval.PurposeQuestion.Of(q.Number)
	told, known := s.Message(purpose)
	m := p.readers.View(ctx, s.Requester).Question(s, q)
	switch {
	case known && !q.IsOpen() && told.Version < showsAnswer:
		return p.showAnswer(ctx, s, told, m)
	case known, !q.IsOpen(), s.State != approval.Pending:
		return nil
	}
	s.Version = showsQuestion
	return p.tellOnce(ctx, s, s.Requester, purpose, m)
}

// showAnswer changes the message of a question. Where that can't be, its button says that there is an answer.
func (p *Messenger) showAnswer(ctx context.Context, s approval.Story, told approval.Message, m view.Message) error {
	err := p.update(ctx, told, m)
	if slackapi.Code(err) != "" && !passing(err) {
		p.log.Warn("the message of a question can't be changed", "request", s.ID, "error", err)
	} else if err != nil {
		return err
	}
	told.Version = showsAnswer
	return p.service.Sent(ctx, s.ID, told)
}

// showInThread shows a question, and its answer, to the approvers, or to the sponsor who has asked.
func (p *Messenger) showInThread(ctx context.Context, s approval.Story, q approval.Question) error {
	of, v := approval.PurposeApproval, p.readers.Channel()
	if s.IsToSponsor(q) {
		of, v = approval.PurposeSponsor, p.readers.View(ctx, s.Sponsor)
	}
	err := p.reply(ctx, s, of, approval.PurposeThreadQuestion.Of(q.Number), v.ThreadQuestion(s, q))
	if err != nil || q.IsOpen() {
		return err
	}
	return p.reply(ctx, s, of, approval.PurposeThreadAnswer.Of(q.Number), v.ThreadAnswer(s, q))
}

// errNoCard says that the approval message is not posted yet.
var errNoCard = errors.New("the approval message is not there yet")

// card returns the approval message that is in the approval channel now, or the message of the sponsor.
func (p *Messenger) card(s approval.Story, of approval.Purpose) (approval.Message, bool) {
	i := slices.IndexFunc(s.Messages, func(m approval.Message) bool {
		return m.Purpose == of && (of == approval.PurposeSponsor || !p.isElsewhere(m.Place, s.Rules.Channel))
	})
	if i < 0 {
		return approval.Message{}, false
	}
	return s.Messages[i], true
}

// reply posts a message once, in the thread of the message of a purpose.
func (p *Messenger) reply(ctx context.Context, s approval.Story, of, purpose approval.Purpose, m view.Message) error {
	if _, told := s.Message(purpose); told {
		return nil
	}
	card, known := p.card(s, of)
	needed := s.AwaitsApprover() && of == s.Card()
	if !known {
		if needed {
			return &approval.LaterError{After: time.Second, Err: errNoCard}
		}
		return nil // nobody needs it any more
	}
	_, err := p.postOnce(ctx, s, purpose, card.Place, m, slack.MsgOptionTS(card.Ref))
	switch {
	case (gone(err) || closedTo(err)) && !needed:
		p.log.Warn("what was asked back is not shown", "request", s.ID, "error", err)
		return nil
	case gone(err):
		return errors.Join(err, p.service.Doubt(ctx, s.ID)) // a new approval message follows
	}
	return err
}
