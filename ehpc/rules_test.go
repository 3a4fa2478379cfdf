package ehpc_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/ehpc"
)

type ruleTest struct {
	value string
	rule  ehpc.Rule // 0: the value is good
	r     rune
}

func testRules(t *testing.T, subject string, validate func(string) error, tests []ruleTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(fmt.Sprintf("%q", test.value), func(t *testing.T) {
			t.Parallel()
			err := validate(test.value)
			if test.rule == 0 {
				require.NoError(t, err)
				return
			}
			broken, ok := errors.AsType[*ehpc.RuleError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, &ehpc.RuleError{Subject: subject, Rule: test.rule, Rune: test.r}, broken)
			require.True(t, strings.HasPrefix(err.Error(), subject+" "), err.Error())
		})
	}
}

func TestValidateUsername(t *testing.T) {
	t.Parallel()
	testRules(t, ehpc.SubjectUsername, ehpc.ValidateUsername, []ruleTest{
		{value: "a"}, {value: "isabel"}, {value: "A_9"}, {value: "________"}, {value: "12345678"}, {value: "list"},
		{value: "", rule: ehpc.RuleEmpty},
		{value: "123456789", rule: ehpc.RuleTooLong},
		{value: "josé", rule: ehpc.RuleCharacter, r: 'é'},
		{value: "a٣", rule: ehpc.RuleCharacter, r: '٣'},
		{value: "王", rule: ehpc.RuleCharacter, r: '王'},
		{value: "a-b", rule: ehpc.RuleCharacter, r: '-'},
		{value: "a.b", rule: ehpc.RuleCharacter, r: '.'},
		{value: " a", rule: ehpc.RuleCharacter, r: ' '},
		{value: "a\n", rule: ehpc.RuleCharacter, r: '\n'},
		{value: "a\x00", rule: ehpc.RuleCharacter, r: 0},
		{value: "a\xff", rule: ehpc.RuleCharacter, r: utf8.RuneError},
	})
}

func TestValidateMod(t *testing.T) {
	t.Parallel()
	testRules(t, ehpc.SubjectMod, ehpc.ValidateMod, []ruleTest{
		{value: "700"}, {value: "000"}, {value: "777"}, {value: "755"},
		{value: "", rule: ehpc.RuleEmpty},
		{value: "70", rule: ehpc.RuleForm},
		{value: "0700", rule: ehpc.RuleForm},
		{value: "708", rule: ehpc.RuleForm},
		{value: "rwx", rule: ehpc.RuleForm},
		{value: "-70", rule: ehpc.RuleForm},
		{value: "70 ", rule: ehpc.RuleForm},
		{value: "é0", rule: ehpc.RuleForm},
		{value: "٧", rule: ehpc.RuleForm},
	})
}

func TestValidatePassword(t *testing.T) {
	t.Parallel()
	testRules(t, ehpc.SubjectPassword, ehpc.ValidatePassword, []ruleTest{
		{value: "kUISjs@kkkkkk1"},
		{value: "Aa0!@#%^&()*"},
		{value: "Aa0!" + strings.Repeat("x", 26)},
		{value: "", rule: ehpc.RuleEmpty},
		{value: "Aa0!aaaaaaa", rule: ehpc.RuleTooShort},
		{value: "Aa0!" + strings.Repeat("x", 27), rule: ehpc.RuleTooLong},
		{value: "aaaaaaaaaaa0!", rule: ehpc.RuleClassMissing},
		{value: "AAAAAAAAAAA0!", rule: ehpc.RuleClassMissing},
		{value: "AaAaAaAaAaAa!", rule: ehpc.RuleClassMissing},
		{value: "AaAaAaAaAaAa0", rule: ehpc.RuleClassMissing},
		{value: "Aa0!aaaaaaaa$", rule: ehpc.RuleCharacter},
		{value: "Aa0! aaaaaaaa", rule: ehpc.RuleCharacter},
		{value: "Aa0!aaaaaaaaé", rule: ehpc.RuleCharacter},
		{value: "Aa0!aaaaaaaa\xff", rule: ehpc.RuleCharacter},
	})
}

