package view

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

func TestLocaleOf(t *testing.T) {
	t.Parallel()
	for slackLocale, want := range map[string]Locale{
		"en-US": English, "en-GB": English, "EN": English, "zh-CN": Chinese, "zh-TW": Chinese, "de-DE": Chinese, "": Chinese,
	} {
		require.Equal(t, want, LocaleOf(slackLocale, Chinese), slackLocale)
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	for _, want := range []approval.Target{{ID: 12, Seen: "QXZ"}, {ID: 12, Seen: "QXZ", OfSponsor: true}, {ID: 1}, {ID: 1, OfSponsor: true}} {
		got, ok := Target(formatTarget(want))
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, value := range []string{"", "0", "-1", "x", " 12", "1e3", "9223372036854775808", "QXZ 12"} {
		_, ok := Target(value)
		require.False(t, ok, value)
	}
}

// The buttons are there exactly in the states in which they do something.
func TestButtonsOfTheApprovalMessage(t *testing.T) {
	t.Parallel()
	want := map[approval.State][]string{
		approval.Pending: {ActionApprove, ActionDeny, ActionChange, ActionAskBack},
		approval.Failed:  {ActionRetry},
	}
	for _, state := range approval.States() {
		var got []string
		for _, b := range buttons(testView(English).Approval(story(state))) {
			require.Equal(t, "12", b.Value)
			got = append(got, b.ActionID)
		}
		require.Equal(t, want[state], got, state)
	}
}

func buttons(m Message) []*slack.ButtonBlockElement {
	var all []*slack.ButtonBlockElement
	for _, block := range m.Blocks {
		if actions, ok := block.(*slack.ActionBlock); ok {
			for _, e := range actions.Elements.ElementSet {
				all = append(all, e.(*slack.ButtonBlockElement))
			}
		}
	}
	return all
}

func TestButtonLabelsAndDialogs(t *testing.T) {
	t.Parallel()
	v := testView(English)
	decide := buttons(v.Approval(story(approval.Pending)))
	require.Equal(t, "Approve", decide[0].Text.Text)
	require.Equal(t, slack.StylePrimary, decide[0].Style)
	require.Equal(t, "The account isabel on Training (ehpc-8jqdq0mz) will be made at once.", decide[0].Confirm.Text.Text)
	require.Equal(t, "Deny", decide[1].Text.Text)
	require.Equal(t, slack.StyleDanger, decide[1].Style)
	require.Nil(t, decide[1].Confirm, "the form for the reason asks already")
	retry := buttons(v.Approval(story(approval.Failed)))
	require.Equal(t, "Retry", retry[0].Text.Text)
	require.NotNil(t, retry[0].Confirm)
}

// Who only hears a button knows of which request, or of which account, it is.
func TestSpokenButtons(t *testing.T) {
	t.Parallel()
	for locale, want := range map[Locale][]string{
		English: {"Approve request 12", "Deny request 12", "Approve with changes: request 12", "Ask back about request 12", "Retry request 12",
			"Show credentials of isabel", "I have saved it: the password of isabel", "It works: the login of isabel", "I can't log in as isabel"},
		Chinese: {"批准申请 12", "拒绝申请 12", "修改后批准申请 12", "就申请 12 询问申请人", "重试申请 12", "查看登录信息：isabel", "我已保存 isabel 的密码",
			"可以登录：isabel", "无法登录：isabel"},
	} {
		v := testView(locale)
		var got []string
		for _, m := range []Message{
			v.Approval(story(approval.Pending)), v.Approval(story(approval.Failed)), v.CredentialsOffer(story(approval.Provisioned)),
		} {
			for _, b := range buttons(m) {
				got = append(got, b.AccessibilityLabel)
			}
		}
		require.Equal(t, want, got)
	}
}

// Who reads a reminder gets from it to the buttons.
func TestReminderLeadsToItsMessage(t *testing.T) {
	t.Parallel()
	v := testView(English)
	address := func(m Message) string {
		text, err := json.Marshal(m.Blocks)
		require.NoError(t, err)
		return string(text)
	}
	require.Contains(t, address(v.Reminder(story(approval.Pending, posted))), `"url":"https://slack.com/archives/C0APPROVE/p1700000000000100"`)
	require.NotContains(t, address(v.Reminder(story(approval.Pending))), `"url"`)
}

// What too few approved is told with how many did; that nobody did, only where that is so.
func TestExpiredTellsHowManyApproved(t *testing.T) {
	t.Parallel()
	v := testView(English)
	for _, show := range []func(approval.Story) Message{v.Approval, v.Status, v.Notice} {
		nobody, some := plainMessage(show(story(approval.Expired))), plainMessage(show(story(approval.Expired, oneHasApproved)))
		require.Contains(t, nobody, "Nobody approved it by 2026-11-26 09:30 UTC.")
		require.Contains(t, some, "By 2026-11-26 09:30 UTC it had 1 of 2 approvals, from @U0ADA.")
		require.NotContains(t, some, "Nobody")
	}
}

// What is over is told as such.
func TestPastTense(t *testing.T) {
	t.Parallel()
	for _, state := range approval.States() {
		for _, m := range []Message{testView(English).Approval(story(state)), testView(English).Status(story(state))} {
			require.Equal(t, state == approval.Pending, strings.Contains(plainMessage(m), "asks for"), state)
			require.NotContains(t, plainMessage(m), "has the credentials")
		}
	}
}

// The requester is told whom to ask, and how to reach them.
func TestRequesterIsToldWhomToAsk(t *testing.T) {
	t.Parallel()
	for _, locale := range []Locale{English, Chinese} {
		v := testView(locale)
		require.Contains(t, v.Notice(story(approval.Denied)).Text, "<@U0DORA>")
		require.Contains(t, v.Asked(story(approval.Pending)).Text, "<#C0APPROVE>")
		for _, f := range []approval.Failure{approval.FailureRefused, approval.FailureJob, approval.FailureTimeout, "unheard_of"} {
			require.Contains(t, v.Notice(story(approval.Failed, failing(f, ""))).Text, "<@U0ADA>", f)
		}
	}
}

// An updated message has no block id of the one before.
func TestBlockIDsAreNewWithEachVersion(t *testing.T) {
	t.Parallel()
	v := testView(English)
	seen := map[string]bool{}
	for version := range int64(3) {
		s := story(approval.Pending, func(s *approval.Story) { s.Version = version })
		for _, m := range []Message{v.Approval(s), v.Reminder(s), v.CredentialsReady(s), v.CredentialsCleared(s)} {
			for _, b := range m.Blocks {
				require.NotEmpty(t, b.ID())
				require.False(t, seen[b.ID()], b.ID())
				seen[b.ID()] = true
			}
		}
	}
}

// Typed text is text, however much it looks like markup.
func TestTypedTextIsNeverMarkup(t *testing.T) {
	t.Parallel()
	for _, state := range approval.States() {
		v, s := testView(English), hostile(state)
		for _, m := range []Message{v.Approval(s), v.Status(s), v.Notice(s), v.Asked(s), v.List([]approval.Story{s}), v.Reminder(s), v.Nudge(s)} {
			require.NotContains(t, strings.ReplaceAll(m.Text, "<!subteam^S0HPC>", ""), "<!")
			require.NotContains(t, m.Text, "<https")
			require.NotContains(t, plainMessage(m), "\u202e")
			require.NotContains(t, plainMessage(m), "\x00")
			for _, b := range m.Blocks {
				text, err := json.Marshal(b)
				require.NoError(t, err)
				require.NotContains(t, string(text), `"mrkdwn"`)
				require.NotContains(t, string(text), `"broadcast"`)
			}
		}
	}
}

func TestApproversBeyondTen(t *testing.T) {
	t.Parallel()
	s := story(approval.Approved, func(s *approval.Story) {
		s.Decisions = decisions(approval.Approve, strings.Fields("U1 U2 U3 U4 U5 U6 U7 U8 U9 U10 U11 U12")...)
	})
	require.Contains(t, plainMessage(testView(English).Approval(s)), "Approved by @U1, @U2, @U3, @U4, @U5, @U6, @U7, @U8, @U9, @U10, 2 more.")
	require.Contains(t, plainMessage(testView(Chinese).Approval(s)), "@U10、另外 2 人。")
}

func TestClusterThatIsNoLongerConfigured(t *testing.T) {
	t.Parallel()
	s := story(approval.Failed, func(s *approval.Story) { s.Cluster = approval.Cluster{} })
	require.Contains(t, plainMessage(testView(English).Approval(s)), "on ehpc-8jqdq0mz.")
}

func TestClearedTellsButtonFromTimer(t *testing.T) {
	t.Parallel()
	until := monday.Add(24 * time.Hour)
	for _, tt := range []struct {
		name           string
		cleared, until time.Time
		saved          bool
	}{
		{"the timer is about to note it", time.Time{}, until, false},
		{"the timer has noted it", until.Add(time.Second), until, false},
		{"to the second", until, until, false},
		{"the button", until.Add(-time.Second), until, true},
		{"the button, without a time", monday, time.Time{}, true},
	} {
		s := story(approval.Delivered, func(s *approval.Story) { s.ClearedAt, s.CredentialsUntil = tt.cleared, tt.until })
		require.Equal(t, tt.saved, saved(s), tt.name)
	}
}

func TestProposedUsernamesAreRight(t *testing.T) {
	t.Parallel()
	require.Equal(t, "isabel2", otherUsername("isabel"))
	require.Equal(t, "isabelx2", otherUsername("isabelxy"))
}

// The command that a message proposes asks for the same again.
func TestProposedCommandsCanBeTyped(t *testing.T) {
	t.Parallel()
	s := story(approval.Denied)
	c, err := command.Parse(askFor(s, s.Username))
	require.NoError(t, err)
	require.Equal(t, command.Command{Verb: command.Ask, Username: "isabel", Cluster: "ehpc-8jqdq0mz", Mod: "700"}, c)
}

func TestFieldFaults(t *testing.T) {
	t.Parallel()
	conf := approval.Config{Rules: approval.Rules{AllowedMods: []string{"700"}}, Clusters: []approval.Cluster{{ID: "ehpc-x"}}}
	faults := conf.Check(approval.Ask{Cluster: "y", Username: "isabél", Mod: "777", Reason: strings.Repeat("x", 501)})
	require.Equal(t, map[string]string{
		blockUsername: "The username isabél can't have é in it. Only a–z, A–Z, 0–9 and _ are right, such as isabel_2.",
		blockCluster:  "There is no cluster y. You can ask for: ehpc-x.",
		blockMod:      "The permissions 777 can't be asked for. You can ask for: 700.",
		blockReason:   "The reason is too long. Please put it into at most 500 characters.",
	}, testView(English).FieldFaults(faults))
	require.Empty(t, testView(English).FieldFaults(nil))
}

func TestFieldFaultsOfOtherRequests(t *testing.T) {
	t.Parallel()
	v := testView(English)
	own := &approval.Refusal{Kind: approval.KindActive, Story: story(approval.Pending)}
	require.Contains(t, v.FieldFaults([]*approval.Refusal{own})[blockUsername], "You have asked for the account isabel")
	v.Reader = "U0MARIA"
	require.Contains(t, v.FieldFaults([]*approval.Refusal{own})[blockUsername], "Somebody else has asked")
}

// A form that Slack hands back is read as it was filled in.
func TestAskFormValues(t *testing.T) {
	t.Parallel()
	var state slack.ViewState
	require.NoError(t, json.Unmarshal([]byte(`{"values": {
		"username": {"value": {"type": "plain_text_input", "value": " isa\u200bbel "}},
		"cluster": {"value": {"type": "static_select", "selected_option": {"text": {"type": "plain_text", "text": "x"}, "value": "ehpc-x"}}},
		"mod": {"value": {"type": "static_select", "selected_option": {"value": "700"}}},
		"reason": {"value": {"type": "plain_text_input", "value": "the\u0000sis\nproject\n"}},
		"unheard_of": {"value": {"type": "plain_text_input", "value": "x"}}}}`), &state))
	require.Equal(t, approval.Ask{Username: "isabel", Cluster: "ehpc-x", Mod: "700", Reason: "thesis\nproject"}, AskFormValues(&state))
}

func TestAskFormValuesOfAnIncompleteForm(t *testing.T) {
	t.Parallel()
	require.Zero(t, AskFormValues(nil))
	require.Zero(t, AskFormValues(&slack.ViewState{}))
	require.Zero(t, Said(nil))
	var state slack.ViewState
	require.NoError(t, json.Unmarshal([]byte(`{"values": {
		"username": {"value": {"type": "plain_text_input", "value": null}}, "cluster": {"other": {"value": "x"}}, "reason": null,
		"mod": {"value": {"type": "static_select", "selected_option": {"value": "default"}}}}}`), &state))
	require.Zero(t, AskFormValues(&state))
	require.Zero(t, Said(&state))
}

func TestDenyForm(t *testing.T) {
	t.Parallel()
	form := testView(English).DenyForm(story(approval.Pending))
	require.Equal(t, "12", form.PrivateMetadata)
	require.Equal(t, CallbackDeny, form.CallbackID)
	state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{blockReason: {actionValue: {Value: " n\x00o\u202e "}}}}
	require.Equal(t, "no", Said(state))
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	require.Equal(t, "毕业设计", truncate("毕业设计", 4))
	require.Equal(t, "毕业…", truncate("毕业设计", 3))
	require.Equal(t, "…", truncate("毕业", 1))
	rapid.Check(t, func(t *rapid.T) {
		s, limit := rapid.String().Draw(t, "s"), rapid.IntRange(1, 50).Draw(t, "limit")
		got := truncate(s, limit)
		require.LessOrEqual(t, utf8.RuneCountInString(got), limit)
		require.True(t, utf8.ValidString(got))
		require.True(t, strings.HasPrefix(s, strings.TrimSuffix(got, ellipsis)))
	})
}

func TestPhrase(t *testing.T) {
	t.Parallel()
	f := fields{"name": text("{x} **y** `z`"), "who": mention("U0ADA"), "empty": text("")}
	bold, code := textStyle{Bold: true}, textStyle{Code: true}
	require.Equal(t, richText{
		textElement("a ", textStyle{}), textElement("{x} **y** `z`", bold), textElement(" b ", textStyle{}),
		textElement("run {x} **y** `z`", code), textElement(" 2 * 3 { ", textStyle{}), slack.NewRichTextSectionUserElement("U0ADA", nil),
	}, phrase("a **{name}** b `run {name}`{empty} 2 * 3 { {who}").fill(f))
	require.Equal(t, text("{x} **y** `z`"), f["name"], "a field can be used again")
}
