package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"ehpcbot/ehpc/secret"
)

// Database says where requests are kept, and what seals the passwords among them. It prints without its secrets.
type Database struct {
	URL  string // sqlite:PATH, postgres://… or postgresql://…; may hold a password
	Keys Keys
}

// String returns the kind of database, and the path of a SQLite one.
func (d Database) String() string {
	if d.Postgres() {
		return "postgres://" + secret.Redacted
	}
	return d.URL
}

// Postgres reports whether it is a PostgreSQL database.
func (d Database) Postgres() bool {
	return strings.HasPrefix(d.URL, "postgres://") || strings.HasPrefix(d.URL, "postgresql://")
}

// Format implements [fmt.Formatter], so that no verb shows what a URL holds.
func (d Database) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, d.String()) }

// LogValue implements [slog.LogValuer].
func (d Database) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText implements [encoding.TextMarshaler], and with it what JSON makes of a Database.
func (d Database) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Keys are the keys that seal passwords, of 32 bytes each: the first seals, all open. With none of them a SQLite
// database has a key of its own.
type Keys []secret.Text

// Reveal returns the bytes of the keys, for the one who seals with them.
func (k Keys) Reveal() [][]byte {
	raw := make([][]byte, len(k))
	for i, key := range k {
		raw[i] = []byte(key.Reveal())
	}
	return raw
}

// databaseEnv is the text of a Database.
type databaseEnv struct {
	URL  string `env:"DATABASE_URL"`
	Keys string `env:"ENCRYPTION_KEY"`
}

func (e databaseEnv) config(f *collector) Database {
	d := Database{URL: e.URL, Keys: keys(f, e.Keys)}
	if err := checkDatabaseURL(d); err != nil {
		f.add("DATABASE_URL", "%v", err)
	}
	return d
}

// requireKey is for those who can't do without one. A SQLite database has one of its own.
func requireKey(f *collector, e databaseEnv) {
	if (Database{URL: e.URL}).Postgres() && e.Keys == "" {
		f.add("ENCRYPTION_KEY", "is missing, and with PostgreSQL it is required")
	}
}

// checkDatabaseURL says what is wrong without quoting anything: a password may stand anywhere.
func checkDatabaseURL(d Database) error {
	path, isSQLite := strings.CutPrefix(d.URL, "sqlite:")
	switch {
	case strings.ContainsFunc(d.URL, unicode.IsControl):
		return errors.New("holds a control character")
	case isSQLite:
		return checkPath(path)
	case d.Postgres():
		return checkPostgres(d.URL)
	}
	return errors.New("begins neither with sqlite: nor with postgres://")
}

func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("has sqlite: without a path")
	case strings.TrimSpace(path) != path:
		return errors.New("has white space between sqlite: and the path")
	case strings.Contains(path, ":memory:"):
		return errors.New("is a database in memory, which would forget every request")
	case strings.HasPrefix(path, "//"):
		return errors.New("has // after sqlite:, but a path follows there at once")
	case strings.HasPrefix(path, "file:") || strings.Contains(path, "?"):
		return errors.New("is a URI with options after sqlite:, but a plain path follows there")
	case strings.HasSuffix(path, "/") || isDirectory(path):
		return errors.New("names a directory")
	}
	return nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkPostgres looks at the form only. Several hosts, comma separated, are allowed, but are no URL to Go.
func checkPostgres(value string) error {
	_, rest, _ := strings.Cut(value, "://")
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	first, _, _ := strings.Cut(authority[strings.LastIndex(authority, "@")+1:], ",")
	if authority == "" && len(tail) <= 1 {
		return errors.New("names no host and no database")
	}
	user := authority[:strings.LastIndex(authority, "@")+1]
	if _, err := url.Parse("postgres://" + user + first + tail); err != nil {
		return errors.New("is not a URL: special characters of a password must be percent-encoded in it")
	}
	// Others take what stands behind the first @, part of the password, for the host, ask for it and show it.
	if strings.Count(authority, "@") > 1 || strings.Contains(tail, "@") {
		return errors.New("has another @ than the one in front of the host: an @ in a password is written %40, and a / is written %2F")
	}
	return nil
}

const keySize = 32

func keys(f *collector, value string) Keys {
	if value == "" {
		return nil
	}
	var all Keys
	for i, item := range strings.Split(narrow.Replace(value), ",") {
		key, wrong := decodeKey(strings.TrimSpace(item))
		same := slices.IndexFunc(all, func(k secret.Text) bool { return !key.IsZero() && k.Equal(key) })
		switch {
		case wrong != "":
			f.add("ENCRYPTION_KEY", "key %d %s", i+1, wrong)
		case same >= 0:
			f.addRight("ENCRYPTION_KEY", "list each key once", "keys %d and %d are the same", same+1, i+1)
		}
		all = append(all, key)
	}
	return all
}

// decodeKey takes base64 in either alphabet, padded or not.
func decodeKey(text string) (key secret.Text, wrong string) {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.DecodeString(plain)
	switch {
	case text == "":
		return key, "is empty"
	case err != nil || strings.ContainsFunc(text, unicode.IsSpace):
		return key, "is not base64"
	case len(raw) != keySize:
		return key, fmt.Sprintf("has %d bytes, not %d", len(raw), keySize)
	}
	return secret.New(string(raw)), ""
}
