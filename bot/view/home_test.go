package view

import (
	"errors"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/approval"
)

// homes are the Home tabs of the golden files, by name.
func homes(v View) map[string]slack.HomeTabViewRequest {
	well := []Health{{Part: "slack"}, {Part: "ehpc"}, {Part: "database"}}
	ill := []Health{{Part: "slack"}, {Part: "ehpc", Fault: "dial tcp: *no* route to <host>"}, {Part: "database"}}
	own := approval.Overview{
		Requests: approval.Excerpt{Stories: append(numbered(everyState()...), story(approval.Approved, failing(approval.WaitingAPI, "")))},
		Accounts: approval.Excerpt{Stories: many(2), More: 3},
	}
	waiting := approval.Overview{Decides: true, Barred: map[int64]approval.Kind{2: approval.KindVoted, 3: approval.KindSelf}, Waiting: approval.Excerpt{
		Stories: numbered(story(approval.Pending), story(approval.Pending, oneHasApproved), story(approval.Pending, bare)), More: 7,
	}}
	return map[string]slack.HomeTabViewRequest{
		"home":                   v.Home(approval.Overview{}, nil),
		"home-requester":         v.Home(own, well),
		"home-requester-reset":   v.Home(approval.Overview{Requests: approval.Excerpt{Stories: numbered(story(approval.Pending, decidedReset))}}, nil),
		"home-requester-many":    v.Home(approval.Overview{Requests: approval.Excerpt{Stories: numbered(story(approval.Cancelled)), More: 4}}, nil),
		"home-approver":          v.Home(waiting, well),
		"home-approver-idle":     v.Home(approval.Overview{Decides: true}, nil),
		"home-administrator":     v.Home(approval.Overview{Administrator: true, Counts: approval.Counts{Waiting: 3, UnderWay: 1}}, well),
		"home-administrator-ill": v.Home(approval.Overview{Administrator: true, Counts: approval.Counts{Failed: 2}}, ill),
		"home-unsure":            v.Home(approval.Overview{Unsure: errors.New("Slack is silent")}, nil),
		"home-foreign":           v.HomeNotice(v.Foreign()),
	}
}

// numbered gives each story a number of its own.
func numbered(all ...approval.Story) []approval.Story {
	for i := range all {
		all[i].ID = int64(i + 1)
	}
	return all
}

func checkHome(tab slack.HomeTabViewRequest) []string {
	c := &checker{ids: map[string]bool{}}
	if tab.Type != slack.VTHomeTab {
		c.fault("it is a %s", tab.Type)
	}
	for _, b := range tab.Blocks.BlockSet {
		c.actions = map[string]bool{} // the same buttons stand under each request
		c.blocks([]slack.Block{b}, 1)
	}
	if n := len(tab.Blocks.BlockSet); n == 0 || n > homeMaxBlocks {
		c.fault("%d blocks", n)
	}
	c.size("view", tab, 250_000)
	return c.faults
}

// Whatever is stored, typed or configured, Slack takes the Home tab, and says how much it leaves out.
func TestHomeHoldsTheLimits(t *testing.T) {
	t.Parallel()
	for _, locale := range []Locale{English, Chinese} {
		for name, tab := range homes(testView(locale)) {
			require.Empty(t, checkHome(tab), "%s %s", locale, name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := View{Locale: rapid.SampledFrom([]Locale{English, Chinese}).Draw(t, "locale"), Command: "/ehpc-adduser",
			Reader: people.Draw(t, "reader")}
		excerpt := rapid.Custom(func(t *rapid.T) approval.Excerpt {
			return approval.Excerpt{Stories: numbered(rapid.SliceOfN(stories, 0, HomeMost).Draw(t, "stories")...), More: rapid.IntRange(0, 1000).Draw(t, "more")}
		})
		o := approval.Overview{Requests: excerpt.Draw(t, "requests"), Accounts: excerpt.Draw(t, "accounts"), Waiting: excerpt.Draw(t, "waiting"),
			Decides: true, Administrator: true, Barred: map[int64]approval.Kind{1: rapid.SampledFrom(refusalKinds).Draw(t, "barred")}}
		require.Empty(t, checkHome(v.Home(o, []Health{{Part: "ehpc", Fault: typed(2000).Draw(t, "fault")}, {Part: "unheard of"}})))
	})
}

// What there is no room for is counted.
func TestHomeIsCut(t *testing.T) {
	t.Parallel()
	waiting := numbered(make([]approval.Story, 80)...)
	for i := range waiting {
		waiting[i] = story(approval.Pending, func(s *approval.Story) { s.ID = int64(i + 1) })
	}
	tab := other(testView(English)).Home(approval.Overview{Decides: true, Waiting: approval.Excerpt{Stories: waiting, More: 20}}, nil)
	require.Empty(t, checkHome(tab))
	read := plainHome(tab)
	shown := strings.Count(read, "waiting for approval")
	require.Greater(t, shown, 40)
	require.Contains(t, read, "not shown: "+formatID(int64(100-shown)))
}

func plainHome(tab slack.HomeTabViewRequest) string {
	return plainMessage(Message{Blocks: tab.Blocks.BlockSet})
}
