package messenger

import (
	"context"

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
	v := r.Base
	v.Reader = person
	if user, err := r.People.Person(ctx, person); err == nil {
		v.Locale = view.LocaleOf(user.Locale, r.Base.Locale)
	}
	return v
}
