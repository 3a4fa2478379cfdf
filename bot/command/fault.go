package command

import (
	"fmt"
	"strings"
)

// Fault is a text that is no command. Whoever shows it chooses the words by Kind; the other fields fill them.
type Fault struct {
	Kind  Kind
	Token string // what is at fault, as typed, at most [TokenMaxLength] characters
	Verb  Verb   // the sub-command it belongs to, [Ask] for a request
}

// TokenMaxLength is the longest [Fault.Token], in characters.
const TokenMaxLength = 40

// Kind is why a text is no command.
type Kind string

// The kinds of fault.
const (
	KindUnknownKey      Kind = "unknown_key"      // Token is none of the keys that Verb can have
	KindDuplicateKey    Kind = "duplicate_key"    // Token, a key, is given twice
	KindEmptyValue      Kind = "empty_value"      // Token, a key, has nothing behind its equals sign
	KindUnclosedQuote   Kind = "unclosed_quote"   // the quote that begins with Token has no end
	KindMissingUsername Kind = "missing_username" // a request without a username
	KindExtraWord       Kind = "extra_word"       // Token stands where nothing is expected
	KindMissingID       Kind = "missing_id"       // Verb needs the number of a request
	KindBadID           Kind = "bad_id"           // Token is no number of a request
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{KindUnknownKey, KindDuplicateKey, KindEmptyValue, KindUnclosedQuote,
		KindMissingUsername, KindExtraWord, KindMissingID, KindBadID}
}

// Error implements error, in English and for the log.
func (f *Fault) Error() string {
	switch f.Kind {
	case KindUnknownKey:
		return fmt.Sprintf("unknown key %q, known are %s", f.Token, strings.Join(keysOf(f.Verb), ", "))
	case KindDuplicateKey:
		return fmt.Sprintf("%s is given twice", f.Token)
	case KindEmptyValue:
		return fmt.Sprintf("%s has no value", f.Token)
	case KindUnclosedQuote:
		return fmt.Sprintf("the quote that begins with %q is not closed", f.Token)
	case KindMissingUsername:
		return "there is no username"
	case KindExtraWord:
		return fmt.Sprintf("unexpected word %q after %s", f.Token, f.Verb)
	case KindMissingID:
		return fmt.Sprintf("%s needs the number of a request", f.Verb)
	case KindBadID:
		return fmt.Sprintf("%q is not the number of a request", f.Token)
	}
	return "not a command: " + string(f.Kind)
}

func fault(kind Kind, verb Verb, token string) *Fault {
	return &Fault{Kind: kind, Verb: verb, Token: bounded(token, TokenMaxLength)}
}

// bounded cuts a text by characters, never inside one.
func bounded(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			return s[:i]
		}
		n++
	}
	return s
}
