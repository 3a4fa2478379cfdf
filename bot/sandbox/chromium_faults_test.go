package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// testFaults presses the button of each fault, on the Chinese page, and does what its line says.
func testFaults(t *testing.T, c *chromium) {
	// How a request for otto that is approved after the fault looks to an approver in the end.
	ends := func(how string) func(*tab) {
		return func(p *tab) {
			p.waitsForBot()
			p.says("/ehpc-adduser otto")
			p.sees("#messages", " is in")
			p.follows("Anna")
			p.approves()
			p.sees("#messages", how)
		}
	}
	const delivered, making = "were delivered", "is being made"
	plays := map[string]func(*tab){
		"api-5000": ends(delivered), "api-2500": ends(delivered), "api-1400": ends("Retry"), "api-2110": ends("taken"),
		"api-slow": ends(making), "jobs-hang": ends(making), "api-lost": ends(delivered), "job-fails": ends("Retry"),
		"slack-429": ends(delivered), "slack-500": ends(delivered), "slack-edit": ends(delivered), "slack-drop": ends(delivered),
		"start": ends(delivered), "well": ends(delivered),
		"by-button": ends("has not pressed it yet"), "changed": ends(delivered), "too-often": ends(delivered),
		"taken": func(p *tab) {
			p.says("/ehpc-adduser otto")
			p.sees("#messages", "taken")
			p.sees("#messages", "otto2")
		},
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
		"hours": func(p *tab) {
			p.sees("#watch", "没有在等待") // at the first press
			p.waitsForBot()
			p.says("/ehpc-adduser otto")
			p.sees("#messages", "Request 1 is in")
			p.follows("Anna")
			p.sees("#messages", "Request 1")
			p.fault("hours")
			p.sees("#watch", "24h0m")
			p.sees("#messages", "Reminder")
			p.fault("hours")
			p.sees("#watch", "12h0m")
			p.sees("#messages", "Hera")
			p.fault("hours")
			p.sees("#watch", "24h0m")
			p.fault("hours")
			p.sees("#watch", "12h0m")
			p.sees("#messages", "expired")

			ends(delivered)(p)
			p.follows("Isabel")
			p.follows("ehpcbot（私信）")
			p.sees("#messages", "Password:")
			p.fault("hours")
			p.until("the password is cleared", "!$('messages').textContent.includes('Password:')")
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
				c.seat(t)
				p := newTab(t, c, open(t, withBot()))
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
	if f.do != nil { // a reset leads to a new page, and hours say how many they were
		p.sees("#watch", v.t(f.watch))
	}
}

// waitsForBot looks anew whether the bot is connected: what the page shows was so a moment ago.
func (p *tab) waitsForBot() {
	p.t.Helper()
	p.follows("Isabel")
	p.sees("#bot", "连接：2")
}
