package command

import (
	"strings"
	"unicode"
)

// word is one part of a command: a value, or a key with its value.
type word struct {
	key    string // as typed
	hasKey bool   // there is an equals sign
	value  string // without its quotes
	quoted bool
}

// typed is the word about as it was typed, to be shown.
func (w word) typed() string {
	if w.hasKey {
		return w.key + "=" + w.value
	}
	return w.value
}

// unescape takes back Slack's escaping in one pass, so that a typed "&lt;" stays one.
// https://docs.slack.dev/messaging/formatting-message-text/#escaping
var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// split takes a text apart into words.
func split(text string) ([]word, *Fault) {
	s := scanner{rest: []rune(unescape.Replace(text))}
	var words []word
	for {
		s.skipSpace()
		if len(s.rest) == 0 {
			return words, nil
		}
		w, f := s.word()
		if f != nil {
			return nil, f
		}
		words = append(words, w)
	}
}

// scanner reads a text from its front.
type scanner struct{ rest []rune }

func (s *scanner) skipSpace() {
	for len(s.rest) > 0 && (unicode.IsSpace(s.rest[0]) || invisible(s.rest[0])) {
		s.rest = s.rest[1:]
	}
}

// word reads up to a space, or to the end of a quote. A quote begins only where a value does, so that an
// apostrophe inside of a word is just that.
func (s *scanner) word() (word, *Fault) {
	var w word
	var text []rune
	for {
		s.skipInvisible()
		atValue := len(text) == 0
		switch {
		case len(s.rest) == 0 || unicode.IsSpace(s.rest[0]):
			w.value = string(text)
			return w, nil
		case atValue && s.closers() != "":
			return s.quote(w)
		case !w.hasKey && isEquals(s.rest[0]):
			w.key, w.hasKey, text = string(text), true, nil
		default:
			text = append(text, s.rest[0])
		}
		s.rest = s.rest[1:]
	}
}

func (s *scanner) skipInvisible() {
	for len(s.rest) > 0 && invisible(s.rest[0]) {
		s.rest = s.rest[1:]
	}
}

// closers returns the characters that end the quote that begins here, or "" where none begins. Phones choose
// the typographic ones freely, so each of a family, and the straight one, ends what another began.
func (s *scanner) closers() string {
	switch s.rest[0] {
	case '"', '＂':
		return string(s.rest[0])
	case '“', '”', '„', '‟':
		return `“”„‟"`
	case '\'', '＇':
		return string(s.rest[0])
	case '‘', '’', '‚', '‛':
		return `‘’‚‛'`
	case '「', '『':
		return string(s.rest[0] + 1) // Unicode has the closing corner bracket next to the opening one
	}
	return ""
}

// quote reads a quoted value into a word and stops behind it. Behind a backslash a quote is part of the value.
func (s *scanner) quote(w word) (word, *Fault) {
	closers, start := s.closers(), s.rest
	var text []rune
	for s.rest = s.rest[1:]; len(s.rest) > 0; s.rest = s.rest[1:] {
		switch r := s.rest[0]; {
		case r == '\\' && len(s.rest) > 1 && escapable(s.rest[1]):
			s.rest = s.rest[1:]
			text = append(text, s.rest[0])
		case strings.ContainsRune(closers, r) && s.ends():
			s.rest = s.rest[1:]
			w.value, w.quoted = string(text), true
			return w, nil
		case !hidden(r):
			text = append(text, r)
		}
	}
	return word{}, fault(KindUnclosedQuote, Ask, string(start))
}

// ends reports whether the closing quote here ends the value. One that may be an apostrophe, as in 'don't
// know', does so only before a space.
func (s *scanner) ends() bool {
	if !strings.ContainsRune(`'＇‘’‚‛`, s.rest[0]) {
		return true
	}
	return len(s.rest) == 1 || unicode.IsSpace(s.rest[1])
}

func escapable(r rune) bool {
	return strings.ContainsRune(`\"'＂＇“”„‟‘’‚‛」』`, r)
}

func isEquals(r rune) bool { return r == '=' || r == '＝' }

// Visible drops the characters of a name that nobody sees, which come along when it is copied, and the spaces
// around it.
func Visible(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, name))
}

// Sentence drops from what was typed what is no part of a sentence: characters that nobody sees, and the spaces around
// it.
func Sentence(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, text))
}

// invisible reports a character that nobody sees, and that came along with something copied.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// hidden reports an invisible character that has no business in a sentence either. The joiners have: emoji
// and several scripts are written with them.
func hidden(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return invisible(r) && r != nonJoiner && r != joiner
}
