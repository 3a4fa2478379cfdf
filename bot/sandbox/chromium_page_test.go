package sandbox

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	real "ehpcbot/bot/endtoend/world"
)

// testKeyboard asks for an account and approves it without a mouse.
func testKeyboard(t *testing.T, c *chromium) {
	c.seat(t)
	p := newTab(t, c, open(t, withBot()))
	p.visit("/")
	p.sees("#bot", "Slack: 2")
	p.keys(kb.Tab + kb.Enter)
	p.until("the first link leads to the box", "document.activeElement === $('box')")
	p.keys("/ehpc-adduser" + kb.Enter)
	p.until("a form is open", "$('view').open")
	p.until("its first field has the focus", "document.activeElement.matches('#view .bk-field')")
	p.keys(kb.Enter) // the username that is suggested
	p.until("the form says that the request is in", "$('view').textContent.includes('Request 1 is in')")
	p.keys(kb.Escape)
	p.until("the form is gone, and one is where one was", "!$('view').open && document.activeElement === $('box')")

	p.visit("/?as=U0ANNA")
	p.sees("#messages", "Request 1")
	p.tabTo("Approve")
	p.keys(kb.Enter)
	p.until("it wants to be confirmed", "$('confirm').open")
	p.keys(kb.Escape)
	p.until("it is not confirmed, and one is where one was", "!$('confirm').open && document.activeElement.textContent === 'Approve'")
	p.keys(kb.Enter)
	p.until("it wants to be confirmed", "$('confirm').open")
	p.keys(kb.Enter)
	p.sees("#messages", "Approved by")
	p.tabTo("Faults")
	p.keys(" ")
	p.until("the faults are unfolded", "document.activeElement.parentElement.open")
}

// tabTo goes on by the tab key until what has the focus has this text, and can be seen to have it.
func (p *tab) tabTo(text string) {
	p.t.Helper()
	for range 100 {
		p.keys(kb.Tab)
		if eval[string](p, "document.activeElement.textContent") == text {
			require.Equal(p.t, "solid", eval[string](p, "getComputedStyle(document.activeElement).outlineStyle"), text)
			return
		}
	}
	require.Fail(p.t, "the tab key does not lead to "+text)
}

// testSizes looks at the page in both languages, on a phone and on a wide screen, with the longest that people type, and
// names of all scripts.
func testSizes(t *testing.T, c *chromium) {
	c.seat(t)
	p := newTab(t, c, open(t, withBot()))
	p.visit("/")
	p.sees("#bot", "Slack: 2")
	p.says(`/ehpc-adduser otto reason="` + strings.Repeat("W", 500) + `"`)
	p.sees("#messages", "Request 1 is in")
	p.says(`/ehpc-adduser ben reason="` + strings.Join(names, " ") + `"`)
	p.sees("#messages", "Request 2 is in")
	for _, name := range names {
		p.says("I am " + name)
		p.sees("#messages", "I am "+name)
	}
	for i, username := range []string{"محمد", "👩🏽‍🔬", "a\u200bb", "\u202eotto"} {
		p.says("/ehpc-adduser " + strings.Repeat(username, 20))
		p.until("it is answered: "+username, fmt.Sprintf("$('messages').textContent.split('The username').length === %d", i+2))
	}
	for _, lang := range []string{"en", "zh"} {
		v := viewer{lang: lang}
		p.visit("/?as=U0ANNA&lang=" + lang)
		p.sees("#messages", "محمد יעל สมชาย 李伟 さくら")
		for _, address := range []string{"/?as=U0ISABEL&story=4&step=3", "/?as=U0ANNA", "/?as=U0LIWEI"} {
			p.visit(address + "&lang=" + lang)
			if strings.Contains(address, "LIWEI") {
				p.says("/ehpc-adduser")
				p.until("a form is open", "$('view').open")
			} else {
				for _, fold := range []string{"Faults", "Requests and audit log", "Calls of Slack"} {
					p.unfolds(v.t(fold))
				}
			}
			for _, width := range []int64{360, 600, 961, 1600} {
				p.size(width, 800)
				require.Empty(t, eval[[]string](p, wide), "%s at %d", address, width)
			}
			p.keys(kb.Escape)
			p.until("no form is open", "!$('view').open")
		}
	}
}

