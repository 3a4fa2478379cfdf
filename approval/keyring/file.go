package keyring

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ehpcbot/approval"
)

// Database is where sealed passwords are kept.
type Database interface {
	// KeyFile is where the key of a SQLite database is kept, if it has one; empty for others, which never have.
	KeyFile() string
	// Sealed returns all sealed passwords.
	Sealed(ctx context.Context) ([]Sealed, error)
	// Reseal has f seal the password of a request anew, and reports whether it did. f returns nil where it need not.
	Reseal(ctx context.Context, requestID int64, f func(sealed []byte) ([]byte, error)) (done bool, err error)
	// SignAnew signs with the first key what the bot still has to show that it has signed: approvals, and whose accounts are.
	SignAnew(ctx context.Context) error
	// SignWith has the database sign its audit log from now on.
	SignWith(k *Keyring)
}

// Sealed is the sealed password of a request.
type Sealed struct {
	approval.Bound
	Password []byte
}

// For returns the keyring of the configured keys. A SQLite database can have a key of its own in a file
// beside it: with no key configured it is made at the first start, and seals; with keys configured it still opens
// what it sealed, so that nothing is lost when a configuration takes over from the file. Where something is sealed
// already the file was lost, and a new one would take its place in the next backup: that is an [Error], as is a
// password whose key the keyring does not have, because that would come to light only at a delivery. A PostgreSQL
// database, which several machines may use, needs a configured key. The database signs its audit log with the keyring.
func For(ctx context.Context, d Database, keys [][]byte) (*Keyring, error) {
	k, err := keyringFor(ctx, d, keys)
	if err != nil {
		return nil, err
	}
	if _, err := k.Check(ctx, d); err != nil {
		return nil, err
	}
	d.SignWith(k)
	return k, nil
}

// Given returns the keyring of the configured keys and of a key file, if it is there; nil where there is no key at all.
func Given(path string, keys [][]byte) (*Keyring, error) {
	if path != "" {
		own, err := readKeyFile(path)
		if err == nil {
			keys = append(slices.Clone(keys), own)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return New(keys...)
}

func keyringFor(ctx context.Context, d Database, keys [][]byte) (*Keyring, error) {
	k, err := Given(d.KeyFile(), keys)
	switch {
	case err != nil || k != nil:
		return k, err
	case d.KeyFile() == "":
		return nil, errors.New("ENCRYPTION_KEY is required with PostgreSQL")
	}
	if err := nothingSealed(ctx, d); err != nil {
		return nil, err
	}
	own, err := makeKeyFile(d.KeyFile())
	if err != nil {
		return nil, err
	}
	return New(own)
}

// nothingSealed reports whether a database can do with a new key.
func nothingSealed(ctx context.Context, d Database) error {
	sealed, err := d.Sealed(ctx)
	if err != nil || len(sealed) == 0 {
		return err
	}
	return &Error{Lost: len(sealed), Of: len(sealed), KeyFile: d.KeyFile(), Err: errNoKeyFile}
}

// Check reports, with an [Error], sealed passwords of a database whose key the keyring does not have. Those that are
// damaged can't be opened by any: it returns the numbers of their requests, which fail when it is their turn.
func (k *Keyring) Check(ctx context.Context, d Database) (damaged []int64, err error) {
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	var first error
	lost := 0
	for _, s := range sealed {
		_, err := k.Open(s.Bound, s.Password)
		switch {
		case errors.Is(err, approval.ErrNoKey):
			lost++
			first = cmp.Or(first, err)
		case err != nil:
			damaged = append(damaged, s.Request)
		}
	}
	if lost > 0 {
		return nil, &Error{Lost: lost, Of: len(sealed), KeyFile: d.KeyFile(), Err: first}
	}
	return damaged, nil
}

// Error is a keyring with which passwords that wait for their delivery can't be opened.
type Error struct {
	Lost    int    // sealed passwords that can't be opened
	Of      int    // sealed passwords
	KeyFile string // beside a SQLite database
	Err     error  // what is wrong with the first
}

func (e *Error) Error() string {
	if errors.Is(e.Err, errNoKeyFile) {
		return fmt.Sprintf("ENCRYPTION_KEY: %d of %d sealed passwords can't be opened, because the key file %s is not there; "+
			"restore it from a backup, or set ENCRYPTION_KEY to the key that was used before", e.Lost, e.Of, e.KeyFile)
	}
	text := fmt.Sprintf("ENCRYPTION_KEY: %d of %d sealed passwords can't be opened (%v); "+
		"add the key that was used before behind the present one, as in NEW,OLD", e.Lost, e.Of, e.Err)
	if e.KeyFile != "" {
		text += ", or restore " + e.KeyFile
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

func readKeyFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the encryption key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != Size {
		return nil, fmt.Errorf("read the encryption key: %s does not hold %d bytes in base64; restore it from a backup", path, Size)
	}
	return key, nil
}

// makeKeyFile writes a new key so that it is there whole or not at all, whenever the machine stops.
func makeKeyFile(path string) ([]byte, error) {
	key := make([]byte, Size)
	_, _ = rand.Read(key)
	if err := writeFileWhole(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("make the encryption key: %w", err)
	}
	return key, nil
}

func writeFileWhole(path string, data []byte, mode fs.FileMode) error {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	// The name must survive a power cut too: what is sealed with the key is synced to the disk by the database.
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
