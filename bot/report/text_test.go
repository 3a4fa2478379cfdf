package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"thesis project":       "thesis project",
		"毕业论文　项目":              "毕业论文　项目",
		"👩\u200d🔬 and ❤\ufe0f": "👩\u200d🔬 and ❤\ufe0f",
		"\x1b[2J\x07\r\n":      `\x1b[2J\a\r\n`,
		"\u202eevil\u2066":     `\u202eevil\u2066`,
		"\u200e\u200f\u061c":   `\u200e\u200f\u061c`,
		"\u2028\u2029\u0085":   `\u2028\u2029\u0085`,
		"\ufeff\u200b\u00ad":   `\ufeff\u200b\u00ad`,
		"\xff\ufffd":           `\xff\ufffd`,
		"\U000e0041":           `\U000e0041`,
	} {
		require.Equal(t, want, printable(text))
	}
}

func TestNoFormula(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "  =1+1": "'  =1+1", "　＝1+1": "'　＝1+1", "\u200d@SUM": "'\u200d@SUM", "1=1": "1=1", "": "", "　": "　",
	} {
		require.Equal(t, want, noFormula(cell))
	}
}
