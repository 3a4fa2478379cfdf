package view

// Help explains the command.
func (v View) Help() Message {
	w := v.words().Help
	d := &draft{}
	d.line(w.Title.with(nil))
	for _, p := range []phrase{w.Form, w.Ask, w.AskWith, w.AskNamed, w.List, w.Status, w.Cancel, w.Help} {
		d.item(p.with(v.general()))
	}
	d.line(w.Username.with(nil))
	d.line(w.Next.with(nil))
	return d.message()
}

// Trouble answers where something unforeseen happened. It is only right where nothing was changed.
func (v View) Trouble() Message {
	return v.statement(v.words().Answer.Trouble, v.words().Answer.TroubleNext)
}

// StorageFailed answers a request or a decision that could not be stored.
func (v View) StorageFailed() Message {
	return v.statement(v.words().Answer.Unstored, v.words().Answer.UnstoredNext)
}

// FormFailed answers where Slack did not open a form, most often because it was asked too late.
func (v View) FormFailed() Message { return v.statement(v.words().Answer.FormFailed) }

// Busy answers while too much is asked at once.
func (v View) Busy() Message { return v.statement(v.words().Answer.Busy) }

// Foreign answers people of other organisations, guests and bots.
func (v View) Foreign() Message { return v.statement(v.words().Answer.Foreign) }

func (v View) statement(lines ...phrase) Message {
	d := &draft{}
	for _, p := range lines {
		d.line(p.with(v.general()))
	}
	return d.message()
}
