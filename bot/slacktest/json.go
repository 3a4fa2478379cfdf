package slacktest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
)

// object is a JSON object.
type object = map[string]any

// decode reads one JSON value, numbers as they are written.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// encode writes v as Slack does: without a newline, and with &, < and > as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("slacktest: encode an answer: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// clone returns a copy of a decoded JSON value that shares nothing with it.
func clone[T any](v T) T {
	switch v := any(v).(type) {
	case object:
		c := make(object, len(v))
		for key, value := range v {
			c[key] = clone(value)
		}
		return any(c).(T)
	case []any:
		c := make([]any, len(v))
		for i, value := range v {
			c[i] = clone(value)
		}
		return any(c).(T)
	}
	return v
}

func str(o object, key string) string {
	text, _ := o[key].(string)
	return text
}

func obj(o object, key string) object {
	value, _ := o[key].(object)
	return value
}

func list(o object, key string) []any {
	value, _ := o[key].([]any)
	return value
}

// objects returns the members of a list that are objects.
func objects(values []any) []object {
	var found []object
	for _, v := range values {
		if o, ok := v.(object); ok {
			found = append(found, o)
		}
	}
	return found
}

func raws(values []any) []json.RawMessage {
	if values == nil {
		return nil
	}
	all := make([]json.RawMessage, len(values))
	for i, v := range values {
		all[i] = encode(v)
	}
	return all
}

// fromRaw is the reverse of raws. What can't be read is left out.
func fromRaw(blocks []json.RawMessage) []object {
	var found []object
	for _, raw := range blocks {
		v, err := decode(raw)
		if o, ok := v.(object); ok && err == nil {
			found = append(found, o)
		}
	}
	return found
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
