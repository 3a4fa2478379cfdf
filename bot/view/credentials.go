package view

import (
	"strings"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/ehpc/secret"
)

// CredentialsReady is the direct message as it is posted: without a secret, because the blocks of a new
// message show in desktop notifications and its text in mobile ones. What it says stays true where the
// credentials can't be put into it by an update and follow in a message of their own.
func (v View) CredentialsReady(s approval.Story) Message {
	t := v.about(s, "ready")
	t.say(t.words.Credentials.Ready)
	t.say(t.words.Credentials.ReadyHere)
	return t.message()
}

// Credentials is what [View.CredentialsReady] is updated to. The password is in one element of the blocks and
// nowhere else; it stands there byte for byte.
func (v View) Credentials(s approval.Story, p secret.Text) Message {
	t := v.about(s, "credentials")
	t.credentials(p)
	t.until()
	t.button(t.savedButton())
	return t.message()
}

func (t *telling) credentials(p secret.Text) {
	w := t.words.Credentials
	t.say(w.Title)
	t.say(w.Username)
	t.sayWith(w.Password, "password", password(p))
	t.login()
	t.say(w.Safe)
	t.say(w.Change)
}

func (t *telling) until() {
	if t.story.CredentialsUntil.IsZero() {
		t.say(t.words.Credentials.Stays)
		return
	}
	t.say(t.words.Credentials.Until)
}

func (t *telling) savedButton() *slack.ButtonBlockElement {
	return button(ActionSaved, t.story.ID, t.words.Credentials.Saved, slack.StylePrimary)
}

// login says how to log in, if that is configured.
func (t *telling) login() {
	hint := strings.NewReplacer("{username}", t.story.Username, "{cluster}", t.story.ClusterID).Replace(t.view.LoginHint)
	if hint = inline(hint, hintMaxLength); hint != "" {
		t.sayWith(t.words.Credentials.Login, "login", code(hint))
	}
}

// hintMaxLength is the longest way to log in that is shown, in characters.
const hintMaxLength = 1000

// CredentialsOffer is the direct message where the credentials are only shown on demand: it has a button that
// opens [View.CredentialsModal], and never a secret.
func (v View) CredentialsOffer(s approval.Story) Message {
	t := v.about(s, "offer")
	w := t.words.Credentials
	t.say(w.Ready)
	t.say(w.ReadyShow)
	if !s.CredentialsUntil.IsZero() {
		t.say(w.ShownUntil)
	}
	t.button(button(ActionShow, s.ID, w.Show, slack.StylePrimary))
	t.button(button(ActionSaved, s.ID, w.Saved, slack.StyleDefault))
	return t.message()
}

// CredentialsModal shows the credentials to the one person who pressed the button.
func (v View) CredentialsModal(s approval.Story, p secret.Text) slack.ModalViewRequest {
	t := v.about(s, "shown")
	t.credentials(p)
	return v.modal(t.words.Credentials.ModalTitle, []slack.Block{t.richText()})
}

// CredentialsCleared is what [View.Credentials] is updated to when the password is to be seen no longer:
// because the requester has saved it, or because its time is over.
func (v View) CredentialsCleared(s approval.Story) Message {
	t := v.about(s, "cleared")
	w := t.words.Credentials
	t.say(w.Title)
	t.say(w.Username)
	t.login()
	if saved(s) {
		t.say(w.ClearedDone)
	} else {
		t.say(w.ClearedTime)
	}
	t.say(w.Lost)
	return t.message()
}

// saved tells the button from the timer. The button notes the moment before the message changes, the timer
// after it; and what is noted at or after the end of the time was the timer's.
func saved(s approval.Story) bool {
	if s.ClearedAt.IsZero() {
		return false
	}
	return s.CredentialsUntil.IsZero() || s.ClearedAt.Before(s.CredentialsUntil)
}
