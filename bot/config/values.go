package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const day = 24 * time.Hour

// number reads a whole decimal number.
func (c *collector) number(name, value string, least, most int) int {
	n, err := strconv.Atoi(value)
	switch {
	case errors.Is(err, strconv.ErrRange):
		c.add(name, "%s is out of range", c.quote(value))
	case err != nil:
		c.add(name, "%s is not a whole number", c.quote(value))
	case n < least:
		c.add(name, "%d is less than %d", n, least)
	case n > most:
		c.add(name, "%d is more than %d", n, most)
	}
	return n
}

// duration reads a time that [ParseDuration] understands, within bounds.
func (c *collector) duration(name, value string) time.Duration {
	d, err := ParseDuration(value)
	switch {
	case err != nil && isDigits(value):
		c.add(name, "%s has no unit", c.quote(value))
	case err != nil:
		c.add(name, "%s is not a time", c.quote(value))
	case d < 0:
		c.add(name, "%s is less than 0", value)
	case d > 365*day:
		c.add(name, "%s is more than 365d", value)
	}
	return d
}

// ParseDuration reads a time in Go's form, before which may stand a number of days: 72h, 3d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16) // as many days as fit into a time.Duration
	if err != nil {
		return 0, err
	}
	if rest == "" {
		return time.Duration(n) * day, nil
	}
	if !isDigits(rest[:1]) {
		return 0, fmt.Errorf("no number after the days: %w", strconv.ErrSyntax)
	}
	d, err := time.ParseDuration(rest)
	return time.Duration(n)*day + d, err
}

func (c *collector) boolean(name, value string) bool {
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		return true
	case "false", "no", "0":
		return false
	}
	c.add(name, "%s is neither true nor false", c.quote(value))
	return false
}

// choice reads one of a few words, whatever its case.
func (c *collector) choice(name, value string, words ...string) string {
	word := strings.ToLower(value)
	if !slices.Contains(words, word) {
		c.add(name, "%s is not known", c.quote(value))
	}
	return word
}

// narrow turns the signs of a list into those that are meant where a Chinese keyboard wrote them.
var narrow = strings.NewReplacer("，", ",", "、", ",", "＝", "=", "＠", "@")

// list splits a comma separated value, and reports items that are empty or stand there twice.
func (c *collector) list(name, value string) []string {
	if value == "" {
		return nil
	}
	var items []string
	for i, item := range strings.Split(narrow.Replace(value), ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "":
			c.add(name, "item %d is empty", i+1)
		case slices.Contains(items, item):
			c.add(name, "%s stands there twice", c.quote(item))
		default:
			items = append(items, item)
		}
	}
	return items
}

// secretWord reports a secret that holds what none of its kind does.
func (c *collector) secretWord(name, value string) {
	if strings.ContainsFunc(value, unicode.IsSpace) {
		c.add(name, "has white space inside")
	} else if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.add(name, "holds a character that is not printable ASCII")
	}
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
