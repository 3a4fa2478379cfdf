package bot

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/home"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/socket"
	"ehpcbot/bot/status"
	"ehpcbot/bot/view"
)

// newTabs returns the Home tabs of people.
func (b *Bot) newTabs() *home.Tabs {
	tabs := home.New(b.log)
	tabs.Render, tabs.Changes, tabs.Publish = b.renderHome, b.service.Changes, b.publishHome
	return tabs
}

// ShowHealth has administrators see in the Home tab what some checks tell.
func (b *Bot) ShowHealth(checks *status.Checks) { b.checks = checks }

// homeOpened notes that somebody has opened the Home tab, which is published then.
func (b *Bot) homeOpened(ctx context.Context, opened socket.HomeOpened) socket.Reply {
	who := home.Viewer{ID: opened.Person, Teams: []string{opened.Team}}
	if who.ID == "" {
		return socket.Reply{}
	}
	if err := b.admitViewer(ctx, who); err != nil {
		b.turnAway(ctx, 0, who.ID, "home", err)
	}
	who.ID = b.people.Identify(ctx, who.ID).ID
	b.tabs.Opened(who, opened.Hash)
	return socket.Reply{}
}

// admitViewer looks at a person who opens the Home tab: one who may ask, or a guest who may decide.
func (b *Bot) admitViewer(ctx context.Context, who home.Viewer) error {
	err := b.admitRequester(ctx, who.ID, who.Teams)
	if errors.Is(err, slackapi.ErrForeign) && b.people.AdmitDecider(ctx, who.ID, who.Teams, b.service.Deciders(ctx)) == nil {
		return nil
	}
	return err
}

// renderHome is what somebody sees now.
func (b *Bot) renderHome(ctx context.Context, who home.Viewer) (home.View, error) {
	if err := b.admitViewer(ctx, who); err != nil {
		// The channel's language is that of all who are turned away.
		return home.View{Tab: b.readers.Channel().HomeNotice(b.turnedAway(err)), Renewed: !errors.Is(err, slackapi.ErrForeign)}, nil
	}
	o, err := b.service.Overview(ctx, who.ID, view.HomeMost)
	if err != nil {
		return home.View{}, err
	}
	var health []view.Health
	if o.Administrator {
		health = b.health(ctx)
	}
	return home.View{Tab: b.readers.View(ctx, who.ID).Home(o, health), Renewed: o.Administrator || o.Unsure != nil}, nil
}

func (b *Bot) health(ctx context.Context) (all []view.Health) {
	if b.checks == nil {
		return nil
	}
	for _, r := range b.checks.Look(ctx) {
		h := view.Health{Part: r.Name}
		if r.Err != nil {
			h.Fault = r.Err.Error()
		}
		all = append(all, h)
	}
	return all
}

func (b *Bot) publishHome(ctx context.Context, person, hash string, tab slack.HomeTabViewRequest) (newHash string, err error) {
	call := slack.PublishViewContextRequest{UserID: person, View: tab}
	if hash != "" {
		call.Hash = &hash
	}
	published, err := b.api.PublishViewContext(ctx, call)
	if err != nil {
		return "", slackapi.CallError("publish a Home tab", err)
	}
	return published.View.Hash, nil
}

// isHome tells whether a button was pressed in the Home tab, which nobody but the bot can fill.
func isHome(c slack.InteractionCallback) bool {
	return c.Container.Type == "view" && c.View.Type == slack.VTHomeTab
}

// shortcut opens the form, as the command alone does.
func (b *Bot) shortcut(ctx context.Context, c slack.InteractionCallback) socket.Reply {
	if c.CallbackID != view.CallbackShortcut {
		return socket.Reply{} // of a version that is no longer
	}
	return b.openFormFor(ctx, c, "shortcut")
}

// openFormFor opens the form for somebody who has typed no command. The audit log knows by a word how they came.
func (b *Bot) openFormFor(ctx context.Context, c slack.InteractionCallback, by string) socket.Reply {
	if v, wait := b.tooMuch(c.User.ID); wait > 0 {
		// No modal says so, or it would be at the cost of those who want the form.
		return socket.Reply{After: func(ctx context.Context) { b.tellDirectly(ctx, c.User.ID, v.TooMuch(wait)) }}
	}
	if err := b.admitRequester(ctx, c.User.ID, teamsOf(c)); err != nil {
		b.turnAway(ctx, 0, c.User.ID, by, err)
		return b.tell(c, b.turnedAway(err))
	}
	c.User.ID = b.people.Identify(ctx, c.User.ID).ID
	if m := b.openAskForm(ctx, b.readers.View(ctx, c.User.ID), c.TriggerID, approval.Ask{Requester: c.User.ID}); m.Text != "" {
		return b.tell(c, m)
	}
	return socket.Reply{}
}
