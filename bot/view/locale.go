package view

import "strings"

// Locale is a language in which the bot speaks.
type Locale string

// The languages.
const (
	English Locale = "en"
	Chinese Locale = "zh"
)

// LocaleOf returns the language for a Slack locale such as "en-US" or "zh-TW", and fallback for one that is
// empty or of neither language.
func LocaleOf(slackLocale string, fallback Locale) Locale {
	switch lang, _, _ := strings.Cut(strings.ToLower(slackLocale), "-"); lang {
	case "zh":
		return Chinese
	case "en":
		return English
	}
	return fallback
}
