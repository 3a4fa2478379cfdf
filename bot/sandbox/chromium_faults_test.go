package sandbox

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// testFaults presses the button of each fault, on the Chinese page, and does what its line says.
func testFaults(t *testing.T, chromium context.Context) {
	// How a request for otto that is approved after the fault looks to an approver in the end.
	ends := func(how string) func(*tab) {
		return func(p *tab) {
			p.follows("Isabel") // what is shown was so a moment ago, and the bot may have lost its connections since
			p.sees("#bot", "连接：2")
			p.says("/ehpc-adduser otto")
			p.sees("#messages", "Request 1 is in")
			p.follows("Anna")
			p.approves()
			p.sees("#messages", how)
		}
	}
	const delivered, making = "were delivered", "is being made"
	plays := map[string]func(*tab){
		"api-5000": ends(delivered), "api-2500": ends(delivered), "api-1400": ends("Retry"), "api-2110": ends("taken"),
		"api-slow": ends(making), "jobs-hang": ends(making), "api-lost": ends(delivered), "job-fails": ends("Retry"), "taken": ends("taken"),
		"slack-429": ends(delivered), "slack-500": ends(delivered), "slack-edit": ends(delivered), "slack-drop": ends(delivered),
		"start": ends(delivered), "well": ends(delivered),
		"api-hang": func(p *tab) {
			ends(making)(p)
			p.sees("#accounts", "otto")
		},
		"slack-archive": func(p *tab) {
			p.says("/ehpc-adduser otto")
			p.sees("#slack-calls", "is_archived")
			p.fault("well")
			p.follows("Anna")
			p.sees("#messages", "Request 1")
		},
		"kill": func(p *tab) {
			p.says("/ehpc-adduser otto")
			p.sees("#error", "没有响应")
			p.fault("start")
			ends(delivered)(p)
		},
		"hurry": func(p *tab) {
			p.sees("#bot", "连接：2")
			p.says("/ehpc-adduser otto")
			p.follows("Anna")
			p.sees("#messages", "Reminder")
			p.sees("#messages", "expired")
		},
		"reset": func(p *tab) {
			p.until("the page of the new world", "connected && $('messages').childElementCount === 0")
			ends(delivered)(p)
		},
	}
	for _, group := range faults {
		for _, f := range group.all {
			require.Contains(t, plays, f.name)
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				p := newTab(t, chromium, open(t, withBot()))
				p.visit("/?lang=zh")
				p.sees("#bot", "连接：2")
				p.says("hello")
				p.sees("#messages", "hello")
				p.fault(f.name)
				plays[f.name](p)
			})
		}
	}
}

// fault presses the button of a fault, and is told what to look at.
func (p *tab) fault(name string) {
	p.t.Helper()
	v := viewer{lang: eval[string](p, "document.documentElement.lang")}
	f, found := findFault(name)
	require.True(p.t, found)
	p.unfolds(v.t("Faults"))
	p.press(v.t(f.label))
	if f.do != nil { // a reset leads to a new page
		p.sees("#watch", v.t(f.watch))
	}
}
