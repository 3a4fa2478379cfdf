package slacktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
)

// call calls a method as curl would and returns the error and what is said of it.
func call(t *testing.T, s *slacktest.Server, method string, params url.Values) (code string, messages []string) {
	t.Helper()
	params.Set("token", slacktest.BotToken)
	resp, err := httpPostForm(t, s.APIURL()+method, params)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Error    string
		Metadata struct{ Messages []string } `json:"response_metadata"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer.Error, answer.Metadata.Messages
}

// han is a text of n characters, three bytes each.
func han(n int) string { return strings.Repeat("漢", n) }

func repeat(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
}

func plainJSON(n int) string { return `{"type":"plain_text","text":"` + han(n) + `"}` }

func mrkdwnJSON(n int) string { return `{"type":"mrkdwn","text":"` + han(n) + `"}` }

// A limit is tried at its value, where it holds, and one beyond.
var messageLimits = map[string]struct {
	most   int
	blocks func(n int) string
	says   string
}{
	"section text": {3000, func(n int) string { return `{"type":"section","text":` + mrkdwnJSON(n) + `}` },
		"must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
	"section field": {2000, func(n int) string { return `{"type":"section","fields":[` + plainJSON(n) + `]}` },
		"must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"},
	"section fields": {10, func(n int) string { return `{"type":"section","fields":[` + repeat(n, plainJSON(1)) + `]}` },
		"no more than 10 items allowed [json-pointer:/blocks/0/fields]"},
	"header": {150, func(n int) string { return `{"type":"header","text":` + plainJSON(n) + `}` },
		"must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
	"context elements": {10, func(n int) string { return `{"type":"context","elements":[` + repeat(n, mrkdwnJSON(1)) + `]}` },
		"no more than 10 items allowed [json-pointer:/blocks/0/elements]"},
	"actions elements": {25, func(n int) string { return actions(repeat(n, `{"type":"button","text":`+plainJSON(1)+`}`)) },
		"no more than 25 items allowed [json-pointer:/blocks/0/elements]"},
	"button text": {75, func(n int) string { return actions(`{"type":"button","text":` + plainJSON(n) + `}`) },
		"must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"},
	"button value": {2000, func(n int) string { return actions(buttonJSON(`"value":"` + han(n) + `"`)) },
		"must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"},
	"action_id": {255, func(n int) string { return actions(buttonJSON(`"action_id":"` + han(n) + `"`)) },
		"must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"},
	"accessibility_label": {75, func(n int) string { return actions(buttonJSON(`"accessibility_label":"` + han(n) + `"`)) },
		"must be less than 76 characters [json-pointer:/blocks/0/elements/0/accessibility_label]"},
	"url": {3000, func(n int) string { return actions(buttonJSON(`"url":"https:` + han(n-6) + `"`)) },
		"must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]"},
	"confirm title": {100, func(n int) string { return actions(buttonJSON(`"confirm":` + confirmJSON(n, 1, 1, 1))) },
		"must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]"},
	"confirm text": {300, func(n int) string { return actions(buttonJSON(`"confirm":` + confirmJSON(1, n, 1, 1))) },
		"must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]"},
	"confirm button": {30, func(n int) string { return actions(buttonJSON(`"confirm":` + confirmJSON(1, 1, n, 1))) },
		"must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]"},
	"deny button": {30, func(n int) string { return actions(buttonJSON(`"confirm":` + confirmJSON(1, 1, 1, n))) },
		"must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]"},
	"block_id": {255, func(n int) string { return `{"type":"divider","block_id":"` + han(n) + `"}` },
		"must be less than 256 characters [json-pointer:/blocks/0/block_id]"},
	"blocks": {50, func(n int) string { return repeat(n, `{"type":"divider"}`) },
		"no more than 50 items allowed [json-pointer:/blocks]"},
	"options": {100, func(n int) string { return actions(selectJSON(repeat(n, optionJSON(1, 1)), "")) },
		"no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"},
	"option text": {75, func(n int) string { return actions(selectJSON(optionJSON(n, 1), "")) },
		"must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]"},
	"option value": {150, func(n int) string { return actions(selectJSON(optionJSON(1, n), "")) },
		"must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]"},
	"placeholder": {150, func(n int) string { return actions(selectJSON(optionJSON(1, 1), `,"placeholder":`+plainJSON(n))) },
		"must be less than 151 characters [json-pointer:/blocks/0/elements/0/placeholder/text]"},
	"markdown": {12_000, func(n int) string { return `{"type":"markdown","text":"` + han(n) + `"}` },
		"must be less than 12001 characters [json-pointer:/blocks/0/text]"},
}

func actions(elements string) string { return `{"type":"actions","elements":[` + elements + `]}` }

func buttonJSON(more string) string {
	return `{"type":"button","text":` + plainJSON(1) + `,` + more + `}`
}

func confirmJSON(title, text, confirm, deny int) string {
	return fmt.Sprintf(`{"title":%s,"text":%s,"confirm":%s,"deny":%s}`,
		plainJSON(title), plainJSON(text), plainJSON(confirm), plainJSON(deny))
}

func optionJSON(text, value int) string {
	return `{"text":` + plainJSON(text) + `,"value":"` + han(value) + `"}`
}

func selectJSON(options, more string) string {
	return `{"type":"static_select","options":[` + options + `]` + more + `}`
}

func TestMessageLimits(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, c := range messageLimits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, surface := range []struct {
				method string
				params url.Values
			}{
				{"chat.postMessage", url.Values{"channel": {"C1"}, "text": {"x"}}},
				{"chat.postEphemeral", url.Values{"channel": {"C1"}, "text": {"x"}, "user": {"U1"}}},
			} {
				surface.params.Set("blocks", "["+c.blocks(c.most)+"]")
				code, messages := call(t, s, surface.method, surface.params)
				require.Empty(t, code, "at the limit: %v", messages)
				surface.params.Set("blocks", "["+c.blocks(c.most+1)+"]")
				code, messages = call(t, s, surface.method, surface.params)
				require.Equal(t, "invalid_blocks", code)
				require.Equal(t, []string{"[ERROR] " + c.says}, messages)
			}
		})
	}
}

func TestAllBlocksTogether(t *testing.T) {
	t.Parallel()
	s := start(t)
	for n, want := range map[int]string{875: "", 876: "msg_blocks_too_long"} {
		blocks := `[{"type":"markdown","text":"` + han(12_000) + `"},{"type":"section","text":` + plainJSON(n) + `}]`
		code, _ := call(t, s, "chat.postMessage", url.Values{"channel": {"C1"}, "text": {"x"}, "blocks": {blocks}})
		require.Equal(t, want, code, n)
	}
	require.Equal(t, []string{"chat.postMessage: msg_blocks_too_long"}, s.Violations())
}

func TestWrongBlocks(t *testing.T) {
	t.Parallel()
	s := start(t)
	for blocks, says := range map[string]string{
		`{"type":"sektion"}`:            "unsupported type: sektion [json-pointer:/blocks/0]",
		`{"text":"x"}`:                  "missing required field: type [json-pointer:/blocks/0]",
		`"x"`:                           "should be an object [json-pointer:/blocks/0]",
		`{"type":"section"}`:            "must define either `fields` or `text` [json-pointer:/blocks/0]",
		`{"type":"section","text":"x"}`: "should be an object [json-pointer:/blocks/0/text]",
		`{"type":"section","text":` + plainJSON(0) + `}`:                      "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
		`{"type":"section","text":` + plainJSON(1) + `,"color":"red"}`:        "invalid additional property: color [json-pointer:/blocks/0]",
		`{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}`: "invalid additional property: emoji [json-pointer:/blocks/0/text]",
		`{"type":"section","text":{"type":"html","text":"x"}}`:                "unsupported type: html [json-pointer:/blocks/0/text]",
		`{"type":"header","text":` + mrkdwnJSON(1) + `}`:                      "unsupported type: mrkdwn [json-pointer:/blocks/0/text]",
		`{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`: `block_id "a" already exists [json-pointer:/blocks/1/block_id]`,
		actions(``): "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]",
		actions(`{"type":"button","text":` + mrkdwnJSON(1) + `}`):                    "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text]",
		actions(`{"type":"button","action_id":"a"}`):                                 "missing required field: text [json-pointer:/blocks/0/elements/0]",
		actions(`{"type":"plain_text_input"}`):                                       "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0]",
		actions(buttonJSON(`"style":"red"`)):                                         `unsupported value, should be one of ["primary" "danger"] [json-pointer:/blocks/0/elements/0/style]`,
		actions(buttonJSON(`"url":"nowhere"`)):                                       "invalid url [json-pointer:/blocks/0/elements/0/url]",
		actions(buttonJSON(`"action_id":"a"`) + `,` + buttonJSON(`"action_id":"a"`)): `action_id "a" already exists in the block [json-pointer:/blocks/0/elements/1/action_id]`,
		actions(buttonJSON(`"confirm":{"title":` + plainJSON(1) + `,"text":` + plainJSON(1) + `,"confirm":` + plainJSON(1) + `}`)): "missing required field: deny [json-pointer:/blocks/0/elements/0/confirm]",
		actions(`{"type":"static_select"}`):                                                         "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
		actions(selectJSON(`{"text":`+mrkdwnJSON(1)+`,"value":"x"}`, "")):                           "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/options/0/text]",
		actions(selectJSON(optionJSON(1, 1), `,"initial_option":`+optionJSON(1, 2))):                "should exactly match one of the options [json-pointer:/blocks/0/elements/0/initial_option]",
		`{"type":"image","alt_text":"x"}`:                                                           "must define either `image_url` or `slack_file` [json-pointer:/blocks/0]",
		`{"type":"input","label":` + mrkdwnJSON(1) + `,"element":{"type":"plain_text_input"}}`:      "unsupported type: mrkdwn [json-pointer:/blocks/0/label]",
		`{"type":"input","label":` + plainJSON(1) + `,"element":` + buttonJSON(`"value":"x"`) + `}`: "unsupported type: button [json-pointer:/blocks/0/element]",
		`{"type":"rich_text"}`: "missing required field: elements [json-pointer:/blocks/0]",
		`{"type":"rich_text","elements":[{"type":"text","text":"x"}]}`: "unsupported type: text [json-pointer:/blocks/0/elements/0]",
		richJSON(`{"type":"text","text":""}`):                          "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
		richJSON(`{"type":"text","text":"x","style":{"blink":true}}`):  "invalid additional property: blink [json-pointer:/blocks/0/elements/0/elements/0/style]",
		richJSON(`{"type":"user"}`):                                    "missing required field: user_id [json-pointer:/blocks/0/elements/0/elements/0]",
		richJSON(`{"type":"broadcast","range":"all"}`):                 `unsupported value, should be one of ["here" "channel" "everyone"] [json-pointer:/blocks/0/elements/0/elements/0/range]`,
		`{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"text","text":"x"}]}]}`: "unsupported type: text [json-pointer:/blocks/0/elements/0/elements/0]",
		`{"type":"rich_text","elements":[{"type":"rich_text_list","elements":[]}]}`:                                            "missing required field: style [json-pointer:/blocks/0/elements/0]",
		`{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[{"type":"user","user_id":"U1"}]}]}`:      "unsupported type: user [json-pointer:/blocks/0/elements/0/elements/0]",
	} {
		code, messages := call(t, s, "chat.postMessage", url.Values{"channel": {"C1"}, "text": {"x"}, "blocks": {"[" + blocks + "]"}})
		require.Equal(t, "invalid_blocks", code, blocks)
		require.Contains(t, messages, "[ERROR] "+says, blocks)
	}
	require.Empty(t, s.Messages("C1"))
}

func richJSON(elements string) string {
	return `{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` + elements + `]}]}`
}

// TestBlocksOfTheLibrary makes sure that what slack-go writes is not refused for being slack-go's.
func TestBlocksOfTheLibrary(t *testing.T) {
	t.Parallel()
	s := start(t)
	bold := &slack.RichTextSectionTextStyle{Bold: true, Code: true}
	paragraph := slack.NewRichTextSection(
		slack.NewRichTextSectionTextElement("user ", bold), slack.NewRichTextSectionUserElement("U1", nil),
		slack.NewRichTextSectionLinkElement("https://example.org", "", nil), slack.NewRichTextSectionEmojiElement("key", 0, nil),
		slack.NewRichTextSectionChannelElement("C1", nil))
	list := slack.NewRichTextList(slack.RTEListBullet, 0, slack.NewRichTextSection(slack.NewRichTextSectionTextElement("one", nil)))
	code := &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement("ssh x", nil)}}
	quote := &slack.RichTextQuote{Type: slack.RTEQuote, Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement("why", nil)}}
	blocks := []slack.Block{
		slack.NewRichTextBlock("r", paragraph, list, code, quote),
		slack.NewHeaderBlock(plain("Header")), slack.NewDividerBlock(),
		slack.NewContextBlock("", slack.NewTextBlockObject("mrkdwn", "a &amp; b", false, false)),
		slack.NewSectionBlock(plain("text"), nil, slack.NewAccessory(slack.NewButtonBlockElement("b", "", plain("Go")).WithURL("https://example.org"))),
		slack.NewMarkdownBlock("", "**bold**"),
		slack.NewImageBlock("https://example.org/a.png", "a picture", "", nil),
	}
	_, _, err := client(t, s).PostMessage("C1", text("x"), slack.MsgOptionBlocks(blocks...))
	require.NoError(t, err, "%v", s.Violations())
	m := s.Messages("C1")[0]
	require.Equal(t, "x\nuser <@U1>https://example.org:key:<#C1>\none\nssh x\nwhy\nHeader\na & b\ntext\nGo\n**bold**\na picture", m.Plain())
	require.Equal(t, "Go", m.Buttons()[0].Text)
	require.NotEmpty(t, m.Buttons()[0].BlockID, "a block without an id gets one")
}

func TestBlocksValidate(t *testing.T) {
	t.Parallel()
	s := start(t)
	for form, want := range map[string]string{
		`blocks=[{"type":"divider"}]`:                         `{"ok":true}`,
		`blocks=[{"type":"section","text":{"type":"plain"}}]`: `"error":"invalid_blocks"`,
		`blocks=[{"type":"section"}]`:                         `"pointer":"/0"`,
		`view={"type":"modal","blocks":[]}`:                   `"error":"invalid_view"`,
		`blocks=[`:                                            `"error":"invalid_arguments"`,
	} {
		name, value, _ := strings.Cut(form, "=")
		resp, err := httpPostForm(t, s.APIURL()+"blocks.validate", url.Values{"token": {slacktest.BotToken}, name: {value}})
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Contains(t, string(body), want, form)
	}
}
