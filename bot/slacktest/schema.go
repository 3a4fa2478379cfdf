package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// checker goes through Block Kit JSON and collects what is wrong with it, each fault with a JSON pointer, in
// Slack's wording. Lengths are counted in characters.
type checker struct {
	surface string // "message", or the kind of a view
	faults  []string
	ids     map[string]bool // block ids
	focus   int             // elements with focus_on_load
	inputs  int             // input blocks
}

func (c *checker) fault(path, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...)+" [json-pointer:"+path+"]")
}

// rule checks one value.
type rule func(c *checker, path string, v any)

// schema is what an object may hold. A name that ends in ! must be there; any other name is refused.
type schema map[string]rule

func (s schema) check(c *checker, path string, o object) {
	for _, name := range sortedKeys(o) {
		if s[name] == nil && s[name+"!"] == nil {
			c.fault(path, "invalid additional property: %s", name)
		}
	}
	for _, name := range sortedKeys(s) {
		field, required := name, false
		if last := len(name) - 1; name[last] == '!' {
			field, required = name[:last], true
		}
		value, there := o[field]
		switch {
		case there && value != nil:
			s[name](c, path+"/"+field, value)
		case required:
			c.fault(path, "missing required field: %s", field)
		}
	}
}

// with returns the schema with more fields.
func (s schema) with(more schema) schema {
	all := schema{}
	for name, r := range s {
		all[name] = r
	}
	for name, r := range more {
		all[name] = r
	}
	return all
}

func fields(s schema) rule {
	return func(c *checker, path string, v any) {
		o, isObject := v.(object)
		if !isObject {
			c.fault(path, "should be an object")
			return
		}
		s.check(c, path, o)
	}
}

func anything(*checker, string, any) {}

// exactly is for fields such as type that have been looked at already.
func exactly(want string) rule {
	return func(c *checker, path string, v any) {
		if v != want {
			c.fault(path, "should be %q", want)
		}
	}
}

func oneOf(values ...string) rule {
	return func(c *checker, path string, v any) {
		if text, isText := v.(string); !isText || !slices.Contains(values, text) {
			c.fault(path, "unsupported value, should be one of %q", values)
		}
	}
}

func chars(least, most int) rule {
	return func(c *checker, path string, v any) {
		text, isText := v.(string)
		if !isText {
			c.fault(path, "should be a string")
			return
		}
		c.length(path, text, least, most)
	}
}

func (c *checker) length(path, text string, least, most int) {
	switch n := utf8.RuneCountInString(text); {
	case n < least:
		c.fault(path, "must be more than %d characters", least-1)
	case n > most:
		c.fault(path, "must be less than %d characters", most+1)
	}
}

func boolean(c *checker, path string, v any) {
	if _, isBool := v.(bool); !isBool {
		c.fault(path, "should be a boolean")
	}
}

func integer(least, most int) rule {
	return func(c *checker, path string, v any) {
		n, err := strconv.Atoi(fmt.Sprint(v))
		if _, isNumber := v.(json.Number); !isNumber || err != nil {
			c.fault(path, "should be an integer")
			return
		}
		if n < least || n > most {
			c.fault(path, "must be from %d to %d", least, most)
		}
	}
}

func array(least, most int, item rule) rule {
	return func(c *checker, path string, v any) {
		values, isArray := v.([]any)
		if !isArray {
			c.fault(path, "should be an array")
			return
		}
		if len(values) < least {
			c.fault(path, "no fewer than %d items allowed", least)
		}
		if len(values) > most {
			c.fault(path, "no more than %d items allowed", most)
		}
		for i, value := range values {
			item(c, path+"/"+strconv.Itoa(i), value)
		}
	}
}

// kinds are objects told apart by their type.
func kinds(of func(kind string) schema, allowed ...string) rule {
	return func(c *checker, path string, v any) {
		o, isObject := v.(object)
		if !isObject {
			c.fault(path, "should be an object")
			return
		}
		kind, there := o["type"].(string)
		if !there {
			c.fault(path, "missing required field: type")
			return
		}
		if !slices.Contains(allowed, kind) {
			c.fault(path, "unsupported type: %s", kind)
			return
		}
		of(kind).with(schema{"type!": exactly(kind)}).check(c, path, o)
	}
}

// also adds a check of the whole object to a rule.
func (r rule) also(more func(c *checker, path string, o object)) rule {
	return func(c *checker, path string, v any) {
		r(c, path, v)
		if o, isObject := v.(object); isObject {
			more(c, path, o)
		}
	}
}
