package world

import (
	"errors"

	"ehpcbot/bot/slacktest"
)

// Command types the command in the conversation with the bot, and expects an acknowledgement in time.
func (w *World) Command(who, text string) slacktest.Reply {
	w.T.Helper()
	return w.CommandIn("", who, text)
}

// CommandIn types the command in a conversation.
func (w *World) CommandIn(place, who, text string) slacktest.Reply {
	w.T.Helper()
	r := w.Slack.Person(who).In(place).Command(w.Ctx, "/ehpc-adduser", text)
	if r.Err != nil {
		w.T.Errorf("%s types %.60q: %v", who, text, r.Err)
	}
	return r
}

// Press presses a button that must be there.
func (w *World) Press(who string, m slacktest.Message, button string) slacktest.Reply {
	w.T.Helper()
	r, err := w.Slack.Person(who).Press(w.Ctx, m, button)
	if errors.Is(err, slacktest.ErrNoButton) {
		return w.PressOld(who, m, button) // it went away meanwhile: somebody's screen is a moment late
	}
	if err = errors.Join(err, r.Err); err != nil {
		w.T.Errorf("%s presses %s: %v", who, button, err)
	}
	return r
}

// PressOld presses a button of a message as it was.
func (w *World) PressOld(who string, m slacktest.Message, button string) slacktest.Reply {
	w.T.Helper()
	for _, b := range m.Buttons() {
		if b.Text == button {
			r := w.Slack.Person(who).PressAction(w.Ctx, m, slacktest.Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style})
			if r.Err != nil {
				w.T.Errorf("%s presses the old %s: %v", who, button, r.Err)
			}
			return r
		}
	}
	w.T.Errorf("no button %q among %q", button, Names(m.Buttons()))
	return slacktest.Reply{}
}

// Fill waits for a form that opens for a person, and submits it with what they type or choose, by label.
func (w *World) Fill(who string, values map[string]string) slacktest.SubmitResult {
	w.T.Helper()
	form, err := w.Slack.Person(who).WaitModal(w.Ctx, func(v slacktest.View) bool { return v.Submit != "" })
	if err != nil {
		w.T.Fatalf("no form opens for %s: %v\n%s", who, err, w.situation())
	}
	got, err := w.Slack.Person(who).Submit(w.Ctx, form, values)
	if err = errors.Join(err, got.Err); err != nil {
		w.T.Fatalf("%s submits %q: %v", who, form.Title, err)
	}
	return got
}
