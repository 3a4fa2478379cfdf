package ehpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNewPasswordIsCompliant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(PasswordMinLength, PasswordMaxLength).Draw(t, "length")
		password, err := NewPassword(length)
		require.NoError(t, err)
		require.Len(t, password.Reveal(), length)
		require.NoError(t, ValidatePassword(password.Reveal()))
	})
}

func TestNewPasswordRefusesOtherLengths(t *testing.T) {
	t.Parallel()
	for length, rule := range map[int]Rule{-1: RuleTooShort, 0: RuleTooShort, 11: RuleTooShort, 31: RuleTooLong, math.MaxInt: RuleTooLong} {
		password, err := NewPassword(length)
		require.Equal(t, &RuleError{Subject: SubjectPassword, Rule: rule}, err)
		require.True(t, password.IsZero())
	}
}

func TestPasswordAlphabet(t *testing.T) {
	t.Parallel()
	require.Len(t, passwordAlphabet, 71)
	for i, r := range passwordAlphabet {
		require.Equal(t, i, strings.IndexRune(passwordAlphabet, r), "%q occurs twice", r)
	}
}

func TestRandomStringSkipsNumbersOutsideOfTheAlphabet(t *testing.T) {
	t.Parallel()
	numbers := []byte{71, 127, 0, 70, 199, 255, 128, 198} // 128 and 198 are 0 and 70 with the top bit set
	text, err := randomString(bytes.NewReader(numbers), 4)
	require.NoError(t, err)
	require.Equal(t, "A*A*", text)
}

func TestRandomPasswordThrowsIncompleteStringsAway(t *testing.T) {
	t.Parallel()
	bad := make([]byte, 24) // twelve times "A", and what is left of the pool
	good := []byte{0, 26, 52, 62, 1, 1, 1, 1, 1, 1, 1, 1}
	password, err := randomPassword(bytes.NewReader(append(bad, append(good, bad...)...)), 12)
	require.NoError(t, err)
	require.Equal(t, "Aa0!BBBBBBBB", password)
}

func TestRandomPasswordReportsItsSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	_, err := randomPassword(iotest.ErrReader(broken), 12)
	require.ErrorIs(t, err, broken)
	_, err = randomPassword(bytes.NewReader(nil), 12)
	require.ErrorIs(t, err, io.EOF)
}

// TestPasswordsAreEvenlySpread compares counts over many passwords with the
// exact distribution of a uniform choice among all compliant strings. The
// source is seeded, so the test gives the same result each time; NewPassword
// draws from crypto/rand in the same way.
func TestPasswordsAreEvenlySpread(t *testing.T) {
	t.Parallel()
	const length, drawn = PasswordMinLength, 40_000
	characters := make([][len(passwordAlphabet)]int, length)
	perClass := make([][length + 1]int, len(passwordClasses()))
	source := rand.NewChaCha8([32]byte([]byte("the seed of this test: 32 bytes.")))
	for range drawn {
		password, err := randomPassword(source, length)
		require.NoError(t, err)
		for position, r := range password {
			characters[position][strings.IndexRune(passwordAlphabet, r)]++
		}
		for class, members := range passwordClasses() {
			perClass[class][countAny(password, members)]++
		}
	}

	exact := classCounts(length)
	for class, members := range passwordClasses() {
		var mean float64
		for count, probability := range exact[class] {
			mean += float64(count) * probability
			requireNear(t, drawn, probability, perClass[class][count], fmt.Sprintf("%d characters of %s", count, members))
		}
		// By symmetry each character of a class is equally likely at each
		// position.
		probability := mean / length / float64(len(members))
		for position := range characters {
			for _, r := range members {
				got := characters[position][strings.IndexRune(passwordAlphabet, r)]
				requireNear(t, drawn, probability, got, fmt.Sprintf("%q at %d", r, position))
			}
		}
	}
}

func passwordClasses() []string {
	return []string{passwordUpper, passwordLower, passwordDigits, passwordSpecial}
}

func countAny(text, members string) int {
	count := 0
	for _, r := range text {
		if strings.ContainsRune(members, r) {
			count++
		}
	}
	return count
}

// requireNear demands a count within five standard deviations.
func requireNear(t *testing.T, drawn int, probability float64, got int, what string) {
	t.Helper()
	mean := float64(drawn) * probability
	deviation := math.Sqrt(mean * (1 - probability))
	require.InDelta(t, mean, got, 5*deviation+1, what)
}

// classCounts returns, for each class, the probabilities of its numbers of
// characters in a uniformly chosen compliant string: the ways to share the
// positions out among the classes, each at least once.
func classCounts(length int) [4][]float64 {
	var counts [4][]float64
	for class := range counts {
		counts[class] = make([]float64, length+1)
	}
	total := 0.0
	eachShare(length, func(share [4]int) {
		ways := math.Gamma(float64(length) + 1)
		for class, members := range passwordClasses() {
			ways *= math.Pow(float64(len(members)), float64(share[class])) / math.Gamma(float64(share[class])+1)
		}
		total += ways
		for class, count := range share {
			counts[class][count] += ways
		}
	})
	for class := range counts {
		for count := range counts[class] {
			counts[class][count] /= total
		}
	}
	return counts
}

func eachShare(length int, visit func(share [4]int)) {
	for upper := 1; upper < length; upper++ {
		for lower := 1; lower < length-upper; lower++ {
			for digits := 1; digits < length-upper-lower; digits++ {
				visit([4]int{upper, lower, digits, length - upper - lower - digits})
			}
		}
	}
}

func BenchmarkNewPassword(b *testing.B) {
	for b.Loop() {
		if _, err := NewPassword(20); err != nil {
			b.Fatal(err)
		}
	}
}
