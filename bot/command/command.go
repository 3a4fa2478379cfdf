// Package command is the grammar of the slash command: what people type behind its name, and what it means.
//
// Nothing at all asks for the form. A username asks for an account at once; cluster=…, mod=…, until=… and reason=… may
// stand around it in any order. help, list, status ID, cancel ID, abandon ID and reset USERNAME, with or without
// cluster=…, are sub-commands where they are the first word; a person who really is called list is asked for with
// username=list.
//
// The grammar is kind to what keyboards do: quotes may be straight, typographic or Chinese, spaces and equals
// signs full-width, and characters that nobody sees are dropped. Whether a value is right, such as a username
// with an accent, is not decided here.
package command

import (
	"strconv"
	"strings"
)

// Verb is what a command wants done.
type Verb string

// The verbs.
const (
	Form    Verb = "form"    // open the form
	Ask     Verb = "ask"     // ask for an account
	Help    Verb = "help"    // explain the command
	List    Verb = "list"    // the person's own requests
	Status  Verb = "status"  // one request
	Cancel  Verb = "cancel"  // take a request back
	Abandon Verb = "abandon" // end a request that does not get on
	Reset   Verb = "reset"   // ask for a new password of an account
)

// Command is a command as it was typed. Only the fields that its verb uses are set.
type Command struct {
	Verb     Verb
	Username string // of Ask and Reset, never empty
	Cluster  string // of Ask and Reset, id or name; empty: the default
	Mod      string // of Ask; empty: as the cluster has it
	Until    string // of Ask, the last day on which the account is needed; empty: for good
	Reason   string // of Ask, may be empty
	ID       int64  // of Status, Cancel and Abandon, at least 1
}

// String returns a text that [Parse] reads as the same command, in its shortest usual spelling and without the
// name of the slash command.
func (c Command) String() string {
	switch c.Verb {
	case Form, "":
		return ""
	case Status, Cancel, Abandon:
		return string(c.Verb) + " " + strconv.FormatInt(c.ID, 10)
	case Ask:
		return strings.Join(c.words(bareUsername(c.Username)), " ")
	case Reset:
		return strings.Join(c.words(string(c.Verb), quoteIfNeeded(c.Username)), " ")
	}
	return string(c.Verb)
}

// words are the first words of a command, and what is given beside the username.
func (c Command) words(words ...string) []string {
	for _, f := range []struct{ key, value string }{{keyCluster, c.Cluster}, {keyMod, c.Mod}, {keyUntil, c.Until}, {keyReason, c.Reason}} {
		if f.value != "" {
			words = append(words, f.key+"="+quoteIfNeeded(f.value))
		}
	}
	return words
}

// bareUsername writes a username without its key where it can't be taken for anything else.
func bareUsername(name string) string {
	if _, isVerb := verbOf(name); isVerb || !plain(name) {
		return keyUsername + "=" + quoteIfNeeded(name)
	}
	return name
}

func quoteIfNeeded(value string) string {
	if plain(value) {
		return value
	}
	return Quote(value)
}

// plain reports whether a value reads the same with and without quotes.
func plain(value string) bool {
	for _, r := range value {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.@:/", r)) {
			return false
		}
	}
	return value != ""
}

// Quote puts a value into quotes so that it stands as one value in a command, the way Slack hands it over:
// &, < and > are escaped.
func Quote(value string) string {
	return `"` + quoted.Replace(value) + `"`
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "<", "&lt;", ">", "&gt;")
