package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// testAccessibility has axe-core look at the main views, in light and dark, in both languages.
func testAccessibility(t *testing.T, c *chromium) {
	c.seat(t)
	axe, err := os.ReadFile(filepath.Join(nodeModules(t), "axe-core", "axe.min.js"))
	require.NoError(t, err)
	p := newTab(t, c, open(t, withBot()))
	p.visit("/")
	p.sees("#bot", "Slack: 2")
	p.says("/ehpc-adduser isabel reason=*thesis*")
	p.sees("#messages", "Request 1 is in")
	p.follows("Anna")
	p.approves()
	p.sees("#messages", "were delivered")
	p.follows("Isabel")
	p.says("/ehpc-adduser otto")
	p.sees("#messages", "Request 2 is in")
	for _, lang := range []string{"en", "zh"} {
		v := viewer{lang: lang}
		for _, view := range []struct {
			name, address string
			prepare       func()
		}{
			{"a story, with all folds open", "as=U0ISABEL&story=3&step=1", func() {
				p.press(v.t("Stories"))
				eval[bool](p, "document.querySelectorAll('aside details').forEach(d => d.open = true), true")
				p.press(v.t("Somebody else makes the account otto"))
				p.sees("#watch", v.t("Ask for otto on Training: it is said at once that the name is taken. Or ask first, then press this and approve: the request fails, and the other's account is left alone."))
			}},
			{"the credentials", "as=U0ISABEL&in=D0ISABEL", func() { p.sees("#messages", "Password:") }},
			{"a confirmation", "as=U0ANNA", func() { p.press("Approve") }},
			{"a form with a mistake", "as=U0LIWEI", func() {
				p.says("/ehpc-adduser")
				p.until("a form is open", "$('view').open")
				p.types("用户名", "liweiliwei")
				p.press("提交")
				p.until("the field is wrong", "document.activeElement.ariaInvalid === 'true'")
			}},
		} {
			p.visit("/?lang=" + lang + "&" + view.address)
			view.prepare()
			eval[bool](p, string(axe)+"; true")
			for scheme, rules := range map[string]string{"light": "preload: false", "dark": "runOnly: ['color-contrast']"} {
				p.prefers(scheme)
				found := eval[[]string](p, fmt.Sprintf(violations, rules))
				require.Empty(t, found, "%s, %s, %s", view.name, lang, scheme)
			}
			p.keys(kb.Escape)
			p.until("no dialog is open", "!document.querySelector('dialog[open]')")
		}
	}
}

const violations = `axe.run({resultTypes: ['violations'], %s}).then(found => found.violations.flatMap(v => v.nodes.map(n => v.help + ": " + n.html + " " + n.failureSummary)))`

// prefers makes the browser that of somebody who wants light or dark.
func (p *tab) prefers(scheme string) {
	p.t.Helper()
	do(p, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
	})
}
