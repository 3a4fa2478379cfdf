package view

import "strings"

// phrase is a sentence of the catalogue. {name} stands for a value, **…** is bold and `…` is code. Only
// phrases are read this way: a value that is filled in stays what it is.
type phrase string

// values are what is filled into a phrase.
type values map[string][]span

// with fills a phrase.
func (p phrase) with(v values) []span {
	var all []span
	var bold, code bool
	for rest := string(p); rest != ""; {
		n := strings.IndexAny(rest, "*`{")
		if n != 0 {
			if n < 0 {
				n = len(rest)
			}
			all = append(all, span{text: rest[:n], bold: bold, code: code})
			rest = rest[n:]
			continue
		}
		switch name, after, ok := placeholder(rest); {
		case strings.HasPrefix(rest, "**"):
			bold, rest = !bold, rest[2:]
		case rest[0] == '`':
			code, rest = !code, rest[1:]
		case ok:
			all = append(all, styled(v[name], bold, code)...)
			rest = after
		default:
			all = append(all, span{text: rest[:1], bold: bold, code: code})
			rest = rest[1:]
		}
	}
	return all
}

// placeholder reads the {name} that a text begins with.
func placeholder(s string) (name, after string, ok bool) {
	if s[0] != '{' {
		return "", "", false
	}
	name, after, ok = strings.Cut(s[1:], "}")
	return name, after, ok && !strings.ContainsFunc(name, notLetter)
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// styled gives values the style of the place that they are filled into.
func styled(spans []span, bold, code bool) []span {
	all := make([]span, len(spans))
	for i, s := range spans {
		s.bold, s.code = s.bold || bold, s.code || code
		all[i] = s
	}
	return all
}
