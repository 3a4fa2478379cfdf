package view

import (
	"cmp"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// CommandFault says what is wrong with a command, and shows a right one.
func (v View) CommandFault(f *command.Fault) Message {
	b := v.answer(approval.Story{})
	t := b.texts.Fault
	b.fields["token"] = text(oneLine(f.Token, nameMaxLength))
	b.fields["verb"] = text(string(f.Verb))
	b.fields["example"] = t.Values[f.Token].fill(nil)
	b.line(t.fault(f), t.example(f), t.More)
	return b.message()
}

func (t faultTexts) fault(f *command.Fault) phrase {
	if f.Kind == command.KindExtraWord && f.Verb != command.Ask {
		return t.ExtraWordVerb
	}
	return cmp.Or(t.Kinds[f.Kind], t.Other)
}

// example is a right command, or none where the fault says it all.
func (t faultTexts) example(f *command.Fault) phrase {
	switch {
	case f.Kind == command.KindEmptyValue:
		return t.EmptyExample
	case f.Verb == command.Status || f.Verb == command.Cancel:
		return t.IDExample
	case f.Verb == command.List:
		return ""
	}
	return t.Example
}
