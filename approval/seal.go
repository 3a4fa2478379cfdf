package approval

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ehpcbot/ehpc/secret"
)

// KeySize is the size of an encryption key in bytes: AES-256.
const KeySize = 32

// A sealed password is: one byte for the form, the id of its key, the nonce, and the ciphertext with its tag.
const (
	sealForm   = 1
	keyIDSize  = 8
	sealHeader = 1 + keyIDSize
)

// errNoKey says that a sealed password was sealed with a key that is not configured.
var errNoKey = errors.New("it was sealed with a key that ENCRYPTION_KEY does not hold")

// errNoKeyFile says that the key file is gone, and no key is configured that could stand in for it.
var errNoKeyFile = errors.New("the key file is not there")

// Keyring seals passwords with its first key and opens what any of its keys sealed. A sealed password is
// bound to its request: it opens for no other.
type Keyring struct {
	first keyID
	keys  map[keyID]cipher.AEAD
}

type keyID [keyIDSize]byte

// NewKeyring returns a keyring of 32-byte keys. The first seals.
func NewKeyring(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("make a keyring: there is no key")
	}
	k := &Keyring{first: idOf(keys[0]), keys: make(map[keyID]cipher.AEAD, len(keys))}
	for _, key := range keys {
		if len(key) != KeySize {
			return nil, fmt.Errorf("make a keyring: a key has %d bytes, %d are right", len(key), KeySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("make a keyring: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("make a keyring: %w", err)
		}
		k.keys[idOf(key)] = aead
	}
	return k, nil
}

// idOf tells keys apart without telling them: it is made so that it equals no other use of their hash.
func idOf(key []byte) keyID {
	sum := sha256.Sum256(append([]byte("ehpcbot key id\x00"), key...))
	return keyID(sum[:keyIDSize])
}

// Seal encrypts the password of a request.
func (k *Keyring) Seal(requestID int64, password secret.Text) []byte {
	aead := k.keys[k.first]
	sealed := make([]byte, sealHeader+aead.NonceSize(), sealHeader+aead.NonceSize()+len(password.Reveal())+aead.Overhead())
	sealed[0] = sealForm
	copy(sealed[1:], k.first[:])
	nonce := sealed[sealHeader:]
	_, _ = rand.Read(nonce) // never fails: the program ends where the system has no randomness
	return aead.Seal(sealed, nonce, []byte(password.Reveal()), bound(requestID))
}

// Open decrypts the sealed password of a request.
func (k *Keyring) Open(requestID int64, sealed []byte) (secret.Text, error) {
	aead, err := k.keyOf(sealed)
	if err != nil {
		return secret.Text{}, fmt.Errorf("open the sealed password of request %d: %w", requestID, err)
	}
	body := sealed[sealHeader:]
	if len(body) < aead.NonceSize() {
		return secret.Text{}, fmt.Errorf("open the sealed password of request %d: it is cut short", requestID)
	}
	plain, err := aead.Open(nil, body[:aead.NonceSize()], body[aead.NonceSize():], bound(requestID))
	if err != nil {
		return secret.Text{}, fmt.Errorf("open the sealed password of request %d: it was changed, or is another request's", requestID)
	}
	return secret.New(string(plain)), nil
}

// keyOf finds the key by the id that stands in front, which is how a missing key is found at the start
// and not at the delivery.
func (k *Keyring) keyOf(sealed []byte) (cipher.AEAD, error) {
	if len(sealed) < sealHeader || sealed[0] != sealForm {
		return nil, errors.New("it has an unknown form")
	}
	aead, ok := k.keys[keyID(sealed[1:sealHeader])]
	if !ok {
		return nil, errNoKey
	}
	return aead, nil
}

// sealedWithFirst reports whether a password needs no new sealing.
func (k *Keyring) sealedWithFirst(sealed []byte) bool {
	return len(sealed) >= sealHeader && keyID(sealed[1:sealHeader]) == k.first
}

func bound(requestID int64) []byte {
	return []byte("ehpcbot password of request " + strconv.FormatInt(requestID, 10))
}

// CheckKeys reports sealed passwords that a keyring can't open.
func (d *Database) CheckKeys(ctx context.Context, keys *Keyring) error {
	sealed, err := d.sealed(ctx)
	if err != nil {
		return err
	}
	var first error
	lost := 0
	for _, p := range sealed {
		if _, err := keys.Open(p.requestID, p.sealed); err != nil {
			if lost++; first == nil {
				first = err
			}
		}
	}
	if lost == 0 {
		return nil
	}
	return &KeyError{Lost: lost, Of: len(sealed), KeyFile: d.KeyFile(), Err: first}
}

// KeyError is a keyring with which passwords that wait for their delivery can't be opened.
type KeyError struct {
	Lost    int    // sealed passwords that can't be opened
	Of      int    // sealed passwords
	KeyFile string // beside a SQLite database
	Err     error  // what is wrong with the first
}

func (e *KeyError) Error() string {
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

func (e *KeyError) Unwrap() error { return e.Err }

type sealedPassword struct {
	requestID int64
	sealed    []byte
}

func (d *Database) sealed(ctx context.Context) (sealed []sealedPassword, err error) {
	const doing = "read the sealed passwords"
	err = d.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, sealed FROM request WHERE sealed IS NOT NULL ORDER BY id`)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		sealed, err = collect(rows, doing, func(row scanner) (p sealedPassword, err error) {
			err = row.Scan(&p.requestID, &p.sealed)
			return p, err
		})
		return err
	})
	return sealed, err
}

// KeyringFor returns the keyring of the configured keys. A SQLite database can have a key of its own in a file
// beside it: with no key configured it is made at the first start, and seals; with keys configured it still opens
// what it sealed, so that nothing is lost when a configuration takes over from the file. Where something is sealed
// already the file was lost, and a new one would take its place in the next backup: that is a [KeyError]. A
// PostgreSQL database, which several machines may use, needs a configured key.
func KeyringFor(d *Database, keys [][]byte) (*Keyring, error) {
	switch {
	case d.Shared() && len(keys) == 0:
		return nil, errors.New("ENCRYPTION_KEY is required with PostgreSQL")
	case d.Shared():
		return NewKeyring(keys...)
	}
	own, err := readKeyFile(d.KeyFile())
	switch {
	case err == nil:
		return NewKeyring(append(slices.Clone(keys), own)...)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case len(keys) > 0:
		return NewKeyring(keys...)
	}
	if err := d.nothingSealed(); err != nil {
		return nil, err
	}
	if own, err = makeKeyFile(d.KeyFile()); err != nil {
		return nil, err
	}
	return NewKeyring(own)
}

// nothingSealed reports whether a SQLite database can do with a new key. It needs no context: the file is this
// process's alone.
func (d *Database) nothingSealed() error {
	sealed, err := d.sealed(context.Background())
	if err != nil || len(sealed) == 0 {
		return err
	}
	return &KeyError{Lost: len(sealed), Of: len(sealed), KeyFile: d.KeyFile(), Err: errNoKeyFile}
}

func readKeyFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the encryption key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("read the encryption key: %s does not hold %d bytes in base64; restore it from a backup", path, KeySize)
	}
	return key, nil
}

// makeKeyFile writes a new key so that it is there whole or not at all, whenever the machine stops.
func makeKeyFile(path string) ([]byte, error) {
	key := make([]byte, KeySize)
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
