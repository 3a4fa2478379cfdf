package view

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// Facts are what the approvers are shown beside the request, as long as it waits for them. The zero value shows nothing.
type Facts struct {
	Name, Title string // of the requester
	Photo       string // its address
	Guest       bool
	Earlier     []approval.Story // of the same requester
	Known       bool             // whether Earlier is
	VisibleTo   []string         // who sees the buttons; none: everybody
}

// Plain leaves out what Slack may not take.
func (f Facts) Plain() Facts {
	f.Photo, f.VisibleTo = "", nil
	return f
}

// cardTexts are those of the facts.
type cardTexts struct {
	Person         phrase // {person}
	Guest          phrase // in the place of {person}, behind the name
	Photo          phrase // {name}; what a screen reader says of the picture
	First, Earlier phrase // {count}, {earlier}
	Counts         map[approval.State]phrase
	Accounts       phrase // {count}, {accounts}: those delivered
	Account        phrase // {username}, {cluster}
}

// facts says who asks, and what they have asked for before.
func (b *builder) facts(f Facts) {
	t := b.texts.Card
	if name := oneLine(f.Name, profileMaxLength); name != "" {
		person := []richText{text(name)}
		if title := oneLine(f.Title, profileMaxLength); title != "" {
			person = append(person, text(title))
		}
		if f.Guest {
			person = append(person, t.Guest.fill(nil))
		}
		b.fields["person"] = join(person, string(b.texts.Separator))
		b.line(t.Person)
	}
	switch {
	case !f.Known:
	case len(f.Earlier) == 0:
		b.line(t.First)
	default:
		b.fields["count"], b.fields["earlier"] = text(strconv.Itoa(len(f.Earlier))), b.earlier(f.Earlier)
		b.line(t.Earlier)
	}
}

// accountsMax is how many accounts are named.
const accountsMax = 5

// earlier counts requests by their state, and names the accounts that came of them.
func (b *builder) earlier(stories []approval.Story) richText {
	t := b.texts.Card
	counts := map[approval.State]int{}
	var accounts []richText
	for _, s := range stories {
		counts[s.State]++
		if s.State == approval.Delivered && len(accounts) < accountsMax {
			accounts = append(accounts, t.Account.fill(b.view.fields(s)))
		}
	}
	if counts[approval.Delivered] > accountsMax {
		accounts = append(accounts, text(ellipsis))
	}
	var all []richText
	for _, state := range approval.States() {
		f := fields{"count": text(strconv.Itoa(counts[state])), "accounts": join(accounts, string(b.texts.Separator))}
		switch {
		case counts[state] == 0:
		case state == approval.Delivered:
			all = append(all, t.Accounts.fill(f))
		default:
			all = append(all, t.Counts[state].fill(f))
		}
	}
	return join(all, string(b.texts.Separator))
}

// photo is a picture of the requester with its label. It stands below the text, which an update may not take away.
func (b *builder) photo(f Facts) []slack.Block {
	name := oneLine(f.Name, profileMaxLength)
	if !isPhoto(f.Photo) || name == "" {
		return nil
	}
	label := b.texts.Card.Photo.fill(fields{"name": text(name)}).plain()
	return []slack.Block{slack.NewContextBlock(b.blockID("photo"), slack.NewImageBlockElement(f.Photo, label))}
}

// isPhoto lets pictures be shown that Slack itself keeps, and no others.
func isPhoto(address string) bool {
	const longest = 3000
	u, err := url.Parse(address)
	return err == nil && len(address) <= longest && u.Scheme == "https" && u.User == nil && u.Port() == "" &&
		(strings.HasSuffix(u.Host, ".slack-edge.com") || strings.HasSuffix(u.Host, ".slack.com"))
}

// visibleMax is for how many people buttons are hidden from the others. Slack names no limit; a message has one.
const visibleMax = 50

// hide leaves the buttons to some, where it is known who they are.
func (b *builder) hide(visibleTo []string) {
	if len(visibleTo) > visibleMax {
		return
	}
	for _, e := range b.buttons {
		if button, is := e.(*slack.ButtonBlockElement); is {
			button.VisibleToUserIDs = visibleTo
		}
	}
}
