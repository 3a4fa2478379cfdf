package config

import (
	"slices"
	"strings"
)

// Misspelt returns a line for each variable of environ, which is in the form of [os.Environ], that is none of
// ours but looks as if it were meant to be: a letter or two away from one, the file of what is no secret, or with the
// program's name in front.
// They are hints, no faults, as the variables of other programs may stand in the same environment.
func Misspelt(environ []string) []string {
	known := knownNames()
	var lines []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if hint := misspelling(name, known); hint != "" {
			lines = append(lines, name+": "+hint)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// knownNames are all names that are looked up.
func knownNames() []string {
	var names []string
	for _, v := range Variables() {
		names = append(names, v.Name)
		if v.Secret {
			names = append(names, v.Name+fileSuffix)
		}
	}
	return names
}

// maxDistance is how many letters may differ for a name to be taken as a misspelling.
const maxDistance = 2

// programPrefix is how many programs begin the names of their variables; this one does not.
const programPrefix = "EHPCBOT_"

func misspelling(name string, known []string) string {
	if slices.Contains(known, name) {
		return ""
	}
	if base, found := strings.CutSuffix(name, fileSuffix); found && slices.Contains(known, base) {
		return "is not read; only secrets can come from a file, so set " + base
	}
	if base, found := strings.CutPrefix(name, programPrefix); found && slices.Contains(known, base) {
		return "is not read; set " + base + ", without " + programPrefix
	}
	if best := nearest(name, known); best != "" {
		return "is not read; is " + best + " meant?"
	}
	return ""
}

// nearest returns the known name that name seems to be a misspelling of; empty: there is none.
func nearest(name string, known []string) string {
	best, least := "", maxDistance+1
	for _, k := range known {
		// The first letter is seldom wrong, and SMTP_ADDR is not HTTP_ADDR.
		if d := distance(name, k); d < least && name != "" && name[0] == k[0] {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters must be changed, added or left out to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
