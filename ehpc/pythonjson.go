package ehpc

import (
	"strconv"
	"strings"
)

// field is one member of a request's body.
type field struct{ name, value string }

// pythonJSON writes an object of texts as Python's json.dumps does: ", " and ": " between the parts, and "&" and "<" as
// they are. The server may hash the bytes it receives or its own re-serialised form of them; with this form both are
// the same. The rules let only printable ASCII through, which needs no more than quotes.
func pythonJSON(fields []field) []byte {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = strconv.Quote(f.name) + ": " + strconv.Quote(f.value)
	}
	return []byte("{" + strings.Join(parts, ", ") + "}")
}
