package view

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// phrases are all phrases of a language, by the path of their field.
func phrases(t *testing.T, c catalogue) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			all[path] = v.String()
		case reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Slice:
			require.NotZero(t, v.Len(), path)
			for i := range v.Len() {
				walk(fmt.Sprint(path, ".", i), v.Index(i))
			}
		case reflect.Map:
			require.NotZero(t, v.Len(), path)
			for _, key := range v.MapKeys() {
				walk(fmt.Sprint(path, ".", key), v.MapIndex(key))
			}
		default:
			require.Fail(t, "neither a phrase nor phrases", path)
		}
	}
	walk("", reflect.ValueOf(c))
	return all
}

var placeholders = regexp.MustCompile(`\{[a-zA-Z]*\}`)

func used(phrase string) []string {
	all := placeholders.FindAllString(phrase, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

func TestCatalogueIsFull(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]catalogue{"english": english, "chinese": chinese} {
		for path, p := range phrases(t, c) {
			require.NotEmpty(t, strings.TrimSpace(p), "%s%s", name, path)
			require.Zero(t, strings.Count(p, "**")%2, "%s%s: bold has no end", name, path)
			require.Zero(t, strings.Count(p, "`")%2, "%s%s: code has no end", name, path)
		}
	}
}

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	zh := phrases(t, chinese)
	require.Equal(t, slices.Sorted(maps.Keys(phrases(t, english))), slices.Sorted(maps.Keys(zh)))
	for path, en := range phrases(t, english) {
		require.Equal(t, used(en), used(zh[path]), path)
		require.Equal(t, strings.Count(en, "**"), strings.Count(zh[path], "**"), path)
		require.Equal(t, strings.Count(en, "`"), strings.Count(zh[path], "`"), path)
	}
}

// What is chosen by a kind has a text for each kind that there is.
func TestEveryKindHasItsText(t *testing.T) {
	t.Parallel()
	for _, c := range []catalogue{english, chinese} {
		for _, state := range approval.States() {
			require.NotEmpty(t, c.States[state], state)
			_, told := c.Refusal.Decided[state]
			approved := slices.Contains(underWay, state) || state == approval.Approved
			require.NotEqual(t, approved, told, state)
			require.Equal(t, approved, c.Approval.Progress[state] != "", state)
		}
		for _, kind := range refusalKinds {
			require.NotEmpty(t, c.Refusal.Kinds[kind], kind)
		}
		require.Len(t, c.Refusal.Kinds, len(refusalKinds))
		for _, failure := range failures[:len(failures)-1] {
			require.NotEmpty(t, c.Failures[failure], failure)
		}
		require.Len(t, c.Failures, len(failures)-1)
		for _, kind := range command.Kinds() {
			require.NotEmpty(t, c.Fault.Kinds[kind], kind)
		}
		for _, key := range command.Keys() {
			require.NotEmpty(t, c.Fault.Values[key], key)
		}
	}
}

func TestEnglishHasNoChinese(t *testing.T) {
	t.Parallel()
	han := regexp.MustCompile(`\p{Han}`)
	for path, p := range phrases(t, english) {
		require.NotRegexp(t, han, p, path)
	}
}

// What is wrong is fixed, a word that everybody knows.
func TestNothingIsMended(t *testing.T) {
	t.Parallel()
	for path, p := range phrases(t, english) {
		require.NotRegexp(t, `(?i)\bmend`, p, path)
	}
}

// A phrase whose placeholder is not filled would lose a word without a sound.
func TestNoPlaceholderIsUnknown(t *testing.T) {
	t.Parallel()
	known := []string{"count", "who", "at", "password", "login", "value", "limit", "allowed",
		"character", "token", "verb", "example", "seconds", "part", "waiting", "underWay", "failed", "item", "policy",
		"asker", "changer", "changes", "before", "after", "name", "ids", "link", "age", "said", "first", "last",
		"person", "earlier", "accounts", "sees", "status", "logins", "job", "delivered", "shown"}
	for name := range testView(English).fields(story(approval.Pending)) {
		known = append(known, name)
	}
	for path, p := range phrases(t, english) {
		for _, name := range used(p) {
			require.Contains(t, known, strings.Trim(name, "{}"), path)
		}
	}
}
