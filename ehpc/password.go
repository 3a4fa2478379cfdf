package ehpc

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"

	"ehpcbot/ehpc/secret"
)

const passwordAlphabet = passwordUpper + passwordLower + passwordDigits + passwordSpecial

// NewPassword makes a password of length characters that the API accepts, from the operating system's random numbers.
// Each compliant password of that length is equally likely. A length outside 12 to 30 gives a [*RuleError].
func NewPassword(length int) (secret.Text, error) {
	switch {
	case length < PasswordMinLength:
		return secret.Text{}, &RuleError{Subject: SubjectPassword, Rule: RuleTooShort}
	case length > PasswordMaxLength:
		return secret.Text{}, &RuleError{Subject: SubjectPassword, Rule: RuleTooLong}
	}
	password, err := randomPassword(rand.Reader, length)
	if err != nil {
		return secret.Text{}, fmt.Errorf("new password: %w", err)
	}
	return secret.New(password), nil
}

// randomPassword draws whole strings until one has every class. Mending a string that lacks a class would be quicker,
// but would make some passwords likelier than others. At the shortest length three of five strings pass.
func randomPassword(random io.Reader, length int) (string, error) {
	for {
		candidate, err := randomString(random, length)
		if err != nil || hasEveryClass(candidate) {
			return candidate, err
		}
	}
}

// randomString draws each character evenly from the alphabet.
func randomString(random io.Reader, length int) (string, error) {
	text := make([]byte, length)
	for i := range text {
		index, err := rand.Int(random, big.NewInt(int64(len(passwordAlphabet))))
		if err != nil {
			return "", err
		}
		text[i] = passwordAlphabet[index.Int64()]
	}
	return string(text), nil
}
