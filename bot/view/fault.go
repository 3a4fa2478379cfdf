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
	b.line(t.fault(f, b.texts.Reset), t.example(f, b.texts.Reset), t.More)
	return b.message()
}

func (t faultTexts) fault(f *command.Fault, reset resetTexts) phrase {
	switch {
	case f.Kind == command.KindExtraWord && f.Verb != command.Ask:
		return t.ExtraWordVerb
	case f.Kind == command.KindUnknownKey && f.Verb == command.Reset:
		return reset.UnknownKey
	}
	return cmp.Or(t.Kinds[f.Kind], t.Other)
}

// example is a right command, or none where the fault says it all.
func (t faultTexts) example(f *command.Fault, reset resetTexts) phrase {
	switch {
	case f.Verb == command.Reset:
		return reset.Syntax
	case f.Kind == command.KindEmptyValue:
		return t.EmptyExample
	case f.Verb == command.Status || f.Verb == command.Cancel || f.Verb == command.Abandon:
		return t.IDExample
	case f.Verb == command.List:
		return ""
	}
	return t.Example
}
