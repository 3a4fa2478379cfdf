package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestInChromium does on the page what a person does: each story, each fault, and what can befall the page. All share
// one browser. A plain run, which is to be quick, plays the first story alone.
func TestInChromium(t *testing.T) {
	t.Parallel()
	c := startChromium(t)
	tests := map[string]func(*testing.T, *chromium){
		"stories": testStories, "faults": testFaults, "keyboard": testKeyboard, "sizes": testSizes, "restart": testRestart,
		"sleep": testSleep, "tabs": testTabs, "accessibility": testAccessibility, "pictures": testPictures,
	}
	if !inCI() {
		tests = map[string]func(*testing.T, *chromium){"stories": testStories}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

// chromium is the browser.
type chromium struct {
	ctx   context.Context
	seats chan struct{}
}

// seat waits until fewer than six others are at work: with more, a small machine is too busy for Slack's three seconds.
func (c *chromium) seat(t *testing.T) {
	c.seats <- struct{}{}
	t.Cleanup(func() { <-c.seats })
}

func inCI() bool { return os.Getenv("CI") != "" }

// startChromium starts the browser of the distribution. Where there is none the test is skipped, but fails in CI
// (CI=true).
func startChromium(t *testing.T) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	switch {
	case err != nil && !inCI():
		t.Skip("Chromium is not installed (no chromium in PATH)")
	case err != nil:
		t.Fatal(err)
	}
	// It has no sandbox for root, and none in most containers. Nothing but the page here is loaded.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx))
	return &chromium{ctx: ctx, seats: make(chan struct{}, 6)}
}

// tab is one of the browser, with a page of the sandbox.
type tab struct {
	t    testing.TB
	ctx  context.Context
	base string // address of the sandbox

	mu    sync.Mutex
	wrong []string // what the console says that it should not
}

// newTab opens a tab. When the test is over, the console must have had nothing to complain of.
func newTab(t testing.TB, c *chromium, base string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	p := &tab{t: t, base: base}
	ctx, cancel := chromedp.NewContext(c.ctx, append(options, chromedp.WithListener(p.listen))...)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	p.ctx = ctx
	t.Cleanup(func() { require.Empty(t, p.complaints(), "in the console") })
	p.size(1280, 900)
	return p
}

func (p *tab) listen(event any) {
	var says string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		says = fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		says = fmt.Sprint(e.Type)
	case *log.EventEntryAdded:
		says = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = append(p.wrong, says)
}

// complaints returns what the console said since it was last asked.
func (p *tab) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.wrong
	p.wrong = nil
	return all
}

// do does something in a tab, for which there is time enough.
func do[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	require.NoError(p.t, err)
	return result
}

func (p *tab) size(width, height int64) {
	p.t.Helper()
	do(p, chromedp.EmulateViewport(width, height))
}

// visit loads a page, and waits until it has a connection.
func (p *tab) visit(address string) {
	p.t.Helper()
	do(p, chromedp.Navigate(p.base+address))
	p.until("it is connected", "connected")
}

// until waits until something is so on the page, be it this one or the next.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if is {
			return
		}
		select {
		case <-tick.C: // nothing tells when it is so, least of all from one page to the next
		case <-ctx.Done():
			require.Failf(p.t, "not so: "+what, "%v\n%s", err, eval[string](p, "document.body.innerText"))
		}
	}
}

// eval asks the page.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	return do(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// sees waits until an element, folded away or not, has a text.
func (p *tab) sees(selector, text string) {
	p.t.Helper()
	p.until(selector+" shows "+text, fmt.Sprintf("document.querySelector(%s)?.textContent.includes(%s)", quote(selector), quote(text)))
}

func (p *tab) reads(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%s).textContent", quote(selector)))
}

func quote(s string) string {
	quoted, _ := json.Marshal(s) // a string has always a form in JSON
	return string(quoted)
}

