package sandbox

import (
	"context"
	"net/url"
	"strings"
	"time"

	"ehpcbot/bot/slacktest"
)

// escape is what Slack does to all that people type.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// say types a command, or says something else, in the conversation that is open.
func (w *world) say(ctx context.Context, who *slacktest.Person, v viewer, text string) error {
	text = escape.Replace(strings.TrimSpace(text))
	if v.in == homeOf(who.ID) {
		v.in = directWith(who.ID)
	}
	if !strings.HasPrefix(text, "/") {
		if text != "" {
			w.slack.Say(who.ID, v.in, text)
		}
		return nil
	}
	command, rest := text, ""
	if i := strings.IndexAny(text, " \n\t"); i > 0 {
		command, rest = text[:i], text[i:]
	}
	if v.in != directWith(who.ID) {
		who = who.In(v.in)
	}
	return who.Command(ctx, command, rest).Err
}

// press presses a button of a message, or of the form that is open, if it still has that button.
func (w *world) press(ctx context.Context, who *slacktest.Person, v viewer, form url.Values) error {
	is := func(b slacktest.Button) bool {
		return b.ActionID == form.Get("action") && b.BlockID == form.Get("block") && b.Value == form.Get("value")
	}
	if form.Get("message") == "" {
		view, open := who.Modal()
		for _, b := range view.Buttons() {
			if open && is(b) {
				reply, err := who.PressInModal(ctx, view, b.Text)
				if err == nil {
					err = reply.Err
				}
				return err
			}
		}
		return slacktest.ErrNoModal
	}
	if form.Get("message") == homeOf(who.ID) {
		return pressInHome(ctx, who, is)
	}
	for _, m := range w.conversation(v.as, v.in) {
		for _, b := range m.Buttons() {
			if m.TS == form.Get("message") && is(b) {
				return who.PressAction(ctx, m, slacktest.Action{
					ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style,
				}).Err
			}
		}
	}
	return slacktest.ErrNoButton
}

func pressInHome(ctx context.Context, who *slacktest.Person, is func(slacktest.Button) bool) error {
	tab, _ := who.Home()
	for _, b := range tab.Buttons() {
		if is(b) {
			return who.PressHomeAction(ctx, slacktest.Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style}).Err
		}
	}
	return slacktest.ErrNoButton
}

// openHome opens a person's Home tab, of which the bot is told. A bot that does not hear it shows nothing new.
func (w *world) openHome(ctx context.Context, p person) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = w.slack.Person(p.ID).OpenHome(ctx)
}

// submit sends off the form that is open. Its fields are named in: and their block's id.
func (w *world) submit(ctx context.Context, who *slacktest.Person, form url.Values) (atFields map[string]string, err error) {
	view, _ := who.Modal()
	if view.ID != form.Get("view") {
		return nil, slacktest.ErrNoModal
	}
	values := map[string]string{}
	for name, typed := range form {
		if block, isField := strings.CutPrefix(name, "in:"); isField {
			values[block] = strings.Join(typed, ",")
		}
	}
	result, err := who.Submit(ctx, view, values)
	if err == nil {
		err = result.Err
	}
	return result.Errors, err
}
