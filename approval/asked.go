package approval

import (
	"regexp"
	"strconv"
	"strings"
)

// word is a part of what somebody asks for, in the form in which it can be typed: mod=700.
type word struct{ name, value string }

// Asked is what was asked for, as the audit log tells it. An empty word is left out.
type Asked []word

// AskedFor returns what a request asks for.
func AskedFor(r Request) Asked {
	return Asked{r.Ask().named(), {"cluster", r.ClusterID}, {"mod", r.Mod}, {"approvals", strconv.Itoa(r.Required)},
		{"until", r.Until}, {"policy", r.Policy}, {"sponsor", r.Sponsor}, {"rules", digestOf(r.Kept)}, {"exempt", r.Exempt}, {"reason", r.Reason}}
}

// named tells of which account something is asked for, and whether that is the account itself or a new password of it.
func (a Ask) named() word {
	if a.Reset {
		return word{"reset", a.Username}
	}
	return word{"username", a.Username}
}

// asked is what an ask that is refused asks for; of what may be of any length, the beginning.
func (a Ask) asked() Asked {
	const most = 50
	w := Asked{a.named(), {"cluster", a.Cluster}, {"mod", a.Mod}, {"until", a.Until}}
	for i, one := range w {
		if runes := []rune(one.value); len(runes) > most {
			w[i].value = string(runes[:most]) + "…"
		}
	}
	return w
}

// String returns a line for people. The log keeps it for good, so it hangs on nothing that changes with the version
// of a library, and each value ends where it says: none can reach into the next.
func (w Asked) String() string {
	var words []string
	for _, one := range w {
		if text := one.String(); text != "" {
			words = append(words, text)
		}
	}
	return strings.Join(words, " ")
}

var (
	plain   = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
)

func (w word) String() string {
	value := Storable(w.value)
	switch {
	case value == "":
		return ""
	case plain.MatchString(value):
		return w.name + "=" + value
	}
	return w.name + `="` + escaped.Replace(value) + `"`
}

// Differs returns the name of the first word that a line tells otherwise; empty if there is none.
func (w Asked) Differs(line string) string {
	if line == w.String() {
		return ""
	}
	for _, one := range w {
		text := one.String()
		if text == "" {
			if strings.HasPrefix(line, one.name+"=") {
				return one.name
			}
			continue
		}
		rest, told := strings.CutPrefix(line, text)
		if !told || rest != "" && rest[0] != ' ' {
			return one.name
		}
		line = strings.TrimPrefix(rest, " ")
	}
	return w[len(w)-1].name
}