// names are in the scripts of the world.
var names = []string{
	"محمد", "יעל", "สมชาย", "李伟", "さくら", "Юлия", "Ελένη", "ज्योति", "김민준", "👩🏽‍🔬", "a\u200bb", "\u202eotto", "Zoë", "𝔬𝔱𝔱𝔬",
}

// wide finds what reaches beyond the window, unless it is in something that scrolls by itself.
const wide = `[...document.querySelectorAll('body, body *')].filter(e =>
	e.checkVisibility() && !e.closest('.table, .skip') && e.getBoundingClientRect().right > innerWidth + 0.5 ||
	e === document.body && document.scrollingElement.scrollWidth > innerWidth
).map(e => e.outerHTML.slice(0, 200))`

// testRestart has the sandbox end and begin anew under an open page.
func testRestart(t *testing.T, c *chromium) {
	c.seat(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := Options{Addr: free.Addr().String()}
	require.NoError(t, free.Close())
	ended := make(chan error, 1)
	run := func() (end func()) {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { ended <- Run(ctx, io.Discard, o) }()
		return sync.OnceFunc(func() { cancel(); require.NoError(t, <-ended) })
	}
	end := run()
	t.Cleanup(func() { end() })
	require.Eventually(t, func() bool { return isSandbox(t.Context(), o.Addr) }, patience, 20*time.Millisecond)
	p := newTab(t, c, "http://"+o.Addr)
	p.visit("/?lang=zh")
	p.says("hello")
	p.sees("#messages", "hello")

	end()
	p.until("it says that the connection is lost", "$('lost').checkVisibility()")
	p.says("is anybody there?")
	p.sees("#error", "断开")
	p.until("what was typed is still there", "$('box').value === 'is anybody there?'")
	for _, said := range p.complaints() {
		require.Contains(t, said, "net::ERR_", "all else is a fault of the page")
	}

	end = run()
	p.until("it is there again", "connected && !$('lost').checkVisibility() && $('messages').childElementCount === 0")
	p.complaints() // of tries in between
	p.says("so good to see you")
	p.sees("#messages", "so good to see you")
}

// testTabs has the page open in more tabs than a browser has connections for.
func testTabs(t *testing.T, c *chromium) {
	c.seat(t)
	base := open(t, Options{})
	var tabs []*tab
	for range 8 {
		p := newTab(t, c, base, chromedp.WithNewWindow(false))
		do(p, chromedp.Navigate(base+"/?as=U0ANNA"))
		tabs = append(tabs, p)
	}
	for i, p := range tabs {
		p.comesToFront()
		if i == 0 {
			p.types("Message or command", "not sent yet")
			continue
		}
		p.says(fmt.Sprintf("hello from tab %d", i))
		p.sees("#messages", fmt.Sprintf("hello from tab %d", i))
	}
	tabs[0].comesToFront()
	tabs[0].sees("#messages", "hello from tab 7")
	require.Equal(t, "not sent yet", eval[string](tabs[0], "$('box').value"))
}

// comesToFront makes the tab the one of its window that is seen.
func (p *tab) comesToFront() {
	p.t.Helper()
	do(p, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, page.BringToFront, cdp.Empty{})
	})
	p.until("it is connected", "connected")
}

// testSleep stops the sandbox and its bot, as a lid that is closed does, and lets them go on.
func testSleep(t *testing.T, c *chromium) {
	c.seat(t)
	cmd := exec.Command(real.Binary, "sandbox", "--addr", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT))
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
	})
	var address string
	_, err = fmt.Fscanf(out, "ehpcbot sandbox: %s\n", &address)
	require.NoError(t, err)
	p := newTab(t, c, address)
	p.visit("/")
	p.sees("#bot", "Slack: 2")
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGSTOP))
	p.says("/ehpc-adduser otto")
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT))
	p.sees("#messages", "Request 1 is in")
}
