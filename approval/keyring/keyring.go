// Package keyring seals passwords, so that the database alone does not tell them: each with AES-256 under the first of
// the configured keys, bound to its request. And it signs the audit log, so that the database alone does not suffice to
// forge it. A SQLite database may have its key in a file beside it.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"ehpcbot/approval"
	"ehpcbot/ehpc/secret"
)

// Size is the size of an encryption key in bytes: AES-256.
const Size = 32

// A sealed password is: one byte for the form, the id of its key, the nonce, and the ciphertext with its tag. What it
// is bound to hangs on the form: in older versions it was the request's number alone.
const (
	formNumber = 1
	formBound  = 2
	keyIDSize  = 8
	sealHeader = 1 + keyIDSize
)

// errNoKeyFile says that the key file is gone, and no key is configured that could stand in for it.
var errNoKeyFile = errors.New("the key file is not there")

// Keyring seals passwords with its first key and opens what any of its keys sealed; and it signs.
type Keyring struct {
	first keyID
	keys  map[keyID]keyed
}

type keyID [keyIDSize]byte

// keyed is what is made of a key.
type keyed struct {
	aead    cipher.AEAD
	signing []byte // derived from it
}

// New returns a keyring of 32-byte keys. The first seals.
func New(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("make a keyring: there is no key")
	}
	k := &Keyring{first: idOf(keys[0]), keys: make(map[keyID]keyed, len(keys))}
	for _, key := range keys {
		one, err := use(key)
		if err != nil {
			return nil, fmt.Errorf("make a keyring: %w", err)
		}
		k.keys[idOf(key)] = one
	}
	return k, nil
}

func use(key []byte) (keyed, error) {
	if len(key) != Size {
		return keyed{}, fmt.Errorf("a key has %d bytes, %d are right", len(key), Size)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return keyed{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return keyed{}, err
	}
	signing, err := hkdf.Key(sha256.New, key, nil, "ehpcbot audit log", sha256.Size)
	return keyed{aead, signing}, err
}

// idOf tells keys apart without telling them: it is made so that it equals no other use of their hash.
func idOf(key []byte) keyID {
	sum := sha256.Sum256(append([]byte("ehpcbot key id\x00"), key...))
	return keyID(sum[:keyIDSize])
}

// Seal encrypts the password of a request.
func (k *Keyring) Seal(to approval.Bound, password secret.Text) []byte {
	aead := k.keys[k.first].aead
	sealed := make([]byte, sealHeader+aead.NonceSize(), sealHeader+aead.NonceSize()+len(password.Reveal())+aead.Overhead())
	sealed[0] = formBound
	copy(sealed[1:], k.first[:])
	nonce := sealed[sealHeader:]
	_, _ = rand.Read(nonce) // never fails: the program ends where the system has no randomness
	return aead.Seal(sealed, nonce, []byte(password.Reveal()), dataOf(formBound, to))
}

// Open decrypts the sealed password of a request.
func (k *Keyring) Open(to approval.Bound, sealed []byte) (secret.Text, error) {
	aead, err := k.keyOf(sealed)
	if err != nil {
		return secret.Text{}, fmt.Errorf("open the sealed password of request %d: %w", to.Request, err)
	}
	body := sealed[sealHeader:]
	if len(body) < aead.NonceSize() {
		return secret.Text{}, fmt.Errorf("open the sealed password of request %d: it is cut short", to.Request)
	}
	plain, err := aead.Open(nil, body[:aead.NonceSize()], body[aead.NonceSize():], dataOf(sealed[0], to))
	if err != nil {
		return secret.Text{}, fmt.Errorf("open the sealed password of request %d: it, or the request, was changed, or it is another request's", to.Request)
	}
	return secret.New(string(plain)), nil
}

// keyOf finds the key by the id that stands in front, which is how a missing key is found at the start
// and not at the delivery.
func (k *Keyring) keyOf(sealed []byte) (cipher.AEAD, error) {
	if len(sealed) < sealHeader || sealed[0] != formNumber && sealed[0] != formBound {
		return nil, errors.New("it has an unknown form")
	}
	key, ok := k.keys[keyID(sealed[1:sealHeader])]
	if !ok {
		return nil, approval.ErrNoKey
	}
	return key.aead, nil
}

// sealedWithFirst reports whether a password needs no new sealing.
func (k *Keyring) sealedWithFirst(sealed []byte) bool {
	return len(sealed) >= sealHeader && keyID(sealed[1:sealHeader]) == k.first
}

// dataOf is what is sealed with the password. No field of it can reach into its neighbour.
func dataOf(form byte, b approval.Bound) []byte {
	if form == formNumber {
		return []byte("ehpcbot password of request " + strconv.FormatInt(b.Request, 10))
	}
	return fmt.Appendf(nil, "ehpcbot password of request %d for %q: %q on %q", b.Request, b.Requester, b.Username, b.Cluster)
}

// Sign returns the id of the first key, and a code that can be made with it alone (HMAC-SHA256), in base64.
func (k *Keyring) Sign(text string) string {
	return base64.RawURLEncoding.EncodeToString(append(k.first[:], code(k.keys[k.first].signing, text)...))
}

// IsFirst tells whether a signature was made with the first key.
func (k *Keyring) IsFirst(signature string) bool {
	data, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && len(data) > keyIDSize && keyID(data[:keyIDSize]) == k.first
}

// Verify tells whether a signature is of this text. Of one that was made with another key it is not known.
func (k *Keyring) Verify(text, signature string) (right, known bool) {
	data, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(data) != keyIDSize+sha256.Size {
		return false, true
	}
	key, known := k.keys[keyID(data[:keyIDSize])]
	return known && hmac.Equal(data[keyIDSize:], code(key.signing, text)), known
}

func code(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
