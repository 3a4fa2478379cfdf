package view

import "ehpcbot/approval"

// shellTexts are those of what was done from the shell of the bot's machine. {name} is in whose name.
type shellTexts struct {
	Person    phrase
	Cancelled phrase // to the approvers; the reason follows
	Notice    phrase // to the requester
	Decided   phrase // to those who come too late
	Reason    phrase
}

// person names somebody by id: with a mention, or in words where they acted from the shell.
func (v View) person(id string) richText {
	if name, shell := approval.ShellName(id); shell {
		return v.texts().Shell.Person.fill(fields{"name": text(oneLine(name, nameMaxLength))})
	}
	return mention(id)
}

// cancelled says who cancelled the request: its requester, or somebody from the shell.
func (b *builder) cancelled(byRequester, fromShell phrase) {
	if b.story.Failure != approval.EndedFromShell {
		b.line(byRequester)
		return
	}
	b.line(fromShell)
	b.quote(b.texts.Shell.Reason, "", b.story.FailureDetail, reasonMaxLength)
}