func TestValidateClusterID(t *testing.T) {
	t.Parallel()
	testRules(t, ehpc.SubjectClusterID, ehpc.ValidateClusterID, []ruleTest{
		{value: "ehpc-8jqdq0mz"}, {value: "ehpc-x"}, {value: "hpc-qig9xu97"},
		{value: "", rule: ehpc.RuleEmpty},
		{value: "ehpc", rule: ehpc.RuleForm},
		{value: "ehpc-", rule: ehpc.RuleForm},
		{value: "-x", rule: ehpc.RuleForm},
		{value: "e1-x", rule: ehpc.RuleForm},
		{value: "ehpc-a-b", rule: ehpc.RuleForm},
		{value: "EHPC-x", rule: ehpc.RuleCharacter, r: 'E'},
		{value: "ehpc-x@jn1a", rule: ehpc.RuleCharacter, r: '@'},
		{value: "ehpc-" + strings.Repeat("x", 60), rule: ehpc.RuleTooLong},
	})
}

func TestValidateZone(t *testing.T) {
	t.Parallel()
	testRules(t, ehpc.SubjectZone, ehpc.ValidateZone, []ruleTest{
		{value: "jn1a"}, {value: "jinan1"}, {value: "pek3"},
		{value: "", rule: ehpc.RuleEmpty},
		{value: "jn-1", rule: ehpc.RuleCharacter, r: '-'},
		{value: "jn1a ", rule: ehpc.RuleCharacter, r: ' '},
	})
}

// The regular expressions are the rules said a second time, in another way.
var (
	usernameForm = regexp.MustCompile(`\A[A-Za-z0-9_]{1,8}\z`)
	modForm      = regexp.MustCompile(`\A[0-7]{3}\z`)
	passwordForm = regexp.MustCompile(`\A[A-Za-z0-9!@#%^&()*]{12,30}\z`)
	clusterForm  = regexp.MustCompile(`\A[a-z]+-[a-z0-9]+\z`)
)

func isPassword(text string) bool {
	return passwordForm.MatchString(text) && regexp.MustCompile(`[A-Z]`).MatchString(text) &&
		regexp.MustCompile(`[a-z]`).MatchString(text) && regexp.MustCompile(`[0-9]`).MatchString(text) &&
		regexp.MustCompile(`[!@#%^&()*]`).MatchString(text)
}

func TestRulesAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	properties := map[string]struct {
		near     string // draws values near the rule
		validate func(string) error
		good     func(string) bool
	}{
		"username": {`[A-Za-z0-9_é٣ -]{0,10}`, ehpc.ValidateUsername, usernameForm.MatchString},
		"mod":      {`[0-9٣]{0,5}`, ehpc.ValidateMod, modForm.MatchString},
		"password": {`[A-Za-z0-9!@#%^&()*]{10,32}\$?`, ehpc.ValidatePassword, isPassword},
		"cluster": {`[a-z]{0,5}-?[a-zA-Z0-9-]{0,12}`, ehpc.ValidateClusterID, func(id string) bool {
			return clusterForm.MatchString(id) && len(id) <= 64
		}},
	}
	for name, property := range properties {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				value := rapid.OneOf(rapid.StringMatching(property.near), rapid.String()).Draw(t, "value")
				err := property.validate(value)
				require.Equal(t, property.good(value), err == nil, "%v", err)
			})
		})
	}
}

func TestPasswordRuleNeverQuotesThePassword(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[A-Za-z0-9$é]{12,40}`).Draw(t, "password")
		err := ehpc.ValidatePassword(password)
		if err == nil {
			return
		}
		broken, ok := errors.AsType[*ehpc.RuleError](err)
		require.True(t, ok)
		require.Zero(t, broken.Rune)
		require.NotContains(t, err.Error(), password)
		require.Equal(t, "password must be 12 to 30 characters of upper case, lower case, digits and !@#%^&()*, some of each", err.Error())
	})
}

func TestRuleErrorTexts(t *testing.T) {
	t.Parallel()
	require.EqualError(t, ehpc.ValidateUsername("jo é"),
		"username must be 1 to 8 letters, digits or underscores (a-z, A-Z, 0-9, _); ' ' is not allowed")
	require.EqualError(t, ehpc.ValidateUsername(""), "username is empty")
	require.EqualError(t, ehpc.ValidateMod("7"), "mod must be three octal digits, such as 700")
	require.EqualError(t, &ehpc.RuleError{Subject: "colour", Rule: ehpc.RuleForm}, "colour must be well-formed")
}

func FuzzUsername(f *testing.F) {
	for _, seed := range []string{"", "isabel", "12345678", "123456789", "é", "a٣", "a\xff", "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, username string) {
		err := ehpc.ValidateUsername(username)
		require.Equal(t, usernameForm.MatchString(username), err == nil, "%v", err)
		if err != nil {
			_, ok := errors.AsType[*ehpc.RuleError](err)
			require.True(t, ok)
		}
	})
}
