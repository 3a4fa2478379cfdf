// Package licenses holds the licenses of all that is linked into the program. Most of them must be handed on with it,
// and the image holds nothing but the program.
package licenses

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
)

//go:embed licenses.txt.gz
var compressed []byte

// Text returns the licenses, each below the names of the modules that have it.
func Text() (string, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}
