package view

import "ehpcbot/bot/command"

// CommandFault says what is wrong with a command, and shows a right one.
func (v View) CommandFault(f *command.Fault) Message {
	w := v.words().Fault
	facts := v.general()
	facts["token"] = text(inline(f.Token, nameMaxLength))
	facts["verb"] = text(string(f.Verb))
	facts["example"] = text(w.example(f.Token))
	d := &draft{}
	for _, p := range append(w.of(f), w.More) {
		d.line(p.with(facts))
	}
	return d.message()
}

// of chooses what is wrong and the example.
func (w faultWords) of(f *command.Fault) []phrase {
	switch f.Kind {
	case command.KindUnknownKey:
		return []phrase{w.UnknownKey, w.Example}
	case command.KindDuplicateKey:
		return []phrase{w.DuplicateKey, w.Example}
	case command.KindEmptyValue:
		return []phrase{w.EmptyValue, w.EmptyExample}
	case command.KindUnclosedQuote:
		return []phrase{w.UnclosedQuote, w.Example}
	case command.KindMissingUsername:
		return []phrase{w.MissingUsername, w.Example}
	case command.KindExtraWord:
		if f.Verb == command.Ask {
			return []phrase{w.ExtraWord, w.Example}
		}
		return w.extraWord(f.Verb)
	case command.KindMissingID:
		return []phrase{w.MissingID, w.IDExample}
	case command.KindBadID:
		return []phrase{w.BadID, w.IDExample}
	}
	return []phrase{w.Other, w.Example}
}

// extraWord is for a word behind a sub-command.
func (w faultWords) extraWord(verb command.Verb) []phrase {
	if verb == command.List {
		return []phrase{w.ExtraWordVerb}
	}
	return []phrase{w.ExtraWordVerb, w.IDExample}
}

// example is a right value for a key.
func (w faultWords) example(key string) string {
	switch key {
	case "cluster":
		return "cluster=ehpc-8jqdq0mz"
	case "mod":
		return "mod=700"
	case "reason":
		return string(w.ReasonExample)
	}
	return "username=isabel"
}
