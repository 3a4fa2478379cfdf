package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/approval"
	"ehpcbot/ehpc/secret"
)

// The password is one element of the blocks, byte for byte, and nowhere else.
func TestPasswordIsInOneElement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringOfN(rapid.RuneFrom([]rune("ABCabc123!@#%^&()*<>`_~{}\\\"")), 12, 30, -1).Draw(t, "password")
		v := testView(rapid.SampledFrom([]Locale{English, Chinese}).Draw(t, "locale"))
		s := story(approval.Provisioned)
		m := v.Credentials(s, secret.New(password))
		require.NotContains(t, m.Text, password)
		onlyElement(t, m.Blocks, password)
		onlyElement(t, v.CredentialsModal(s, secret.New(password)).Blocks.BlockSet, password)
	})
}

// onlyElement requires one element that is the password, in code; without it the password is not there.
func onlyElement(t require.TestingT, blocks []slack.Block, password string) {
	found := 0
	for _, b := range blocks {
		rich, ok := b.(*slack.RichTextBlock)
		if !ok {
			continue
		}
		for _, e := range rich.Elements {
			section, ok := e.(*slack.RichTextSection)
			if !ok {
				continue
			}
			for _, e := range section.Elements {
				if text, ok := e.(*slack.RichTextSectionTextElement); ok && text.Text == password {
					require.Equal(t, &slack.RichTextSectionTextStyle{Code: true}, text.Style)
					text.Text = "taken out"
					found++
				}
			}
		}
	}
	require.Equal(t, 1, found)
	rest, err := json.Marshal(blocks)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(rest, &plain))
	require.NotContains(t, fmt.Sprint(plain), password)
}

func TestOtherMessagesHoldNoPassword(t *testing.T) {
	t.Parallel()
	for _, locale := range []Locale{English, Chinese} {
		for name, m := range messages(testView(locale)) {
			require.NotContains(t, m.Text, testPassword)
			if !strings.HasPrefix(name, "credentials") || strings.Contains(name, "ready") || strings.Contains(name, "cleared") || strings.Contains(name, "offer") {
				require.NotContains(t, plainMessage(m), testPassword, name)
			}
		}
	}
}

// The text says all that the blocks say, but for the line of the password.
func TestTextSaysWhatTheBlocksSay(t *testing.T) {
	t.Parallel()
	unescape := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	for _, locale := range []Locale{English, Chinese} {
		for name, m := range messages(testView(locale)) {
			text := unescape.Replace(mentions.ReplaceAllStringFunc(m.Text, func(s string) string { return strings.Replace(s[1:len(s)-1], groupMark, "@", 1) }))
			rich := Message{Blocks: m.Blocks[:1]}
			for _, line := range strings.Split(plainMessage(rich), "\n") {
				line = strings.TrimPrefix(strings.TrimPrefix(line, "> "), "• ")
				if !strings.Contains(line, testPassword) {
					require.Contains(t, text, line, "%s %s", locale, name)
				}
			}
		}
	}
}
