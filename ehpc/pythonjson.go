package ehpc

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// field is one member of a request's body.
type field struct{ name, value string }

// pythonJSON writes an object of texts exactly as Python's json.dumps does:
// ", " and ": " between the parts, "&" and "<" as they are, everything outside
// printable ASCII escaped. The server may hash the bytes it receives or its own
// re-serialised form of them; with this form both are the same.
func pythonJSON(fields []field) []byte {
	var out strings.Builder
	out.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			out.WriteString(", ")
		}
		writePythonString(&out, f.name)
		out.WriteString(": ")
		writePythonString(&out, f.value)
	}
	out.WriteByte('}')
	return []byte(out.String())
}

// writePythonString writes a JSON string. Bytes that are not UTF-8 become
// U+FFFD, as in encoding/json.
func writePythonString(out *strings.Builder, text string) {
	out.WriteByte('"')
	for _, r := range text {
		writePythonRune(out, r)
	}
	out.WriteByte('"')
}

func writePythonRune(out *strings.Builder, r rune) {
	switch {
	case r == '"' || r == '\\':
		out.WriteByte('\\')
		out.WriteRune(r)
	case r >= ' ' && r <= '~':
		out.WriteRune(r)
	case r == '\n':
		out.WriteString(`\n`)
	case r == '\r':
		out.WriteString(`\r`)
	case r == '\t':
		out.WriteString(`\t`)
	case r == '\f':
		out.WriteString(`\f`)
	case r == '\b':
		out.WriteString(`\b`)
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
	default:
		fmt.Fprintf(out, `\u%04x`, r)
	}
}
