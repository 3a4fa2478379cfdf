// Package home keeps the Home tab up to date for those who look at it: it is published when they open it, and whenever
// what it shows has changed, for an hour after that.
//
// Slack tells any one of the processes that somebody has opened it, and a tab is kept up to date by the process that
// published it last. The others find out by the hash that Slack gives each view: Slack does not take what is published in
// the place of a view that is there no more, and who is told so lets go of the tab.
package home

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
)

const (
	openTime  = time.Hour       // how long a tab is kept up to date
	gap       = 5 * time.Second // between the end of one call for a person and the next one
	lookEvery = time.Second     // how often it is looked whether anything has changed
	callTime  = 5 * time.Second // for one tab, from reading what it shows to Slack's answer
	atOnce    = 8               // tabs that are published at the same time
)

// Viewer is somebody who has opened the tab.
type Viewer struct {
	ID    string
	Teams []string // that Slack named with it
}

// View is what somebody is to see.
type View struct {
	Tab     slack.HomeTabViewRequest
	Renewed bool // it may change though no request does
}

// Tabs are those that people have open. The fields are set before it runs.
type Tabs struct {
	Render  func(ctx context.Context, who Viewer) (View, error)
	Changes func(ctx context.Context) (int64, error) // a number that grows with each change of a request
	Publish func(ctx context.Context, person, hash string, tab slack.HomeTabViewRequest) (newHash string, err error)
	Log     *slog.Logger

	mu    sync.Mutex
	open  map[string]*tab // by person
	shut  time.Time       // until then Slack takes none
	seen  int64           // the changes that the tabs show, or are about to
	wakes chan struct{}
}

// tab is that of one person.
type tab struct {
	viewer Viewer
	until  time.Time         // it is kept up to date until then
	next   time.Time         // it may be published from then on
	stale  bool              // what it shows may not be right
	shown  [sha256.Size]byte // what this process has published
	hash   string            // by which Slack knows that; empty: something else may be there
}

// New returns tabs of which none is open.
func New(log *slog.Logger) *Tabs {
	return &Tabs{Log: log, open: map[string]*tab{}, wakes: make(chan struct{}, 1)}
}

// Opened notes that somebody looks at their tab, which shows what Slack knows by a hash. It is published soon.
func (t *Tabs) Opened(who Viewer, hash string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	opened := t.open[who.ID]
	if opened == nil {
		opened = &tab{}
		t.open[who.ID] = opened
	}
	if opened.hash != hash { // another process, or another version of the bot, was here
		opened.hash = ""
	}
	opened.viewer, opened.until, opened.stale = who, time.Now().Add(openTime), true
	select {
	case t.wakes <- struct{}{}:
	default:
	}
}

// Run keeps the tabs up to date until ctx ends.
func (t *Tabs) Run(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-t.wakes:
		}
		var publishing errgroup.Group
		publishing.SetLimit(atOnce)
		for _, person := range t.due(ctx) {
			publishing.Go(func() error {
				t.refresh(ctx, person)
				return nil
			})
		}
		_ = publishing.Wait()
	}
}

// due returns whose tab is to be looked at now. While nobody has one open it asks for nothing.
func (t *Tabs) due(ctx context.Context) (people []string) {
	if !t.anyOpen() {
		return nil
	}
	changes, err := t.Changes(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.Log.Debug("it is not known whether what the Home tabs show has changed", "error", err)
		changes = t.seen
	}
	now := time.Now()
	for person, opened := range t.open {
		opened.stale = opened.stale || changes != t.seen
		if opened.stale && !now.Before(opened.next) && !now.Before(t.shut) {
			opened.stale = false
			people = append(people, person)
		}
	}
	t.seen = changes
	return people
}

// anyOpen forgets the tabs whose time is over.
func (t *Tabs) anyOpen() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for person, opened := range t.open {
		if time.Now().After(opened.until) {
			delete(t.open, person)
		}
	}
	return len(t.open) > 0
}

// refresh publishes the tab of a person, if it would show something else than it does.
func (t *Tabs) refresh(ctx context.Context, person string) {
	defer func() {
		if p := recover(); p != nil {
			t.Log.Error("a Home tab panicked, and is not kept up to date", "person", person, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			t.forget(person)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	t.mu.Lock()
	opened := t.open[person]
	who, hash, shown := opened.viewer, opened.hash, opened.shown
	t.mu.Unlock()

	view, err := t.Render(ctx, who)
	content, unencoded := json.Marshal(view.Tab)
	if err := errors.Join(err, unencoded); err != nil {
		t.Log.Warn("what a Home tab is to show is not known", "person", person, "error", err)
		t.later(opened, true)
		return
	}
	next := sha256.Sum256(content)
	if hash != "" && next == shown {
		if view.Renewed {
			t.later(opened, true)
		}
		return
	}
	newHash, err := t.Publish(ctx, person, hash, view.Tab)
	t.published(opened, next, hash, newHash, err)
	t.later(opened, err != nil || view.Renewed)
}

// later lets a tab rest for the gap.
func (t *Tabs) later(opened *tab, stale bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	opened.next = time.Now().Add(gap)
	opened.stale = opened.stale || stale
}

func (t *Tabs) forget(person string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, person)
}

// published notes what Slack answered.
func (t *Tabs) published(opened *tab, content [sha256.Size]byte, hash, newHash string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	person := opened.viewer.ID
	var later *approval.LaterError
	switch {
	case err == nil:
		opened.shown, opened.hash = content, newHash
	case errors.As(err, &later):
		t.shut = time.Now().Add(later.After)
	case slackapi.Code(err) == "hash_conflict":
		if opened.hash == hash { // it was not opened anew meanwhile
			delete(t.open, person)
		}
	case slackapi.Refused(err):
		t.Log.Warn("Slack does not take a Home tab, which is not kept up to date", "person", person, "error", err)
		delete(t.open, person)
	default: // it may be there all the same
		t.Log.Warn("a Home tab could not be published, and is tried again", "person", person, "error", err)
		opened.hash = ""
	}
}
