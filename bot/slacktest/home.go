package slacktest

import (
	"cmp"
	"context"
	"fmt"
)

// SetHomeTab says whether the app has a Home tab. Default: it has. Without one nobody can open it, and views.publish
// answers not_enabled.
func (s *Server) SetHomeTab(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.homeTab = on
}

// OpenHome opens the app's Home tab, of which the app is told. Slack sends an event anew that is not acknowledged; here
// [Server.Repeat] does so.
func (p *Person) OpenHome(ctx context.Context) Reply {
	payload, enabled := p.openHome("home")
	if !enabled {
		return Reply{}
	}
	return reply(p.s.deliver(ctx, "events_api", "the opening of the Home tab", false, payload))
}

// OpenMessages opens the app's Messages tab, of which the app is told in the same way.
func (p *Person) OpenMessages(ctx context.Context) Reply {
	payload, _ := p.openHome("messages")
	return reply(p.s.deliver(ctx, "events_api", "the opening of the Messages tab", false, payload))
}

// openHome is the payload of docs.slack.dev/reference/events/app_home_opened.
func (p *Person) openHome(tab string) (payload object, enabled bool) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	event := object{"type": "app_home_opened", "user": p.ID, "channel": directID(p.ID), "event_ts": s.timestamp(), "tab": tab}
	if home := s.homes[p.ID]; home != nil && tab == "home" {
		event["view"] = s.viewJSON(home)
	}
	s.event(Event{Kind: HomeOpened, User: p.ID, SeenBy: p.ID, Text: tab})
	return object{
		"token": verificationToken, "team_id": s.user(p.ID).TeamID, "api_app_id": s.appID, "type": "event_callback",
		"event": event, "event_id": fmt.Sprintf("Ev%07d", s.next()), "event_time": s.now().Unix(), "is_ext_shared_channel": false,
	}, s.homeTab
}

// Home returns what the person's Home tab shows; nothing was published for them where there is none.
func (p *Person) Home() (View, bool) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	home := p.s.homes[p.ID]
	if home == nil {
		return View{}, false
	}
	return home.view(), true
}

// WaitHome waits until the person's Home tab shows something that all of preds accept.
func (p *Person) WaitHome(ctx context.Context, preds ...func(View) bool) (found View, err error) {
	err = p.s.Wait(ctx, func() bool {
		v, there := p.Home()
		for _, pred := range preds {
			there = there && pred(v)
		}
		found = v
		return there
	})
	return found, err
}

// PressInHome presses a button of the Home tab as it is now: the first with exactly this text, or the one of which a
// screen reader says it. A dialog that asks first is confirmed.
func (p *Person) PressInHome(ctx context.Context, text string) (Reply, error) {
	v, _ := p.Home()
	for _, b := range v.Buttons() {
		if b.AccessibilityLabel == text {
			return p.PressHomeAction(ctx, actionOf(b)), nil
		}
	}
	b, err := choose(v.Buttons(), text)
	if err != nil {
		return Reply{}, err
	}
	return p.PressHomeAction(ctx, actionOf(b)), nil
}

func actionOf(b Button) Action {
	return Action{ActionID: b.ActionID, BlockID: b.BlockID, Value: b.Value, Text: b.Text, Style: b.Style}
}

// PressHomeAction sends any action at all on the person's Home tab, such as one that was forged.
func (p *Person) PressHomeAction(ctx context.Context, a Action) Reply {
	r := reply(p.s.deliver(ctx, "interactive", "the press of "+cmp.Or(a.Text, a.ActionID), false, p.pressInHome(a)))
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.showError(p.ID, "", r.Err)
	return r
}

// pressInHome is the payload of a press in a view: it has neither a channel nor a response URL.
func (p *Person) pressInHome(a Action) object {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.interaction("block_actions", p.ID)
	e := Event{Kind: ButtonPressed, User: p.ID, SeenBy: p.ID, Text: cmp.Or(a.Text, a.ActionID)}
	if home := s.homes[p.ID]; home != nil {
		view := home.view()
		e.View = &view
		o["container"] = object{"type": "view", "view_id": home.id}
		o["view"] = s.viewJSON(home)
	}
	s.event(e)
	o["trigger_id"] = s.newTrigger(p.ID, false)
	o["actions"] = []object{s.action(a)}
	return o
}

// Shortcut runs one of the app's global shortcuts, by its callback id, and waits for its acknowledgement or the deadline.
func (p *Person) Shortcut(ctx context.Context, callbackID string) Reply {
	r := reply(p.s.deliver(ctx, "interactive", "the shortcut "+callbackID, false, p.shortcut(callbackID)))
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.showError(p.ID, "", r.Err)
	return r
}

// shortcut is the payload of docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload.
func (p *Person) shortcut(callbackID string) object {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.event(Event{Kind: ShortcutUsed, User: p.ID, SeenBy: p.ID, Text: callbackID})
	o := s.interaction("shortcut", p.ID)
	o["action_ts"] = s.timestamp()
	o["callback_id"] = callbackID
	o["trigger_id"] = s.newTrigger(p.ID, false)
	return o
}

// publishView is docs.slack.dev/reference/methods/views.publish. That a hash fits nothing where nothing was published yet
// is an inference, as is the error for somebody whom nobody knows.
func (s *Server) publishView(a args) answer {
	user := a.Get("user_id")
	if user == "" {
		return missing("user_id")
	}
	body, refusal, good := s.viewOf(homeView, a.Get("view"))
	if !good {
		return refusal
	}
	u, known := s.users[user]
	home := s.homes[u.ID]
	switch {
	case !s.homeTab:
		return fail("not_enabled")
	case !known:
		return fail("user_not_found")
	case a.Get("hash") != "" && (home == nil || a.Get("hash") != home.hash):
		return fail("hash_conflict")
	}
	if home == nil {
		home = &modal{id: fmt.Sprintf("V%07d", s.next()), user: u.ID, typed: map[string]string{}}
		home.root = home.id
		s.homes[u.ID] = home
	}
	home.body, home.hash = body, s.newHash()
	s.modalEvent(HomePublished, s.botUserID, home)
	return success(object{"view": s.viewJSON(home)})
}
