package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/sethvargo/go-envconfig"
)

// fileSuffix makes the name of the variable that holds the path of a secret's file.
const fileSuffix = "_FILE"

// A secret's file that is longer was hardly meant.
const maxFileSize = 64 << 10

// source is the environment as go-envconfig sees it: values are trimmed, secrets are fetched from their files,
// defaults stand where nothing is set. A Lookuper can't return an error, so source notes its faults itself.
type source struct {
	env    envconfig.Lookuper
	faults *collector
}

// Lookup implements [envconfig.Lookuper].
func (s *source) Lookup(name string) (string, bool) {
	v, ok := variable(name)
	if !ok {
		return "", false
	}
	value, set := s.given(v)
	if value == "" && !(set && v.emptyMeans) {
		return v.Default, true
	}
	if quoted(value) {
		s.refuse(name, "stands in quotes, which would be part of the value", "leave the quotes out")
		return v.Default, true
	}
	return value, true
}

// given returns what is set, be it in the variable or in the file that it names.
func (s *source) given(v Variable) (value string, set bool) {
	value, set = s.trimmed(v.Name)
	if !v.Secret {
		return value, set
	}
	s.faults.keep(value)
	path, _ := s.trimmed(v.Name + fileSuffix)
	switch {
	case path == "":
	case value != "":
		s.refuse(v.Name, "is set, and "+v.Name+fileSuffix+" is too", "keep one of them, and set the other to nothing")
	default:
		value = s.file(v.Name, path)
		s.faults.keep(value)
	}
	return value, set
}

func (s *source) trimmed(name string) (string, bool) {
	value, set := s.env.Lookup(name)
	return strings.TrimSpace(value), set
}

// refuse notes the only fault that the variable shall have.
func (s *source) refuse(name, wrong, right string) {
	s.faults.addRight(name, right, "%s", wrong)
	s.faults.closed[name] = true
}

// file returns what stands in the file of a secret; nothing after a fault.
func (s *source) file(name, path string) string {
	content, err := readSecret(path)
	if err == nil {
		return content
	}
	s.refuse(name, "can't be read from the file that "+name+fileSuffix+" names, "+s.showPath(path)+": "+cause(err),
		"let "+name+fileSuffix+" name a readable file that holds the value alone")
	return ""
}

// showPath quotes a path, unless it looks as if the secret itself was set where a path belongs.
func (s *source) showPath(path string) string {
	if _, err := os.Lstat(path); err != nil && !filepath.IsAbs(path) && !strings.HasPrefix(path, ".") {
		return "a relative path (not shown, as it may be the secret itself)"
	}
	return s.faults.quote(path)
}

var (
	errEmpty   = errors.New("it is empty")
	errRegular = errors.New("it is not a regular file")
	errHuge    = errors.New("it is longer than 64 KiB")
	errText    = errors.New("it is not UTF-8 text")
)

func readSecret(path string) (string, error) {
	text, err := readText(path)
	return strings.TrimSpace(text), err
}

// readText reads a small file that holds text. White space in front of the text stays, as lines are counted by it.
func readText(path string) (string, error) {
	// Asked before the file is opened: opening a pipe would wait for somebody who writes into it.
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return "", err
	}
	return plainText(data)
}

func plainText(data []byte) (string, error) {
	// Some editors put a byte order mark in front, which no eye sees.
	text := strings.TrimPrefix(string(data), "\ufeff")
	switch {
	case len(data) > maxFileSize:
		return "", errHuge
	case strings.TrimSpace(text) == "":
		return "", errEmpty
	case !utf8.ValidString(text):
		return "", errText
	}
	return text, nil
}

// cause leaves out the path, which an error of package os repeats.
func cause(err error) string {
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read by this user"
	case errors.As(err, &p):
		return p.Err.Error()
	}
	return err.Error()
}

// quoted reports whether the value stands in quotes, as docker run --env-file leaves them.
func quoted(v string) bool {
	return len(v) >= 2 && v[0] == v[len(v)-1] && (v[0] == '"' || v[0] == '\'')
}
