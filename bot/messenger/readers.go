package messenger

import (
	"context"

	"github.com/slack-go/slack"

	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
)

// Readers knows in which words each reader is spoken to.
type Readers struct {
	Base   view.View // of the approval channel, in its language
	People *slackapi.People
}

// Channel returns the view of the approval channel.
func (r *Readers) Channel() view.View { return r.Base }

// View returns the view of a person, in their language.
func (r *Readers) View(ctx context.Context, person string) view.View {
	user, _ := r.People.Person(ctx, person) // nothing is known of one whom Slack doesn't tell of
	return r.Of(person, user)
}

// Of returns the view of a person of whom Slack has told.
func (r *Readers) Of(person string, user slack.User) view.View {
	v := r.Base
	v.Reader, v.Locale = person, view.LocaleOf(user.Locale, r.Base.Locale)
	return v
}
