package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sethvargo/go-envconfig"
)

// EnvFile returns what a file of NAME=VALUE lines adds to env, whose own values win. It is read as docker run
// --env-file reads it, so that one file does for both: a value is all that stands behind the first =, a line that is
// empty or begins with # is passed over, and NAME alone is for what env has. But quotes around a whole value are
// taken off; unquoted names those variables. The error names each line that can't be read by its number, and shows
// none, as it may be a secret.
func EnvFile(path string, env envconfig.Lookuper) (values map[string]string, unquoted []string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return nil, nil, fmt.Errorf("%s: it is UTF-16, as PowerShell writes; save it as UTF-8", path)
	}
	values = map[string]string{}
	var faults []error
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(content), "\ufeff")) {
		number++
		line = strings.TrimLeftFunc(strings.TrimRight(line, "\r\n"), unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, pair := strings.Cut(line, "=")
		_, set := env.Lookup(name)
		wrong := ""
		switch {
		case !utf8.ValidString(line) || strings.Contains(line, "\x00"):
			wrong = "it is not UTF-8 text"
		case name == "" || strings.ContainsFunc(name, unicode.IsSpace):
			wrong = "it is not NAME=VALUE; leave out export, and spaces in front of the ="
		case set:
		case !pair:
			wrong = "it has no =, and the environment has no variable of that name; write NAME=VALUE"
		default:
			if inner, ok := unquote(value); ok {
				value, unquoted = inner, append(unquoted, name)
			}
			values[name] = value
		}
		if wrong != "" {
			faults = append(faults, fmt.Errorf("%s, line %d: %s", path, number, wrong))
		}
	}
	return values, unquoted, errors.Join(faults...)
}

// unquote takes off quotes that are all the value has of their kind. Of others it is not known what was meant.
func unquote(value string) (inner string, ok bool) {
	value = strings.TrimSpace(value)
	if !quoted(value) || strings.Count(value, value[:1]) > 2 {
		return "", false
	}
	return value[1 : len(value)-1], true
}
