package keyring

import (
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
)

// Database is where sealed passwords are kept.
type Database interface {
	// KeyFile is where the key of a SQLite database is kept, if it has one; empty for others, which never have.
	KeyFile() string
	// Sealed returns all sealed passwords.
	Sealed(ctx context.Context) ([]Sealed, error)
	// Reseal has f seal the password of a request anew, and reports whether it did. f returns nil where it need not.
	Reseal(ctx context.Context, requestID int64, f func(sealed []byte) ([]byte, error)) (done bool, err error)
}

// Sealed is the sealed password of a request.
type Sealed struct {
	RequestID int64
	Password  []byte
}

// For returns the keyring of the configured keys. A SQLite database can have a key of its own in a file
// beside it: with no key configured it is made at the first start, and seals; with keys configured it still opens
// what it sealed, so that nothing is lost when a configuration takes over from the file. Where something is sealed
// already the file was lost, and a new one would take its place in the next backup: that is an [Error], as is a
// password that the keyring can't open, because that would come to light only at a delivery. A PostgreSQL database,
// which several machines may use, needs a configured key.
func For(ctx context.Context, d Database, keys [][]byte) (*Keyring, error) {
	k, err := keyringFor(ctx, d, keys)
	if err != nil {
		return nil, err
	}
	return k, k.Check(ctx, d)
}

func keyringFor(ctx context.Context, d Database, keys [][]byte) (*Keyring, error) {
	switch {
	case d.KeyFile() == "" && len(keys) == 0:
		return nil, errors.New("ENCRYPTION_KEY is required with PostgreSQL")
	case d.KeyFile() == "":
		return New(keys...)
	}
	own, err := readKeyFile(d.KeyFile())
	switch {
	case err == nil:
		return New(append(slices.Clone(keys), own)...)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case len(keys) > 0:
		return New(keys...)
	}
	if err := nothingSealed(ctx, d); err != nil {
		return nil, err
	}
	if own, err = makeKeyFile(d.KeyFile()); err != nil {
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

// Check reports, with an [Error], sealed passwords of a database that the keyring can't open.
func (k *Keyring) Check(ctx context.Context, d Database) error {
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return err
	}
	var first error
	lost := 0
	for _, s := range sealed {
		if _, err := k.Open(s.RequestID, s.Password); err != nil {
			if lost++; first == nil {
				first = err
			}
		}
	}
	if lost == 0 {
		return nil
	}
	return &Error{Lost: lost, Of: len(sealed), KeyFile: d.KeyFile(), Err: first}
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
	text := fmt.Sprintf("ENCRYPTION_KEY: %d of %d sealed passwords can't be opened (%v)", e.Lost, e.Of, e.Err)
	if !errors.Is(e.Err, errNoKey) {
		return text + "; restore the database from a backup"
	}
	text += "; add the key that was used before behind the present one, as in NEW,OLD"
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
