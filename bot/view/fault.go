package view

import (
	"cmp"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// CommandFault says what is wrong with a command, and shows a right one.
func (v View) CommandFault(f *command.Fault) Message {
	b := v.answer(approval.Story{})
	w := b.words.Fault
	b.fields["token"] = text(oneLine(f.Token, nameMaxLength))
	b.fields["verb"] = text(string(f.Verb))
	b.fields["example"] = w.Values[f.Token].fill(nil)
	b.line(w.fault(f), w.example(f), w.More)
	return b.message()
}

func (w faultTexts) fault(f *command.Fault) phrase {
	if f.Kind == command.KindExtraWord && f.Verb != command.Ask {
		return w.ExtraWordVerb
	}
	return cmp.Or(w.Kinds[f.Kind], w.Other)
}

// example is a right command, or none where the fault says it all.
func (w faultTexts) example(f *command.Fault) phrase {
	switch {
	case f.Kind == command.KindEmptyValue:
		return w.EmptyExample
	case f.Verb == command.Status || f.Verb == command.Cancel:
		return w.IDExample
	case f.Verb == command.List:
		return ""
	}
	return w.Example
}
