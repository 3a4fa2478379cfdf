package ehpc

import (
	"fmt"
	"strings"
)

// Limits of the API document, in characters. All characters that it allows are ASCII, so these are bytes as well.
const (
	UsernameMaxLength = 8
	PasswordMinLength = 12
	PasswordMaxLength = 30
)

// The four classes of characters of a password, as the API document lists them. A password holds at least one character
// of each, and no others.
const (
	passwordUpper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	passwordLower   = "abcdefghijklmnopqrstuvwxyz"
	passwordDigits  = "0123456789"
	passwordSpecial = "!@#%^&()*"
)

// An identifier longer than this is a mistake: those of the API document have 13 characters. The API names no limit of
// its own.
const identifierMaxLength = 64

// Rule is the rule that a value breaks. It is a number so that a user interface can phrase it in any language.
type Rule int

// The rules. Which of them can be broken depends on the kind of value.
const (
	RuleEmpty        Rule = iota + 1 // there is nothing
	RuleTooShort                     // fewer characters than allowed
	RuleTooLong                      // more characters than allowed
	RuleCharacter                    // a character that is not allowed; RuleError.Rune says which
	RuleClassMissing                 // a password without one of the four classes of characters
	RuleForm                         // not of the form that such a value has
)

// Subjects of a [RuleError].
const (
	SubjectUsername  = "username"
	SubjectPassword  = "password"
	SubjectMod       = "mod"
	SubjectClusterID = "cluster_id"
	SubjectZone      = "zone"
	SubjectJobID     = "job_id"
)

// RuleError says that a value breaks a rule of the API document. It never holds the value.
type RuleError struct {
	Subject string // one of the Subject constants
	Rule    Rule
	Rune    rune // the first character that is not allowed, with RuleCharacter; 0 for a password
}

// Error says in English what the rule is.
func (e *RuleError) Error() string {
	if e.Rule == RuleEmpty {
		return e.Subject + " is empty"
	}
	text := e.Subject + " must be " + ruleText(e.Subject)
	if e.Rule == RuleCharacter && e.Rune != 0 {
		text += fmt.Sprintf("; %q is not allowed", e.Rune)
	}
	return text
}

func ruleText(subject string) string {
	switch subject {
	case SubjectUsername:
		return fmt.Sprintf("1 to %d letters, digits or underscores (a-z, A-Z, 0-9, _)", UsernameMaxLength)
	case SubjectPassword:
		return fmt.Sprintf("%d to %d characters of upper case, lower case, digits and %s, some of each",
			PasswordMinLength, PasswordMaxLength, passwordSpecial)
	case SubjectMod:
		return "three octal digits, such as 700"
	case SubjectClusterID:
		return "letters, a hyphen, then letters and digits in lower case, such as ehpc-8jqdq0mz"
	case SubjectZone:
		return "lower-case letters and digits, such as jn1a"
	case SubjectJobID:
		return "letters, digits, hyphens and underscores, such as j-2awn7xwq815"
	default:
		return "well-formed"
	}
}

// ValidateUsername tells whether the API accepts a username: one to eight ASCII letters, digits and underscores.
func ValidateUsername(username string) error {
	if username == "" {
		return &RuleError{Subject: SubjectUsername, Rule: RuleEmpty}
	}
	for _, r := range username {
		if !isLetter(r) && !isDigit(r) && r != '_' {
			return &RuleError{Subject: SubjectUsername, Rule: RuleCharacter, Rune: r}
		}
	}
	if len(username) > UsernameMaxLength {
		return &RuleError{Subject: SubjectUsername, Rule: RuleTooLong}
	}
	return nil
}

// ValidateMod tells whether a value can be the permissions of a user's directory: exactly three octal digits.
func ValidateMod(mod string) error {
	if mod == "" {
		return &RuleError{Subject: SubjectMod, Rule: RuleEmpty}
	}
	if len(mod) != 3 || strings.Trim(mod, "01234567") != "" {
		return &RuleError{Subject: SubjectMod, Rule: RuleForm}
	}
	return nil
}

// ValidatePassword tells whether the API accepts a password: 12 to 30 characters of the four classes, at least one of
// each.
func ValidatePassword(password string) error {
	if password == "" {
		return &RuleError{Subject: SubjectPassword, Rule: RuleEmpty}
	}
	for _, r := range password {
		if !strings.ContainsRune(passwordAlphabet, r) {
			return &RuleError{Subject: SubjectPassword, Rule: RuleCharacter}
		}
	}
	switch {
	case len(password) < PasswordMinLength:
		return &RuleError{Subject: SubjectPassword, Rule: RuleTooShort}
	case len(password) > PasswordMaxLength:
		return &RuleError{Subject: SubjectPassword, Rule: RuleTooLong}
	case !hasEveryClass(password):
		return &RuleError{Subject: SubjectPassword, Rule: RuleClassMissing}
	}
	return nil
}

func hasEveryClass(password string) bool {
	return strings.ContainsAny(password, passwordUpper) &&
		strings.ContainsAny(password, passwordLower) &&
		strings.ContainsAny(password, passwordDigits) &&
		strings.ContainsAny(password, passwordSpecial)
}

// ValidateClusterID tells whether a value looks like the id of a cluster: lower-case letters, a hyphen, then lower-case
// letters and digits. The API document shows ids such as ehpc-8jqdq0mz but promises no prefix, so none is asked for.
func ValidateClusterID(id string) error {
	if err := validateIdentifier(SubjectClusterID, id, isLowerOrDigitOrHyphen); err != nil {
		return err
	}
	prefix, rest, _ := strings.Cut(id, "-")
	if prefix == "" || strings.ContainsAny(prefix, passwordDigits) || rest == "" || strings.Contains(rest, "-") {
		return &RuleError{Subject: SubjectClusterID, Rule: RuleForm}
	}
	return nil
}

// ValidateZone tells whether a value looks like the id of a zone, such as jn1a: lower-case letters and digits.
func ValidateZone(zone string) error {
	return validateIdentifier(SubjectZone, zone, func(r rune) bool { return isLower(r) || isDigit(r) })
}

// validateJobID keeps out what could not be told apart again once several job ids stand in one query parameter,
// separated by commas.
func validateJobID(id string) error {
	return validateIdentifier(SubjectJobID, id, func(r rune) bool {
		return isLetter(r) || isDigit(r) || r == '-' || r == '_'
	})
}

func validateIdentifier(subject, id string, allowed func(rune) bool) error {
	if id == "" {
		return &RuleError{Subject: subject, Rule: RuleEmpty}
	}
	for _, r := range id {
		if !allowed(r) {
			return &RuleError{Subject: subject, Rule: RuleCharacter, Rune: r}
		}
	}
	if len(id) > identifierMaxLength {
		return &RuleError{Subject: subject, Rule: RuleTooLong}
	}
	return nil
}

func isLowerOrDigitOrHyphen(r rune) bool { return isLower(r) || isDigit(r) || r == '-' }

func isLower(r rune) bool  { return r >= 'a' && r <= 'z' }
func isLetter(r rune) bool { return isLower(r) || r >= 'A' && r <= 'Z' }
func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
