package command

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	isabel := Command{Verb: Ask, Username: "isabel"}
	full := Command{Verb: Ask, Username: "isabel", Cluster: "ehpc-8jqdq0mz", Mod: "700", Reason: "thesis project"}
	reason := func(s string) Command { return Command{Verb: Ask, Username: "isabel", Reason: s} }
	for _, tt := range []struct {
		name, text string
		want       Command
	}{
		{"nothing", "", Command{Verb: Form}},
		{"white space", " \t\n\u3000\u00a0", Command{Verb: Form}},
		{"only characters nobody sees", "\ufeff\u200b \u2060", Command{Verb: Form}},

		{"a username", "isabel", isabel},
		{"spaces around it", "  isabel ", isabel},
		{"full-width spaces around it", "\u3000isabel\u3000", isabel},
		{"zero-width space in it", "isa\u200bbel", isabel},
		{"byte order mark", "\ufeffisabel", isabel},
		{"turned direction", "\u202eisabel\u202c", isabel},
		{"control characters", "isa\x00b\x07el", isabel},
		{"in quotes", `"isabel"`, isabel},
		{"by its key", "username=isabel", isabel},
		{"by its key, shouting", "USERNAME=isabel", isabel},
		{"not right, but not ours to say", "isabél-the-first", Command{Verb: Ask, Username: "isabél-the-first"}},
		{"case is kept", "Isabel", Command{Verb: Ask, Username: "Isabel"}},

		{"everything", `isabel cluster=ehpc-8jqdq0mz mod=700 reason="thesis project"`, full},
		{"until a day", "until=2027-03-31 isabel", Command{Verb: Ask, Username: "isabel", Until: "2027-03-31"}},
		{"another order", `reason="thesis project" mod=700 isabel cluster=ehpc-8jqdq0mz`, full},
		{"username by its key, last", `reason="thesis project" mod=700 cluster=ehpc-8jqdq0mz username=isabel`, full},
		{"keys in any case", `isabel Cluster=ehpc-8jqdq0mz MOD=700 Reason="thesis project"`, full},
		{"full-width equals and spaces", "isabel　cluster＝ehpc-8jqdq0mz　mod＝700　reason＝“thesis project”", full},
		{"no space behind a quote", `reason="thesis project"mod=700 cluster=ehpc-8jqdq0mz isabel`, full},

		{"typographic quotes", "isabel reason=“thesis project”", reason("thesis project")},
		{"two closing typographic quotes", "isabel reason=”thesis project”", reason("thesis project")},
		{"German quotes", "isabel reason=„thesis project“", reason("thesis project")},
		{"typographic, closed by a straight one", `isabel reason=“thesis project"`, reason("thesis project")},
		{"full-width quotes", "isabel reason=＂thesis project＂", reason("thesis project")},
		{"single quotes", "isabel reason='thesis project'", reason("thesis project")},
		{"single typographic quotes", "isabel reason=‘thesis project’", reason("thesis project")},
		{"corner brackets", "isabel reason=「毕业 设计」", reason("毕业 设计")},
		{"white corner brackets", "isabel reason=『毕业 设计』", reason("毕业 设计")},
		{"typographic inside of straight ones", `isabel reason="the “big” one"`, reason("the “big” one")},
		{"escaped quote", `isabel reason="the \"big\" one"`, reason(`the "big" one`)},
		{"escaped backslash at the end", `isabel reason="C:\\"`, reason(`C:\`)},
		{"backslash before a letter", `isabel reason="C:\temp"`, reason(`C:\temp`)},
		{"apostrophe in a word", "isabel reason=don't", reason("don't")},
		{"typographic apostrophe in a word", "isabel reason=don’t", reason("don’t")},
		{"apostrophe in single quotes", "isabel reason='don't know'", reason("don't know")},
		{"apostrophe in single typographic quotes", "isabel reason=‘don’t know’", reason("don’t know")},
		{"quote in a word", `isabel reason=12"`, reason(`12"`)},
		{"one word without quotes", "isabel reason=thesis", reason("thesis")},
		{"a second equals sign is of the value", "isabel reason=a=b", reason("a=b")},
		{"joined emoji in quotes", "isabel reason=\"👩\u200d🔬 work\"", reason("👩\u200d🔬 work")},
		{"turned direction in quotes", "isabel reason=\"a\u202eb\"", reason("ab")},
		{"line break in quotes", "isabel reason=\"a\nb\"", reason("a\nb")},

		{"Slack's escapes", `isabel reason="a &lt;b&gt; &amp; c"`, reason("a <b> & c")},
		{"Slack's escape of a typed escape", `isabel reason="&amp;lt;"`, reason("&lt;")},
		{"a mention stays text", "isabel reason=&lt;!channel&gt;", reason("<!channel>")},

		{"a username that is a sub-command", "username=list", Command{Verb: Ask, Username: "list"}},
		{"the same in quotes", `"help"`, Command{Verb: Ask, Username: "help"}},
		{"a sub-command that does not come first", "mod=700 list", Command{Verb: Ask, Username: "list", Mod: "700"}},

		{"a new password", "reset isabel", Command{Verb: Reset, Username: "isabel"}},
		{"a new password, on a cluster", `Reset cluster=Training username="isabel"`, Command{Verb: Reset, Username: "isabel", Cluster: "Training"}},
		{"a new password of one who is called reset", "reset reset", Command{Verb: Reset, Username: "reset"}},
		{"somebody who is called reset", "username=reset", Command{Verb: Ask, Username: "reset"}},

		{"help", "help", Command{Verb: Help}},
		{"help, shouting", " HELP ", Command{Verb: Help}},
		{"help on something", "help cancel", Command{Verb: Help}},
		{"list", "list", Command{Verb: List}},
		{"status", "status 12", Command{Verb: Status, ID: 12}},
		{"status with a hash", "status #12", Command{Verb: Status, ID: 12}},
		{"status in full width", "status　＃１２", Command{Verb: Status, ID: 12}},
		{"cancel", "Cancel 3", Command{Verb: Cancel, ID: 3}},
		{"the largest id", "cancel 9223372036854775807", Command{Verb: Cancel, ID: 9223372036854775807}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       Fault
		message    string
	}{
		{"unknown key", "isabel zone=jn1a", Fault{KindUnknownKey, "zone", Ask}, `unknown key "zone", known are username, cluster, mod, until, reason`},
		{"unknown key keeps its case", "isabel Zone=jn1a", Fault{KindUnknownKey, "Zone", Ask}, `unknown key "Zone", known are username, cluster, mod, until, reason`},
		{"no key at all", "=isabel", Fault{KindUnknownKey, "=isabel", Ask}, `unknown key "=isabel", known are username, cluster, mod, until, reason`},
		{"duplicate key", "isabel mod=700 MOD=750", Fault{KindDuplicateKey, "mod", Ask}, "mod is given twice"},
		{"username twice", "isabel username=maria", Fault{KindDuplicateKey, "username", Ask}, "username is given twice"},
		{"empty value", "isabel mod=", Fault{KindEmptyValue, "mod", Ask}, "mod has no value"},
		{"empty quotes", `isabel reason=""`, Fault{KindEmptyValue, "reason", Ask}, "reason has no value"},
		{"only quotes", `""`, Fault{KindEmptyValue, "username", Ask}, "username has no value"},
		{"space behind the equals sign", "isabel reason= thesis", Fault{KindEmptyValue, "reason", Ask}, "reason has no value"},
		{"unclosed quote", `isabel reason="thesis project`, Fault{KindUnclosedQuote, `"thesis project`, Ask}, `the quote that begins with "\"thesis project" is not closed`},
		{"quote closed by an escaped one", `isabel reason="a\"`, Fault{KindUnclosedQuote, `"a\"`, Ask}, `the quote that begins with "\"a\\\"" is not closed`},
		{"straight quote closed by a corner bracket", "isabel reason=\"a」", Fault{KindUnclosedQuote, "\"a」", Ask}, `the quote that begins with "\"a」" is not closed`},
		{"no username", "cluster=ehpc-8jqdq0mz", Fault{KindMissingUsername, "", Ask}, "there is no username"},
		{"second word", "isabel maria", Fault{KindExtraWord, "maria", Ask}, `unexpected word "maria" after ask`},
		{"reason without quotes", "isabel reason=thesis project", Fault{KindExtraWord, "project", Ask}, `unexpected word "project" after ask`},
		{"list with a word", "list all", Fault{KindExtraWord, "all", List}, `unexpected word "all" after list`},
		{"list with a key", "list mod=700", Fault{KindExtraWord, "mod=700", List}, `unexpected word "mod=700" after list`},
		{"status of nothing", "status", Fault{KindMissingID, "", Status}, "status needs the number of a request"},
		{"reset of nothing", "reset", Fault{KindMissingUsername, "", Reset}, "there is no username"},
		{"reset with permissions", "reset isabel mod=700", Fault{KindUnknownKey, "mod", Reset}, `unknown key "mod", known are username, cluster`},
		{"reset of two", "reset isabel maria", Fault{KindExtraWord, "maria", Reset}, `unexpected word "maria" after reset`},
		{"cancel of a name", "cancel isabel", Fault{KindBadID, "isabel", Cancel}, `"isabel" is not the number of a request`},
		{"cancel with a key", "cancel id=12", Fault{KindBadID, "id=12", Cancel}, `"id=12" is not the number of a request`},
		{"status of zero", "status 0", Fault{KindBadID, "0", Status}, `"0" is not the number of a request`},
		{"status of less", "status -1", Fault{KindBadID, "-1", Status}, `"-1" is not the number of a request`},
		{"status of too much", "status 9223372036854775808", Fault{KindBadID, "9223372036854775808", Status}, `"9223372036854775808" is not the number of a request`},
		{"status of two", "status 12 13", Fault{KindExtraWord, "13", Status}, `unexpected word "13" after status`},
		{"a long token is cut", "isabel " + strings.Repeat("设", 50), Fault{KindExtraWord, strings.Repeat("设", 40), Ask}, `unexpected word "` + strings.Repeat("设", 40) + `" after ask`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.text)
			var fault *Fault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, tt.want, *fault)
			require.EqualError(t, err, tt.message)
			require.Zero(t, got)
		})
	}
}

func TestEveryKindHasItsOwnError(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Kinds() {
		message := (&Fault{Kind: k, Token: "x", Verb: Status}).Error()
		require.NotContains(t, message, string(k), "the sentence for what is unknown was used")
		require.False(t, seen[message])
		seen[message] = true
	}
}

func TestLongValuesStayTooLong(t *testing.T) {
	t.Parallel()
	c, err := Parse(strings.Repeat("é", 5000) + " reason=" + strings.Repeat("设", 5000))
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("é", ValueMaxLength), c.Username)
	require.Equal(t, strings.Repeat("设", ReasonMaxLength), c.Reason)
}

func TestVisible(t *testing.T) {
	t.Parallel()
	require.Equal(t, "isabel", Visible(" \ufeffisa\u200b\u200dbel\u2066\u3000"))
}

func TestCommandString(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]Command{
		"":                            {Verb: Form},
		"help":                        {Verb: Help},
		"list":                        {Verb: List},
		"status 12":                   {Verb: Status, ID: 12},
		"cancel 12":                   {Verb: Cancel, ID: 12},
		"reset isabel cluster=ehpc-x": {Verb: Reset, Username: "isabel", Cluster: "ehpc-x"},
		"username=reset":              {Verb: Ask, Username: "reset"},
		"isabel":                      {Verb: Ask, Username: "isabel"},
		`username=List cluster=ehpc-x mod=700 reason="a &lt;b&gt; \"c\" \\"`: {
			Verb: Ask, Username: "List", Cluster: "ehpc-x", Mod: "700", Reason: `a <b> "c" \`,
		},
		`username="a b"`: {Verb: Ask, Username: "a b"},
	} {
		require.Equal(t, text, c.String())
		got, err := Parse(text)
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
}

// Whatever is put into quotes comes out again, but for the characters that are dropped on purpose.
func TestQuotedValuesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune(` "'\“”„‘’「」『』=＝&<>;`))), 1, 60, -1).
			Filter(func(s string) bool { return !strings.ContainsFunc(s, hidden) }).Draw(t, "value")
		keys := rapid.Permutation([]string{"username", "cluster", "mod", "until", "reason"}).Draw(t, "keys")
		var words []string
		for _, k := range keys {
			words = append(words, k+rapid.SampledFrom([]string{"=", "＝"}).Draw(t, "equals")+Quote(value))
		}
		got, err := Parse(strings.Join(words, rapid.StringMatching(`[ \t\n　]{0,3}`).Draw(t, "space")))
		require.NoError(t, err)
		require.Equal(t, Command{Verb: Ask, Username: value, Cluster: value, Mod: value, Until: value, Reason: value}, got)
	})
}

// FuzzParse: any text is a command or a fault, within bounds, and a command rendered again is the same command.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "isabel", `isabel cluster=ehpc-8jqdq0mz mod=700 reason="thesis project"`, "username=list", "help", "list",
		"status #12", "cancel 12", "reset isabel cluster=x", "isabel reason=“毕业 设计”", "isabel until=2027-03-31", `a reason='don't' x`, "\xff\xfe =", "reason=\"\\", "＝", "「", `a "b" 'c'`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			var fault *Fault
			require.True(t, errors.As(err, &fault))
			require.Contains(t, Kinds(), fault.Kind)
			require.LessOrEqual(t, len([]rune(fault.Token)), TokenMaxLength)
			require.Zero(t, c)
			return
		}
		if c.Verb == Ask {
			require.NotEmpty(t, c.Username)
			require.False(t, strings.ContainsFunc(c.Username, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }))
		}
		again, err := Parse(c.String())
		require.NoError(t, err, "%q", c.String())
		require.Equal(t, c, again)
	})
}
