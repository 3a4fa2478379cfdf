package home_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/approval"
	"ehpcbot/bot/home"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is what surrounds the tabs: what they are to show, and Slack. It lives in time of its own, which passes at once,
// and in which one thing happens after the other.
type world struct {
	*home.Tabs
	changes int64
	looks   int
	shows   string // what everybody is to see
	renewed bool
	broken  string // whose tab can't be made
	answer  error  // of Slack
	calls   []call
	mu      sync.Mutex // held by who changes what others see
}

type call struct {
	at           time.Duration
	person, hash string
	shown        string
}

// with runs a test beside tabs that are kept up to date.
func with(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Tabs: home.New(slog.New(slog.NewTextHandler(io.Discard, nil)))}
		began := time.Now()
		w.Changes = func(context.Context) (int64, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.looks++
			return w.changes, nil
		}
		w.Render = func(_ context.Context, who home.Viewer) (home.View, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if who.ID == w.broken {
				panic("a request of a kind that nobody has thought of")
			}
			return home.View{Tab: slack.HomeTabViewRequest{Type: slack.VTHomeTab, CallbackID: w.shows}, Renewed: w.renewed}, nil
		}
		w.Publish = func(_ context.Context, person, hash string, tab slack.HomeTabViewRequest) (string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.calls = append(w.calls, call{time.Since(began), person, hash, tab.CallbackID})
			return fmt.Sprint("h", len(w.calls)), w.answer
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			w.Run(ctx)
			close(done)
		}()
		test(t, w)
		cancel()
		<-done
	})
}

// open opens somebody's tab, which shows what a hash stands for.
func (w *world) open(person, hash string) {
	w.Opened(home.Viewer{ID: person}, hash)
	synctest.Wait()
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// set changes what others see of the world.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// published are the calls so far.
func (w *world) published() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// looked is how often it was asked whether anything has changed.
func (w *world) looked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks
}

// showing is what everybody is to see.
func (w *world) showing() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shows
}

// happens changes a request, and with it what everybody is to see.
func (w *world) happens() {
	w.set(func() {
		w.changes++
		w.shows = fmt.Sprint("after change ", w.changes)
	})
}

func TestShownWithinSeconds(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		pass(time.Minute)
		require.Zero(t, w.looked(), "while nobody has the tab open nothing is asked")
		w.open("U1", "")
		require.Equal(t, []call{{time.Minute, "U1", "", ""}}, w.published(), "at once")
		pass(time.Minute)
		w.set(func() { w.changes++ })
		pass(time.Minute)
		require.Len(t, w.published(), 1, "what stays as it is is not published")
		for range 200 {
			w.happens()
			pass(100 * time.Millisecond)
		}
		pass(10 * time.Second)
		require.LessOrEqual(t, len(w.published()), 7)
		require.Equal(t, w.showing(), w.published()[len(w.published())-1].shown, "the last change is shown")
		for i, c := range w.published()[1:] {
			require.GreaterOrEqual(t, c.at-w.published()[i].at, 5*time.Second)
			require.Equal(t, fmt.Sprint("h", i+1), c.hash)
		}
		n := len(w.published())
		w.open("U1", fmt.Sprint("h", n))
		require.Len(t, w.published(), n, "it is up to date when it is opened again")

		pass(time.Hour + time.Second)
		looks := w.looked()
		w.happens()
		pass(time.Minute)
		require.Len(t, w.published(), n, "after an hour nobody looks")
		require.Equal(t, looks, w.looked())
	})
}

func TestRenewed(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.set(func() { w.renewed = true })
		w.open("U1", "")
		w.set(func() { w.shows = "the API is away" })
		pass(6 * time.Second)
		require.Len(t, w.published(), 2, "though no request has changed")
	})
}

func TestOutcomeIsUnknown(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.open("U1", "")
		w.set(func() { w.answer = errors.New("the connection broke") })
		w.happens()
		pass(6 * time.Second)
		w.set(func() { w.answer = nil })
		pass(6 * time.Second)
		require.Len(t, w.published(), 3)
		require.Equal(t, "h1", w.published()[1].hash)
		require.Equal(t, call{w.published()[2].at, "U1", "", w.showing()}, w.published()[2], "whatever is there now")
		pass(time.Minute)
		require.Len(t, w.published(), 3)
	})
}

func TestAnotherProcessHasIt(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.open("U1", "")
		w.set(func() { w.answer = slack.SlackErrorResponse{Err: "hash_conflict"} })
		w.happens()
		pass(10 * time.Second)
		w.set(func() { w.answer = nil })
		w.happens()
		pass(10 * time.Second)
		require.Len(t, w.published(), 2, "it is let go")
		w.open("U1", "another")
		require.Len(t, w.published(), 3)
		require.Empty(t, w.published()[2].hash, "and taken over when it is opened here")
	})
}

func TestSlackTakesNone(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.open("U1", "")
		w.open("U2", "")
		w.set(func() { w.answer = &approval.LaterError{After: 30 * time.Second} })
		w.happens()
		pass(6 * time.Second)
		asked := len(w.published())
		require.LessOrEqual(t, asked, 4)
		w.set(func() { w.answer = nil })
		pass(20 * time.Second)
		require.Len(t, w.published(), asked, "a limit holds for all")
		pass(20 * time.Second)
		require.Len(t, w.published(), asked+2)

		w.set(func() { w.answer = slack.SlackErrorResponse{Err: "not_enabled"} })
		w.happens()
		pass(time.Minute)
		w.happens()
		pass(time.Minute)
		require.Len(t, w.published(), asked+4, "what Slack refuses for good is not tried again")
	})
}

func TestOneThatPanics(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.set(func() { w.broken = "U1" })
		w.open("U1", "")
		w.open("U2", "")
		w.happens()
		pass(10 * time.Second)
		require.Len(t, w.published(), 2, "others are shown theirs")
		w.set(func() { w.broken = "" })
		w.open("U1", "")
		require.Equal(t, "U1", w.published()[2].person)
	})
}