// find returns where to press the last thing that has a text, in the dialog if one is open, once nothing covers it. The
// page notes whether it is hit.
const find = `(text => {
	const root = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
	const all = [...root.querySelectorAll('button, a, summary, label')];
	const it = all.findLast(e => e.checkVisibility() && !e.ariaDisabled && (e.textContent.trim() === text || e.firstChild?.textContent === text));
	it?.scrollIntoView({block: 'center'});
	const r = it?.getBoundingClientRect(), x = r?.x + r?.width / 2, y = r?.y + r?.height / 2;
	if (!it?.contains(document.elementFromPoint(x, y))) return [];
	window.missed = true;
	it.addEventListener('click', () => { window.missed = false; }, {capture: true});
	return [x, y];
})`

// press presses what has this text, once it is there, and again if something moved it away meanwhile.
func (p *tab) press(text string) {
	p.t.Helper()
	for {
		p.until("there is to press: "+text, find+"("+quote(text)+").length")
		if at := eval[[]float64](p, find+"("+quote(text)+")"); len(at) == 2 {
			do(p, chromedp.MouseClickXY(at[0], at[1]))
		}
		if missed, _ := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("window.missed === true")); !missed { // nor on the next page
			return
		}
	}
}

// types types into the field with this label, in the place of what it holds.
func (p *tab) types(label, text string) {
	p.t.Helper()
	p.press(label)
	do(p, chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	do(p, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
	})
}

// keys presses keys one by one.
func (p *tab) keys(keys string) {
	p.t.Helper()
	do(p, chromedp.KeyEvent(keys))
}

// says types a command, or something else, and sends it.
func (p *tab) says(text string) {
	p.t.Helper()
	v := viewer{lang: eval[string](p, "document.documentElement.lang")}
	p.types(v.t("Message or command"), text)
	p.press(v.t("Send"))
}

// follows presses what leads to another page, and waits until that has a connection.
func (p *tab) follows(text string) {
	p.t.Helper()
	eval[bool](p, "window.before = true")
	p.press(text)
	p.until("the next page is connected", "!window.before && connected")
}

// unfolds opens one of the folds at the side, if it isn't open.
func (p *tab) unfolds(name string) {
	p.t.Helper()
	if !eval[bool](p, "[...document.querySelectorAll('aside details[open] summary')].some(s => s.textContent === "+quote(name)+")") {
		p.press(name)
	}
}

// approves presses Approve, and confirms it.
func (p *tab) approves() {
	p.t.Helper()
	p.press("Approve")
	p.until("it wants to be confirmed", "$('confirm').open")
	p.press("Approve")
}

