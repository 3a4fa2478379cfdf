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
	b := v.about(s, "ready")
	b.line(b.texts.Credentials.Ready, b.texts.Credentials.ReadyHere)
	return b.message()
}

// Credentials is what [View.CredentialsReady] is updated to. The password is in one element of the blocks and
// nowhere else; it stands there byte for byte. Whether it works is asked once the password is gone from the message: as
// long as it is there nobody can draw the message anew, because the sealed password is erased.
func (v View) Credentials(s approval.Story, password secret.Text) Message {
	b := v.about(s, "credentials")
	t := b.texts.Credentials
	b.credentials(password)
	if s.CredentialsUntil.IsZero() {
		b.line(t.Stays)
	} else {
		b.line(t.Until)
	}
	b.button(ActionSaved, t.Saved, slack.StylePrimary)
	b.button(ActionTrouble, b.texts.After.Trouble, slack.StyleDefault)
	return b.message()
}

// CredentialsOffer is the direct message where the credentials are only shown on demand: it has a button that
// opens [View.CredentialsModal], and never a secret.
func (v View) CredentialsOffer(s approval.Story) Message {
	b := v.about(s, "offer")
	t := b.texts.Credentials
	b.line(t.Ready, t.ReadyShow)
	if !s.CredentialsUntil.IsZero() {
		b.line(t.ShownUntil)
	}
	b.button(ActionShow, t.Show, slack.StylePrimary)
	b.button(ActionSaved, t.Saved, slack.StyleDefault)
	b.afterwards()
	return b.message()
}

// CredentialsModal shows the credentials to the one person who pressed the button.
func (v View) CredentialsModal(s approval.Story, password secret.Text) slack.ModalViewRequest {
	b := v.about(s, "shown")
	b.credentials(password)
	b.line(b.texts.After.ModalNext)
	return v.modal(b.texts.Credentials.ModalTitle, b.richTextBlock())
}

// CredentialsCleared is what [View.Credentials] is updated to when the password is to be seen no longer:
// because the requester has saved it, or because its time is over.
func (v View) CredentialsCleared(s approval.Story) Message {
	b := v.about(s, "cleared")
	t := b.texts.Credentials
	b.line(t.Title, t.Username)
	b.login()
	switch {
	case s.Replaced:
		b.line(b.texts.Reset.Replaced)
		return b.message()
	case saved(s):
		b.line(t.ClearedDone)
	default:
		b.line(t.ClearedTime)
	}
	if s.State == approval.Delivered {
		b.line(t.Lost)
		b.afterwards()
		b.resetButton()
	}
	return b.message()
}

// saved tells the button from the timer. The button notes the moment before the message changes, the timer
// after it; and what is noted at or after the end of the time was the timer's.
func saved(s approval.Story) bool {
	if s.ClearedAt.IsZero() {
		return false
	}
	return s.CredentialsUntil.IsZero() || s.ClearedAt.Before(s.CredentialsUntil)
}

func (b *builder) credentials(password secret.Text) {
	t := b.texts.Credentials
	b.line(t.Title, t.Username)
	b.password(password)
	b.login()
	b.line(t.Safe, t.Change)
}

// password adds the one secret line. The password is the only code in it, so it stays an element of its own.
func (b *builder) password(password secret.Text) {
	text := b.texts.Credentials.Password.fill(fields{"password": code(password.Reveal())})
	b.parts = append(b.parts, part{kind: slack.RTESection, text: text, secret: true})
}

// login says how to log in, if that is configured.
func (b *builder) login() {
	hint := strings.NewReplacer("{username}", b.story.Username, "{cluster}", b.story.ClusterID).Replace(b.story.Rules.LoginHint)
	if hint = oneLine(hint, loginMaxLength); hint != "" {
		b.fields["login"] = code(hint)
		b.line(b.texts.Credentials.Login)
	}
}
