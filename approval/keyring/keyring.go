// Package keyring seals passwords, so that the database alone does not tell them: each with AES-256 under the first of
// the configured keys, bound to its request. A SQLite database may have its key in a file beside it.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"ehpcbot/ehpc/secret"
)

// Size is the size of an encryption key in bytes: AES-256.
const Size = 32

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

// New returns a keyring of 32-byte keys. The first seals.
func New(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("make a keyring: there is no key")
	}
	k := &Keyring{first: idOf(keys[0]), keys: make(map[keyID]cipher.AEAD, len(keys))}
	for _, key := range keys {
		if len(key) != Size {
			return nil, fmt.Errorf("make a keyring: a key has %d bytes, %d are right", len(key), Size)
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
