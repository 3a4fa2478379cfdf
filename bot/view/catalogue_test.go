package view

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

// phrases are all phrases of a language, by the path of their field.
func phrases(t *testing.T, c catalogue) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		if v.Kind() == reflect.String {
			all[path] = v.String()
			return
		}
		require.Equal(t, reflect.Struct, v.Kind(), path)
		for i := range v.NumField() {
			walk(path+"."+v.Type().Field(i).Name, v.Field(i))
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
	for path, en := range phrases(t, english) {
		require.Equal(t, used(en), used(zh[path]), path)
		require.Equal(t, strings.Count(en, "**"), strings.Count(zh[path], "**"), path)
		require.Equal(t, strings.Count(en, "`"), strings.Count(zh[path], "`"), path)
	}
}

func TestEnglishHasNoChinese(t *testing.T) {
	t.Parallel()
	han := regexp.MustCompile(`\p{Han}`)
	for path, p := range phrases(t, english) {
		require.NotRegexp(t, han, p, path)
	}
}

// A phrase whose placeholder is not filled would lose a word without a sound.
func TestNoPlaceholderIsUnknown(t *testing.T) {
	t.Parallel()
	known := []string{"state", "mod", "why", "count", "who", "at", "password", "login", "value", "limit", "right",
		"rune", "token", "verb", "example"}
	for name := range testView(English).facts(story(approval.Pending)) {
		known = append(known, name)
	}
	for path, p := range phrases(t, english) {
		for _, name := range used(p) {
			require.Contains(t, known, strings.Trim(name, "{}"), path)
		}
	}
}
