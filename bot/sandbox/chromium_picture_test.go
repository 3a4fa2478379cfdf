package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// testPictures makes the pictures of the README anew, with -update, and holds them to a size with which that is
// quick to load.
func testPictures(t *testing.T, c *chromium) {
	pictures := filepath.Join("..", "..", ".github")
	defer func() {
		all, err := filepath.Glob(filepath.Join(pictures, "sandbox*.png"))
		require.NoError(t, err)
		require.NotEmpty(t, all)
		for _, path := range all {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.LessOrEqual(t, info.Size(), int64(200_000), path)
		}
	}()
	if !*update {
		return
	}
	c.seat(t)
	p := newTab(t, c, open(t, withBot()))
	shoot := func(name string) {
		t.Helper()
		eval[bool](p, "document.activeElement.blur(), true")
		picture := do(p, chromedp.CaptureScreenshot())
		require.NoError(t, os.WriteFile(filepath.Join(pictures, name+".png"), picture, 0o644))
	}
	p.size(1400, 860)
	p.visit("/?story=1&step=1")
	p.sees("#bot", "Slack: 2")
	p.press("Send")
	p.sees("#messages", "Request 1 is in")
	p.follows("Next")
	p.approves()
	p.sees("#messages", "were delivered")
	p.visit("/?as=U0LIWEI&lang=zh")
	p.says("/ehpc-adduser")
	p.until("a form is open", "$('view').open")
	p.types("用户名", "liweiliwei")
	p.press("提交")
	p.until("the field is wrong", "document.activeElement.ariaInvalid === 'true'")
	p.prefers("dark")
	shoot("sandbox-form")
	p.prefers("light")
	p.types("用户名", "liwei")
	p.press("提交")
	p.until("the form says that the request is in", "$('view').textContent.includes('申请 2')")
	p.press("关闭")
	p.visit("/?as=U0ANNA")
	p.sees("#messages", "Request 2")
	p.unfolds("Requests and audit log")
	p.unfolds("Calls of the EHPC API")
	p.sees("#requests", "liwei")
	p.sees("#audit", "username=liwei")
	eval[bool](p, "document.querySelector('aside').scrollTop = 0, true")
	shoot("sandbox")

	p.size(360, 780)
	p.visit("/?as=U0ISABEL&in=D0ISABEL")
	p.sees("#messages", "Password:")
	shoot("sandbox-phone")
}
