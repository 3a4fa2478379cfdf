package command

import (
	"slices"
	"strconv"
	"strings"
)

// The keys of a request.
const (
	keyUsername = "username"
	keyCluster  = "cluster"
	keyMod      = "mod"
	keyUntil    = "until"
	keyReason   = "reason"
)

// Keys lists the keys that may stand in a request, in the order in which they are explained.
func Keys() []string { return []string{keyUsername, keyCluster, keyMod, keyUntil, keyReason} }

// keysOf lists those that may stand behind a sub-command about an account, or in a request.
func keysOf(verb Verb) []string {
	if verb == Reset {
		return []string{keyUsername, keyCluster}
	}
	return Keys()
}

// Longer values are cut to these numbers of characters. They are far more than what is accepted, so that a
// value that is too long still is, and nothing that is typed here grows without bound.
const (
	ValueMaxLength  = 200
	ReasonMaxLength = 3000
)

// Parse reads the text of a slash command as Slack hands it over, where &, < and > are escaped. The error is
// a [*Fault].
func Parse(text string) (Command, error) {
	words, f := split(text)
	if f != nil {
		return Command{}, f
	}
	if len(words) == 0 {
		return Command{Verb: Form}, nil
	}
	var c Command
	if verb, ok := words[0].verb(); ok {
		c, f = parseVerb(verb, words[1:])
	} else {
		c, f = parseAccount(Ask, words)
	}
	if f != nil { // a nil *Fault must not become an error that is not nil
		return Command{}, f
	}
	return c, nil
}

// verb returns the sub-command that a word names. In quotes it names none.
func (w word) verb() (Verb, bool) {
	if w.quoted || w.hasKey {
		return "", false
	}
	return verbOf(w.value)
}

func verbOf(s string) (Verb, bool) {
	switch v := Verb(strings.ToLower(s)); v {
	case Help, List, Status, Cancel, Abandon, Reset:
		return v, true
	}
	return "", false
}

func parseVerb(verb Verb, rest []word) (Command, *Fault) {
	switch verb {
	case Status, Cancel, Abandon:
		return parseID(verb, rest)
	case Reset:
		return parseAccount(verb, rest)
	case List:
		if len(rest) > 0 {
			return Command{}, fault(KindExtraWord, verb, rest[0].typed())
		}
	}
	return Command{Verb: verb}, nil // help is the right answer whatever follows it
}

func parseID(verb Verb, rest []word) (Command, *Fault) {
	if len(rest) == 0 {
		return Command{}, fault(KindMissingID, verb, "")
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(narrow.Replace(rest[0].value), "#"), 10, 64)
	if err != nil || id < 1 || rest[0].hasKey {
		return Command{}, fault(KindBadID, verb, rest[0].typed())
	}
	if len(rest) > 1 {
		return Command{}, fault(KindExtraWord, verb, rest[1].typed())
	}
	return Command{Verb: verb, ID: id}, nil
}

// narrow turns the full-width digits of a Chinese keyboard into plain ones.
var narrow = strings.NewReplacer("０", "0", "１", "1", "２", "2", "３", "3", "４", "4",
	"５", "5", "６", "6", "７", "7", "８", "8", "９", "9", "＃", "#")

// parseAccount reads what is said of an account.
func parseAccount(verb Verb, words []word) (Command, *Fault) {
	values := make(map[string]string, len(Keys()))
	for _, w := range words {
		key, f := w.accountKey(verb, values)
		if f != nil {
			return Command{}, f
		}
		values[key] = w.value
	}
	if values[keyUsername] == "" {
		return Command{}, fault(KindMissingUsername, verb, "")
	}
	return Command{
		Verb:     verb,
		Username: bounded(values[keyUsername], ValueMaxLength),
		Cluster:  bounded(values[keyCluster], ValueMaxLength),
		Mod:      bounded(values[keyMod], ValueMaxLength),
		Until:    bounded(values[keyUntil], ValueMaxLength),
		Reason:   bounded(values[keyReason], ReasonMaxLength),
	}, nil
}

// accountKey returns the key that a word gives a value to, which is username for a word that names none.
func (w word) accountKey(verb Verb, have map[string]string) (string, *Fault) {
	key := keyUsername
	if w.hasKey {
		key = strings.ToLower(w.key)
	}
	_, twice := have[key]
	switch {
	case !slices.Contains(keysOf(verb), key):
		return "", fault(KindUnknownKey, verb, w.unknown())
	case twice && !w.hasKey:
		return "", fault(KindExtraWord, verb, w.value)
	case twice:
		return "", fault(KindDuplicateKey, verb, key)
	case w.value == "":
		return "", fault(KindEmptyValue, verb, key)
	}
	return key, nil
}

// unknown is what to show of a key that is not known: the key, or all of the word where it has none.
func (w word) unknown() string {
	if w.key == "" {
		return w.typed()
	}
	return w.key
}