func testStories(t *testing.T, c *chromium) {
	// What is done at each step, beside what the step has ready, and seen then.
	plays := [][]func(*tab){
		{
			func(p *tab) { p.sees("#messages", "Request 1 is in") },
			func(p *tab) { p.approves(); p.sees("#messages", "the credentials were delivered") },
			func(p *tab) {
				p.sees("#messages", "Password:")
				p.unfolds("Notifications of Isabel")
				p.sees("#notifications", "Your account isabel on Training")
				require.NotContains(p.t, p.reads("#notifications"), "Password:")
				p.sees("#accounts", "isabel")
				p.sees("#requests", "delivered")
			},
			func(p *tab) {
				p.press("I have saved it")
				p.sees("#messages", "You have saved the password")
				require.NotContains(p.t, p.reads("#messages"), "Password:")
				p.sees("#audit", "clear")
			},
		},
		{
			func(p *tab) { p.sees("#bot", "Slack: 2") },
			func(p *tab) { p.sees("#messages", "Request 1 is in") },
			func(p *tab) { p.approves(); p.sees("#messages", "has not pressed it yet") },
			func(p *tab) {
				p.press("Show credentials")
				p.until("a window shows the password", "$('view').textContent.includes('Password:')")
				require.NotContains(p.t, p.reads("#messages"), "Password:")
				p.sees("#audit", "show")
				p.press("Close")
				p.until("the window is gone", "!$('view').open")
			},
			func(p *tab) {
				p.press("I have saved it")
				p.sees("#messages", "You have saved the password")
				p.press("I can't log in")
				p.until("a form is open", "$('view').open")
				eval[bool](p, `(() => { const s = $('view').querySelector('select'); s.selectedIndex = s.options.length - 1; s.dispatchEvent(new Event('change', {bubbles: true})); return true })()`)
				p.types("In your words", "it beeps twice")
				p.press("Tell the approvers")
				p.until("it is told", "$('view').textContent.includes('telling the approvers')")
				p.press("Close")
				p.until("the form is gone", "!$('view').open")
			},
			func(p *tab) {
				p.sees("#messages", "it beeps twice")
				p.sees("#messages", "203.0.113.7")
			},
		},
		{
			func(p *tab) {
				p.types("用户名", "liweiliwei")
				p.press("提交")
				p.until("the field is wrong", "document.activeElement.ariaInvalid === 'true'")
				p.types("用户名", "liwei")
				p.press("提交")
				p.until("the form says that the request is in", "$('view').textContent.includes('申请 1')")
				p.press("关闭")
				p.until("the form is gone", "!$('view').open")
			},
			func(p *tab) {
				p.press("Deny")
				p.types("Reason (optional)", "no & <never>")
				p.press("Deny")
				p.sees("#messages", "no & <never>")
			},
			func(p *tab) {
				p.sees("#messages", "no & <never>")
				p.sees("#messages", "拒绝")
				require.NotContains(p.t, p.reads("#accounts"), "liwei")
			},
		},
		{
			func(p *tab) {
				p.sees("#messages", "taken")
				p.sees("#messages", "otto2")
				p.sees("#api-calls", "listUsers")
			},
			func(p *tab) { p.sees("#messages", "Request 1 is in") },
		},
		{
			func(p *tab) { p.sees("#messages", "Request 1 is in") },
			func(p *tab) { p.approves(); p.sees("#api-calls", "addUser isabel") },
			func(p *tab) {
				p.sees("#bot", "The bot does not run.")
				p.says("/ehpc-adduser list")
				p.sees("#error", "did not respond")
			},
			func(p *tab) {
				p.sees("#messages", "Password:")
				require.Equal(p.t, 1, strings.Count(p.reads("#api-calls"), "addUser isabel"))
			},
		},
		{
			func(p *tab) { p.sees("#messages", "Request 1 is in") },
			func(p *tab) { p.approves(); p.sees("#api-calls", "dropped") },
			func(p *tab) {
				p.sees("#messages", "Password:")
				require.Equal(p.t, 1, strings.Count(p.reads("#api-calls"), "addUser isabel"))
			},
		},
		{
			func(p *tab) { p.sees("#messages", "Request 1 is in") },
			func(p *tab) { p.approves(); p.sees("#messages", "the credentials were delivered") },
			func(p *tab) {
				p.press("I have saved it")
				p.sees("#messages", "You have saved the password")
				p.press("New password")
				p.until("it wants to be confirmed", "$('confirm').open")
				p.press("New password")
				p.sees("#messages", "is about to get a new password")
				p.sees("#messages", "Password:")
				p.sees("#api-calls", "modifyUser isabel")
			},
			func(p *tab) { p.sees("#messages", "The approvers have been told how to set one by hand") },
			func(p *tab) { p.sees("#messages", "Please set a password for isabel by hand") },
		},
	}
	require.Len(t, plays, len(stories))
	for i, story := range stories {
		require.Len(t, plays[i], len(story.steps))
		if i > 0 && !inCI() {
			continue
		}
		t.Run(story.title, func(t *testing.T) {
			t.Parallel()
			c.seat(t)
			p := newTab(t, c, open(t, withBot()))
			p.visit("/")
			p.sees("#bot", "Slack: 2")
			p.press("Stories")
			p.follows(story.title)
			for n, step := range story.steps {
				p.sees(".guide", step.do)
				p.sees(".guide", step.see)
				if f, found := findFault(step.fault); found {
					p.press(f.label)
					p.sees("#watch", f.watch)
				}
				if step.say != "" {
					p.press("Send")
				}
				plays[i][n](p)
				if n+1 < len(story.steps) {
					p.follows("Next")
				}
			}
			p.follows("End of the story")
			p.until("the story is over", "!document.querySelector('.guide')")
		})
	}
}
