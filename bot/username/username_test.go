package username_test

import (
	"regexp"
	"testing"
	"unicode"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/bot/username"
	"ehpcbot/ehpc"
)

func person(handle, display, real, email string) slack.User {
	return slack.User{Name: handle, RealName: real, Profile: slack.UserProfile{DisplayName: display, RealName: real, Email: email}}
}

func TestStems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user slack.User
		want string
	}{
		"handle":                     {person("isabel", "", "", ""), "isabel"},
		"handle with a dot":          {person("isa.bel", "", "", ""), "isabel"},
		"handle that is too long":    {person("isabel.allende", "", "", ""), "isabel"},
		"one long word":              {person("christopher", "", "", ""), "christop"},
		"first word too short":       {person("j.christopher", "", "", ""), "christop"},
		"digits first":               {person("007bond", "", "", ""), "bond"},
		"capitals and accents":       {person("", "Ólafur", "", ""), "olafur"},
		"letters without parts":      {person("", "Großmann", "", ""), "grossman"},
		"apostrophe":                 {person("", "O’Brien", "", ""), "obrien"},
		"e-mail before handle":       {person("izzy", "Izzy", "", "isabel@example.org"), "isabel"},
		"handle where no e-mail":     {person("izzy", "Isabel", "Isabel Allende", ""), "izzy"},
		"handle too short":           {person("li", "Li", "Li Wei", ""), "liwei"},
		"Chinese name":               {person("u123", "张三丰", "", ""), "zhangsf"},
		"Chinese name before e-mail": {person("sanfeng", "Sanfeng", "张三丰", "sf.zhang@example.org"), "zhangsf"},
		"Chinese name among others":  {person("x", "张三丰 (Sanfeng)", "", ""), "zhangsf"},
		"two characters":             {person("", "李白", "", ""), "lib"},
		"surname of two":             {person("", "欧阳修", "", ""), "ouyangx"},
		"surname of two, long":       {person("", "上官婉儿", "", ""), "shanggua"},
		"a surname's own reading":    {person("", "曾国藩", "", ""), "zenggf"},
		"ü":                          {person("", "吕洞宾", "", ""), "lvdb"},
		"traditional":                {person("", "陳水扁", "", ""), "chensb"},
		"a sentence in Chinese":      {person("tong", "正在休假请联系同事", "", ""), "tong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, username.Stems(tt.user)[0])
		})
	}
	require.Empty(t, username.Stems(slack.User{}))
	require.Empty(t, username.Stems(person("٣", "💥", "é", "12@example.org")))
}

// Whatever people are called, what is suggested is a username.
func TestStemsAreUsernames(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z][a-z0-9]{2,7}$`)
	names := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom(nil, unicode.Han, unicode.Latin)))
	rapid.Check(t, func(t *rapid.T) {
		for _, stem := range username.Stems(person(names.Draw(t, "handle"), names.Draw(t, "display"), names.Draw(t, "real"), names.Draw(t, "e-mail"))) {
			require.Regexp(t, form, stem)
			require.NoError(t, ehpc.ValidateUsername(stem))
		}
	})
}
