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
	alike := [][]string{ // how it ends, and the faults that end so
		{delivered, "changed", "well", "start", "api-5000", "api-2500", "api-lost", "slack-429", "slack-500", "slack-edit", "slack-drop", "too-often"},
		{making, "api-slow", "jobs-hang"},
		{"Retry", "job-fails", "api-1400"},
		{"taken", "api-2110"},
		{"has not pressed it yet", "by-button"},
	}
	plays := map[string]func(*tab){
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
		"sponsors": func(p *tab) {
			p.waitsForBot()
			p.says("/ehpc-adduser otto")
			p.until("a form is open", "$('view').open")
			eval[bool](p, `(() => { const s = [...$('view').querySelectorAll('select')].find(s => s.dataset.block === 'sponsor'); s.value = 'U0HERA'; s.dispatchEvent(new Event('change', {bubbles: true})); return true })()`)
			p.press("Ask")
			p.until("it is said whose turn it is", "$('view').textContent.includes('It is the turn of the sponsor')")
			p.press("Close")
			p.follows("Hera")
			p.follows("ehpcbot（私信）")
			p.approves()
			p.sees("#messages", "Your step is done")
			p.follows("Anna")
			p.approves()
			p.sees("#messages", delivered)
		},
		"policy": func(p *tab) {
			p.waitsForBot()
			p.says("/ehpc-adduser otto cluster=Research")
			p.sees("#messages", " is in")
			p.follows("#general")
			p.follows("Ben")
			p.follows("#general")
			p.approves()
			p.sees("#messages", delivered)
			p.follows("李伟")
			p.says("/ehpc-adduser liwei cluster=Research")
			p.sees("#messages", "成员无需审批")
			p.follows("#general")
			p.sees("#messages", "No approval is needed: @李伟 is a member of @tutors")
		},
		"reset": func(p *tab) {
			p.until("the page of the new world", "connected && $('messages').childElementCount === 0")
			ends(delivered)(p)
		},
	}
	for _, of := range alike {
		for _, name := range of[1:] {
			plays[name] = ends(of[0])
		}
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
